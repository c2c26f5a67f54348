"""A strict reader of calendar files, from RFC 5545 alone: it corrects nothing and refuses whatever is not in order."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime

_LINE = re.compile(r"(?P<name>[A-Z][A-Z0-9-]*)(?P<given>(;[A-Z][A-Z0-9-]*=[^;:\"]+)*):(?P<value>.*)")
_TRIGGER = re.compile(r"-?P(\d+D)?(T\d+H)?")
_ONCE = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION"}
_TEXTS = {"SUMMARY", "DESCRIPTION", "UID", "X-WR-CALNAME"}


@dataclass
class Component:
    """A component: its properties in order, and those within it."""

    name: str
    said: dict[str, str] = field(default_factory=dict)
    within: list["Component"] = field(default_factory=list)


def lines_of(content: bytes) -> list[str]:
    """Return the content lines, unfolded; every physical line ends with CRLF and has 75 octets at most, and is UTF-8 by itself."""
    assert content.endswith(b"\r\n")
    physical = content[:-2].split(b"\r\n")
    for line in physical:
        assert len(line) <= 75, line
        assert b"\n" not in line
        assert b"\r" not in line
        line.decode()  # no character is cut
    found: list[str] = []
    for line in physical:
        if line.startswith(b" "):
            found[-1] += line[1:].decode()
        else:
            found.append(line.decode())
    return found


def read(content: bytes) -> Component:
    """Return the calendar of a file."""
    lines = lines_of(content)
    assert lines[0] == "BEGIN:VCALENDAR"
    calendar, rest = _component(lines[1:], "VCALENDAR")
    assert rest == []
    assert calendar.said["VERSION"] == "2.0"
    assert calendar.said["PRODID"]
    uids = [event.said["UID"] for event in calendar.within]
    assert len(uids) == len(set(uids))
    for event in calendar.within:
        _check(event)
    return calendar


def _component(lines: list[str], name: str) -> tuple[Component, list[str]]:
    found = Component(name)
    while lines:
        line, lines = lines[0], lines[1:]
        matched = _LINE.fullmatch(line)
        assert matched, line
        said, value = matched["name"] + matched["given"], matched["value"]
        if said == "END":
            assert value == name
            return found, lines
        if said == "BEGIN":
            inner, lines = _component(lines, value)
            found.within.append(inner)
        else:
            assert said not in found.said, f"{said} twice"
            found.said[said] = _text(value) if matched["name"] in _TEXTS else value
    raise AssertionError(f"{name} has no end")


def _text(value: str) -> str:
    """Undo the escapes; a bare comma or semicolon is none of a single text."""
    assert not re.search(r"(?<!\\)(\\\\)*[,;]", value), value
    assert not re.search(r"(?<!\\)(\\\\)*\\[^\\;,nN]", value), value
    return re.sub(r"\\(.)", lambda one: "\n" if one[1] in "nN" else one[1], value)


def _check(event: Component) -> None:
    assert event.name == "VEVENT"
    names = [name.partition(";")[0] for name in event.said]
    assert {*names} >= _ONCE
    assert len(names) == len(set(names))
    datetime.strptime(event.said["DTSTAMP"], "%Y%m%dT%H%M%S%z")
    first, last = (_day(event.said[f"{name};VALUE=DATE"]) for name in ("DTSTART", "DTEND"))
    assert (last - first).days == 1
    for alarm in event.within:
        assert alarm.name == "VALARM"
        assert alarm.said["ACTION"] == "DISPLAY"
        assert "DESCRIPTION" in alarm.said
        assert _TRIGGER.fullmatch(alarm.said["TRIGGER"]), alarm.said["TRIGGER"]
        assert alarm.said["TRIGGER"] not in {"P", "-P"}


def _day(value: str) -> date:
    return datetime.strptime(f"{value}+0000", "%Y%m%d%z").date()


def day_of(event: Component) -> date:
    """Return the day of an event."""
    return _day(event.said["DTSTART;VALUE=DATE"])
