"""The rules that look at one row. Each is a pure function from a case to what it finds; how strict it is stands in the data (ST-02)."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeAlias

from licence_service.envelope import DECISION
from licence_service.errors import Fault
from licence_service.fields import check_face, comparison_form
from licence_service.identifiers import birth_date_of, is_citizen_id, parse_elicence_id
from licence_service.stock.declared import Knowledge
from licence_service.stock.finding import NO_COUNTY, Draft, Finding
from licence_service.stock.normal import eighteen_digits
from licence_service.template import Template

_OLD_ID = re.compile(r"[1-9]\d{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}", re.ASCII)
_LATIN, _IDEOGRAPH = re.compile(r"[A-Za-z]"), re.compile(r"[\u3400-\u9fff\U00020000-\U0003fffd]")
_TERMS = re.compile(r"[、，,；;\n]")
_BY_CODE = {  # what the general check of a face finds → the rule that explains it
    "bad-check-digit": "wrong-check-digit",
    "wrong-structure": "wrong-structure",
    "unknown-code": "not-in-dictionary",
    "private-use-character": "private-use-character",
    "before-start": "dates-out-of-order",
    "impossible-birth": "birth-implausible",
    "at-odds": "at-odds",
    "not-a-date": "not-a-date",
    "missing": "missing",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A row and what it is judged by. `names`: those under which the department, or who it succeeded, issued."""

    draft: Draft = field(repr=False)
    template: Template
    knowledge: Knowledge
    names: tuple[str, ...]
    today: date

    def day(self, name: str) -> date | None:
        """Return the day in a field of the face; None where there is none or it is not readable."""
        try:
            return date.fromisoformat(str(self.draft.face.get(name)))
        except ValueError:
            return None


Rule: TypeAlias = Callable[[Case], Iterator[Finding]]


def judged(case: Case) -> list[Finding]:
    """Return all that is found of a row by itself; the general fault of a place is left out where a rule explains it."""
    special = [one for rule in RULES for one in rule(case)]
    # A release refuses every fault of the face: only what blocks the row itself may say it better.
    explained = {one.path for one in special if case.knowledge.rules[one.rule].severity == "block"}
    return [*special, *(one for one in face_faults(case) if one.path not in explained)]


def face_faults(case: Case) -> Iterator[Finding]:
    """Name every fault of the face by the template's own check, with the nearest code where one is unknown."""
    draft, template = case.draft, case.template
    photos = {name: f"sha256:{photo.sha256}" for name, photo in draft.photos.items() if photo.sha256}
    _, faults = check_face(template.fields, {template.issuer_field: case.names[0] if case.names else "", **draft.face, **photos}, today=case.today)
    for fault in faults:
        name = fault.path.removeprefix("face.").partition("[")[0]
        if name in template.fields and template.fields[name].type == "image":
            continue  # `photo_faults` says it better
        yield Finding(_BY_CODE.get(fault.code, "face"), fault.path, fault.code, _nearest(case, name, fault))


def _nearest(case: Case, name: str, fault: Fault) -> str | None:
    if fault.code != "unknown-code" or name not in case.template.fields:
        return None
    codes, given = case.template.fields[name].codes or {}, case.draft.face.get(name)
    labels = {label: code for code, label in codes.items()}
    texts = given if isinstance(given, list) else [given]
    unknown = [str(text) for text in texts if text not in codes]
    near = get_close_matches(unknown[0], list(labels), 1, 0.5) if unknown else []
    return labels[near[0]] if near and not isinstance(given, list) else None


def old_citizen_id(case: Case) -> Iterator[Finding]:
    """A number of 15 digits; what GB 11643-1999 makes of it is suggested, never taken unseen: not every old number was right."""
    for name, each in case.template.fields.items():
        about = each.type == "citizen_id" or (each.repeats and case.template.fields[each.repeats].type == "citizen_id")
        given = case.draft.face.get(name)
        if about and isinstance(given, str) and _OLD_ID.fullmatch(given):
            yield Finding("citizen-id-15-digits", f"face.{name}", "15-digits", eighteen_digits(given))


