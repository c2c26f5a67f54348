"""The office for legacy stock: files loaded, rows judged, put right, or rejected for good (DOMAIN ST-02 to ST-04)."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from licence_service.archive import Passing
from licence_service.digests import canonical
from licence_service.errors import Fault, NotGranted, RequestRejected, TransitionRefused
from licence_service.fields import comparison_form
from licence_service.licence import beijing_day
from licence_service.line import Line
from licence_service.stock.declared import Knowledge, Plan, plan_data, plan_of
from licence_service.stock.finding import Draft, Finding
from licence_service.stock.judging import Judging, held
from licence_service.stock.normal import normal
from licence_service.stock.requesting import refusals
from licence_service.stock.row_rules import HELD
from licence_service.stock.sources import Cells, Source
from licence_service.stock.taking import Taking, draft_data, draft_of
from licence_service.store.clients import STOCK, Client
from licence_service.store.openings import Openings
from licence_service.store.parting import parts
from licence_service.store.stock import KeptStock
from licence_service.store.stock_rows import LOADED, PASSED, QUARANTINED, REJECTED, RELEASING, NewRow, StockRow, StockRun
from licence_service.template import Template

PART = 500  # rows that are kept, or judged, together
Step = Callable[[str, int], None]


def silent(_name: str, _count: int) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that a person, `by`, hands in.

    `beside`: the folder with the files that rows name; `ended`: identifiers of holders who died or were dissolved; `render`: each page is
    placed too, so that what does not fit is known before any release.
    """

    source: Source
    plan: Plan
    by: str
    beside: Path | None = None
    ended: tuple[str, ...] = field(default=(), repr=False)
    render: bool = False


