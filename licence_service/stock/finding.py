"""What is found of a row, and the row as it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NO_COUNTY = "000000"  # the owner is not known


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule found something. `path` names the place, `code` the fault there; both hold no value.

    `suggestion` is what a person may put there, by path; it may be personal and is kept with the row only.
    """

    rule: str
    path: str = ""
    code: str = ""
    suggestion: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo of a row: the JPEG as base64, its hex SHA-256, what is wrong with it (then it is not kept), its sides in pixels."""

    jpeg: str | None = field(repr=False)
    sha256: str | None
    fault: tuple[str, str] | None
    size: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A row as far as it was read: what its licence would say.

    `county` is the owner, `named` what the source said of it. `document`: the name of the object with the sealed file, and its digest.
    `corrections` were made by people, newest last, without their values.
    """

    county: str
    named: str
    face: Mapping[str, Any] = field(repr=False)
    decision: Mapping[str, str] = field(repr=False)
    photos: Mapping[str, Photo] = field(default_factory=dict, repr=False)
    elicence_id: str | None = field(default=None, repr=False)
    document: str | None = None
    corrections: tuple[Mapping[str, Any], ...] = ()
