"""How long an answer about a licence stays the same, if nothing is entered and the law does not change.

States and conditions are computed from days, so that an answer can only change on a day that something names. Pure.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from licence_service.licence import Entry, beijing_day
from licence_service.rules import Conditions, RulePack

_DAY = timedelta(days=1)


def lasts_until(entries: Iterable[Entry], packs: Iterable[RulePack], said: Conditions, today: date) -> date:
    """Return a day up to which, from `today` on, the fold of these entries and the judgement of their conditions say the same.

    `entries` are those of the licence and of every licence above it; `packs` all that are known; `said` the conditions of today. The
    answer is careful: the same may be said for longer, never for less.
    """
    edges = [day for each in entries for day in _days_of(each)]
    edges += [day for pack in packs for day in (pack.in_force_from, pack.in_force_to) if day]
    named = (day if day == today else day - _DAY for day in edges if day >= today)
    return min((*named, *(one.holds_until for one in said.every)), default=date.max)


def _days_of(entry: Entry) -> Iterator[date]:
    """Yield every day of an entry on which, or after which, something begins or ends."""
    days = [entry.effective_on, entry.decision.decided_on, entry.right_ended_on, entry.until]
    if entry.recorded_at:
        days.append(beijing_day(entry.recorded_at))
    if entry.suspension:
        days += [entry.suspension.first, entry.suspension.last]
    if entry.version:
        days += [entry.version.valid_from, entry.version.valid_to, entry.version.issued_on]
    for one in entry.endorsements:
        days += [one.occurred_on, one.effective_from, one.effective_to]
    return (day for day in days if day)
