"""One function a field type: a raw JSON value → its canonical form, or the faults that keep it from being one.

A new field type is one function here and one row in `KINDS`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from licence_service import identifiers
from licence_service.errors import Fault
from licence_service.fields.declared import Column, Field
from licence_service.fields.text import comparison_form, fault_in

Found: TypeAlias = tuple[object, tuple[Fault, ...]]
Kind: TypeAlias = Callable[[Field, object, str], Found]

DEFAULT_LENGTH = 200
MOST_ROWS = 500
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_INTEGER = 2**53 - 1  # RFC 8785 numbers are IEEE doubles


def no(path: str, code: str, message: str) -> Found:
    """Return one fault in the shape of an answer."""
    return None, (Fault(path, code, message),)


def _text(value: object, path: str, most: int) -> Found:
    if not isinstance(value, str):
        return no(path, "not-text", "a text is wanted here")
    if found := fault_in(value):
        return no(path, *found)
    kept = value.strip()
    if not kept:
        return no(path, "empty", "a text is wanted here")
    if len(kept) > most:
        return no(path, "too-long", f"at most {most} characters")
    return kept, ()


def string(field: Field, value: object, path: str) -> Found:
    """Check one line, or a paragraph, of text; a `listed` one is a comma list of codes."""
    text, faults = _text(value, path, field.max_length or DEFAULT_LENGTH)
    if not isinstance(text, str):
        return None, faults
    if field.pattern and not re.fullmatch(field.pattern, text, re.ASCII):
        return no(path, "wrong-pattern", "the text has not the form of this field")
    if field.codes and field.listed and any(part not in field.codes for part in text.split(",")):
        return no(path, "unknown-code", "a code is not in the table of this field")
    return text, ()


def day(_field: Field, value: object, path: str) -> Found:
    """Check a calendar date, `YYYY-MM-DD`."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return no(path, "not-a-date", "a date is written YYYY-MM-DD")
    try:
        date.fromisoformat(value)
    except ValueError:
        return no(path, "not-a-date", "there is no such day in the calendar")
    if not "1900" <= value[:4] <= "2199":
        return no(path, "not-a-date", "the year must lie between 1900 and 2199")
    return value, ()


def integer(field: Field, value: object, path: str) -> Found:
    """Check a whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST_INTEGER:
        return no(path, "not-an-integer", "a whole number is wanted here")
    return _bounded(field, Decimal(value), path) or (value, ())


def decimal(field: Field, value: object, path: str) -> Found:
    """Check a decimal number, which is written as text so that its digits stay as given."""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        return no(path, "not-a-decimal", "a decimal number is written as text, such as 35.060")
    if len(value.partition(".")[2]) > field.decimals:
        return no(path, "too-precise", f"at most {field.decimals} decimals")
    return _bounded(field, Decimal(value), path) or (value, ())


def _bounded(field: Field, number: Decimal, path: str) -> Found | None:
    if field.minimum is not None and number < field.minimum:
        return no(path, "too-small", f"at least {field.minimum}")
    if field.maximum is not None and number > field.maximum:
        return no(path, "too-large", f"at most {field.maximum}")
    return None


def enum(field: Field, value: object, path: str) -> Found:
    """Check one code of the field's table."""
    if not isinstance(value, str) or value not in (field.codes or {}):
        return no(path, "unknown-code", "the code is not in the table of this field")
    return value, ()


def multi_enum(field: Field, value: object, path: str) -> Found:
    """Check a list of different codes; the canonical order is the table's."""
    codes = field.codes or {}
    if not isinstance(value, list) or not value:
        return no(path, "not-a-list", "a list of codes is wanted here")
    faults = tuple(
        Fault(f"{path}[{place}]", "unknown-code", "the code is not in the table of this field")
        for place, code in enumerate(value[: len(codes) + 1])
        if not isinstance(code, str) or code not in codes
    )
    if faults:
        return None, faults
    if len(value) > len(codes) or len(set(value)) != len(value):
        return no(path, "repeated", "a code stands twice in the list")
    return [code for code in codes if code in value], ()


