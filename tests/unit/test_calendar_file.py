"""Calendar files as RFC 5545 has them."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.calendar_file import DayEvent, calendar
from tests.ics import day_of, lines_of, read

AT = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=120)


def an_event(**changed: object) -> DayEvent:
    given: dict[str, object] = {"uid": "a@b", "day": date(2027, 6, 30), "stamped_at": AT, "summary": "换证", "description": "去办", "alarm_days": 30}
    return DayEvent(**(given | changed))  # type: ignore[arg-type]


def test_a_day_is_a_whole_day_with_an_alarm_at_nine() -> None:
    assert lines_of(calendar("期限", [an_event()])) == [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//licence_service//deadlines//ZH", "CALSCALE:GREGORIAN", "METHOD:PUBLISH", "X-WR-CALNAME:期限",
        "BEGIN:VEVENT", "UID:a@b", "DTSTAMP:20261128T040000Z", "DTSTART;VALUE=DATE:20270630", "DTEND;VALUE=DATE:20270701", "SUMMARY:换证",
        "DESCRIPTION:去办", "TRANSP:TRANSPARENT", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:换证", "TRIGGER:-P29DT15H", "END:VALARM",
        "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip


@pytest.mark.parametrize(("days", "trigger"), [(0, "PT9H"), (1, "-PT15H"), (2, "-P1DT15H"), (90, "-P89DT15H")])
def test_an_alarm_goes_off_so_many_days_before(days: int, trigger: str) -> None:
    assert read(calendar("x", [an_event(alarm_days=days)])).within[0].within[0].said["TRIGGER"] == trigger


def test_without_an_alarm_there_is_none_and_without_events_an_empty_calendar() -> None:
    assert read(calendar("x", [an_event(alarm_days=None)])).within[0].within == []
    assert read(calendar("x", [])).within == []


@given(texts, texts, texts)
def test_any_text_is_folded_and_escaped_so_that_a_strict_reader_reads_it_back(summary: str, description: str, name: str) -> None:
    description = f"{description}\n{summary};,\\"
    found = read(calendar(name, [an_event(summary=summary, description=description)]))
    event = found.within[0]
    assert (event.said["SUMMARY"], event.said["DESCRIPTION"], found.said["X-WR-CALNAME"]) == (summary, description, name)
    assert day_of(event) == date(2027, 6, 30)


def test_what_no_calendar_may_hold_becomes_a_blank() -> None:
    event = read(calendar("x", [an_event(summary="a\x00b\x1b\x7fc\r\nEND:VEVENT")])).within[0]
    assert event.said["SUMMARY"] == "a b  c\nEND:VEVENT"
