"""A field as a template declares it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")

Confidence = Literal["high", "medium", "low"]


class Asker(StrEnum):
    """Who asks about a licence (DOMAIN §2d, disclosure matrix)."""

    PUBLIC = "public"
    PASSENGER = "passenger"
    PLATFORM = "platform"
    OFFICER = "officer"
    CLERK = "clerk"
    HOLDER = "holder"


class Shown(StrEnum):
    """How much of a value an asker sees; the two `…on_reason` are full only where a reason opens personal data (SH-11)."""

    FULL = "full"
    MASKED = "masked"
    MASKED_ON_REASON = "masked_on_reason"
    ON_REASON = "on_reason"
    SURNAME = "surname"
    MATCH = "match"
    NONE = "none"


FieldType = Literal[
    "string", "text", "date", "integer", "decimal", "enum", "multi_enum",
    "citizen_id", "uscc", "plate", "vin", "ship_id", "image", "table",
]  # fmt: skip


@dataclass(frozen=True, config=STRICT)
class Column:
    """One column of a table field; `codes` makes it a closed list of texts."""

    label: str
    required: bool = True
    max_length: int = 100
    codes: tuple[str, ...] = ()
    label_en: str = ""
    type: Literal["string", "ship_id"] = "string"


@dataclass(frozen=True, config=STRICT)
class Field:
    """One item of a face, or one fact of an endorsement.

    `disclose` names for every kind of asker what it sees; an asker that is not named sees nothing.
    `sensitive` values are encrypted at rest and never reach logs, URLs or codes in clear.
    """

    label: str
    type: FieldType
    disclose: Mapping[Asker, Shown]
    label_en: str = ""
    required: bool = False
    sensitive: bool = False
    printed: bool = True
    unit: str = ""
    confidence: Confidence = "high"
    note: str = ""
    max_length: int | None = None
    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    decimals: int = 3
    codes: Mapping[str, str] | None = None  # code → printed label
    code_table: str | None = None  # name of a file under `_codes/`; the catalogue fills `codes` from it
    listed: bool = False  # a string that is a comma list of codes of its table
    columns: Mapping[str, Column] | None = None
    after: str | None = None  # not before the date in that field (both may be the same day)
    agrees_with: str | None = None  # a citizen_id field whose birth date or sex this must repeat
    repeats: str | None = None  # another field whose value this has, wherever both have the same length
    sum_of: tuple[str, ...] = ()  # integer fields that add up to this one
    recorded_as: str | None = None  # the endorsement kind that a change of this field is recorded as
    source: str | None = None  # of a fact that an act writes: label, old, new, decided_on, officer, organ, …
    max_kilobytes: int = 60  # of an image, counted in JPEG bytes
