"""A second, slow reading of docs/lifecycle.md, written from the page alone and without a look at the fold.

Every sentence of the page is one loop here, over every entry and, where days are counted, over every calendar day. Nothing is
clever, nothing is shared with the code under test but the shape of an entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from licence_service.fold import endorsement_states, standing_endorsements
from licence_service.licence import Act, Entry, Licence, Version

ONE_DAY = timedelta(days=1)
AGAINST_THE_RIGHT = (Act.SUSPEND, Act.REVOKE, Act.WITHDRAW, Act.RECALL, Act.CANCEL)
ENDINGS_IN_ORDER = ((Act.WITHDRAW, "withdrawn"), (Act.CANCEL, "cancelled"), (Act.REVOKE, "revoked"), (Act.RECALL, "recalled"))


@dataclass(frozen=True)
class Reading:
    """What the page says of a licence at two times; endorsements by their ids."""

    state: str
    valid_from: date
    valid_to: date | None
    ended_on: date | None
    ground: str | None
    suspended_until: date | None
    current: int
    voided: frozenset[int]
    flags: frozenset[str]
    issuer: str | None
    standing: frozenset[str]
    endorsements: frozenset[tuple[str, str]]


def as_reading(licence: Licence | None) -> Reading | None:
    """Say in the same words what the fold answered."""
    if licence is None:
        return None
    return Reading(
        state=licence.state.value, valid_from=licence.valid_from, valid_to=licence.valid_to, ended_on=licence.ended_on, ground=licence.ground,
        suspended_until=licence.suspended_until, current=licence.current.version, voided=licence.voided, flags=licence.flags,
        issuer=licence.issuer, standing=frozenset(one.endorsement_id for one in standing_endorsements(licence.entries, licence.valid_at)),
        endorsements=frozenset((one.endorsement_id, state) for one, state in endorsement_states(licence.entries, licence.valid_at)),
    )  # fmt: skip


def read(
    entries: Sequence[Entry], valid_at: date, known_at: datetime | None = None, parent: Sequence[Entry] = (), effect: str | None = None
) -> Reading | None:
    """Read a licence at two times, and its parent's entries at the same two where it hangs on one."""
    alone = _alone(entries, valid_at, known_at)
    above = _alone(parent, valid_at, known_at)
    if alone is None or above is None or effect is None:
        return alone
    return _under(alone, above, effect)


def _alone(entries: Sequence[Entry], valid_at: date, known_at: datetime | None) -> Reading | None:
    # The page: "Only entries with recorded_at <= known_at are read."
    known = []
    for entry in entries:
        assert entry.recorded_at is not None
        if known_at is None or entry.recorded_at <= known_at:
            known.append(entry)

    # 1. "For valid_at before the grant, or with no entry known, the answer is none."
    if not known or valid_at < _day_of_the_grant(known[0]):
        return None

    # 2. "Entries that are only recorded change nothing in what follows, ever."
    counted = []
    for entry in known:
        if not entry.recorded_only:
            counted.append(entry)  # noqa: PERF401 - spelled out like every other sentence

    valid_from, first_day, valid_to = _term(counted, valid_at)
    acting = {entry.sequence: _days_on_which_it_acts(entry, counted, valid_at) for entry in counted if entry.act in AGAINST_THE_RIGHT}
    current, voided = _documents(counted, valid_at)
    states = _endorsements(counted, valid_at)
    return Reading(
        state=_state(counted, acting, valid_at, first_day, valid_to), valid_from=valid_from, valid_to=valid_to,
        ended_on=_ended_on(counted, acting, valid_at), ground=_ground(counted, acting, valid_at),
        suspended_until=_suspended_until(counted, acting, valid_at), current=current.version, voided=frozenset(voided),
        flags=frozenset(_flags(counted, valid_at)), issuer=_issuer(counted, valid_at),
        standing=frozenset(_standing(counted, states, valid_at)), endorsements=frozenset(states.items()),
    )  # fmt: skip


# -- 1. the grant --------------------------------------------------------------------------------------


