"""What the row of a licence says: a projection of its entries, the same at the append, in the audit and after a loss."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from licence_service.fold import ENDINGS, Decisions, first_day, fold, granted_on
from licence_service.licence import Act, Entry, Licence

VARIES = "varies"  # a day to come decides which ending acts, or which term holds: a search looks at the entries themselves
_TURNING = frozenset({Act.REINSTATE, Act.REVERSE})
OVER = frozenset(ENDINGS.values())  # the states in which a right no longer holds its number


def projected(entries: Sequence[Entry], day: date, department: str) -> tuple[Licence, dict[str, Any]]:
    """Return the licence on a day and the columns of its row that follow from it.

    `entries` are all of a licence, oldest first; their public bodies are enough. `department` is the one that issued it.
    """
    after = fold(entries, max(day, granted_on(entries[0])))
    assert after  # noqa: S101 - there is an entry, and the day is not before the grant
    decisions = Decisions([entry for entry in entries if not entry.recorded_only])
    endings = {entry.act for entry in decisions.endings if decisions.acts_on(entry, max(day, first_day(entry)))}
    suspensions = [entry.suspension for entry in decisions.entries if entry.suspension]  # those lifted too: a search narrows, the fold decides
    turns = any(entry.act is Act.STAY or (entry.act in _TURNING and entry.effective_on > day) for entry in decisions.entries)
    turns |= any(entry.version and entry.effective_on > day for entry in decisions.entries[1:])
    lasts = [one.last for one in suspensions]
    until = None if None in lasts else max((last for last in lasts if last), default=None)
    return after, {
        "head": after.head,
        "current_version": after.current.version,
        "valid_from": after.valid_from.isoformat(),
        "valid_to": _day(after.valid_to),
        "ended_on": _day(after.ended_on),
        "issuer": after.issuer or department,
        "ending": VARIES if turns else next((state.value for act, state in ENDINGS.items() if act in endings), None),
        "suspended_from": _day(min((one.first for one in suspensions), default=None)),
        "suspended_to": _day(until),
        "office": entries[0].office,
    }


def projected_first(entry: Entry, day: date, department: str) -> tuple[bool, dict[str, Any]]:
    """Return whether a right is over with its first entry, and the columns of its row: what `projected` says of it, at once where nothing but a grant is said.

    A grant brings its version with the term, and neither ends nor suspends anything.
    """
    version = entry.version
    if entry.act is not Act.ISSUE or version is None or entry.recorded_only or entry.suspension:
        after, values = projected((entry,), day, department)
        return after.state in OVER, values
    return False, {
        "head": entry.sequence, "current_version": version.version, "valid_from": version.valid_from.isoformat(), "valid_to": _day(version.valid_to),
        "ended_on": None, "issuer": department, "ending": None, "suspended_from": None, "suspended_to": None,
        "office": entry.office,
    }  # fmt: skip


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
