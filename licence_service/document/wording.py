"""From contents with placeholders to the words on the page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from licence_service.fields import Face, Field, Value, printed
from licence_service.page import PLACEHOLDER
from licence_service.template import Template

STATE, STATE_EN = "中华人民共和国", " of the People's Republic of China"
_DAY = "{0.year}年{0.month}月{0.day}日"


@dataclass(frozen=True, slots=True)
class Worded:
    """A text, the fields it shows, and how many of its placeholders had a value."""

    text: str
    fields: tuple[str, ...]
    present: int


def worded(content: str, fields: Mapping[str, Field], face: Face, words: Mapping[str, str], absent: str) -> Worded:
    """Fill a content; a field without a value gives `absent`, several of them alone give it once."""
    named: list[str] = []
    present = 0

    def fill(match: re.Match[str]) -> str:
        nonlocal present
        name, form = match[1], match[2]
        if name.startswith("$"):
            text = words.get(name, "")
            present += bool(text)
            return text
        named.append(name)
        if name not in face:
            return absent
        present += 1
        return formatted(fields[name], face[name], form)

    text = PLACEHOLDER.sub(fill, content)
    if named and not present:
        text = absent
    return Worded(text, tuple(named), present)


def formatted(field: Field, value: Value, form: str | None = None) -> str:
    """Return a value as it stands on the page: `bare` without its unit, `iso` as a date of a table."""
    if form == "iso" and field.type == "date":
        return str(value)
    text = printed(field, value)
    return text.removesuffix(f" {field.unit}") if form == "bare" and field.unit else text


def dated(day: date) -> str:
    """Return a day as a face prints it."""
    return _DAY.format(day)


def title_words(template: Template, family_label: str) -> dict[str, str]:
    """Return the words of a template's name; a name that begins with the state's is split (LOOK §3)."""
    zh, en = template.title.zh, template.title.en
    state = STATE if zh.startswith(STATE) and zh != STATE else ""
    en = en.removesuffix(STATE_EN)
    en = en.partition(" (")[0] if en.endswith(")") else en
    return {
        "$state": state,
        "$title": zh.removeprefix(state),
        "$title_en": en.upper(),
        "$category": template.category,
        "$family": family_label,
    }
