"""Days and months of the law: terms, birthdays, cycles. Pure; what lies beyond the calendar's end is its last day."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import MAXYEAR, date, timedelta

from licence_service.fields import Face


def same_day(first: date, months: int) -> date:
    """Return the same day so many months later; where that day does not exist, the month's last day (RULINGS 23)."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))


def end_of_term(first: date, months: int) -> date:
    """Return the last day of a term, as `Term.last_day` does: the day before the same day, else the month's last day."""
    day = same_day(first, months)
    return day - timedelta(days=1) if day.day == first.day and day != date.max else day


def month_end(day: date) -> date:
    """Return the last day of the month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def later(day: date, days: int) -> date:
    """Return the day so many days later."""
    return day + timedelta(days=min(days, (date.max - day).days))


def earlier(day: date, days: int) -> date:
    """Return the day so many days earlier."""
    return day - timedelta(days=min(days, (day - date.min).days))


def full_months(first: date, day: date) -> int:
    """Return how many whole months have passed since the first day; none before it."""
    months = (day.year - first.year) * 12 + day.month - first.month
    return max(0, months if same_day(first, max(0, months)) <= day else months - 1)


def day_of(given: Face, names: Iterable[str]) -> date | None:
    """Return the day in the first of these fields that has one."""
    for name in names:
        try:
            return date.fromisoformat(str(given[name]))
        except (KeyError, ValueError):
            continue
    return None
