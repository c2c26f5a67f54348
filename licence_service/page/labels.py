"""Which fields a printed label speaks for: the rule by which a page may shorten and join labels (DOMAIN M10).

A page may print a field's label as declared, or without its unit in brackets, or, for fields that stand together,
what their labels have in common: 有效期 for 有效期起 and 有效期止, 车辆长×宽×高 for 车辆长, 车辆宽 and 车辆高.
Nothing else, so that a reader of the finished page can tell from the label alone whose value must stand there.
"""

import re
from collections.abc import Mapping

from licence_service.fields import Field

JOINT = "×"
_UNIT = re.compile(r"（[^）]*）$")
_ENDS = ("起", "止")


def short(label: str) -> str:
    """Return a label without its unit or remark in brackets."""
    return _UNIT.sub("", label)


class LabelBook:
    """The labels of a type, each with the fields whose values must stand at it."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        """Take the fields; where two carry the same label, the first one counts."""
        backwards = list(fields.items())[::-1]
        self._whole = {field.label: (name,) for name, field in backwards}
        self._short = {short(field.label): name for name, field in backwards}

    def fields_of(self, label: str) -> tuple[str, ...]:
        """Return the fields in the order in which their values must stand; none where the label is no field's."""
        plain = short(label)
        if label in self._whole:
            return self._whole[label]
        if plain in self._short:
            return (self._short[plain],)
        first, *others = plain.split(JOINT)
        words = [first, *(first[: -len(other)] + other for other in others)] if others else [first + end for end in _ENDS]
        return tuple(self._short[word] for word in words) if all(word in self._short for word in words) else ()


def fields_of(label: str, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Return the fields whose values must stand at one label."""
    return LabelBook(fields).fields_of(label)