def _day_of_the_grant(first: Entry) -> date:
    # The page: "The grant's day is the decision day of the first entry ..."
    if first.act is not Act.ADOPT:
        return first.decision.decided_on
    # The page: "... (of an adopted licence, the earlier of that day and its first valid day)."
    assert first.version is not None
    if first.version.valid_from < first.decision.decided_on:
        return first.version.valid_from
    return first.decision.decided_on


# -- 3. the term ---------------------------------------------------------------------------------------


def _term(counted: list[Entry], valid_at: date) -> tuple[date, date, date | None]:
    """Return valid_from, and the first and last day of the term that holds on the day."""
    # The page: "An entry carries a term if it brings a version whose first and last day are not both those of the version before it; the first always does."
    carriers: list[tuple[date, Version]] = []
    before: Version | None = None
    for entry in counted:
        if entry.version is None:
            continue
        if before is None or entry.version.valid_from != before.valid_from or entry.version.valid_to != before.valid_to:
            carriers.append((entry.effective_on, entry.version))
        before = entry.version

    # The page: "Of the carriers with effective_on <= valid_at the one with the latest effective_on holds, of one day the later entry."
    holding: tuple[date, Version] | None = None
    for carrier in carriers:
        if carrier[0] <= valid_at and (holding is None or carrier[0] >= holding[0]):
            holding = carrier

    # The page: "Are all carriers ahead, the earliest day's holds, of one day the later entry." The same carrier "holds at the beginning".
    earliest = carriers[0]
    for carrier in carriers:
        if carrier[0] <= earliest[0]:
            earliest = carrier
    if holding is None:
        holding = earliest
    return earliest[1].valid_from, holding[1].valid_from, holding[1].valid_to


# -- 4. decisions against the right --------------------------------------------------------------------


def _first_day(decision: Entry) -> date:
    # The page: "from its first day (suspension.first; for a cancellation right_ended_on if given; else effective_on)"
    if decision.act is Act.SUSPEND:
        assert decision.suspension is not None
        return decision.suspension.first
    if decision.act is Act.CANCEL and decision.right_ended_on is not None:
        return decision.right_ended_on
    return decision.effective_on


def _calendar(counted: list[Entry], valid_at: date) -> list[date]:
    """Return every day from before the first to after the last that is named anywhere: beyond them nothing changes."""
    named = [valid_at]
    for entry in counted:
        named.append(entry.effective_on)
        if entry.right_ended_on is not None:
            named.append(entry.right_ended_on)
        if entry.until is not None:
            named.append(entry.until)
        if entry.suspension is not None:
            named.append(entry.suspension.first)
            if entry.suspension.last is not None:
                named.append(entry.suspension.last)
    days = [min(named) - ONE_DAY]
    while days[-1] <= max(named):
        days.append(days[-1] + ONE_DAY)
    return days


def _days_of_a_stay(stay: Entry, counted: list[Entry], calendar: list[date]) -> list[date]:
    # The page: "from the stay's effective_on to its until inclusive (open without one), or until the day before an end_stay of that stay takes effect"
    running = []
    for day in calendar:
        runs = day >= stay.effective_on
        if stay.until is not None and day > stay.until:
            runs = False
        for entry in counted:
            if entry.act is Act.END_STAY and entry.target == stay.sequence and day >= entry.effective_on:
                runs = False
        if runs:
            running.append(day)
    return running


def _days_on_which_it_acts(decision: Entry, counted: list[Entry], valid_at: date) -> list[date]:
    calendar = _calendar(counted, valid_at)
    stayed: list[date] = []
    for entry in counted:
        if entry.act is Act.STAY and entry.target == decision.sequence:
            stayed += _days_of_a_stay(entry, counted, calendar)
    days = []
    for day in calendar:
        if day < _first_day(decision):  # The page: "and not before"
            continue
        if day in stayed:  # The page: "not while a stay of it runs"
            continue
        if _is_undone(decision, counted, day):
            continue
        days.append(day)
    return days