def endless_day(case: Case) -> Iterator[Finding]:
    """A day such as 9999-12-31, which an old system wrote for "none"; where the field may be empty, that is suggested."""
    for name, each in case.template.fields.items():
        given = case.draft.face.get(name)
        if each.type == "date" and isinstance(given, str) and re.match(r"\d{4}-", given) and int(given[:4]) >= case.knowledge.limits.endless_from:
            yield Finding("endless-date", f"face.{name}", "endless", None if each.required else "")


def days_in_order(case: Case) -> Iterator[Finding]:
    """No licence is issued after its last day, nor tomorrow."""
    template, today = case.template, case.today
    issued, first, last = (case.day(name) for name in (template.issued_field, template.term.start, template.term.end))
    where = f"face.{template.issued_field}"
    if issued and last and issued > last:
        yield Finding("dates-out-of-order", where, "issued-after-expiry")
    if issued and issued > today:
        yield Finding("dates-out-of-order", where, "in-the-future")
    if first and last and first > last:
        yield Finding("dates-out-of-order", f"face.{template.term.end}", "before-start")


def expired(case: Case) -> Iterator[Finding]:
    """Only what is unexpired is converted."""
    last = case.day(case.template.term.end)
    if last and last < case.today:
        yield Finding("expired", f"face.{case.template.term.end}", "expired")


def issuing_organ(case: Case) -> Iterator[Finding]:
    """The organ on the face is the department, or one that it succeeded."""
    given = case.draft.face.get(case.template.issuer_field)
    if isinstance(given, str) and comparison_form(given) not in {comparison_form(name) for name in case.names}:
        near = get_close_matches(given, case.names, 1, 0.5)
        yield Finding("unknown-organ", f"face.{case.template.issuer_field}", "unknown-organ", near[0] if near else None)


def plausible_birth(case: Case) -> Iterator[Finding]:
    """The holder's age today, and on the day of issue."""
    limits = case.knowledge.limits
    for name, each in case.template.fields.items():
        given = case.draft.face.get(name)
        if each.type != "citizen_id" or not isinstance(given, str) or not is_citizen_id(given):
            continue
        try:
            born = date.fromisoformat(birth_date_of(given))
        except ValueError:
            continue  # the check of the face names it
        age, issued = _years(born, case.today), case.day(case.template.issued_field)
        if age > limits.oldest:
            yield Finding("birth-implausible", f"face.{name}", "too-old")
        elif age >= limits.elderly:
            yield Finding("holder-elderly", f"face.{name}", "elderly")
        if issued and _years(born, issued) < limits.youngest:
            yield Finding("birth-implausible", f"face.{name}", "too-young")


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def written_name(case: Case) -> Iterator[Finding]:
    """A rare character was written in letters (pinyin), where the rest of the name is Chinese; a name all in letters may be a foreigner's."""
    name = case.template.holder_name
    given = case.draft.face.get(name)
    if case.template.holder != "person" or not isinstance(given, str) or not _LATIN.search(unicodedata.normalize("NFKC", given)):
        return
    mixed = bool(_IDEOGRAPH.search(given))
    yield Finding("pinyin-in-name" if mixed else "latin-name", f"face.{name}", "letters")


def photo_faults(case: Case) -> Iterator[Finding]:
    """A photo is missing, broken, or was stretched: its sides are not those of a portrait."""
    limits = case.knowledge.limits
    for name, each in case.template.fields.items():
        if each.type != "image":
            continue
        photo, where = case.draft.photos.get(name), f"photos.{name}"
        if photo is None:
            portrait = each.required or name in case.knowledge.portraits
            yield from [Finding("photo-missing", where, "missing")] if portrait else []
        elif photo.fault:
            yield Finding("photo-missing" if photo.fault[0] == "not-found" else "photo-broken", where, photo.fault[0])
        elif photo.size and name in case.knowledge.portraits and not limits.narrowest <= photo.size[0] / photo.size[1] <= limits.widest:
            yield Finding("photo-stretched", where, "stretched")


