"""Samples drawn and signed off, and rows released: paper converted, sealed e-licences adopted (DOMAIN ST-01, ST-06, ST-07)."""

import base64
import hmac
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from heapq import nsmallest
from typing import Any

from licence_service.carrying import Done, Waiting
from licence_service.chunk_form import MOST_BYTES
from licence_service.chunk_rows import Outcome, still_calling
from licence_service.chunks import Chunks, Row
from licence_service.errors import ArchiveUnavailable, CeilingReached, NotGranted, Refusal, RequestRejected, TransitionRefused, Unavailable
from licence_service.fields import comparison_form
from licence_service.run_lines import problem
from licence_service.stock.finding import Finding
from licence_service.stock.judging import held
from licence_service.stock.office import StockOffice, silent
from licence_service.stock.requesting import body_of
from licence_service.stock.row_rules import REFUSED
from licence_service.stock.taking import draft_of, opened
from licence_service.store.clients import Client, Clients
from licence_service.store.stock_rows import ADOPTED, LOADED, PASSED, RELEASING, SEALED, StockRow, StockRun
from licence_service.store.stock_sums import Sample, StockSums

ONE_IN, AT_LEAST = 1000, 30  # rows of a county that people look at (ST-06)
CHUNK = 1000  # rows that are sealed together, or as many as have `MOST_BYTES` of photos: a segment of them is held whole


