"""One certificate type as declared under `templates/`, and the rules that follow from the declaration alone.

The same frozen dataclasses are the file format and the value used inside (docs/decisions/0002).
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field as Declared
from pydantic.dataclasses import dataclass

from licence_service.errors import Fault
from licence_service.fields import Asker, Face, Field
from licence_service.fields.declared import STRICT, Confidence
from licence_service.page import Page, printed_kinds

HolderKind = Literal["person", "organisation", "vehicle", "vessel", "project"]
Hours: TypeAlias = Annotated[int, Declared(ge=1, le=720)]


@dataclass(frozen=True, config=STRICT)
class Words:
    """The same words in the two languages of the public side."""

    zh: str
    en: str


@dataclass(frozen=True, config=STRICT)
class Number:
    """Where the number of the licence (证号) stands on the face, and how the number line prints it.

    `prefix_field` is joined in front of it where a type prints word and number apart.
    """

    field: str
    pattern: str | None = None
    prefix_field: str | None = None


@dataclass(frozen=True, config=STRICT)
class Term:
    """The term rule of a type.

    `exact`: a given end must equal it; `default`: it only fills an absent end; `at_most`: a given end may not lie
    beyond it; `none`: the face has no end that follows from a start.
    """

    rule: Literal["exact", "default", "at_most", "none"]
    years: int = 0
    months: int = 0
    start: str = "valid_from"
    end: str = "valid_to"
    renew_from_days: int | None = None
    lapse_after_days: int | None = None
    confidence: Confidence = "high"

    def last_day(self, first: date) -> date:
        """Return the day before the same day of the end month (RULINGS, "term from a month's end").

        Where that day does not exist it is the month's last day; from 29 February the term ends on 28 February.
        """
        months = first.month - 1 + self.months + 12 * self.years
        year, month = first.year + months // 12, months % 12 + 1
        try:
            return date(year, month, first.day) - timedelta(days=1)
        except ValueError:
            return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


@dataclass(frozen=True, config=STRICT)
class ParentRule:
    """The licence that one of this type hangs on (LC-13): its type, the field of the face that names its number, what its end does.

    `ends`: the end of the parent ends it on the same date; `flags`: it is only said beside it.
    """

    type: str
    field: str
    effect: Literal["ends", "flags"]


@dataclass(frozen=True, config=STRICT)
class EndorsementKind:
    """A kind of endorsement (签注): asserted by a body, or written by an act that leaves it on the face.

    `date_field` names the fact that says when it happened; `conditions_until` the fact up to which it satisfies; `bound_to` the
    field of the face with the subject that it is about: a type without that field has it bound to the right (DOMAIN EN-11).
    """

    title: Words
    facts: Mapping[str, Field]
    date_field: str
    disclose: tuple[Asker, ...]
    asserted: bool = False
    written_by: tuple[str, ...] = ()
    conditions_until: str | None = None
    bound_to: str | None = None
    updates: Mapping[str, str] = field(default_factory=dict)  # fact → the field of the face that repeats it
    confidence: Confidence = "high"
    note: str = ""
    slug: str = ""


@dataclass(frozen=True, config=STRICT)
class Template:
    """One edition of one certificate type; everything in it was checked when it was loaded."""

    title: Words
    category: str
    family: str
    used_from: date
    index: int
    holder: HolderKind
    holder_name: str
    number: Number
    term: Term
    acts: tuple[str, ...]
    fields: Mapping[str, Field]
    pages: tuple[Page, ...]
    endorsements: tuple[str, ...] = ()
    holder_id: str | None = None
    code: str | None = None
    local_code: str | None = None
    compare: tuple[str, ...] = ()
    conditions_until: str | None = None
    status_fresh_hours: Hours = 24  # a status known without network lowers the verdict when it is older than this (SH-06)
    parent: ParentRule | None = None
    retired_from: date | None = None  # from this day on none is issued or renewed; what was issued stays verifiable (LC-15)
    issuer_field: str = "issuer_name"
    issued_field: str = "issue_date"
    searchable: tuple[str, ...] = ()
    presentable: bool = False
    legal_basis: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    confidence: Mapping[str, Confidence] | None = None
    slug: str = ""
    edition: str = ""
    digest: str = ""

    @property
    def printed_kinds(self) -> frozenset[str]:
        """Return the endorsement kinds that stand on the face; only these make a new version."""
        return printed_kinds(self.pages)

    def type_code(self, defined_by: str) -> str:
        """Return the 21 characters of TYPE: the ministry's where known, else under the defining department's own code."""
        return self.code or f"{defined_by}{self.local_code}"

    def number_of(self, face: Face) -> str:
        """Return the number of the licence as it stands on the face."""
        return str(face[self.number.field])

    def term_of(self, face: Face) -> tuple[date, date | None]:
        """Return first and last day of the right; both count (DOMAIN LC-02). No last day means open-ended."""
        first = face.get(self.term.start) or face[self.issued_field]
        last = face.get(self.term.end)
        return date.fromisoformat(str(first)), date.fromisoformat(str(last)) if last else None

    def with_term(self, raw: Mapping[str, object]) -> Mapping[str, object]:
        """Fill an absent end date from the term rule; leave everything else as it came."""
        start, end = raw.get(self.term.start), raw.get(self.term.end)
        if self.term.rule not in {"exact", "default"} or self.term.end not in self.fields or (end is not None and end != ""):
            return raw
        try:
            first = date.fromisoformat(str(start))
            return {**raw, self.term.end: self.term.last_day(first).isoformat()}
        except (ValueError, OverflowError):
            return raw  # the date itself is faulty and will be named

    def term_faults(self, face: Face) -> tuple[Fault, ...]:
        """Name an end date that is at odds with the term rule."""
        start, end = face.get(self.term.start), face.get(self.term.end)
        if not start or not end or self.term.rule in {"default", "none"}:
            return ()
        limit = self.term.last_day(date.fromisoformat(str(start))).isoformat()
        wrong = str(end) > limit if self.term.rule == "at_most" else str(end) != limit
        return (Fault(f"face.{self.term.end}", "wrong-term", "the end date is at odds with the term rule"),) if wrong else ()
