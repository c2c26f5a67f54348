"""Rows judged: each by itself, beside the others of the stock, and beside the register. What blocks a row keeps it in quarantine (ST-02)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from licence_service.errors import Fault
from licence_service.line import live_key
from licence_service.seal.department import Department
from licence_service.stock.declared import Knowledge
from licence_service.stock.finding import Draft, Finding
from licence_service.stock.row_rules import DUPLICATE, ENDED, PERSON, PLATE, REFUSED, REGISTERED, Case, judged, texts
from licence_service.stock.taking import draft_of
from licence_service.store.stock import KeptStock
from licence_service.store.stock_rows import Blinds, Found, Related, StockRow, StockRun
from licence_service.template import Template


@dataclass(frozen=True, slots=True)
class Judging:
    """Judges the rows of one run.

    `taken` says which living numbers the register has; `ended` are blinded holders that are no more.
    """

    kept: KeptStock
    run: StockRun
    template: Template
    department: Department
    knowledge: Knowledge
    taken: Callable[[Sequence[str]], set[str]] = field(repr=False)
    ended: frozenset[str]
    today: date
    rehearsed: Callable[[StockRow], tuple[Fault, ...]] | None = field(default=None, repr=False)  # what a release would be refused for

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names under which the department, or who it succeeded, issued."""
        return (self.department.name, *self.knowledge.organs.get(self.department.uscc, ()))

    def judge(self, rows: Sequence[StockRow]) -> int:
        """Judge rows and write down what was found; return how many are blocked. Those that somebody moved meanwhile are left to them."""
        drafts = [draft_of(row.content["draft"]) for row in rows]
        others = _Others(self.kept.related(self.run, rows))
        live = [self._live_key(draft) for draft in drafts]
        taken = self.taken([key for key in live if key])
        found = []
        for row, draft, key in zip(rows, drafts, live, strict=True):
            findings = [*self._alone(draft), *self._beside(row, others), *self._ended(draft), *_held(row)]
            if key in taken and not row.adopting:
                findings.append(Finding(REGISTERED, f"face.{self.template.number.field}", "number-taken"))
            if self.rehearsed and not row.adopting and not any(one.severity == "block" for one in self._graded(findings)):
                findings += [Finding(REFUSED, fault.path, fault.code) for fault in self.rehearsed(row)]
            found.append((row, {**row.content, "findings": [asdict(one) for one in findings]}, self._graded(findings)))
        written = self.kept.judge(self.run, found)
        return sum(row.key in written and any(one.severity == "block" for one in each) for row, _, each in found)

    def blinds(self, draft: Draft) -> Blinds:
        """Return what a row is met by."""
        template = self.template
        plate = next((name for name, one in template.fields.items() if one.type == "plate"), None)
        vin = next((name for name, one in template.fields.items() if one.type == "vin"), None)
        person = template.holder_id if template.holder == "person" else None
        values = texts(draft.face, template.number.field, plate, vin, person)
        return Blinds(*(self.kept.vault.blind("stock", value) if value else None for value in values))

    def _alone(self, draft: Draft) -> list[Finding]:
        return judged(Case(draft, self.template, self.knowledge, self.names, self.today))

    def _beside(self, row: StockRow, others: "_Others") -> Iterable[Finding]:
        """Compare with the rows that wait or were released: one number twice, one plate on two vehicles, one person with two certificates."""
        mine = row.blinds
        fields = self.template.fields
        if others.rows_with(mine.number) - {row.key}:
            yield Finding(DUPLICATE, f"face.{self.template.number.field}", "twice")
        if mine.vin and others.vins_of(mine.plate) - {mine.vin}:
            yield Finding(PLATE, next(f"face.{name}" for name, one in fields.items() if one.type == "plate"), "other-vehicle")
        if others.numbers_of(mine.person) - {mine.number}:
            yield Finding(PERSON, f"face.{self.template.holder_id}", "two-certificates")

    def _ended(self, draft: Draft) -> Iterable[Finding]:
        """Compare with the list of persons who died and companies that were dissolved."""
        if not self.ended:
            return
        for name, each in self.template.fields.items():
            (value,) = texts(draft.face, name) if each.type in {"citizen_id", "uscc"} else (None,)
            if value and self.kept.vault.blind("stock-ended", value) in self.ended:
                yield Finding(ENDED, f"face.{name}", "ended")

    def _graded(self, findings: Sequence[Finding]) -> list[Found]:
        unique = dict.fromkeys((one.rule, one.path, one.code) for one in findings)
        return [Found(rule, self.knowledge.rules[rule].severity, path, code) for rule, path, code in unique]

    def _live_key(self, draft: Draft) -> str | None:
        number = draft.face.get(self.template.number.field)
        return live_key(self.template.slug, str(number), self.department.uscc) if number else None


class _Others:
    """The rows that wait or are in the register, by what they are met by."""

    def __init__(self, rows: Iterable[Related]) -> None:
        """Sort them."""
        self._numbers: dict[str, set[int]] = {}
        self._plates: dict[str, set[str]] = {}
        self._persons: dict[str, set[str | None]] = {}
        for row in rows:
            one = row.blinds
            if one.number and not row.registered:  # else the register itself is asked, by the rule of its own
                self._numbers.setdefault(one.number, set()).add(row.key)
            if one.plate and one.vin:
                self._plates.setdefault(one.plate, set()).add(one.vin)
            if one.person:
                self._persons.setdefault(one.person, set()).add(one.number)

    def rows_with(self, number: str | None) -> set[int]:
        """Return the rows with this number."""
        return self._numbers.get(number or "", set())

    def vins_of(self, plate: str | None) -> set[str]:
        """Return the vehicles with this plate."""
        return self._plates.get(plate or "", set())

    def numbers_of(self, person: str | None) -> set[str | None]:
        """Return the numbers of this person's certificates."""
        return self._persons.get(person or "", set())


def _held(row: StockRow) -> list[Finding]:
    """Return what people, or a refusal at release, found of a row that says the same as then."""
    return [Finding(**one) for one in row.content.get("held", ())]


def held(content: Mapping[str, Any], *findings: Finding) -> dict[str, Any]:
    """Return the content of a row with findings that stay until it is corrected."""
    return {**content, "held": [*content.get("held", ()), *(asdict(one) for one in findings)]}
