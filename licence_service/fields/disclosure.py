"""What an asker sees of a face: the one place where the disclosure matrix acts (DOMAIN §2d; docs/disclosure.md)."""

from collections.abc import Mapping

from licence_service.fields.declared import Asker, Field, Shown
from licence_service.fields.face import Face, Value

STAR = "＊"
_WIDE = 8


def disclose(fields: Mapping[str, Field], face: Face, asker: Asker, *, on_reason: bool = False) -> Mapping[str, Value]:
    """Return the part of the face that this kind of asker may see, masked where the template says so.

    `match` and `none` give nothing: a match is asked for, never shown. `on_reason` says that the asker gave a reason that opens
    identity numbers and addresses (SH-11); without one an identity number is masked and an address absent.
    """
    seen: dict[str, Value] = {}
    for name, value in face.items():
        shown = _shown(fields[name].disclose.get(asker), on_reason=on_reason) if name in fields else None
        if shown is Shown.FULL:
            seen[name] = value
        elif shown is Shown.MASKED and isinstance(value, str):
            seen[name] = mask(value)
        elif shown is Shown.SURNAME and isinstance(value, str):
            seen[name] = f"{value[:1] if len(value) > 1 else STAR}师傅"
    return seen


def _shown(declared: Shown | None, *, on_reason: bool) -> Shown | None:
    """Return what a declaration comes to with, or without, a reason that opens personal data."""
    if declared is Shown.MASKED_ON_REASON:
        return Shown.FULL if on_reason else Shown.MASKED
    if declared is Shown.ON_REASON:
        return Shown.FULL if on_reason else Shown.NONE
    return declared


def mask(text: str) -> str:
    """Hide most of a name or a number.

    Up to eight characters, and any text without a digit (names, however long): the first stays. Longer ones with digits (numbers):
    the first three and the last two stay. The result never contains the original.
    """
    if len(text) <= _WIDE or not any(character.isdigit() for character in text):
        return text[:1] + STAR * (len(text) - 1) if len(text) > 1 else STAR
    return text[:3] + STAR * (len(text) - 5) + text[-2:]
