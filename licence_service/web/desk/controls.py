"""Forms made of declared fields: what a template, or a kind of endorsement, says of a field becomes a control, and what was typed a raw value again."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from licence_service.envelope import PHOTO_BYTES
from licence_service.errors import Fault
from licence_service.fields import Field
from licence_service.template import Template
from licence_service.web.desk_words import fault_words
from licence_service.web.sent import Sent

INTEGER = re.compile(r"-?[0-9]{1,15}")  # what JSON numbers hold exactly; anything else stays a text, and is named as a fault
_KINDS = {
    "text": "area", "date": "date", "integer": "number", "decimal": "number", "enum": "select", "multi_enum": "boxes", "image": "photo", "table": "table",
}  # fmt: skip
_LONG = 120  # characters from which a text is given more than a line
_SPARE = 2  # empty rows at the end of a table; pressing preview gives more
_HINTS: Mapping[str, tuple[str, str]] = {
    "citizen_id": ("18 位公民身份号码", "18 characters"), "uscc": ("18 位统一社会信用代码", "18 characters"), "plate": ("如 川A12345", "such as 川A12345"),
    "vin": ("17 位车辆识别代号", "17 characters"), "ship_id": ("CN 加 11 位数字", "CN and 11 digits"), "decimal": ("小数用点号", "with a point"),
    "image": ("JPEG，不超过 60 kB", "JPEG of at most 60 kB"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Control:
    """One field of a form. `value` is a text, of boxes the ticked codes, of a table its rows, of a photo its base64."""

    name: str
    kind: str
    zh: str
    en: str
    value: Any = field(default="", repr=False)
    required: bool = False
    hint: tuple[str, str] | None = None
    note: str = ""
    options: Sequence[tuple[str, str]] = ()
    columns: Sequence[Mapping[str, Any]] = ()
    most: int = 200
    faults: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Controls that belong together."""

    zh: str
    en: str
    controls: Sequence[Control]


def said_of(faults: Iterable[Fault], *paths: str) -> list[tuple[str, str]]:
    """Return the words of the faults at some places, and within them."""
    found = [one for one in faults if any(one.path == path or one.path.startswith((f"{path}.", f"{path}[")) for path in paths)]
    return list(dict.fromkeys((fault_words(one.code), one.message) for one in found))


def control(name: str, declared: Field, value: object, faults: Iterable[Fault], *paths: str, required: bool | None = None) -> Control:
    """Return the control of a declared field with what stands in it."""
    kind = _KINDS.get(declared.type, "text")
    if kind == "text" and (declared.max_length or 0) > _LONG:
        kind = "area"
    unit = f"（{declared.unit}）" if declared.unit and declared.unit not in declared.label else ""
    columns = [
        {"name": key, "zh": one.label, "en": one.label_en or key.replace("_", " "), "codes": one.codes, "most": one.max_length}
        for key, one in (declared.columns or {}).items()
    ]
    return Control(
        name, kind, declared.label + unit, declared.label_en or name.rpartition(".")[2].replace("_", " "), _shown(kind, value, columns),
        declared.required if required is None else required, _HINTS.get(declared.type), declared.note,
        () if declared.listed else list((declared.codes or {}).items()), columns, declared.max_length or 200, said_of(faults, *paths),
    )  # fmt: skip


