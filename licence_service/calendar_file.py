"""Calendar files (iCalendar, RFC 5545): whole days with an alarm, as every calendar app reads them. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

MEDIA_TYPE = "text/calendar"
_OCTETS = 75  # of a line without its break (RFC 5545 §3.1)
_HOUR = 9  # of the day, local to the reader, at which alarms go off
_PRODUCT = "-//licence_service//deadlines//ZH"


@dataclass(frozen=True, slots=True)
class DayEvent:
    """A whole day. `uid` stays the same whatever is said of it; `stamped_at` is when that was last changed; `alarm_days` before it an alarm goes off."""

    uid: str
    day: date
    stamped_at: datetime
    summary: str
    description: str
    alarm_days: int | None = None


def calendar(name: str, events: Iterable[DayEvent]) -> bytes:
    """Return a calendar of these days, UTF-8, its lines folded and ended as the standard has it."""
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{_PRODUCT}", "CALSCALE:GREGORIAN", "METHOD:PUBLISH", f"X-WR-CALNAME:{_text(name)}",
        *(line for event in events for line in _event(event)), "END:VCALENDAR",
    ]  # fmt: skip
    return b"".join(_folded(line) for line in lines)


def _event(event: DayEvent) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield f"DTSTAMP:{event.stamped_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{_day(event.day)}"
    yield f"DTEND;VALUE=DATE:{_day(event.day + timedelta(days=1))}"
    yield f"SUMMARY:{_text(event.summary)}"
    yield f"DESCRIPTION:{_text(event.description)}"
    yield "TRANSP:TRANSPARENT"
    if event.alarm_days is not None:
        yield "BEGIN:VALARM"
        yield "ACTION:DISPLAY"
        yield f"DESCRIPTION:{_text(event.summary)}"
        yield f"TRIGGER:{_before(event.alarm_days)}"
        yield "END:VALARM"
    yield "END:VEVENT"


def _before(days: int) -> str:
    """Return the time from the beginning of a day to nine o'clock so many days earlier (§3.3.6)."""
    if days == 0:
        return f"PT{_HOUR}H"
    whole = f"{days - 1}D" if days > 1 else ""
    return f"-P{whole}T{24 - _HOUR}H"


def _day(day: date) -> str:
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


def _text(text: str) -> str:
    """Escape a text (§3.3.11); control characters, which no calendar may hold, become blanks."""
    plain = "".join(one if (one >= " " and one != "\x7f") or one == "\n" else " " for one in text.replace("\r\n", "\n").replace("\r", "\n"))
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """Fold a line after at most 75 octets, never within a character; what goes on begins with a blank."""
    parts: list[bytes] = []
    room, part = _OCTETS, b""
    for character in line:
        octets = character.encode()
        if len(part) + len(octets) > room:
            parts.append(part)
            room, part = _OCTETS - 1, b""
        part += octets
    return b"\r\n ".join([*parts, part]) + b"\r\n"
