"""The JSON Schema of a face, made from its template; what approval systems build their forms and checks from."""

from typing import Any

from licence_service.fields import Field
from licence_service.template import Template

_PATTERNS = {
    "date": r"^\d{4}-\d{2}-\d{2}$",
    "citizen_id": r"^[1-9]\d{16}[0-9X]$",
    "uscc": r"^[0-9A-HJ-NPQRTUWXY]{18}$",
    "vin": r"^[A-HJ-NPR-Z0-9]{17}$",
    "ship_id": r"^CN\d{11}$",
    "decimal": r"^-?\d+(\.\d+)?$",
}


def face_schema(template: Template) -> dict[str, Any]:
    """Return a draft 2020-12 schema; what no schema can say (check characters, term rules) is checked by the service.

    Computed fields may be absent: the end date where the term rule gives it, and the issuer.
    """
    computed = {template.issuer_field} | ({template.term.end} if template.term.rule in {"exact", "default"} else set())
    asked = {name: field for name, field in template.fields.items() if field.type != "image"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": template.title.en,
        "description": template.title.zh,
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, field in asked.items() if field.required and name not in computed],
        "properties": {name: _property(field) for name, field in asked.items()},
    }


def _property(field: Field) -> dict[str, Any]:
    said: dict[str, Any] = {"title": field.label, "description": " · ".join(text for text in (field.label_en, field.unit, field.note) if text)}
    codes = field.codes or {}
    if field.type == "integer":
        said |= {"type": "integer"}
    elif field.type == "multi_enum":
        said |= {"type": "array", "items": {"enum": list(codes)}, "uniqueItems": True}
    elif field.type == "enum":
        said |= {"enum": list(codes)}
    elif field.type == "table":
        columns = field.columns or {}
        row = {
            "type": "object", "additionalProperties": False, "required": [name for name, one in columns.items() if one.required],
            "properties": {name: {"type": "string", "title": one.label, "maxLength": one.max_length} for name, one in columns.items()},
        }  # fmt: skip
        said |= {"type": "array", "items": row}
    else:
        said |= {"type": "string", "maxLength": field.max_length or 200}
        pattern = f"^(?:{field.pattern})$" if field.pattern else _PATTERNS.get(field.type)
        if pattern:
            said["pattern"] = pattern
    bounds = {"minimum": field.minimum, "maximum": field.maximum} if field.type == "integer" else {}
    if codes and field.type != "table" and not field.listed:
        said["x-labels"] = dict(codes)
    return said | {name: value for name, value in bounds.items() if value is not None}