def _is_undone(decision: Entry, counted: list[Entry], day: date) -> bool:
    for entry in counted:
        # The page: "not from the day on which a reverse of it takes effect"
        if entry.act is Act.REVERSE and entry.target == decision.sequence and day >= entry.effective_on:
            return True
        if decision.act is Act.SUSPEND:
            assert decision.suspension is not None
            # The page: "a suspension: not after its last day, and not from the day on which a lift of it takes effect"
            if decision.suspension.last is not None and day > decision.suspension.last:
                return True
            if entry.act is Act.LIFT and entry.target == decision.sequence and day >= entry.effective_on:
                return True
        elif decision.act is not Act.RECALL:
            # The page: "... not from the day of a reinstate on that was entered later and whose day is not before the ending's first day"
            later = entry.act is Act.REINSTATE and entry.sequence > decision.sequence
            if later and not entry.effective_on < _first_day(decision) and day >= entry.effective_on:
                return True
    return False


# -- 5. the state --------------------------------------------------------------------------------------


def _state(counted: list[Entry], acting: dict[int, list[date]], valid_at: date, first_day: date, valid_to: date | None) -> str:
    for act, state in ENDINGS_IN_ORDER:
        for entry in counted:
            if entry.act is act and valid_at in acting[entry.sequence]:
                return state
    if valid_to is not None and valid_at > valid_to:
        return "expired"
    for entry in counted:
        if entry.act is Act.SUSPEND and valid_at in acting[entry.sequence]:
            return "suspended"
    if valid_at < first_day:
        return "pending_effect"
    return "in_force"


def _suspended_until(counted: list[Entry], acting: dict[int, list[date]], valid_at: date) -> date | None:
    # The page: "the last day of those suspensions that act, the latest; none where one of them is open"
    latest: date | None = None
    for entry in counted:
        if entry.act is Act.SUSPEND and valid_at in acting[entry.sequence]:
            assert entry.suspension is not None
            if entry.suspension.last is None:
                return None
            if latest is None or entry.suspension.last > latest:
                latest = entry.suspension.last
    return latest


def _ended_on(counted: list[Entry], acting: dict[int, list[date]], valid_at: date) -> date | None:
    # The page: "the earliest first day of the endings that act on the day, or that lie ahead and will act on their first day"
    earliest: date | None = None
    for entry in counted:
        if entry.act not in AGAINST_THE_RIGHT or entry.act is Act.SUSPEND:
            continue
        first = _first_day(entry)
        acts_now = valid_at in acting[entry.sequence]
        will_act = first > valid_at and first in acting[entry.sequence]
        if (acts_now or will_act) and (earliest is None or first < earliest):
            earliest = first
    return earliest


def _ground(counted: list[Entry], acting: dict[int, list[date]], valid_at: date) -> str | None:
    # The page: "that of the latest entered cancellation that acts"
    ground = None
    for entry in counted:
        if entry.act is Act.CANCEL and valid_at in acting[entry.sequence]:
            ground = entry.ground
    return ground


# -- 6. documents --------------------------------------------------------------------------------------


def _beijing_day_of_recording(entry: Entry) -> date:
    assert entry.recorded_at is not None
    offset = entry.recorded_at.utcoffset()
    assert offset is not None
    return (entry.recorded_at - offset + timedelta(hours=8)).date()


def _documents(counted: list[Entry], valid_at: date) -> tuple[Version, set[int]]:
    # The page: "A void takes the version it names out from the day it was recorded on"
    voided: set[int] = set()
    for entry in counted:
        if entry.act is Act.VOID and entry.voided is not None and _beijing_day_of_recording(entry) <= valid_at:
            voided.add(entry.voided)
    # The page: "A version becomes current on the Beijing day on which its entry was recorded ...: the latest not voided by then is current."
    current: Version | None = None
    first: Version | None = None
    for entry in counted:
        if entry.version is None:
            continue
        if first is None:
            first = entry.version
        if _beijing_day_of_recording(entry) <= valid_at and entry.version.version not in voided:
            current = entry.version
    # The page: "before any was, the first is"
    assert first is not None
    return (current if current is not None else first), voided


# -- 7. flags ------------------------------------------------------------------------------------------


