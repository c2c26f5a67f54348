"""The fold: a licence is what its entries add up to at `(valid_at, known_at)` (docs/lifecycle.md, LC-01).

Nothing here reads a clock, a database or chance; states are computed from dates and never stored.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from licence_service.endorsement import Endorsement
from licence_service.frozen import dataclass, replace
from licence_service.licence import Act, Entry, Licence, LicenceState, Version, beijing_day

ENDINGS = {
    Act.WITHDRAW: LicenceState.WITHDRAWN,
    Act.CANCEL: LicenceState.CANCELLED,
    Act.REVOKE: LicenceState.REVOKED,
    Act.RECALL: LicenceState.RECALLED,
}  # in the order of precedence (LC-10)
ADVERSE = (*ENDINGS, Act.SUSPEND)
DAY = timedelta(days=1)
PARENT_ENDED = "parent_ended"


def fold(entries: Sequence[Entry], valid_at: date, known_at: datetime | None = None) -> Licence | None:
    """Add up the entries known at an instant to the licence as it stood on a day; None before the grant or where nothing was known."""
    known = tuple(entry for entry in entries if known_at is None or (entry.recorded_at and entry.recorded_at <= known_at))
    if not known or valid_at < granted_on(known[0]):
        return None
    acting = [entry for entry in known if not entry.recorded_only]
    decisions = Decisions(acting)
    terms = _terms(acting)
    term, earliest = _in_legal_order(terms, valid_at), _in_legal_order(terms, date.min)
    endings = [entry for entry in decisions.endings if decisions.acts_on(entry, max(valid_at, first_day(entry)))]
    suspensions = decisions.suspensions_on(valid_at)
    current, voided = _current(acting, valid_at)
    return Licence(
        licence_id=known[0].licence_id,
        entries=known,
        valid_at=valid_at,
        state=_state(valid_at, term, [entry.act for entry in endings if first_day(entry) <= valid_at], suspended=bool(suspensions)),
        versions=tuple(entry.version for entry in known if entry.version),
        current=current,
        voided=voided,
        endorsements=standing_endorsements(acting, valid_at),
        valid_from=earliest.valid_from,
        valid_to=term.valid_to,
        ended_on=min((first_day(entry) for entry in endings), default=None),
        ground=next((entry.ground for entry in reversed(endings) if entry.act is Act.CANCEL and first_day(entry) <= valid_at), None),
        suspended_until=_latest(suspensions),
        flags=_flags(acting, valid_at),
        issuer=_issuer(acting, valid_at),
    )


def granted_on(first: Entry) -> date:
    """Return the day before which there is no licence (RULINGS 09); one of the stock may be older than its entry here (ST-01)."""
    decided = first.decision.decided_on
    return min(decided, first.version.valid_from) if first.version and (first.act is Act.ADOPT or first.origin) else decided


def first_day(entry: Entry) -> date:
    """Return the first day on which a decision against the right acts (RULINGS 08 for a cancellation)."""
    return entry.suspension.first if entry.suspension else entry.right_ended_on or entry.effective_on


@dataclass(frozen=True, slots=True)
class Decisions:
    """Which decisions against the right act on a day, after all that was decided about them."""

    entries: Sequence[Entry]

    @property
    def endings(self) -> list[Entry]:
        """Return the entries that end the right, as entered."""
        return [entry for entry in self.entries if entry.act in ENDINGS]

    def acts_on(self, entry: Entry, day: date) -> bool:
        """Say whether a decision against the right acts on a day: begun, not reversed, stayed, lapsed, lifted or undone."""
        if day < first_day(entry) or self._reached(Act.REVERSE, entry, day) or self._stayed(entry, day):
            return False
        if entry.suspension:
            return (entry.suspension.last is None or day <= entry.suspension.last) and not self._reached(Act.LIFT, entry, day)
        return entry.act is Act.RECALL or not self._reinstated(entry, day)

    def suspensions_on(self, day: date) -> list[Entry]:
        """Return the suspensions that act on a day, each kept apart (LC-19)."""
        return [entry for entry in self.entries if entry.act is Act.SUSPEND and self.acts_on(entry, day)]

    def _reached(self, act: Act, entry: Entry, day: date) -> bool:
        return any(one.act is act and one.target == entry.sequence and one.effective_on <= day for one in self.entries)

    def _stayed(self, entry: Entry, day: date) -> bool:
        """Say whether a stay halts the decision on a day; a stay does not lengthen anything (LC-20, RULINGS 18)."""
        stays = [one for one in self.entries if one.act is Act.STAY and one.target == entry.sequence]
        return any(
            stay.effective_on <= day and (stay.until is None or day <= stay.until) and not self._reached(Act.END_STAY, stay, day) for stay in stays
        )

    def _reinstated(self, entry: Entry, day: date) -> bool:
        """Say whether a later entered reinstatement undid an ending by this day; the gap before it stays (RULINGS 03, 04)."""
        return any(one.act is Act.REINSTATE and one.sequence > entry.sequence and first_day(entry) <= one.effective_on <= day for one in self.entries)


def _terms(entries: Iterable[Entry]) -> list[tuple[date, Version]]:
    """Return the legal day and version of each entry that carries a term: one that differs from the version before it."""
    carriers: list[tuple[date, Version]] = []
    last: Version | None = None
    for entry in entries:
        if entry.version:
            if last is None or (entry.version.valid_from, entry.version.valid_to) != (last.valid_from, last.valid_to):
                carriers.append((entry.effective_on, entry.version))
            last = entry.version
    return carriers


def _in_legal_order(terms: Sequence[tuple[date, Version]], day: date) -> Version:
    """Return the term that holds on a day: the latest legal day reached, of one day the later entry; none reached, the earliest."""
    reached = [one for one in terms if one[0] <= day]
    if not reached:
        earliest = min(one[0] for one in terms)
        reached = [one for one in terms if one[0] == earliest]
    latest = max(one[0] for one in reached)
    return [version for legal, version in reached if legal == latest][-1]


def _state(day: date, term: Version, endings: Sequence[Act], *, suspended: bool) -> LicenceState:
    """Pick the state by precedence (LC-10)."""
    for act, state in ENDINGS.items():
        if act in endings:
            return state
    if term.valid_to and day > term.valid_to:
        return LicenceState.EXPIRED
    if suspended:
        return LicenceState.SUSPENDED
    return LicenceState.PENDING_EFFECT if day < term.valid_from else LicenceState.IN_FORCE


def _latest(suspensions: Sequence[Entry]) -> date | None:
    """Return the last day of the suspensions that act; none where one is open."""
    lasts = [entry.suspension.last for entry in suspensions if entry.suspension]
    return None if None in lasts else max((last for last in lasts if last), default=None)


def _current(acting: Sequence[Entry], day: date) -> tuple[Version, frozenset[int]]:
    """Return the one current version (LC-09) and those voided: by the day a document was entered, not its legal day (RULINGS 06, 07)."""
    entered = [entry for entry in acting if entry.recorded_at is None or beijing_day(entry.recorded_at) <= day]
    voided = frozenset(entry.voided for entry in entered if entry.voided)
    versions = [entry.version for entry in acting if entry.version]
    shown = [entry.version for entry in entered if entry.version and entry.version.version not in voided]
    return (shown or versions[:1])[-1], voided


def _flags(entries: Iterable[Entry], day: date) -> frozenset[str]:
    """Return what is said beside the state: lost paper (RULINGS 19), a transfer that is open (LC-08)."""
    lost = pending = False
    settled = set()
    opened: list[Entry] = []
    for entry in entries:
        if entry.effective_on > day:
            continue
        if entry.act in {Act.REPORT_LOST, Act.REPORT_FOUND, Act.REPLACE}:
            lost = entry.act is Act.REPORT_LOST
        elif entry.act is Act.TRANSFER:
            opened.append(entry)
        elif entry.act in {Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER}:
            settled.add(entry.target)
    pending = any(entry.sequence not in settled and (entry.until is None or day <= entry.until) for entry in opened)
    return frozenset({name for name, holds in (("loss_reported", lost), ("transfer_pending", pending)) if holds})


def _issuer(entries: Iterable[Entry], day: date) -> str | None:
    """Return the department that accepted the licence last (LC-08)."""
    accepted = [entry.department for entry in entries if entry.act is Act.ACCEPT_TRANSFER and entry.effective_on <= day]
    return accepted[-1] if accepted else None


def standing_endorsements(entries: Iterable[Entry], valid_at: date) -> tuple[Endorsement, ...]:
    """Return the accepted endorsements in effect on a day, neither corrected nor withdrawn by then, oldest first (EN-06; RULINGS 20)."""
    standing = [one for one, state in endorsement_states(entries, valid_at) if state == "accepted" and one.effective_from <= valid_at]
    return tuple(standing)


def endorsement_states(entries: Iterable[Entry], valid_at: date) -> list[tuple[Endorsement, str]]:
    """Return every endorsement as last written, with its state on a day: asserted, accepted, refused, corrected or withdrawn."""
    entries = [entry for entry in entries if not entry.recorded_only]
    latest = {one.endorsement_id: one for entry in entries for one in entry.endorsements}
    corrected = {one.corrects for one in latest.values() if one.corrects and one.accepter}
    refused = {entry.refused for entry in entries if entry.refused}
    withdrawn = {entry.withdrawn for entry in entries if entry.withdrawn and entry.effective_on <= valid_at}

    def state(one: Endorsement) -> str:
        if one.endorsement_id in corrected:
            return "corrected"
        if one.endorsement_id in withdrawn:
            return "withdrawn"
        if one.endorsement_id in refused:
            return "refused"
        return "accepted" if one.accepter else "asserted"

    return [(one, state(one)) for one in latest.values()]


def under(child: Licence, parent: Licence | None, effect: str) -> Licence:
    """Return the child as its parent, read at the same two clocks, leaves it (LC-13; RULINGS 12)."""
    if parent is None:
        return child
    if parent.state is LicenceState.SUSPENDED:
        return replace(child, flags=child.flags | {"parent_suspended"})
    ended = parent.state in ENDINGS.values()
    if not ended and parent.state is not LicenceState.EXPIRED:
        return child
    if effect == "flags":
        return replace(child, flags=child.flags | {PARENT_ENDED})
    if ended:
        # A later entry of the child's own end must not move the day on which it lost its right with the parent.
        child = replace(child, ended_on=min(day for day in (child.ended_on, parent.ended_on) if day))
        own = child.state in {LicenceState.WITHDRAWN, LicenceState.CANCELLED}
        return child if own else replace(child, state=LicenceState.CANCELLED, ground=PARENT_ENDED)
    if child.state not in ENDINGS.values():
        return replace(child, state=LicenceState.EXPIRED)
    return child
