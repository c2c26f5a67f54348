"""Whole faces: every field checked, every fault named at once, or the canonical face."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TypeAlias

from licence_service import identifiers
from licence_service.errors import Fault
from licence_service.fields.declared import Field
from licence_service.fields.kinds import KINDS

Value: TypeAlias = str | int | list[str] | list[dict[str, str]]
Face: TypeAlias = Mapping[str, Value]


def check_face(
    fields: Mapping[str, Field], raw: Mapping[str, object], *, path: str = "face", today: date | None = None
) -> tuple[Face, tuple[Fault, ...]]:
    """Return the canonical face and all faults; the face is to be used only where there are none.

    Absent, null and "" mean the same in a request; canonical is absent (RULINGS, "empty").
    """
    faults = [Fault(path, "unknown-field", "the template has no such field") for name in raw if name not in fields]
    face: dict[str, Value] = {}
    absent: list[str] = []
    related: list[tuple[str, Field]] = []
    for name, field in fields.items():
        value = raw.get(name)
        if value in (None, "", []):
            if field.required:
                absent.append(name)
            continue
        canonical, found = KINDS[field.type](field, value, f"{path}.{name}")
        if found:
            faults += found
            continue
        face[name] = canonical  # type: ignore[assignment]  # each kind returns a Value
        if field.after or field.sum_of or field.repeats or field.agrees_with or field.type == "citizen_id":
            related.append((name, field))
    faults += [Fault(f"{path}.{name}", "missing", "this field must be filled") for name in absent]
    for name, field in related:
        faults += _between(name, field, face, path)
    if today:
        for name, field in related:
            faults += _birth(name, field, face, path, today)
    return face, tuple(faults)


def check_facts(fields: Mapping[str, Field], raw: Mapping[str, object]) -> tuple[Face, tuple[Fault, ...]]:
    """Check the facts of an endorsement by the same rules."""
    return check_face(fields, raw, path="facts")


def _between(name: str, field: Field, face: Face, path: str) -> Iterator[Fault]:
    """Check what a field says about another."""
    where = f"{path}.{name}"
    if field.after and field.after in face and str(face[name]) < str(face[field.after]):
        yield Fault(where, "before-start", f"this day lies before the day in {field.after}")
    if field.sum_of and all(part in face for part in field.sum_of) and face[name] != sum(int(str(face[part])) for part in field.sum_of):
        yield Fault(where, "wrong-sum", f"this must be the sum of {', '.join(field.sum_of)}")
    if (
        field.repeats
        and field.repeats in face
        and str(face[name]) != str(face[field.repeats])
        and len(str(face[name])) == len(str(face[field.repeats]))
    ):
        yield Fault(where, "at-odds", f"this number is at odds with {field.repeats}")
    if field.agrees_with and field.agrees_with in face:
        yield from _agreement(field, str(face[name]), str(face[field.agrees_with]), where)


def _agreement(field: Field, value: str, citizen_id: str, where: str) -> Iterator[Fault]:
    """A birth date or sex must repeat what the citizen ID number says (GB 11643)."""
    if field.type == "date" and value != identifiers.birth_date_of(citizen_id):
        yield Fault(where, "at-odds", f"the date is at odds with {field.agrees_with}")
    if field.type == "enum" and value != identifiers.sex_of(citizen_id):
        yield Fault(where, "at-odds", f"the code is at odds with {field.agrees_with}")


def _birth(name: str, field: Field, face: Face, path: str, today: date) -> Iterator[Fault]:
    """Nobody is born in the future, nor on a day that the calendar has not."""
    if field.type != "citizen_id":
        return
    born = identifiers.birth_date_of(str(face[name]))
    try:
        future = date.fromisoformat(born) > today
    except ValueError:
        future = True
    if future:
        yield Fault(f"{path}.{name}", "impossible-birth", "the date of birth in this number cannot be")