def _flags(counted: list[Entry], valid_at: date) -> set[str]:
    flags: set[str] = set()
    # The page: "by sequence, the last of these three that has taken effect decides"
    last_word: Act | None = None
    for entry in counted:
        if entry.act in (Act.REPORT_LOST, Act.REPORT_FOUND, Act.REPLACE) and entry.effective_on <= valid_at:
            last_word = entry.act
    if last_word is Act.REPORT_LOST:
        flags.add("loss_reported")
    # The page: "from a transfer's effective_on to its until inclusive, and not from the day on which an accept or reject of it takes effect"
    for transfer in counted:
        if transfer.act is not Act.TRANSFER or valid_at < transfer.effective_on or (transfer.until is not None and valid_at > transfer.until):
            continue
        settled = False
        for entry in counted:
            if entry.act in (Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER) and entry.target == transfer.sequence and entry.effective_on <= valid_at:
                settled = True
        if not settled:
            flags.add("transfer_pending")
    return flags


def _issuer(counted: list[Entry], valid_at: date) -> str | None:
    # The page: "the department of the latest entered accept_transfer that has taken effect, else the one that issued" (absent)
    issuer = None
    for entry in counted:
        if entry.act is Act.ACCEPT_TRANSFER and entry.effective_on <= valid_at:
            issuer = entry.department
    return issuer


# -- 8. endorsements -----------------------------------------------------------------------------------


def _endorsements(counted: list[Entry], valid_at: date) -> dict[str, str]:
    """Return the state of every endorsement; what is written further below here goes before what is written above it."""
    states: dict[str, str] = {}
    # The page: "assert brings one in the state asserted; endorse accepts it or brings an accepted one at once, as does any other act that writes one"
    for entry in counted:
        for one in entry.endorsements:
            states[one.endorsement_id] = "asserted" if entry.act is Act.ASSERT else "accepted"
    # The page: "refuse_endorsement refuses it, for good"
    for entry in counted:
        if entry.act is Act.REFUSE_ENDORSEMENT and entry.refused in states:
            states[entry.refused] = "refused"
    # The page: "A withdrawal acts from its effective_on ... and withdrawn before refused"
    for entry in counted:
        if entry.act is Act.WITHDRAW_ENDORSEMENT and entry.withdrawn in states and entry.effective_on <= valid_at:
            states[entry.withdrawn] = "withdrawn"
    # The page: "An accepted one with corrects makes the corrected one corrected, on every day, for good ... corrected goes before withdrawn"
    for entry in counted:
        for one in entry.endorsements:
            if entry.act is not Act.ASSERT and one.corrects in states:
                states[one.corrects] = "corrected"
    return states


def _standing(counted: list[Entry], states: dict[str, str], valid_at: date) -> set[str]:
    # The page: "Standing on a day: accepted, effective_from reached, neither corrected nor withdrawn by then."
    reached: dict[str, bool] = {}
    for entry in counted:
        for one in entry.endorsements:
            reached[one.endorsement_id] = one.effective_from <= valid_at
    standing: set[str] = set()
    for identifier, state in states.items():
        if state == "accepted" and reached[identifier]:
            standing.add(identifier)
    return standing


# -- 9. parent and child -------------------------------------------------------------------------------


def _under(child: Reading, parent: Reading, effect: str) -> Reading:
    if parent.state in ("withdrawn", "revoked", "recalled", "cancelled"):
        if effect == "flags":
            return replace(child, flags=child.flags | {"parent_ended"})
        # The page: "the child's ended_on is no later than the parent's"
        assert parent.ended_on is not None
        if child.ended_on is None or parent.ended_on < child.ended_on:
            child = replace(child, ended_on=parent.ended_on)
        # The page: "and it is cancelled, ground parent_ended, unless its own state is withdrawn or cancelled"
        if child.state not in ("withdrawn", "cancelled"):
            child = replace(child, state="cancelled", ground="parent_ended")
        return child
    if parent.state == "expired":
        if effect == "flags":
            return replace(child, flags=child.flags | {"parent_ended"})
        # The page: "the child is expired unless an act ended it"
        if child.state in ("withdrawn", "cancelled", "revoked", "recalled"):
            return child
        return replace(child, state="expired")
    if parent.state == "suspended":
        return replace(child, flags=child.flags | {"parent_suspended"})
    return child
