"""How a canonical value is written for people (LOOK §3)."""

from collections.abc import Mapping
from datetime import date

from licence_service.fields.declared import Field
from licence_service.fields.face import Value

EMPTY = "—"  # an empty optional value, LOOK §10
_UNGROUPED = 9999  # larger numbers stand in groups of three, LOOK §3
OPEN_END = "长期"  # no end date, LOOK §10


def printed(field: Field, value: Value | None) -> str:
    """Return the text of a value on the face; lists are joined with the full-width semicolon.

    Dates are 2026年4月1日 without padding, codes their labels, thousands separated by a space.
    Tables have no single text: they are placed row by row.
    """
    if value is None:
        return EMPTY
    if field.type == "date":
        day = date.fromisoformat(str(value))
        return f"{day.year}年{day.month}月{day.day}日"
    if field.type == "integer":
        text = f"{value:,}".replace(",", " ") if isinstance(value, int) and abs(value) > _UNGROUPED else str(value)
    elif isinstance(value, list):
        return "；".join((field.codes or {}).get(code, code) for code in value if isinstance(code, str))
    elif field.codes and not field.listed:
        text = field.codes.get(str(value), str(value))
    else:
        text = str(value)
    return f"{text} {field.unit}" if field.unit else text


def printed_row(fields: Mapping[str, Field], facts: Mapping[str, Value]) -> Mapping[str, str]:
    """Return the texts of an endorsement's facts; dates in tables are ISO (LOOK §3)."""
    return {name: str(facts[name]) if field.type == "date" and name in facts else printed(field, facts.get(name)) for name, field in fields.items()}
