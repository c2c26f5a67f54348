"""Bodies outside the departments (training schools, inspection stations), and who may assert or accept what, when (EN-04).

Pure. A body is known by its 18-character code and its public key; its grants are dated, and a grant that ended undoes nothing.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from licence_service.errors import Fault, RequestRejected
from licence_service.fields.declared import STRICT
from licence_service.regions import EVERY, covered

_REGION = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, config=STRICT)
class BodyGrant:
    """A grant `(kind, types, regions, from, to)` to assert or to accept; both days count; `"*"` means every one.

    A region is named with all that lies within it; `without` are those that are taken out again.
    """

    role: Literal["assert", "accept"]
    kinds: tuple[str, ...]
    types: tuple[str, ...] = (EVERY,)
    regions: tuple[str, ...] = (EVERY,)
    used_from: date = date.min
    used_to: date | None = None
    without: tuple[str, ...] = ()
    exact: bool = False  # as earlier releases meant it: the regions that are named, and none within them

    def covers(self, role: str, kind: str, slug: str, region: str, day: date) -> bool:
        """Say whether this grant allows it on a Beijing day; `region` is that of the organ that accepts (RULINGS 21), which lies within one that is named."""
        in_time = self.used_from <= day and (self.used_to is None or day <= self.used_to)
        return (
            in_time
            and self.role == role
            and all(EVERY in allowed or one in allowed for allowed, one in ((self.kinds, kind), (self.types, slug)))
            and (bool({EVERY, region} & {*self.regions}) if self.exact else covered(region, self.regions, self.without))
        )


@dataclass(frozen=True, config=STRICT)
class Body:
    """A registered body; `public_key` is PEM of a P-256 key, absent for a department, which signs with its code key."""

    uscc: str
    name: str
    region: str
    grants: tuple[BodyGrant, ...]
    public_key: str | None = None
    retired_on: date | None = None  # first day on which it asserts nothing more

    def may(self, role: str, kind: str, slug: str, region: str, days: Iterable[date]) -> bool:
        """Say whether grants cover every one of some days: the day of the fact and the day of recording (EN-04, RULINGS 21)."""
        return all(
            (self.retired_on is None or day < self.retired_on) and any(grant.covers(role, kind, slug, region, day) for grant in self.grants)
            for day in days
        )

    def may_somewhere(self, role: str, kind: str, day: date) -> bool:
        """Say whether a grant covers a kind on a day, be it for one type in one region."""
        return any(self.may(role, kind, slug, region, (day,)) for grant in self.grants for slug in grant.types for region in grant.regions)


_BODY: TypeAdapter[Body] = TypeAdapter(Body)


def body_of(text: str) -> Body:
    """Read a body from JSON; `RequestRejected` names every fault without its value."""
    try:
        return _BODY.validate_json(text)
    except ValidationError as wrong:
        faults = wrong.errors(include_input=False, include_context=False, include_url=False)
        raise RequestRejected(faults=[Fault(".".join(map(str, one["loc"])), one["type"], one["msg"]) for one in faults]) from None


def body_in_force(content: str) -> Body:
    """Read a body as it was put in force. A grant that an earlier release wrote, which says nothing of `without`, is for single regions.

    Nobody put more of it in force; who wants the regions to be with all that lies within them proposes the body anew.
    """
    body, said = body_of(content), json.loads(content)["grants"]
    return replace(
        body, grants=tuple(one if "without" in as_said else replace(one, exact=True) for one, as_said in zip(body.grants, said, strict=True))
    )


def body_from_toml(text: str) -> Body:
    """Read a body from the file that an operator wrote; `RequestRejected` names every fault."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise RequestRejected(faults=[Fault("file", "not-toml", "TOML is wanted here")]) from wrong
    body = body_of(json.dumps(said, default=str))
    places = {"region": (body.region,), **{f"grants.{at}.regions": {*one.regions, *one.without} for at, one in enumerate(body.grants)}}
    faulty = [path for path, named in places.items() if not all(_REGION.fullmatch(one) or (one == EVERY and path != "region") for one in named)]
    if faulty:
        raise RequestRejected(faults=[Fault(path, "not-a-region", "six digits of GB/T 2260 are wanted here") for path in faulty])
    return body


def json_of(body: Body) -> dict[str, Any]:
    """Return a body as JSON values."""
    dumped: dict[str, Any] = _BODY.dump_python(body, mode="json")
    return dumped