def listed_terms(case: Case) -> Iterator[Finding]:
    """A text is put together of terms of the dictionary, where there is one for it."""
    for name, terms in case.knowledge.terms.get(case.template.slug, {}).items():
        given = case.draft.face.get(name)
        parts = [part.strip() for part in _TERMS.split(given)] if isinstance(given, str) else []
        if strange := [part for part in parts if part and part not in terms]:
            near = [get_close_matches(part, terms, 1, 0.5) if part in strange else [part] for part in parts]
            yield Finding("term-not-in-dictionary", f"face.{name}", "unknown-term", "、".join(one[0] for one in near) if all(near) else None)


def owner_county(case: Case) -> Iterator[Finding]:
    """The county that owns the row is there, or its successor is."""
    draft, regions = case.draft, case.knowledge.regions
    if draft.county == NO_COUNTY:
        yield Finding("county-unknown", "county", "unknown")
    elif draft.named in regions and draft.county != draft.named:
        yield Finding("county-merged", "county", "merged", draft.county)


def decision_behind(case: Case) -> Iterator[Finding]:
    """There was a decision, and it is known (AI-02)."""
    _, faults = check_face(DECISION, case.draft.decision, path="decision")
    yield from (Finding("decision-missing", fault.path, fault.code) for fault in faults)


def sealed_before(case: Case) -> Iterator[Finding]:
    """An e-licence of another system has a correct identifier and a file."""
    draft = case.draft
    if draft.elicence_id is None:
        return
    if parse_elicence_id(draft.elicence_id) is None:
        yield Finding("sealed-elsewhere", "elicence_id", "bad-check-character")
    if draft.document is None:
        yield Finding("sealed-elsewhere", "document", "not-found")


RULES: tuple[Rule, ...] = (
    old_citizen_id, endless_day, days_in_order, expired, issuing_organ, plausible_birth, written_name, photo_faults, listed_terms,
    owner_county, decision_behind, sealed_before,
)  # fmt: skip
ALONE = frozenset(_BY_CODE.values()) | {
    "face", "citizen-id-15-digits", "endless-date", "expired", "unknown-organ", "holder-elderly", "pinyin-in-name", "latin-name", "photo-missing",
    "photo-broken", "photo-stretched", "term-not-in-dictionary", "county-unknown", "county-merged", "decision-missing", "sealed-elsewhere",
}  # fmt: skip
DUPLICATE, REGISTERED, PLATE, PERSON, ENDED = "twice-in-the-stock", "in-the-register", "plate-of-two-vehicles", "person-with-two", "holder-ended"
HELD, REFUSED = "held-by-a-person", "refused-at-release"
ALL_RULES = ALONE | {DUPLICATE, REGISTERED, PLATE, PERSON, ENDED, HELD, REFUSED}


def owner(knowledge: Knowledge, named: str) -> str:
    """Return the county that owns what a source says is of this one: the last of those that it was merged into; `NO_COUNTY` where none is known."""
    code = named if re.fullmatch(r"\d{6}", named, re.ASCII) else NO_COUNTY
    if knowledge.regions:
        seen: set[str] = set()
        while (region := knowledge.regions.get(code)) and region.into and code not in seen:
            seen.add(code)
            code = region.into
        code = code if code in knowledge.regions else NO_COUNTY
    return code


def texts(face: Mapping[str, Any], *names: str | None) -> list[str | None]:
    """Return the values of fields in comparison form; None where there is none."""
    return [comparison_form(value) if name and isinstance(value := face.get(name), str) and value else None for name in names]
