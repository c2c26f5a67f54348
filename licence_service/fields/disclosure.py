"""What an asker sees of a face (DOMAIN §2d)."""

from collections.abc import Mapping

from licence_service.fields.declared import Asker, Field, Shown
from licence_service.fields.face import Face, Value

STAR = "＊"
_WIDE = 8


def disclose(fields: Mapping[str, Field], face: Face, asker: Asker) -> Mapping[str, Value]:
    """Return the part of the face that this kind of asker may see, masked where the template says so.

    `match` and `none` give nothing: a match is asked for, never shown.
    """
    seen: dict[str, Value] = {}
    for name, value in face.items():
        shown = fields[name].disclose.get(asker) if name in fields else None
        if shown is Shown.FULL:
            seen[name] = value
        elif shown is Shown.MASKED and isinstance(value, str):
            seen[name] = mask(value)
        elif shown is Shown.SURNAME and isinstance(value, str):
            seen[name] = f"{value[:1]}师傅"
    return seen


def mask(text: str) -> str:
    """Hide most of a name or a number.

    Up to eight characters (names): the first stays. Longer ones (numbers): the first three and the last two stay.
    The result never contains the original.
    """
    if len(text) <= _WIDE:
        return text[:1] + STAR * (len(text) - 1) if len(text) > 1 else STAR
    return text[:3] + STAR * (len(text) - 5) + text[-2:]
