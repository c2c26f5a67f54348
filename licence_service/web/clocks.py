"""The two clocks of a question, as they come from outside (RULINGS 11)."""

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import Query

from licence_service.errors import Fault, RequestRejected
from licence_service.licence import BEIJING, beijing_day

ValidAt = Annotated[str | None, Query(description="A Beijing day, such as 2026-05-14; today where it is absent.", max_length=10)]
KnownAt = Annotated[
    str | None, Query(description="An instant with its zone, or a day, which means its end in Beijing; now where it is absent.", max_length=40)
]
_FIRST, _LAST = date(1949, 10, 1), date(2200, 1, 1)
_A_DAY = len("2026-05-14")


def two_clocks(valid_at: str | None, known_at: str | None, now: datetime) -> tuple[date, datetime]:
    """Read both clocks (RULINGS 11): a bare day as `known_at` means its end in Beijing; what has not come cannot be known."""
    faults = []
    day, instant = beijing_day(now), now
    try:
        day = date.fromisoformat(valid_at) if valid_at else day
        if not _FIRST <= day <= _LAST:
            faults.append(Fault("valid_at", "too-far", "a day between 1949-10-01 and 2200-01-01 is wanted here"))
    except ValueError:
        faults.append(Fault("valid_at", "not-a-day", "a day as YYYY-MM-DD is wanted here"))
    try:
        instant = _instant(known_at) if known_at else now
        if beijing_day(instant) > beijing_day(now):
            faults.append(Fault("known_at", "in-the-future", "nothing is known of a time that has not come"))
    except (ValueError, OverflowError):
        faults.append(Fault("known_at", "not-an-instant", "an instant with its zone, or a day as YYYY-MM-DD, is wanted here"))
    if faults:
        raise RequestRejected(faults=faults)
    return day, min(instant, now)


def _instant(text: str) -> datetime:
    if len(text) == _A_DAY:
        return end_of(date.fromisoformat(text))
    instant = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign in an address arrives as a space
    if instant.tzinfo is None:
        raise ValueError("without a zone")
    return instant


def end_of(day: date) -> datetime:
    """Return the last instant of a Beijing day."""
    return datetime.combine(day + timedelta(days=1), time(), BEIJING) - timedelta(microseconds=1)
