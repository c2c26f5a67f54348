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


def fields_of(label: str, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Return the fields whose values must stand at this label, in order; none where the label is no field's.

    Where two fields of a type carry the same label, the first one is returned.
    """
    for name, field in fields.items():
        if field.label == label:
            return (name,)
    plain = short(label)
    by_label = {short(field.label): name for name, field in reversed(list(fields.items()))}
    if plain in by_label:
        return (by_label[plain],)
    first, *others = plain.split(JOINT)
    words = [first, *(first[: -len(other)] + other for other in others)] if others else [first + end for end in _ENDS]
    return tuple(by_label[word] for word in words) if all(word in by_label for word in words) else ()
