"""The trust bundle (信任包): all that a device without network needs to judge a code on paper, in one signed file (docs/offline.md).

A compact JWS by the register's keeper, and so is the time by which a device finds out that its own clock is wrong (SH-05). What changed
since comes as a delta of some ten thousand bytes a day, signed in the same way; what it leads to is compared with digests, so that a
device never goes on with lists that the keeper did not mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from licence_service.digests import canonical, sha256
from licence_service.seal.listing_tokens import base64url, from_base64url, open_jws, sign_jws
from licence_service.seal.terms import PublicKey, key_at
from licence_service.seal.tokens import BadToken, CodeSigner, Purpose, purposes_in
from licence_service.status import BadChanges, BadList, changed, changes, compressed, expanded, read_days, written_days

FORM, DELTA_FORM, TIME_FORM = "trust-bundle/1", "trust-bundle-delta/1", "server-time/1"
TYPE, DELTA_TYPE, TIME_TYPE = "trust-bundle+jws", "trust-bundle-delta+jws", "server-time+jws"
MOST_BYTES = 1 << 26
_EPOCH = date(1970, 1, 1)
_PARTS = ("issuers", "types", "rule_packs")
Place = tuple[int, int]


class BadBundle(ValueError):  # noqa: N818 - a fact, like all refusals
    """This is no bundle, not one that the keeper signed, or a delta of another one."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a device holds. `lists` are the places of each status list, `lapses` the last days of suspensions that run out soon.

    `issuers`, `types` and `rule_packs` are as they were signed: lists of JSON objects.
    """

    book: str
    as_of: datetime
    signed_at: datetime
    head: Mapping[str, Any] | None
    issuers: tuple[Mapping[str, Any], ...]
    types: tuple[Mapping[str, Any], ...]
    rule_packs: tuple[Mapping[str, Any], ...] = field(repr=False)
    lists: Mapping[int, bytes] = field(repr=False)
    lapses: Mapping[Place, date] = field(repr=False)

    def keys_for(self, purpose: Purpose) -> dict[bytes, PublicKey]:
        """Return the code keys of all departments for a purpose by kid, retired ones too (SE-04)."""
        keys = [one for issuer in self.issuers for one in issuer["code_keys"] if purpose in purposes_in(one, "purposes")]
        return {bytes.fromhex(one["kid"]): key_at(from_base64url(one["public_key"])) for one in keys}

    def issuer(self, index: int) -> Mapping[str, Any] | None:
        """Return the department of this index."""
        return next((one for one in self.issuers if one["index"] == index), None)

    def type(self, index: int) -> Mapping[str, Any] | None:
        """Return the licence type of this index."""
        return next((one for one in self.types if one["index"] == index), None)


def sign(bundle: Bundle, keeper: CodeSigner, contents: Mapping[int, bytes] | None = None) -> str:
    """Return the file of a bundle; `contents` are its lists compressed, where that was done already."""
    ready = contents or {}
    lists = [
        {
            "number": number, "sha256": sha256(places), "lst": base64url(ready[number] if number in ready else compressed(places)),
            "lapses": base64url(_days(bundle.lapses, number)),
        }
        for number, places in sorted(bundle.lists.items())
    ]  # fmt: skip
    return sign_jws(TYPE, {"format": FORM, **_heading(bundle), **_parts(bundle), "lists": lists}, keeper)


def read(text: str, keys: Mapping[bytes, PublicKey]) -> Bundle:
    """Read a bundle signed by one of `keys` (by kid); `BadBundle` for anything else."""
    try:
        said = _opened(text, TYPE, FORM, keys)
        lists = {one["number"]: expanded(from_base64url(one["lst"])) for one in said["lists"]}
        if any(sha256(lists[one["number"]]) != one["sha256"] for one in said["lists"]):
            raise BadBundle("a list is not the one that was signed")
        if not all(_judges(one) for one in said["types"]):
            raise BadBundle("a type without what it is judged by")
        lapses = {(one["number"], index): _day(day) for one in said["lists"] for index, day in read_days(from_base64url(one["lapses"])).items()}
        read = Bundle(
            str(said["book"]), datetime.fromisoformat(said["as_of"]), datetime.fromisoformat(said["signed_at"]), said["head"],
            tuple(said["issuers"]), tuple(said["types"]), tuple(said["rule_packs"]), lists, lapses,
        )  # fmt: skip
        for purpose in Purpose:
            read.keys_for(purpose)
    except (BadToken, BadList, BadChanges, KeyError, TypeError, ValueError, AttributeError, OverflowError) as bad:
        raise BadBundle("not a bundle that the keeper signed") from bad
    return read


def sign_delta(before: Bundle, after: Bundle, keeper: CodeSigner) -> str:
    """Return what turns one bundle into a later one; the parts beside the lists are only named by digest, since they hardly ever change."""
    blank = bytes(len(next(iter(after.lists.values()), b"")))
    rows = []
    for number, places in sorted(after.lists.items()):
        was = before.lists.get(number, blank)
        lapses = {index: (day - _EPOCH).days for (listed, index), day in after.lapses.items() if listed == number}
        known = {index: (day - _EPOCH).days for (listed, index), day in before.lapses.items() if listed == number}
        moved = {index: day for index, day in lapses.items() if known.get(index) != day} | dict.fromkeys(known.keys() - lapses.keys(), 0)
        if was != places or moved or number not in before.lists:
            row = {"number": number, "from": sha256(was), "to": sha256(places), "changes": base64url(changes(was, places))}
            rows.append(row | {"lapses": base64url(written_days(moved))})
    said = {"format": DELTA_FORM, "since": _iso(before.as_of), **_heading(after), "parts": part_digests(after), "lists": rows}
    return sign_jws(DELTA_TYPE, said, keeper)


def apply(before: Bundle, text: str, keys: Mapping[bytes, PublicKey]) -> Bundle:
    """Return the bundle after a delta; `BadBundle` where it leads back or is another's, or where issuers, types or packs are new.

    In the last case the whole bundle is wanted. No device goes back to an older status (docs/offline.md): what ended would be good again.
    """
    try:
        said = _opened(text, DELTA_TYPE, DELTA_FORM, keys)
        if said["since"] != _iso(before.as_of) or said["book"] != before.book or said["parts"] != part_digests(before):
            raise BadBundle("this delta goes out from another bundle; fetch the whole one")
        lists, lapses = dict(before.lists), dict(before.lapses)
        blank = bytes(len(next(iter(before.lists.values()), b"")))
        for row in said["lists"]:
            number = row["number"]
            was = lists.get(number, blank)
            lists[number] = changed(was, from_base64url(row["changes"]))
            if sha256(was) != row["from"] or sha256(lists[number]) != row["to"]:
                raise BadBundle("this delta goes out from another bundle; fetch the whole one")
            for index, day in read_days(from_base64url(row["lapses"])).items():
                lapses.pop((number, index), None)
                if day:
                    lapses[number, index] = _day(day)
        heading = {"as_of": datetime.fromisoformat(said["as_of"]), "signed_at": datetime.fromisoformat(said["signed_at"]), "head": said["head"]}
        if heading["as_of"] < before.as_of:
            raise BadBundle("this delta leads back to an older bundle")
    except (BadToken, BadList, BadChanges, KeyError, TypeError, ValueError, AttributeError, OverflowError) as bad:
        raise BadBundle(str(bad) if isinstance(bad, BadBundle) else "not a delta that the keeper signed") from bad
    return replace(before, lists=lists, lapses=lapses, **heading)


def sign_time(book: str, at: datetime, nonce: str, keeper: CodeSigner) -> str:
    """Return a signed time: what a device that asked with this nonce compares its clock with (SH-05)."""
    return sign_jws(TIME_TYPE, {"format": TIME_FORM, "book": book, "time": _iso(at), "nonce": nonce}, keeper)


def read_time(text: str, keys: Mapping[bytes, PublicKey], book: str, nonce: str) -> datetime:
    """Read a time that was signed for this book and nonce by one of `keys` (by kid); `BadBundle` for anything else, also for an older answer."""
    try:
        said = _opened(text, TIME_TYPE, TIME_FORM, keys)
        at = datetime.fromisoformat(said["time"])
        if said["book"] != book or said["nonce"] != nonce or at.tzinfo is None:
            raise BadBundle("a time that was signed for another question")
    except (BadToken, KeyError, TypeError, ValueError) as bad:
        raise BadBundle(str(bad) if isinstance(bad, BadBundle) else "not a time that the keeper signed") from bad
    return at


def part_digests(bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of each part beside the lists, in canonical JSON."""
    return {name: sha256(canonical(part)) for name, part in _parts(bundle).items()}


def _parts(bundle: Bundle) -> dict[str, list[Mapping[str, Any]]]:
    return {name: list(getattr(bundle, name)) for name in _PARTS}


def _heading(bundle: Bundle) -> dict[str, Any]:
    return {"book": bundle.book, "as_of": _iso(bundle.as_of), "signed_at": _iso(bundle.signed_at), "head": bundle.head}


def _opened(text: str, typ: str, form: str, keys: Mapping[bytes, PublicKey]) -> dict[str, Any]:
    if len(text) > MOST_BYTES:
        raise BadBundle("too large")
    said = open_jws(text, typ, keys)
    if said["format"] != form:
        raise BadBundle("of another form")
    return said


def _judges(one: Mapping[str, Any]) -> bool:
    """Say whether a type names its index, its limit and its conditions: what is absent must not read as fresh, or as none."""
    hours = one["freshness_hours"]
    return type(one["index"]) is int and type(hours) is int and hours > 0 and type(one["conditions"]) is bool


def _days(lapses: Mapping[Place, date], number: int) -> bytes:
    return written_days({index: (day - _EPOCH).days for (listed, index), day in lapses.items() if listed == number})


def _day(days: int) -> date:
    return _EPOCH + timedelta(days=days)


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds")
