"""From contents with placeholders to the words on the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

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
    said: list[str] = []
    named: list[str] = []
    present = 0
    for before, name, form in _parts(content):
        said.append(before)
        if name.startswith("$"):
            word = words.get(name, "")
            said.append(word)
            present += bool(word)
        elif name:
            named.append(name)
            present += name in face
            said.append(formatted(fields[name], face[name], form) if name in face else absent)
    return Worded("".join(said) if present or not named else absent, tuple(named), present)


@lru_cache(maxsize=4096)
def _parts(content: str) -> tuple[tuple[str, str, str | None], ...]:
    """Return the words before each placeholder with its name and form; the words after the last have no name."""
    pieces = PLACEHOLDER.split(content)
    return (*zip(pieces[0:-1:3], pieces[1::3], pieces[2::3], strict=True), (pieces[-1], "", None))


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
