"""Two catalogues compared: by count and digest of type and organ, of day, and only there entry by entry (DOMAIN §2e step 8). Pure."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from licence_service.digests import sm3

Name = TypeVar("Name", bound=Hashable)


class Kind(StrEnum):
    """How a catalogue entry differs."""

    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    OTHER_STATE = "other_state"  # the same revision, or a newer one, with other content
    OLDER_VERSION = "older_version"
    DOUBLED = "doubled"


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """One catalogue entry as a side keeps it: which licence, the revision, the digest of its content."""

    licence_id: str
    revision: int
    digest: str


@dataclass(frozen=True, slots=True)
class Sum:
    """How many entries there are, and the digest over them."""

    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: what this side has (None where nothing), and each copy that the other side has."""

    kind: Kind
    licence_id: str
    here: Kept | None
    there: tuple[Kept, ...]


Days = Mapping[str, Sum]


def of_day(entries: Iterable[Kept]) -> Sum:
    """Return the sum of a day: SM3 over a line for each entry, by licence, revision and digest."""
    lines = [f"{one.licence_id} {one.revision} {one.digest}\n" for one in sorted(entries)]
    return Sum(len(lines), sm3("".join(lines).encode()))


def of_days(days: Days) -> Sum:
    """Return the sum of a type and organ: SM3 over a line for each day, in their order."""
    lines = [f"{day} {one.count} {one.digest}\n" for day, one in sorted(days.items())]
    return Sum(sum(one.count for one in days.values()), sm3("".join(lines).encode()))


def unlike(here: Mapping[Name, Sum], there: Mapping[Name, Sum]) -> list[Name]:
    """Return the names under which the two sides do not say the same, in no certain order."""
    return [name for name in {*here, *there} if here.get(name) != there.get(name)]


def differences(here: Iterable[Kept], there: Iterable[Kept]) -> Iterator[Difference]:
    """Yield every difference between the entries of one day, a licence at a time; of several that one licence has, what heals all."""
    ours = {one.licence_id: one for one in here}
    copies: dict[str, list[Kept]] = defaultdict(list)
    for one in there:
        copies[one.licence_id].append(one)
    for licence_id in sorted({*ours, *copies}):
        mine, theirs = ours.get(licence_id), tuple(sorted(copies[licence_id]))
        if kind := _kind(mine, theirs):
            yield Difference(kind, licence_id, mine, theirs)


def _kind(mine: Kept | None, theirs: tuple[Kept, ...]) -> Kind | None:
    if mine is None:
        return Kind.MISSING_HERE
    if not theirs:
        return Kind.MISSING_THERE
    if len(theirs) > 1:
        return Kind.DOUBLED
    if theirs[0] == mine:
        return None
    return Kind.OLDER_VERSION if theirs[0].revision < mine.revision else Kind.OTHER_STATE
