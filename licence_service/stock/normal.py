"""From the spelling of an old system to the canonical one, where both say the same: widths, blanks, days, labels of codes. Pure.

Nothing is guessed here: what cannot be read stays as it is and is named by the rules.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from licence_service.errors import RequestRejected
from licence_service.fields import Field, comparison_form
from licence_service.json_object import parse_object

_WIDE = {0xFF10 + place: 0x30 + place for place in range(10)} | {0xFF21 + place: 0x41 + place for place in range(26)}
_WIDE |= {0xFF41 + place: 0x61 + place for place in range(26)} | {0x3000: 0x20, 0xA0: 0x20}
_BLANKS = re.compile(r"[ \t\r\n]+")
_BETWEEN_IDEOGRAPHS = re.compile(r"(?<=[\u3400-\u9fff]) +(?=[\u3400-\u9fff])")
_DAY = re.compile(r"(\d{4}) ?(?:[-/.]|年) ?(\d{1,2}) ?(?:[-/.]|月) ?(\d{1,2}) ?日?(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d*)?)?)?")
_BARE_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NUMERALS = {character: str(place) for place, character in enumerate("〇一二三四五六七八九")} | {"零": "0", "○": "0", "Ｏ": "0"}
_SPLIT = re.compile(r"[、,，;；|/]")
_OPEN_ENDED = frozenset({"长期", "永久", "长期有效", "无固定期限", "/", "-", "—", "无"})
_CODED = frozenset({"citizen_id", "uscc", "plate", "vin", "ship_id"})


def normal(field: Field, cell: object, formats: Sequence[str] = ()) -> object:
    """Return the value of a field as its type writes it; `formats` are further spellings of days, as `strptime` names them.

    None where the cell says that there is nothing. What is no text (NDJSON) is left to the rules.
    """
    if not isinstance(cell, str):
        return cell
    text = _BLANKS.sub(" ", cell.translate(_WIDE)).strip()
    if not text:
        return None
    if field.type == "date":
        return day(text, formats)
    if field.type in _CODED:
        return comparison_form(text)
    if field.type in {"enum", "multi_enum"}:
        parts = [_code(field.codes or {}, part.strip()) for part in _SPLIT.split(text) if part.strip()]
        return parts if field.type == "multi_enum" else _code(field.codes or {}, text)
    if field.type in {"integer", "decimal", "table"}:
        return _rows(text) if field.type == "table" else _number(field, text)
    return comparison_form(text) if field.type == "string" and field.pattern else _BETWEEN_IDEOGRAPHS.sub("", text)


def day(text: str, formats: Sequence[str] = ()) -> str | None:
    """Return a day as YYYY-MM-DD; None for "for ever" (长期) and for a dash; a text that is no day as it came."""
    spaced = unicodedata.normalize("NFKC", text)
    bare = spaced.replace(" ", "")
    if bare in _OPEN_ENDED:
        return None
    for way in formats:
        try:
            return datetime.strptime(text, way).date().isoformat()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
    match = _DAY.fullmatch(spaced) or _BARE_DAY.fullmatch(bare) or _DAY.fullmatch(_western(bare))
    if match:
        try:
            return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
        except ValueError:
            return text
    return text


def _western(text: str) -> str:
    """Return a day in Chinese numerals (二〇二四年三月十五日) with digits; any other text as good as unchanged."""
    parts = re.fullmatch(r"([〇零○一二三四五六七八九]{4})年([〇一二三四五六七八九十]{1,3})月([〇一二三四五六七八九十]{1,3})日", text)
    if not parts:
        return text
    year = "".join(_NUMERALS[one] for one in parts[1])
    return f"{year}年{_tens(parts[2])}月{_tens(parts[3])}日"


def _tens(text: str) -> str:
    """Return 十 to 九十九 in digits."""
    tens, ten, ones = text.rpartition("十") if "十" in text else ("", "", text)
    digits = "".join(_NUMERALS.get(one, "") for one in ones)
    return str((int(_NUMERALS.get(tens, "1")) * 10 if ten else 0) + int(digits or "0"))


def _rows(text: str) -> object:
    """Return the rows of a table, which a cell holds as JSON; the text where it is none."""
    try:
        return parse_object(f'{{"rows": {text}}}'.encode())["rows"]
    except RequestRejected:
        return text


def _number(field: Field, text: str) -> object:
    bare = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "")
    if field.type == "integer" and re.fullmatch(r"-?\d{1,15}(?:\.0+)?", bare, re.ASCII):
        return int(bare.partition(".")[0])
    return bare


def _code(codes: Mapping[str, str], text: str) -> str:
    """Return a code: itself, or the one whose label this is; the text where it is neither."""
    if text in codes:
        return text
    wanted = comparison_form(text)
    return next((code for code, label in codes.items() if wanted in (comparison_form(label), comparison_form(code))), text)


def eighteen_digits(old: str) -> str:
    """Return the 18 characters that GB 11643-1999 makes of a number of 15 digits: the century 19 and a check character."""
    body = f"{old[:6]}19{old[6:]}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


def shown(value: object) -> str:
    """Return a value as it stands in a cell that people put right and give back."""
    if value is None:
        return ""
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return json.dumps(value, ensure_ascii=False)
    return "、".join(str(one) for one in value) if isinstance(value, list) else str(value)
