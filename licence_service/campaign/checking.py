"""What a plan asks of departments, types and law that they do not have, and lists with values of another form: said before it is kept."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from licence_service.campaign.plan import DAY, HOLDER, NUMBER, Exclusion, Plan
from licence_service.errors import Fault
from licence_service.fields import Field, check_face
from licence_service.licence import beijing_day
from licence_service.line import Line
from licence_service.rules import AgeCeiling, in_force
from licence_service.template import Template

_LICENCE_ID = {"licence_id": Field(label="证照", type="string", disclose={}, pattern=r"[0-9A-Z]{20}")}


def faults(line: Line, plan: Plan) -> Iterator[Fault]:
    """Yield every fault of a plan; none repeats a value."""
    today = beijing_day(line.now())
    if plan.decision.decided_on > today:
        yield Fault("decision.decided_on", "in-the-future", "the decision must have been taken")
    if any(one not in line.keyring.departments for one in plan.departments):
        yield Fault("departments", "unknown-department", "a department has no seal here")
    if plan.end and plan.end.day and plan.end.day < plan.effective_on:
        yield Fault(f"end.{DAY}", "before-start", "this day lies before the effective day")
    if any(slug not in line.catalogue.editions for slug in plan.types):
        yield Fault("types", "unknown-type", "there is no such type")
        return
    templates = [line.catalogue.in_force(slug, today) for slug in plan.types]
    for template in templates:
        yield from _of_type(line, plan, template)
    for place, one in enumerate(plan.exclusions):
        yield from _of_list(one, templates, f"exclusions[{place}].listed")


def _of_type(line: Line, plan: Plan, template: Template) -> Iterator[Fault]:
    for place, one in enumerate(plan.exclusions):
        if one.face_field and one.face_field not in template.fields:
            yield Fault(f"exclusions[{place}].field", "unknown-field", "a type has no such field")
    if plan.end is None:
        return
    if template.term.end not in template.fields:
        yield Fault("end", "no-end", "a type has no last day")
    if plan.end.day is None and not _birth(line, plan.decision.decided_on, template):
        yield Fault("end.rule", "no-rule-pack", "no age ceiling is in force for a type on the decision day")


def _birth(line: Line, day: date, template: Template) -> set[str]:
    """Return the fields of a type that say the birth date which the ceiling in force is counted from."""
    found = in_force(line.law.packs(), template.slug, day, AgeCeiling)
    return set(found[1].birth) & template.fields.keys() if found else set()


def _of_list(exclusion: Exclusion, templates: Sequence[Template], path: str) -> Iterator[Fault]:
    """Name the values of a list that have the form of no type: a slip there would let somebody through. By place, never by value."""
    if exclusion.by is None:
        return
    forms = [_form(exclusion.by, each) for each in templates]
    for place, value in enumerate(sorted(exclusion.listed), 1):
        if all(check_face(form, dict.fromkeys(form, value))[1] for form in forms):
            yield Fault(path, "wrong-form", f"value {place} of the sorted list has not the form of these numbers")


def _form(by: str, template: Template) -> Mapping[str, Field]:
    """Return the field whose form the values of a list must have."""
    name = {HOLDER: template.holder_id or template.holder_name, NUMBER: template.number.field}.get(by)
    return {name: template.fields[name]} if name else _LICENCE_ID
