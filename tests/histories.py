"""Random histories of a licence: well-formed entries in any order, also ones that the table would refuse.

Days lie close together, around a leap day, a common February's end or a year's end, so that edges meet often; instants of recording
lie around midnight in Beijing (16:00 UTC), and strictly rise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from licence_service.digests import digests
from licence_service.endorsement import Endorsement
from licence_service.identifiers import ElicenceId
from licence_service.licence import Act, Entry, Parent, Suspension, Version, VersionReason
from tests.builders import ORGAN, TYPE_CODE, a_decision, a_version, an_endorsement, an_entry

T = TypeVar("T")
ORIGINS = (date(2028, 2, 26), date(2027, 2, 26), date(2028, 12, 29))
SPAN = 14  # days
MIDNIGHT = time(16, 0, tzinfo=UTC)
TIMES = (time(15, 59, 59, 999999, tzinfo=UTC), MIDNIGHT, time(16, 0, 0, 1, tzinfo=UTC), time(4, 30, tzinfo=UTC))
TICK = timedelta(microseconds=1)
OTHER_ORGANS = ("11519901MB9900022L", "11519902MB99000239")

TEMPLATE_OF_VERSIONS = a_version()
TEMPLATE_OF_ENDORSEMENTS = an_endorsement()
TEMPLATE_OF_ENTRIES = an_entry(version=None)

REASONS = {
    Act.ISSUE: VersionReason.INITIAL, Act.ADOPT: VersionReason.ADOPTED, Act.RENEW: VersionReason.RENEWAL, Act.REPLACE: VersionReason.REPLACEMENT,
    Act.CHANGE: VersionReason.CHANGE, Act.REDUCE_SCOPE: VersionReason.SCOPE_REDUCTION, Act.CORRECT: VersionReason.CORRECTION,
    Act.RESEAL: VersionReason.RESEAL, Act.ACCEPT_TRANSFER: VersionReason.TRANSFER, Act.REINSTATE: VersionReason.REINSTATEMENT,
    Act.ENDORSE: VersionReason.ENDORSEMENT, Act.VOID: VersionReason.CORRECTION,
}  # fmt: skip
ALWAYS_A_DOCUMENT = frozenset({Act.RENEW, Act.REPLACE, Act.CHANGE, Act.REDUCE_SCOPE, Act.CORRECT, Act.RESEAL})
SOMETIMES_A_DOCUMENT = frozenset({Act.ACCEPT_TRANSFER, Act.REINSTATE, Act.ENDORSE, Act.VOID})
NEW_TERM = {Act.RENEW: 9, Act.CORRECT: 6, Act.REINSTATE: 6, Act.CHANGE: 2, Act.VOID: 4}  # in how many of ten
ADVERSE = (Act.SUSPEND, Act.REVOKE, Act.WITHDRAW, Act.RECALL, Act.CANCEL)
ABOUT = {
    Act.LIFT: (Act.SUSPEND,), Act.STAY: ADVERSE, Act.REVERSE: ADVERSE, Act.END_STAY: (Act.STAY,), Act.REINSTATE: ADVERSE[1:],
    Act.ACCEPT_TRANSFER: (Act.TRANSFER,), Act.REJECT_TRANSFER: (Act.TRANSFER,),
}  # fmt: skip
GROUNDS = ("request", "expired", "overdue", "death", "revoked", "withdrawn")
DEEDS = [  # what can follow anything; the more often the more it has to do with
    Act.SUSPEND, Act.SUSPEND, Act.SUSPEND, Act.SUSPEND, Act.SUSPEND, Act.REVOKE, Act.WITHDRAW, Act.RECALL, Act.CANCEL, Act.CANCEL,
    Act.RENEW, Act.RENEW, Act.REPLACE, Act.CHANGE, Act.REDUCE_SCOPE, Act.CORRECT, Act.RESEAL, Act.REINSTATE, Act.REINSTATE,
    Act.TRANSFER, Act.TRANSFER, Act.REPORT_LOST, Act.REPORT_FOUND, Act.ASSERT, Act.ENDORSE, Act.VOID,
]  # fmt: skip

# Few strategies, made once, of whole numbers only: thousands of histories are drawn, and building strategies would cost more than they do.
tenths = st.integers(0, 9)
day_numbers = st.integers(-3, SPAN)
places = st.integers(0, 839)  # 840 is divisible by every list's length up to eight
STEPS = (0, 0, 0, 1, 1, 2, 4)  # days from one recording to the next
NEARBY = (0, 1, -1, 0, 1, 3, 8, -2)


def how_many(usual: int, long: int) -> int:
    """Return how many examples the profile in use asks for; the mutation run takes few."""
    return {"long": long, "mutation": 15}.get(settings.get_current_profile_name(), usual)


@dataclass(frozen=True)
class Question:
    """A day, and the instant up to which is known."""

    valid_at: date
    known_at: datetime | None


class Writer:
    """Writes one history, entry after entry, and remembers what the next may refer to."""

    def __init__(self, draw: st.DrawFn) -> None:
        """Begin on one of the origins."""
        self.draw = draw
        self.origin = self.pick(ORIGINS)
        self.entries: list[Entry] = []
        self.versions: list[Version] = []
        self.voided: set[int] = set()
        self.facts: list[Endorsement] = []

    def day(self) -> date:
        return self.origin + timedelta(days=self.draw(day_numbers))

    def pick(self, options: Sequence[T]) -> T:
        """Draw one; shrinks to the first."""
        return options[self.draw(places) % len(options)]

    def maybe(self, in_ten: int) -> bool:
        """Say yes in so many of ten; shrinks to no."""
        return in_ten > 0 and self.draw(tenths) >= 10 - in_ten

    def day_or_none(self, first: date) -> date | None:
        return first + timedelta(days=self.draw(tenths)) if self.maybe(7) else None

    def instant(self) -> datetime:
        """Draw when the next entry is recorded: later than the last, often by one microsecond or at midnight."""
        ahead, at = self.pick(STEPS), self.pick(TIMES)
        if not self.entries:
            return datetime.combine(self.origin + timedelta(days=ahead), at)
        before = self.entries[-1].recorded_at
        assert before
        drawn = datetime.combine(before.date() + timedelta(days=ahead), at)
        return drawn if drawn > before else before + TICK

    def version(self, act: Act, effective_on: date) -> Version:
        number = len(self.versions) + 1
        before = self.versions[-1] if self.versions else None
        given = {"version": number, "reason": REASONS[act], "status": (0, number), "copy_no": number if act is Act.REPLACE else 1}
        if before and not self.maybe(NEW_TERM.get(act, 0)):
            made = replace(before, **given)  # type: ignore[arg-type]
        else:
            first = effective_on if self.maybe(7) else self.day()
            last = self.day_or_none(first)
            if before:  # at times only one of the two days is another
                kept = self.pick(("none", "none", "first", "last"))
                first = before.valid_from if kept == "first" else first
                last = before.valid_to if kept == "last" else last
            made = replace(TEMPLATE_OF_VERSIONS, **given, valid_from=first, valid_to=last)  # type: ignore[arg-type]
        self.versions.append(made)
        return made

    def first(self) -> None:
        recorded_at = self.instant()
        act = Act.ADOPT if self.maybe(3) else Act.ISSUE
        decided_on = self.origin - timedelta(days=self.pick((0, 1, 2)))
        effective_on = decided_on if self.maybe(5) else self.day()
        entry = replace(
            TEMPLATE_OF_ENTRIES, act=act, effective_on=effective_on, version=self.version(act, effective_on), recorded_at=recorded_at,
            decision=a_decision(decided_on=decided_on),
        )  # fmt: skip
        self.entries.append(entry)

    def follow(self) -> None:
        """Write one more entry."""
        act = self.next_act()
        effective_on = self.day()
        recorded_at = self.instant()
        entry = replace(
            TEMPLATE_OF_ENTRIES, sequence=len(self.entries) + 1, act=act, effective_on=effective_on, recorded_at=recorded_at,
            decision=a_decision(decided_on=effective_on), target=self.target(act),
            recorded_only=self.maybe(1),
        )  # fmt: skip
        entry = self.with_particulars(entry)
        if entry.version is None and (act in ALWAYS_A_DOCUMENT or (act in SOMETIMES_A_DOCUMENT and self.maybe(4))):
            entry = replace(entry, version=self.version(act, effective_on))
        self.entries.append(entry)

    def next_act(self) -> Act:
        """Half of the time something about an entry that is there, else anything."""
        sensible = [act for act, about in ABOUT.items() if any(entry.act in about for entry in self.entries)]
        if self.facts:
            sensible += [Act.ENDORSE, Act.REFUSE_ENDORSEMENT, Act.WITHDRAW_ENDORSEMENT]
        return self.pick(sensible) if sensible and self.maybe(5) else self.pick(DEEDS)

    def target(self, act: Act) -> int | None:
        if act not in ABOUT:
            return None
        fitting = [entry.sequence for entry in self.entries if entry.act in ABOUT[act]]
        return self.pick(fitting if fitting and not self.maybe(1) else [entry.sequence for entry in self.entries])

    def with_particulars(self, entry: Entry) -> Entry:
        """Add what only this act says."""
        said: dict[str, Any] = {}
        match entry.act:
            case Act.SUSPEND:
                first = entry.effective_on if self.maybe(7) else self.day()
                said = {"suspension": Suspension("penalty", first, self.day_or_none(first))}
            case Act.CANCEL:
                said = {"ground": self.pick(GROUNDS), "right_ended_on": self.day() if self.maybe(4) else None}
            case Act.STAY | Act.TRANSFER:
                said = {"until": self.day_or_none(entry.effective_on)}
            case Act.ACCEPT_TRANSFER:
                said = {"department": self.pick(OTHER_ORGANS)}
            case Act.ASSERT | Act.ENDORSE | Act.CHANGE | Act.REFUSE_ENDORSEMENT | Act.WITHDRAW_ENDORSEMENT:
                said = self.about_a_fact(entry)
            case Act.VOID:
                return self.voiding(entry)
        return replace(entry, **said)

    def about_a_fact(self, entry: Entry) -> dict[str, Any]:
        """Write an endorsement, or name one that is there."""
        if entry.act in {Act.ASSERT, Act.ENDORSE} or (entry.act is Act.CHANGE and self.maybe(3)):
            return {"endorsements": (self.fact(entry),)}
        name = {Act.REFUSE_ENDORSEMENT: "refused", Act.WITHDRAW_ENDORSEMENT: "withdrawn"}.get(entry.act)
        return {name: self.pick(self.facts).endorsement_id} if name and self.facts else {}

    def fact(self, entry: Entry) -> Endorsement:
        """Assert or accept a new fact, accept an asserted one, or correct one that is there."""
        accepter = None if entry.act is Act.ASSERT else ORGAN
        if self.facts and entry.act is Act.ENDORSE and self.maybe(5):
            return replace(self.pick(self.facts), accepter=accepter)
        corrects = self.pick(self.facts).endorsement_id if self.facts and self.maybe(4) else None
        made = replace(
            TEMPLATE_OF_ENDORSEMENTS, endorsement_id=f"e{len(self.facts):025}", accepter=accepter, corrects=corrects,
            occurred_on=entry.effective_on, effective_from=self.day(), external_ref=None,
        )  # fmt: skip
        self.facts.append(made)
        return made

    def voiding(self, entry: Entry) -> Entry:
        """Void a document, with its replacement in the same entry where it is the only one."""
        counted = [one.version.version for one in self.entries if one.version and not one.recorded_only]
        standing = [number for number in counted if number not in self.voided]
        number = self.pick(standing)
        if not entry.recorded_only:
            self.voided.add(number)
        version = self.version(Act.VOID, entry.effective_on) if len(standing) == 1 else None
        return replace(entry, voided=number, version=version)


@st.composite
def histories(draw: st.DrawFn, *, most: int = 9) -> tuple[Entry, ...]:
    """Any well-formed history of up to so many entries after the first."""
    writer = Writer(draw)
    writer.first()
    for _ in range(draw(st.integers(0, most))):
        writer.follow()
    return tuple(writer.entries)


@st.composite
def families(draw: st.DrawFn) -> tuple[tuple[Entry, ...], tuple[Entry, ...], str]:
    """A child, its parent and what the parent's end does to it."""
    parent = draw(histories(most=5))
    effect = draw(st.sampled_from(("ends", "flags")))
    child = draw(histories(most=5))
    hung = (replace(child[0], parent=Parent("PARENT00000000000000", effect)), *child[1:])
    return hung, parent, effect


