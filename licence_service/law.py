"""The law as the book knows it: rule packs, bodies with their grants, and what was put in force by two people.

Folders say what somebody wrote; the book says what holds. A judgement of yesterday asks for what was known yesterday.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from licence_service.bodies import Body, body_in_force
from licence_service.catalogue import kind_of
from licence_service.endorsement import Endorsement
from licence_service.errors import NotInForce
from licence_service.fields import Face
from licence_service.licence import Licence
from licence_service.rules import Conditions, RulePack, from_data, judge_conditions
from licence_service.store.foundations import Foundation
from licence_service.template import EndorsementKind, Template

PACK, BODY, TEMPLATE, KIND, DEPARTMENT, ANCHOR = "rule_pack", "body", "template", "endorsement_kind", "department", "trust_anchor"


class Known(Protocol):
    """What the book knows of foundations."""

    def known(self, kind: str, known_at: datetime | None = None) -> Mapping[str, Foundation]:
        """Return the newest line of each name of a kind, as known at an instant."""

    def all_known(self, known_at: datetime | None = None) -> Mapping[str, Mapping[str, Foundation]]:
        """Return the same of every kind."""

    def lines(self) -> tuple[Foundation, ...]:
        """Return every line, in the order of the book."""


class Standing:
    """Foundations as they stood when this was made, for many acts that are judged together."""

    def __init__(self, foundations: Known) -> None:
        """Read them once."""
        self._foundations, self._standing = foundations, foundations.all_known()

    def known(self, kind: str, known_at: datetime | None = None) -> Mapping[str, Foundation]:
        """See `Known.known`."""
        return self._standing.get(kind, {}) if known_at is None else self._foundations.known(kind, known_at)

    def all_known(self, known_at: datetime | None = None) -> Mapping[str, Mapping[str, Foundation]]:
        """See `Known.all_known`."""
        return self._standing if known_at is None else self._foundations.all_known(known_at)

    def lines(self) -> tuple[Foundation, ...]:
        """See `Known.lines`."""
        return self._foundations.lines()


@dataclass(frozen=True, slots=True)
class Law:
    """Reads foundations as they were known at an instant."""

    foundations: Known
    now: Callable[[], datetime] = field(repr=False)

    def standing(self) -> "Law":
        """Return the law of this moment, which no longer asks the book."""
        return Law(Standing(self.foundations), self.now)

    def packs(self, known_at: datetime | None = None) -> tuple[RulePack, ...]:
        """Return the rule packs known at an instant; which of them holds on a day is the pack's own matter (EN-12)."""
        return tuple(_pack(one.content) for one in self.foundations.known(PACK, known_at).values())

    def body(self, uscc: str, known_at: datetime | None = None) -> Body | None:
        """Return a registered body, or a department's accept grants, as known at an instant."""
        found = self.foundations.known(BODY, known_at).get(uscc)
        return body_in_force(found.content) if found else None

    def conditions(
        self, slug: str, licence: Licence, template: Template, kinds: Mapping[str, EndorsementKind], known_at: datetime | None = None
    ) -> Conditions:
        """Judge the conditions of a licence on its day by packs, kinds and edition as the book knew them at an instant (EN-12).

        `kinds` and `template` are those of the folder; what was never put in force is judged as they have it.
        """
        return self.conditions_of(slug, licence.current.face, licence.endorsements, licence.valid_at, template, kinds, known_at)

    def conditions_of(
        self, slug: str, face: Face, endorsements: Sequence[Endorsement], valid_at: date, template: Template, kinds: Mapping[str, EndorsementKind],
        known_at: datetime | None = None,
    ) -> Conditions:  # fmt: skip
        """Judge the same of a face and the endorsements that stand on a day."""
        known = self.foundations.all_known(known_at)
        packs = tuple(_pack(one.content) for one in known.get(PACK, {}).values())
        held = known.get(KIND, {})
        said = {name: _kind(held[name].content) if name in held else kind for name, kind in kinds.items()}
        edition = known.get(TEMPLATE, {}).get(f"{template.slug}/{template.edition}")
        until = _read(edition.content)["conditions_until"] if edition else template.conditions_until
        return judge_conditions(packs, slug, until, face, said, endorsements, valid_at)

    def may(self, role: str, uscc: str, kind: str, slug: str, region: str, days: tuple[date, ...]) -> bool:
        """Say whether grants known now let a body assert or accept a kind on all these days (EN-04, RULINGS 21)."""
        body = self.body(uscc)
        return body is not None and body.may(role, kind, slug, region, days)

    def require(self, kind: str, name: str, digest: str) -> None:
        """Raise `NotInForce` unless exactly this content was put in force by two people."""
        found = self.foundations.known(kind).get(name)
        if found is None or _read(found.content)["sha256"] != digest:
            raise NotInForce(f"this {kind.replace('_', ' ')} was not put in force; see `licence-service foundations`", facts={"rule": "EN-12"})


@lru_cache(maxsize=512)
def _read(content: str) -> Mapping[str, Any]:
    """Parse what was put in force, once: it is asked for every licence."""
    return MappingProxyType(json.loads(content))


@lru_cache(maxsize=512)
def _kind(content: str) -> EndorsementKind:
    return kind_of(json.loads(content)["kind"])


@lru_cache(maxsize=512)
def _pack(content: str) -> RulePack:
    return from_data(json.loads(content))