@dataclass(frozen=True, slots=True)
class StockOffice:
    """Takes stock in and judges it. `step` is told of every part before it is written."""

    line: Line
    openings: Openings
    kept: KeptStock
    passing: Passing
    knowledge: Knowledge
    now: Callable[[], datetime] = field(repr=False)
    part: int = PART

    # -- loading -------------------------------------------------------------------------------------

    def template(self, slug: str) -> Template:
        """Return the edition of a type that is in force today."""
        return self.line.catalogue.in_force(slug, beijing_day(self.now()))

    def load(self, caller: Client, slug: str, delivery: Delivery, step: Step = silent) -> StockRun:
        """Keep every row of a file and judge it; the same file again adds nothing, one that was broken off goes on (ST-04).

        Raise `NotGranted` where the client may not bring stock of the type, `RequestRejected` where the file has not the columns of the mapping.
        """
        source, plan = delivery.source, delivery.plan
        if caller.office is not None or not caller.may(STOCK, slug) or caller.department not in self.line.keyring.departments:
            raise NotGranted
        if source.columns and (absent := sorted(plan.columns() - set(source.columns))):
            raise RequestRejected(faults=[Fault("map", "no-such-column", f"the file has no column {', '.join(absent)}")])
        for _ in source.rows():  # a file that cannot be read to its end leaves nothing
            continue
        ended = sorted({self.kept.vault.blind("stock-ended", comparison_form(one)) for one in delivery.ended if one.strip()})
        content = {"plan": plan_data(plan), "ended": ended, "render": delivery.render}
        run = self.kept.opened(caller.name, caller.department, slug, source.sha256, delivery.by, content)
        if run.loaded_at is None:
            run = self._load(run, source, self._taking(run, delivery.beside), step)
        self.judge(run, step)
        return run

    def _load(self, run: StockRun, source: Source, taking: Taking, step: Step) -> StockRun:
        counts, counties, columns = Counter[str](), Counter[str](), set[str]()
        blinds = self.judging(run).blinds
        for part in parts(source.rows(), self.part):
            digests = [self._digest(run, taking.plan, cells) for _, cells in part]
            known = self.kept.known(digests)
            new: dict[str, NewRow] = {}
            for (number, cells), digest in zip(part, digests, strict=True):
                columns |= cells.keys()
                if digest in new:
                    counts["repeated"] += 1
                elif digest not in known:
                    draft = taking.draft(cells)
                    new[digest] = NewRow(number, digest, draft.county, {"draft": draft_data(draft)}, blinds(draft), draft.elicence_id is not None)
                    counties[draft.county] += 1
                elif known[digest] == (run.key, number):  # an earlier command kept it before it was broken off
                    counties[taking.draft_county(cells)] += 1
                else:
                    counts["repeated" if known[digest][0] == run.key else "known"] += 1
            step("load", len(part))
            self.kept.add(run, list(new.values()))
            counts["read"] += len(part)
        unmapped = sorted(columns - taking.plan.columns() - set(taking.plan.ignored))
        return self.kept.loaded(run, {**counts, "imported": dict(counties), "unmapped": unmapped})

    def _taking(self, run: StockRun, beside: Path | None) -> Taking:
        organ = self.line.keyring.departments[run.department].name
        return Taking(run, self.template(run.type), plan_of(run.content["plan"]), self.knowledge, self.passing, organ, beside)

    def _digest(self, run: StockRun, plan: Plan, cells: Cells) -> str:
        """Return the keyed digest of a row as it came, all its columns included."""
        said = canonical([run.department, run.type, plan.system, dict(cells)])
        return self.kept.vault.blind("stock-row", said.decode())

    # -- judging -------------------------------------------------------------------------------------

    def judging(self, run: StockRun) -> Judging:
        """Return what judges the rows of a run today."""
        department = self.line.keyring.departments[run.department]
        return Judging(
            self.kept,
            run,
            self.template(run.type),
            department,
            self.knowledge,
            self.openings.taken,
            frozenset(run.content["ended"]),
            beijing_day(self.now()),
            (lambda row: refusals(self.line, run, row)) if run.content["render"] else None,
        )

    def judge(self, run: StockRun, step: Step = silent) -> None:
        """Judge every row that was not judged since it was kept or put back."""
        judging = self.judging(run)
        while rows := self.kept.rows(run, LOADED, limit=self.part):
            step("judge", len(rows))
            judging.judge(rows)
            for other, met in self.kept.others(run, [row.blinds for row in rows]):  # what passed before these came may stand in their way
                self.judging(other).judge(met)

    # -- quarantine ----------------------------------------------------------------------------------

    def correct(self, run: StockRun, edits: Iterable[tuple[int, Mapping[str, str]]], by: str, *, beside: Path | None = None) -> Counter[str]:
        """Put corrected rows back: line → new texts by field (`decision.…` too); return how many were changed, left, or are not in quarantine.

        A text that says what the row says already changes nothing; an empty one empties the field.
        """
        self.judge(run)
        taking = self._taking(run, beside)
        told = Counter[str]()
        for part in parts(edits, self.part):
            rows = {row.line: row for row in self.kept.lines(run, [line for line, _ in part]) if row.state == QUARANTINED}
            changes = []
            for line, values in part:
                row = rows.get(line)
                draft = _corrected(taking, draft_of(row.content["draft"]), values) if row else None
                told["changed" if draft else "same" if row else "not in quarantine"] += 1
                changes += [(row, draft)] if row and draft else []
            self._put_back(run, changes, by)
        return told

    def accept(self, run: StockRun, rule: str, by: str) -> int:
        """Take what a rule suggested, in every row of the quarantine that has a suggestion of it; return how many rows that were."""
        self.judge(run)
        count = 0
        for rows in self.kept.each(run, QUARANTINED):
            changes = []
            for row in rows:
                draft = draft_of(row.content["draft"])
                taken = {one["path"].removeprefix("face."): one["suggestion"] for one in row.content["findings"] if one["rule"] == rule}
                taken = {name: value for name, value in taken.items() if value is not None and name in self.template(run.type).fields}
                if taken:
                    face = {name: value for name, value in {**draft.face, **taken}.items() if value != ""}
                    changes.append((row, replace(draft, face=face)))
            count += len(changes)
            self._put_back(run, changes, by)
        return count

    def _put_back(self, run: StockRun, changes: Sequence[tuple[StockRow, Draft]], by: str) -> None:
        """Put rows back, then judge them and the ones that shared, or share now, a number, a plate or a person with them."""
        judging, at = self.judging(run), self.now().isoformat()
        met = [row.blinds for row, _ in changes]
        for row, draft in changes:
            old = draft_of(row.content["draft"])
            fields = sorted(name for name in {**old.face, **draft.face} if old.face.get(name) != draft.face.get(name))
            noted = replace(draft, corrections=(*draft.corrections, {"by": by, "at": at, "fields": fields}))
            blinds = judging.blinds(noted)
            met.append(blinds)
            self.kept.put_back(run, row, {"draft": draft_data(noted)}, blinds)
        self.judge(run)
        for part in parts(self.kept.sharing(run, met), self.part):
            judging.judge(part)

    def hold(self, run: StockRun, lines: Sequence[int], by: str, reason: str) -> int:
        """Put rows that passed into quarantine by a person's word; return how many there were. `TransitionRefused` for one that is being released."""
        self.judge(run)
        rows = [row for row in self._not_releasing(run, lines) if row.state == PASSED]
        note = {"by": by, "at": self.now().isoformat(), "reason": reason}
        held_rows = [replace(row, content=held({**row.content, "note": note}, Finding(HELD, "", "held"))) for row in rows]
        return self.judging(run).judge(held_rows)

    def reject(self, run: StockRun, lines: Sequence[int], by: str, reason: str) -> int:
        """Reject rows of the quarantine for good; return how many there were. `TransitionRefused` for one that is being released."""
        if not reason.strip():
            raise RequestRejected(faults=[Fault("reason", "missing", "a reason must be given")])
        self.judge(run)
        rows = [row for row in self._not_releasing(run, lines) if row.state == QUARANTINED]
        note = {"by": by, "at": self.now().isoformat(), "reason": reason}
        done = self.kept.settle(run, [(row, REJECTED, {**row.content, "rejection": note}, None) for row in rows], by)
        for part in parts(self.kept.sharing(run, [row.blinds for row in rows]), self.part):
            self.judging(run).judge(part)  # what stood in the way of another does so no more
        return len(done)

    def _not_releasing(self, run: StockRun, lines: Sequence[int]) -> list[StockRow]:
        rows = self.kept.lines(run, lines)
        if any(row.state == RELEASING for row in rows):
            raise TransitionRefused("a row is being released; it may be in the register already. Carry the release to its end first")
        return rows

    def of(self, caller: Client, run_id: str) -> StockRun:
        """Return a run of the caller's own department and of types whose stock it may bring; any other is as if it did not exist."""
        return self.kept.get(run_id, caller)


def _corrected(taking: Taking, draft: Draft, values: Mapping[str, str]) -> Draft | None:
    """Return a draft with new values; None where they say what it says."""
    face, photos, decision = dict(draft.face), dict(draft.photos), dict(draft.decision)
    for name, text in values.items():
        declared = taking.template.fields.get(name)
        if declared and declared.type == "image":
            photos |= {name: taking.photo(text)} if text else {}
        elif declared:
            value: Any = normal(declared, text, taking.plan.date_formats)
            face = {**{key: one for key, one in face.items() if key != name}, **({} if value is None else {name: value})}
        elif name.startswith("decision."):
            decision[name.removeprefix("decision.")] = text
    decision = {name: value for name, value in decision.items() if value}
    changed = replace(draft, face=face, photos=photos, decision=decision)
    return None if changed == draft else changed
