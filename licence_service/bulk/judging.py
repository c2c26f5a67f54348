"""What is said of one row: whether number and plate or name belong to one licence, and if so the verifier's own judgement of it.

A row that does not match is answered as one whose number does not exist, after the same work.
"""

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from licence_service.bulk.rows import Row
from licence_service.fields import Face
from licence_service.lasting import lasts_until
from licence_service.licence import Entry, Licence, LicenceState
from licence_service.rules import OVERDUE, Conditions, RulePack
from licence_service.store.numbers import Numbers, StillFoundations
from licence_service.store.record import Record
from licence_service.template import Template
from licence_service.verdict import Overall, Result
from licence_service.verification import Standing, Verifier

PLATE, NAME = "row:plate", "row:name"  # what the second factors of rows are blinded under
_DUE_STATES = frozenset({"conditions-met", OVERDUE, "conditions-unknown", "no-conditions"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for, blinded: a number, and the plate, the name or both that must belong to it."""

    number: str
    plate: str | None
    name: str | None
    type: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """The answer to one row. `match`: None where nothing was compared.

    `due_on` is the next day on which a periodic condition falls due, or the day on which one fell overdue. `until` is the last day on
    which the same is said if nothing is entered; `newest` the recorded time of the newest entry that it rests on.
    """

    match: bool | None
    overall: Overall
    reasons: tuple[str, ...]
    conditions: Result = Result.NOT_ASKED
    due_on: date | None = None
    until: date = date.max
    newest: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what a platform is told: no value of the record, only the word, why, and what is due when (DOMAIN §2d, platform)."""
        return {
            "match": {True: "yes", False: "no", None: "not_compared"}[self.match],
            "overall": self.overall.value,
            "reasons": list(self.reasons),
            "conditions": {"result": self.conditions.value, "due_on": self.due_on.isoformat() if self.due_on else None},
        }


NO_MATCH = Said(False, Overall.NOT_VALID, ("no-such-record",))  # noqa: FBT003 - the answer "no"
NOT_COMPARED = Said(None, Overall.CANNOT_DECIDE, ("too-many-tries",))


def asked_of(numbers: Numbers, row: Row) -> Asked:
    """Return what a row asks for, blinded."""
    plate = numbers.blind(PLATE, row.plate) if row.plate else None
    return Asked(numbers.blind("number", row.number), plate, numbers.blind(NAME, row.name) if row.name else None, row.type)


@dataclass(frozen=True, slots=True)
class Sitting:
    """Many judgements about one day, as known at one instant, under one law. `types` says which types the asker may ask about."""

    verifier: Verifier
    numbers: Numbers
    types: Callable[[str], bool]
    day: date
    packs: tuple[RulePack, ...] = field(repr=False)
    known_at: datetime | None = None

    def said(self, rows: Sequence[Asked], *, level: bool) -> list[Said]:
        """Answer rows, in their order. `level`: unknown numbers cost as much as known ones."""
        found = self.numbers.licences_of([row.number for row in rows])
        wanted = [self._wanted(row, found.get(row.number, ())) for row in rows]
        drawn = self.numbers.strangers(len(rows)) if level else []  # also where none is wanted: drawing them would tell
        strangers = drawn[: sum(not ids for ids in wanted)]
        ids = dict.fromkeys(one for ids in wanted for one in ids)
        records = {one.licence_id: one for one in self.verifier.book.records([*ids, *(one for one in strangers if one not in ids)])}
        spare = [records[one] for one in strangers if one in records]
        answers = []
        for place, (row, mine) in enumerate(zip(rows, wanted, strict=True)):
            if not mine and spare:
                self._fitting(row, [spare[place % len(spare)]])
            answers.append(self._answer(row, [records[one] for one in mine if one in records]))
        return answers

    def _wanted(self, row: Asked, found: Iterable[tuple[str, str]]) -> list[str]:
        return [licence_id for licence_id, slug in found if self.types(slug) and row.type in (None, slug)]

    def _answer(self, row: Asked, records: list[Record]) -> Said:
        fitting, others = self._fitting(row, records)
        newest = max((one.recorded_at for record in records for one in _entries(record) if one.recorded_at), default=None)
        until = min((self._until(record, None) for record in others), default=date.max)
        if not fitting:
            return replace(NO_MATCH, until=until, newest=newest)
        judged = [(record, self.verifier.standing(record, licence, self.known_at)) for record, licence in fitting]
        until = min([until, *(self._until(record, standing.conditions) for record, standing in judged)])
        if len({record.type for record, _ in judged}) > 1:
            return Said(True, Overall.CANNOT_DECIDE, ("several-licences",), until=until, newest=newest)  # noqa: FBT003
        record, standing = next((one for one in judged if one[1].licence.state is LicenceState.IN_FORCE), judged[0])
        return replace(self._told(record, standing), until=until, newest=newest)

    def _fitting(self, row: Asked, records: Iterable[Record]) -> tuple[list[tuple[Record, Licence]], list[Record]]:
        """Part the licences whose document of the day has everything that the row says from the others."""
        fitting, others = [], []
        for record in records:
            licence = record.on(self.day, self.known_at)
            if licence is not None and self._fits(row, licence, self._template(record, licence)):
                fitting.append((record, licence))
            else:
                others.append(record)
        return fitting, others

    def _template(self, record: Record, licence: Licence) -> Template:
        return self.verifier.catalogue.edition(record.type, licence.current.edition)

    def _fits(self, row: Asked, licence: Licence, template: Template) -> bool:
        face = licence.current.face
        fits = [self._is(row.number, "number", [template.number.field], face)]
        if row.plate:
            fits.append(self._is(row.plate, PLATE, [name for name, one in template.fields.items() if one.type == "plate"], face))
        if row.name:
            fits.append(self._is(row.name, NAME, [template.holder_name], face))
        return all(fits)

    def _is(self, wanted: str, kind: str, names: Iterable[str], face: Face) -> bool:
        return any([hmac.compare_digest(wanted, self.numbers.blind(kind, str(face[name]))) for name in names if name in face])  # noqa: C419 - each

    def _told(self, record: Record, standing: Standing) -> Said:
        """Take from a judgement what platforms are told: of conditions the state and the day, neither results nor ages."""
        reasons: dict[str, None] = {}
        for name in ("authentic", "current", "in_force", "conditions"):
            codes = standing.answers[name].reasons
            reasons |= dict.fromkeys(code for code in codes if name != "conditions" or code in _DUE_STATES)
        if self.verifier.keyring.department_of(standing.licence.issuer or record.department).demo:
            reasons["specimen"] = None
        due_on = self._due_on(standing, self._template(record, standing.licence))
        return Said(True, standing.overall, tuple(reasons), standing.answers["conditions"].result, due_on)  # noqa: FBT003

    def _due_on(self, standing: Standing, template: Template) -> date | None:
        """Return the next date of reviews and grades; a day that follows from somebody's age would tell the birthday and stays here."""
        said, kinds = standing.conditions, self.verifier.catalogue.kinds
        periodic = [one for one in said.every if one.due_on and (one.kind in kinds or one.kind == template.conditions_until)]
        overdue = [one.due_on for one in periodic if one.reason == OVERDUE and one.due_on]
        return min(overdue or [one.due_on for one in periodic if one in said.met and one.due_on], default=None)

    def _until(self, record: Record, said: Conditions | None) -> date:
        """Return the day up to which a licence stays as it is; one that does not fit is not judged, so only its entries are asked."""
        return lasts_until(_entries(record), self.packs, said or Conditions((), ()), self.day)


def _entries(record: Record) -> list[Entry]:
    """Return the entries of a licence and of those above it."""
    above = _entries(record.parent) if record.parent else []
    return [*record.entries, *above]


@dataclass(frozen=True, slots=True)
class Bench:
    """Opens sittings: the law is read once for each."""

    verifier: Verifier
    numbers: Numbers

    def sitting(self, types: Callable[[str], bool], day: date, known_at: datetime | None = None) -> Sitting:
        """Return a sitting about a day, as known at an instant, under the law as it is known now."""
        law = replace(self.verifier.law, foundations=StillFoundations(self.verifier.law.foundations.lines()))
        return Sitting(replace(self.verifier, law=law), self.numbers, types, day, law.packs(), known_at)

    def law_until(self) -> datetime | None:
        """Return when the last line of the law was recorded."""
        lines = self.verifier.law.foundations.lines()
        return lines[-1].recorded_at if lines else None
