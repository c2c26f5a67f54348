"""Everything that goes on paper, already decided: the layout adds no fact of its own."""

from collections.abc import Mapping
from datetime import date

from licence_service.fields import Face
from licence_service.frozen import dataclass
from licence_service.template import EndorsementKind, Template


@dataclass(frozen=True, slots=True)
class PrintedEndorsement:
    """One endorsement that the layout may print: kind, canonical facts, who accepted it, when it happened."""

    kind: EndorsementKind
    facts: Face
    accepted_by: str
    occurred_on: date


@dataclass(frozen=True, slots=True)
class Sheet:
    """One licence as it is to be printed.

    `elicence_id`, `check_code` (12 characters) and `code_text` (content of the code on paper) are None on a preview.
    `host` is the official host printed beside the code, `department` the name on the seal's arc, `photos` the JPEG
    of each image field.
    """

    template: Template
    face: Face
    endorsements: tuple[PrintedEndorsement, ...]
    elicence_id: str | None
    version: int
    copy_no: int
    check_code: str | None
    code_text: str | None
    host: str
    department: str
    photos: Mapping[str, bytes]
    specimen: bool
    preview: bool
