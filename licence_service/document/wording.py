"""From contents with placeholders to the words on the page."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

from licence_service.fields import Face, Field, Value, printed
from licence_service.frozen import dataclass
from licence_service.page import PLACEHOLDER
from licence_service.template import Template

STATE, STATE_EN = "中华人民共和国", " of the People's Republic of China"
_DAY = "{0.year}年{0.month}月{0.day}日"
_OF_FEW_TEXTS = frozenset({"date", "enum", "multi_enum"})
_FEW_WORDS = frozenset({"$version", "$edition", "$page", "$pages", "$host", "$part", "$title", "$title_en", "$state", "$category", "$family"})
_FEW_OF_ROWS = frozenset({"$n", "$kind", "$accepted_by", "$occurred_on", "$role"})
MOST_TEXTS = 1024  # of one phrase that stay at hand
_AS_THEY_ARE = frozenset({"string", "text", "citizen_id", "uscc", "plate", "vin", "ship_id"})  # types that `printed` writes as they are


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


class Phrase:
    """A content read once, to be filled again and again; it says what `worded` says.

    `alone` says that it is nothing but one value, `few` that it has few texts on all licences: codes, dates, numbers of pages.
    """

    __slots__ = ("_as_it_is", "_known", "_last", "_parts", "_sole", "alone", "few")

    def __init__(self, content: str, fields: Mapping[str, Field]) -> None:
        """Take the content and the fields that it may name."""
        *parts, (self._last, _, _) = _parts(content)
        self._parts = [(before, name, None if name.startswith("$") else fields[name], form) for before, name, form in parts]
        declared = [field for _, _, field, _ in self._parts if field]
        self.alone = len(parts) == 1 and len(declared) == 1 and not self._last and not parts[0][0]
        self.few = all(name in _FEW_WORDS | _FEW_OF_ROWS if field is None else field.type in _OF_FEW_TEXTS for _, name, field, _ in self._parts)
        self._as_it_is = parts[0][1] if self.alone and _is_plain(declared[0]) else ""
        self._sole = parts[0][1] if len(parts) == 1 and declared else ""
        self._known: dict[object, str] = {}  # where there are few texts, by their values

    def whole(self, face: Face, words: Mapping[str, str]) -> str | None:
        """Return the text, or None where a field has no value."""
        if self._as_it_is:
            value = face.get(self._as_it_is)
            return value if value is None or type(value) is str else str(value)
        if not self.few:
            return self._said(face, words)
        key: object
        if self._sole:
            key = str(face.get(self._sole))
        else:
            key = tuple([words.get(name) if field is None else str(face.get(name)) for _, name, field, _ in self._parts])
        text = self._known.get(key)
        if text is None:
            text = self._said(face, words)
            if text is not None and len(self._known) < MOST_TEXTS:
                self._known[key] = text
        return text

    def _said(self, face: Face, words: Mapping[str, str]) -> str | None:
        text = ""
        for before, name, field, form in self._parts:
            if field is None:
                text += before + words.get(name, "")
            elif name in face:
                text += before + formatted(field, face[name], form)
            else:
                return None
        return text + self._last


@lru_cache(maxsize=4096)
def _parts(content: str) -> tuple[tuple[str, str, str | None], ...]:
    """Return the words before each placeholder with its name and form; the words after the last have no name."""
    pieces = PLACEHOLDER.split(content)
    return (*zip(pieces[0:-1:3], pieces[1::3], pieces[2::3], strict=True), (pieces[-1], "", None))


def formatted(field: Field, value: Value, form: str | None = None) -> str:
    """Return a value as it stands on the page: `bare` without its unit, `iso` as a date of a table."""
    if form == "iso" and field.type == "date":
        return str(value)
    if type(value) is str and _is_plain(field):
        return value
    text = printed(field, value)
    return text.removesuffix(f" {field.unit}") if form == "bare" and field.unit else text


def _is_plain(field: Field) -> bool:
    """Say whether `printed` writes the texts of a field as they are."""
    return field.type in _AS_THEY_ARE and not field.unit and not field.codes


def dated(day: date) -> str:
    """Return a day as a face prints it."""
    return _DAY.format(day)


def title_words(template: Template, family_label: str) -> Mapping[str, str]:
    """Return the words of a template's name; a name that begins with the state's is split (LOOK §3)."""
    return _title_words(template.title.zh, template.title.en, template.category, family_label)


@lru_cache(maxsize=256)
def _title_words(zh: str, en: str, category: str, family_label: str) -> Mapping[str, str]:
    state = STATE if zh.startswith(STATE) and zh != STATE else ""
    en = en.removesuffix(STATE_EN)
    en = en.partition(" (")[0] if en.endswith(")") else en
    words = {"$state": state, "$title": zh.removeprefix(state), "$title_en": en.upper(), "$category": category, "$family": family_label}
    return MappingProxyType(words)  # shared by all pages