@st.composite
def questions(draw: st.DrawFn, *books: Sequence[Entry]) -> Question:
    """Ask on a day that something names, or near one; knowing all, or up to an instant of recording or just before it."""
    entries = [entry for book in books for entry in book]
    entry = entries[draw(places) % len(entries)]
    days = [entry.effective_on, entry.decision.decided_on]
    if entry.recorded_at:
        days.append((entry.recorded_at + timedelta(hours=8)).date())
    if entry.version:
        days += [entry.version.valid_from, *([entry.version.valid_to] if entry.version.valid_to else [])]
    if entry.suspension:
        days += [entry.suspension.first, *([entry.suspension.last] if entry.suspension.last else [])]
    days += [day for day in (entry.until, entry.right_ended_on) if day]
    place = draw(places)
    valid_at = days[place % len(days)] + timedelta(days=NEARBY[place // len(days) % len(NEARBY)])
    instants = [instant for one in entries if (instant := one.recorded_at)]
    known = [None, *instants, *(instant - TICK for instant in instants)]
    place = draw(places)
    return Question(valid_at, None if place % 3 == 0 else known[place // 3 % len(known)])


def rehomed(history: Sequence[Entry], licence_id: str, number: int, later_by: timedelta) -> list[Entry]:
    """Return the history as one of another licence, moved by whole days, with identifiers and status places that are nobody else's."""
    return [_moved(entry, licence_id, number, later_by) for entry in history]


def _moved(entry: Entry, own: str, number: int, by: timedelta) -> Entry:
    version, suspension = entry.version, entry.suspension
    return replace(
        entry, licence_id=own, effective_on=entry.effective_on + by, recorded_at=entry.recorded_at + by if entry.recorded_at else None,
        decision=replace(entry.decision, decided_on=entry.decision.decided_on + by), until=_day(entry.until, by),
        right_ended_on=_day(entry.right_ended_on, by),
        suspension=replace(suspension, first=suspension.first + by, last=_day(suspension.last, by)) if suspension else None,
        endorsements=tuple(replace(one, effective_from=one.effective_from + by) for one in entry.endorsements),
        version=_own(version, own, number, by) if version else None,
    )  # fmt: skip


def _own(version: Version, own: str, number: int, by: timedelta) -> Version:
    return replace(
        version, elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, own, version.version)), document=digests(f"{own} {version.version}".encode()),
        valid_from=version.valid_from + by, valid_to=_day(version.valid_to, by), status=(number, version.version),
    )  # fmt: skip


def _day(day: date | None, by: timedelta) -> date | None:
    return day + by if day else None