def _structured(test: Callable[[str], bool], value: object, path: str, code: str, message: str) -> Found:
    """Check a number with a structure of its own; full-width and lower-case forms are read as the standard's."""
    text, faults = _text(value, path, 40)
    if not isinstance(text, str):
        return None, faults
    canonical = comparison_form(text)
    return (canonical, ()) if test(canonical) else no(path, code, message)


def citizen_id(_field: Field, value: object, path: str) -> Found:
    """Check a citizen ID number (GB 11643)."""
    return _structured(identifiers.is_citizen_id, value, path, "bad-check-digit", "structure or check digit is not that of GB 11643")


def uscc(_field: Field, value: object, path: str) -> Found:
    """Check a unified social credit code (GB 32100)."""
    return _structured(identifiers.is_uscc, value, path, "bad-check-digit", "structure or check digit is not that of GB 32100")


def plate(_field: Field, value: object, path: str) -> Found:
    """Check a number plate (GA 36)."""
    return _structured(identifiers.is_plate, value, path, "wrong-structure", "structure is not that of a number plate")


def vin(_field: Field, value: object, path: str) -> Found:
    """Check a vehicle identification number (GB 16735)."""
    return _structured(identifiers.is_vin, value, path, "bad-check-digit", "structure or check digit is not that of GB 16735")


def ship_id(_field: Field, value: object, path: str) -> Found:
    """Check a ship identification number."""
    return _structured(identifiers.is_ship_id, value, path, "wrong-structure", "a ship identification number is CN and 11 digits")


def image(_field: Field, value: object, path: str) -> Found:
    """Check the digest of a photo; the JPEG itself came beside the face and was checked there."""
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        return no(path, "no-photo", "the photo is sent under `photos`, as base64 JPEG")
    return value, ()


def table(field: Field, value: object, path: str) -> Found:
    """Check rows of named cells."""
    if not isinstance(value, list) or not value or len(value) > MOST_ROWS:
        return no(path, "not-rows", f"a list of 1 to {MOST_ROWS} rows is wanted here")
    columns = field.columns or {}
    rows: list[dict[str, object]] = []
    faults: list[Fault] = []
    for place, row in enumerate(value):
        where = f"{path}[{place}]"
        if not isinstance(row, Mapping):
            faults.append(Fault(where, "not-a-row", "a row is an object of named cells"))
            continue
        if any(name not in columns for name in row):
            faults.append(Fault(where, "unknown-column", "a row has a column that this table has not"))
        cells = {name: _cell(column, row.get(name), f"{where}.{name}") for name, column in columns.items()}
        faults += [fault for _, found in cells.values() for fault in found]
        rows.append({name: cell for name, (cell, _) in cells.items() if cell is not None})
    return (None, tuple(faults)) if faults else (rows, ())


def _cell(column: Column, value: object, path: str) -> Found:
    if value is None or value == "":
        return no(path, "missing", "this cell must be filled") if column.required else (None, ())
    text, faults = _text(value, path, column.max_length)
    if not faults and column.codes and text not in column.codes:
        return no(path, "unknown-code", "the text is not in the list of this column")
    if not faults and column.type == "ship_id" and not identifiers.is_ship_id(str(text)):
        return no(path, "wrong-structure", "a ship identification number is CN and 11 digits")
    return text, faults


KINDS: Mapping[str, Kind] = {
    "string": string,
    "text": string,
    "date": day,
    "integer": integer,
    "decimal": decimal,
    "enum": enum,
    "multi_enum": multi_enum,
    "citizen_id": citizen_id,
    "uscc": uscc,
    "plate": plate,
    "vin": vin,
    "ship_id": ship_id,
    "image": image,
    "table": table,
}