@dataclass(frozen=True, slots=True)
class Releasing:
    """Releases the rows of the stock that passed and whose county was signed off."""

    office: StockOffice
    sums: StockSums
    chunks: Chunks
    clients: Clients
    told: Callable[[str], None] = field(default=lambda _name: None, repr=False)  # of each step before it begins

    # -- samples -------------------------------------------------------------------------------------

    def sample(self, run: StockRun) -> list[Sample]:
        """Draw, per county, 1 in 1,000 of the rows that passed and were in no drawing, at least 30, all where there are fewer (ST-06).

        Which ones follows from the run's secret and the rows alone: whoever loads cannot choose them, and drawing again draws the same.
        """
        self._must_be_loaded(run)
        self.office.judge(run)
        secret = run.vault.blind("stock-sample", run.run_id).encode()
        for county, rows in sorted(self.sums.undrawn(run).items()):
            size = min(len(rows), max(AT_LEAST, -(-len(rows) // ONE_IN)))
            drawn = nsmallest(size, rows, key=lambda row: hmac.digest(secret, row[1].encode(), sha256))
            self.sums.draw(run, county, [key for key, _ in rows], [key for key, _ in drawn], self.office.now())
        return self.sums.samples(run)

    def sign_off(self, run: StockRun, county: str, by: str, up_to: int | None = None) -> int:
        """Sign off what was drawn of a county, by another person than the one who loaded, however the name is written; return how many drawings.

        `up_to` is the last drawing that the person looked at; where several wait it must be named.
        """
        if comparison_form(by) in {"", comparison_form(run.loaded_by)}:
            raise NotGranted("whoever loaded the stock does not sign its sample off", facts={"rule": "ST-06"})
        signed = self.sums.sign(run, county, by, self.office.now(), up_to)
        if not signed:
            raise RequestRejected("there is no sample of this county to sign off; draw one first")
        return signed

    def _must_be_loaded(self, run: StockRun) -> None:
        if run.loaded_at is None:
            raise TransitionRefused("the file is not loaded to its end; load it again")

    # -- release -------------------------------------------------------------------------------------

    def release(
        self, caller: Client, run: StockRun, step: Callable[[str, int], None] = silent, *, chunk: int = CHUNK, share: tuple[int, int] = (0, 1),
        limit: int | None = None,
    ) -> Counter[str]:  # fmt: skip
        """Seal and adopt every row that may be released; return how many were sealed, adopted and refused.

        With a `limit`, stop behind the chunk that reaches it; `more` then says that there may be others.
        `share`, (which, of how many), lets several processes release one run, here or on other machines; two with the same share do work
        twice, never licences.
        Killed at any moment, it goes on: a row's key stands as long as it says the same, and gives one licence. Raise `TransitionRefused`
        where nothing is signed off, `Unavailable` where something cannot be had now, `CeilingReached` at the client's ceiling, `ShutOut` where the
        client may no longer: then nothing more is sealed or adopted.
        """
        self._must_be_loaded(run)
        self.office.judge(run)
        signed = self.sums.released(run)
        if not signed:
            raise TransitionRefused("no county is signed off; draw a sample and have another person sign it off", facts={"rule": "ST-06"})
        told = Counter[str]()
        for county, rounds in signed.items():
            after = 0
            while rows := self.office.kept.rows(run, PASSED, RELEASING, after=after, limit=chunk, county=county, share=share):
                after = rows[-1].key
                ready = self._claimed(run, [row for row in rows if row.round in rounds])
                for part in _parts(ready):
                    told += self._released(caller, run, part)
                step("release", len(ready))
                if limit is not None and told.total() >= limit:
                    return told + Counter(["more"])
        return told

    def _claimed(self, run: StockRun, rows: Sequence[StockRow]) -> list[StockRow]:
        """Take the rows that passed, so that nobody moves them any more, and judge them once more beside what came since (ST-02).

        With them go those that a killed release had taken; they are not judged, since they may be in the register themselves.
        """
        kept, taken = self.office.kept, [row for row in rows if row.state == RELEASING]
        if claimed := kept.claim([row for row in rows if row.state == PASSED]):
            replace(self.office.judging(run), rehearsed=None).judge(claimed)
            free = {row.key for row in kept.lines(run, [row.line for row in claimed]) if row.state == RELEASING}
            taken += [row for row in claimed if row.key in free]
        return taken

    def waiting(self, run: StockRun) -> int:
        """Return how many rows passed and are not released yet."""
        return sum(states.get(PASSED, 0) + states.get(RELEASING, 0) + states.get(LOADED, 0) for states in self.sums.states(run).values())

    def _released(self, caller: Client, run: StockRun, rows: Sequence[StockRow]) -> Counter[str]:
        """Release rows together; what was refused lies in quarantine with the refusal, unless it was the ceiling."""
        paper = [row for row in rows if not row.adopting]
        bodies: list[Row] = [(row.idempotency_key, body_of(run, row)) for row in paper]
        converting = replace(self.chunks.converting(), allowed=partial(still_calling, self.clients, caller.name))
        outcomes = list(zip(paper, converting.issue(caller, bodies) if bodies else (), strict=True))
        outcomes += [(row, self._adopted(caller, run, row)) for row in rows if row.adopting]
        self.told("note")
        return self._noted(run, outcomes)

    def _noted(self, run: StockRun, outcomes: Sequence[tuple[StockRow, Outcome]]) -> Counter[str]:
        done = [(row, one) for row, one in outcomes if isinstance(one, Done)]
        settled = [(row, ADOPTED if row.adopting else SEALED, _result(row, one), one.licence_id) for row, one in done]
        self.office.kept.settle(run, settled)
        self._drop([row for row, _ in done if row.adopting])
        refused = [(row, one) for row, one in outcomes if isinstance(one, Refusal) and not isinstance(one, CeilingReached)]
        self.office.judging(run).judge([_refused(row, one) for row, one in refused])
        for _, one in outcomes:
            if isinstance(one, Unavailable | CeilingReached):
                raise one
            if isinstance(one, Waiting):
                raise Unavailable("a licence waits for its seal; release again", retry_after=one.retry_after)
        return Counter([state for _, state, *_ in settled]) + Counter({"refused": len(refused)})

    def _adopted(self, caller: Client, run: StockRun, row: StockRow) -> Outcome:
        """Take over one e-licence that another system sealed, with its identifier and file."""
        still_calling(self.clients, caller.name)
        draft = draft_of(row.content["draft"])
        document = base64.b64encode(opened(run, self.office.passing, draft.document or "")).decode()
        body = {**body_of(run, row), "elicence_id": draft.elicence_id, "document": document}
        try:
            return self.chunks.registrar.adopt(caller, row.idempotency_key, body, of_stock=True)
        except (Refusal, Unavailable) as refused:
            return refused

    def _drop(self, rows: Sequence[StockRow]) -> None:
        """Take away the files of rows that are in the register: they lie there now."""
        for row in rows:
            try:
                if name := draft_of(row.content["draft"]).document:
                    self.office.passing.drop(name)
            except ArchiveUnavailable:
                return  # unreadable without the run's secret all the same


def _parts(rows: Sequence[StockRow]) -> Iterator[list[StockRow]]:
    """Yield rows in order, so many at a time that their photos, in base64, take no more than `MOST_BYTES`."""
    part: list[StockRow] = []
    size = 0
    for row in rows:
        more = sum(len(one["jpeg"] or "") for one in row.content["draft"]["photos"].values())
        if part and size + more > MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += more
    if part:
        yield part


def _result(row: StockRow, done: Done) -> dict[str, Any]:
    """Return what is kept of a released row: the answer with its codes; its values lie in the register now."""
    said = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in asdict(done).items()}
    return {"result": {name: value for name, value in said.items() if value not in (None, ())}, "corrections": row.content["draft"]["corrections"]}


def _refused(row: StockRow, refusal: Refusal) -> StockRow:
    findings = [Finding(REFUSED, fault.path, fault.code) for fault in refusal.faults] or [Finding(REFUSED, "", refusal.slug)]
    return replace(row, content=held({**row.content, "problem": problem(refusal)}, *findings))


def result_line(row: StockRow) -> dict[str, Any]:
    """Return what came of a row, as a line of the results: its state, the codes of its licence, or why it was set aside."""
    content: Mapping[str, Any] = row.content
    said: dict[str, Any] = {"line": row.line, "county": row.county, "state": row.state}
    if "result" in content:
        return {**said, **content["result"]}
    said["findings"] = [{name: one[name] for name in ("rule", "path", "code")} for one in content.get("findings", ())]
    return {**said, **({"rejection": content["rejection"]} if "rejection" in content else {})}
