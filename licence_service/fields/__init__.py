"""The field language: what a face is made of, how it is checked, written, printed and shown.

A `Field` is declared in a template; its `type` names a row of `kinds.KINDS`. Values of a canonical face are JSON:
text, integers, lists of codes, lists of rows; dates are ISO 8601 text, decimals are text, images are `sha256:…`.
"""

from licence_service.fields.declared import Asker, Field, Shown
from licence_service.fields.disclosure import disclose, mask
from licence_service.fields.face import Face, Value, check_face, check_facts
from licence_service.fields.printing import printed, printed_row
from licence_service.fields.text import comparison_form

__all__ = [
    "Asker",
    "Face",
    "Field",
    "Shown",
    "Value",
    "check_face",
    "check_facts",
    "comparison_form",
    "disclose",
    "mask",
    "printed",
    "printed_row",
]