def _shown(kind: str, value: object, columns: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - what the page shows
    if kind == "boxes":
        return value if isinstance(value, list) else []
    if kind == "table":
        rows = [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
        empty = {str(one["name"]): "" for one in columns}
        return [{**empty, **row} for row in (*rows, *([{}] * _SPARE))]
    return "" if value is None else str(value)


def groups(template: Template, names: Iterable[str], face: Mapping[str, object], photos: Mapping[str, str], faults: Sequence[Fault]) -> list[Group]:
    """Return the form of a template's fields in its own order: what the licence says, its number and term, its photos."""
    term = {template.number.field, template.number.prefix_field, template.term.start, template.term.end, template.issued_field, template.issuer_field}
    computed = {template.issuer_field, *({template.term.end} if template.term.rule in {"exact", "default"} else ())}
    parts: dict[str, list[Control]] = {"face": [], "term": [], "photo": []}
    for name in names:
        declared = template.fields[name]
        part = "photo" if declared.type == "image" else "term" if name in term else "face"
        value = photos.get(name, "") if part == "photo" else face.get(name)
        made = control(f"face.{name}", declared, value, faults, f"face.{name}", f"photos.{name}", required=declared.required and name not in computed)
        parts[part].append(made)
    words = {"face": ("证照内容", "What it says"), "term": ("编号与期限", "Number and term"), "photo": ("照片", "Photo")}
    return [Group(*words[part], made) for part, made in parts.items() if made]


def raw(fields: Mapping[str, Field], sent: Sent, prefix: str = "face") -> dict[str, Any]:
    """Return what was typed as a request says it; what is empty is left out."""
    found: dict[str, Any] = {}
    for name, declared in fields.items():
        place = f"{prefix}.{name}"
        value: Any = sent.text(place, 5000) if declared.type not in {"multi_enum", "table", "image"} else None
        if declared.type == "integer" and isinstance(value, str) and INTEGER.fullmatch(value):
            value = int(value)
        elif declared.type == "multi_enum":
            value = [one for one in sent.texts.get(place, ()) if one]
        elif declared.type == "table":
            value = _rows(declared, sent, place)
        if value not in (None, "", []):
            found[name] = value
    return found


def _rows(declared: Field, sent: Sent, place: str) -> list[dict[str, str]]:
    """Return the rows in which anything stands, in their order."""
    row = re.compile(re.escape(place) + r"\.([0-9]{1,3})\.[a-z_]+")
    numbers = {int(found[1]) for name in sent.texts if (found := row.fullmatch(name))}
    rows = [{column: sent.text(f"{place}.{number}.{column}") for column in declared.columns or {}} for number in sorted(numbers)]
    return [{column: cell for column, cell in row.items() if cell} for row in rows if any(row.values())]


def photos(fields: Mapping[str, Field], sent: Sent) -> dict[str, str]:
    """Return the photos as base64: the file that was chosen, else the one that an earlier press of a button brought."""
    found = {}
    for name, declared in fields.items():
        if declared.type != "image":
            continue
        content = sent.files.get(f"face.{name}")
        kept = sent.text(f"kept.{name}", PHOTO_BYTES * 2)
        if content:
            found[name] = base64.b64encode(content).decode()
        elif kept and _is_base64(kept):
            found[name] = kept
    return found


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def decision_controls(said: Mapping[str, str], faults: Sequence[Fault]) -> list[Control]:
    """Return the decision behind what is entered: without its number nothing is sealed (AI-02)."""
    rows = (
        ("number", "text", "决定文号", "Decision number", 100), ("organ", "text", "决定机关", "Deciding organ", 100),
        ("decided_on", "date", "决定日期", "Decided on", 10), ("legal_basis", "area", "法律依据", "Legal basis", 300),
        ("officer", "text", "承办人", "Officer", 50),
    )  # fmt: skip
    return [
        Control(f"decision.{name}", kind, zh, en, said.get(name, ""), required=True, most=most, faults=said_of(faults, f"decision.{name}"))
        for name, kind, zh, en, most in rows
    ]


def decision(sent: Sent) -> dict[str, str]:
    """Return the decision as it was typed."""
    found = {name: sent.text(f"decision.{name}") for name in ("number", "organ", "decided_on", "legal_basis", "officer")}
    return {name: text for name, text in found.items() if text}


def elsewhere(faults: Iterable[Fault], shown: Iterable[Control]) -> list[tuple[str, str]]:
    """Return the words of faults that stand at no control."""
    at_controls = {said for one in shown for said in one.faults}
    return [said for said in dict.fromkeys((fault_words(one.code), one.message) for one in faults) if said not in at_controls]
