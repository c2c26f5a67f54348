"""Bulk runs (批量签发): a file of rows issued chunk by chunk, by whoever takes the next chunk, until each row has its result.

A chunk is a row of the register: its rows lie encrypted in the archive's store until it is done, its results until the run is collected
there. Whoever carries a chunk may die: another carries it again, since the keys of the rows give the same licences, whose
identifiers were fixed when they were reserved (`chunks`). So who holds a chunk decides about work done twice, never about licences.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from licence_service import chunk_form
from licence_service.archive import Passing
from licence_service.chunk_rows import ShutOut, Wrong, still_calling
from licence_service.chunks import Chunks
from licence_service.errors import ArchiveUnavailable, NotInRegister, PageDisagrees, Refusal, RequestRejected, Unavailable
from licence_service.run_lines import issued, read_row
from licence_service.store.clients import Clients
from licence_service.store.payload import Vault
from licence_service.store.runs import STOPPED, WAITING, KeptRuns, Run, RunChunk

UNFORESEEN = "unforeseen"  # the reason of trouble that no refusal words


@dataclass(frozen=True, slots=True)
class Runs:
    """The bulk runs of one register."""

    kept: KeptRuns
    passing: Passing
    chunks: Chunks
    clients: Clients

    def opened(self, client: str, sha256: str, told: int, total: int, chunk: int, *, on_workers: bool = False) -> Run:
        """Return the run that goes on with these rows of this client, found again or opened.

        `sha256` is over all `total` rows, each with a line feed behind it; the first `told` of them have their results already. A run that
        is found keeps its own size of chunks.
        """
        digest = self.kept.digest("file", sha256)
        run = self.kept.found(client, digest, told) or self.kept.open(client, digest, told, total, chunk)
        self.kept.begin(run, on_workers=on_workers)
        return self.kept.get(run.run_id)

    def add(self, run: Run, number: int, first: int, rows: list[bytes]) -> None:
        """Keep the rows of the next chunk, encrypted, then write the chunk down; `rows` is empty afterwards, as they are megabytes."""
        count = len(rows)
        packed, sha256 = chunk_form.write(chunk_form.ROWS, first, rows)
        rows.clear()
        name = self.passing.keep(run.run_id, _vault(run).close_up(packed, f"chunk:{run.run_id}:{number}:rows"))
        self.kept.add(run, number, first, count, name, self.kept.digest("rows", sha256))

    def carry(self, run_id: str, number: int, holder: str, rest: Callable[[int], timedelta] = lambda _: timedelta()) -> bool:
        """Issue the rows of a chunk and keep their results; False where it is not for this holder to carry now.

        However long it takes, it stays the holder's as long as there are steps, each of which pushes its lease forward.
        Whatever goes wrong, the chunk is left for another attempt, after a rest that may depend on how many there were; a refusal of the
        whole chunk, as where a page disagrees, stops it until somebody calls for the run again. Raise what went wrong.
        """
        chunk = self.kept.claim(run_id, number, holder)
        if chunk is None:
            return False
        try:
            self._done(chunk, self._issued(chunk))
        except Refusal as refused:
            self.kept.stop(chunk, _reason(refused, chunk))
            raise
        except Unavailable as trouble:
            self.kept.let_go(chunk, trouble.slug, rest(chunk.attempts))
            raise
        except Exception:  # whatever it is, and it is raised again: the chunk must not wait for the end of its lease
            self.kept.let_go(chunk, UNFORESEEN, rest(chunk.attempts), worn=True)
            raise
        return True

    def state(self, run: Run, number: int) -> str:
        """Return a chunk's state; raise `PageDisagrees` or `Unavailable` where it was stopped."""
        chunk = self.kept.chunk(run, number)
        if chunk is None:
            raise NotInRegister("no such chunk")
        if chunk.state == STOPPED:
            slug, _, where = (chunk.reason or "").partition(": ")
            if slug == PageDisagrees.slug:
                raise PageDisagrees(where)
            raise Unavailable(f"chunk {number} was stopped ({chunk.reason}); call the command again when that is put right")
        return chunk.state

    def trouble(self, run: Run, number: int) -> str | None:
        """Return the slug of the trouble that a chunk rests after, if it does."""
        chunk = self.kept.chunk(run, number)
        return chunk.reason if chunk and chunk.state == WAITING else None

    def results(self, run: Run, number: int) -> tuple[int, list[bytes]]:
        """Return the first row of a chunk that is done, and a line of results for each of its rows, in order.

        Raise `NotInRegister` where it is not done, or another has collected the run.
        """
        found, chunk = self.kept.results(run, number), self.kept.chunk(run, number)
        if found is None or chunk is None:
            raise NotInRegister("there are no results of this chunk, or not any more")
        name, digest = found
        return chunk.first, self._read(chunk_form.RESULTS, chunk, name, "results", digest)

    def told(self, client: str, sha256: str, total: int) -> None:
        """Collect the run of these rows, all of which have their results elsewhere now."""
        if run := self.kept.found(client, self.kept.digest("file", sha256), total):
            self.collect(run)

    def collect(self, run: Run) -> None:
        """Forget what the rows and results of a run said; what cannot be taken out of the archive now is unreadable all the same."""
        self.kept.collect(run)
        try:
            self.passing.drop_all(run.run_id)
        except ArchiveUnavailable:
            return

    def _issued(self, chunk: RunChunk) -> list[bytes]:
        chunks = self._keeping(chunk)
        try:
            caller = still_calling(self.clients, chunk.run.client)
            return list(issued(lambda given: chunks.issue(caller, given), chunk.first, self._rows(chunk)))
        except ShutOut as gone:  # what a carrier that died or gave up had reserved, too: the server's worker would enter it
            keys = [row[0] for row in map(read_row, self._rows(chunk)) if not isinstance(row, RequestRejected)]
            left = chunks.reserving.under(chunk.run.client, keys)
            chunks.reserving.give_back(chunk.run.client, left, gone.detail, self.chunks.registrar.line.now())
            raise

    def _rows(self, chunk: RunChunk) -> list[bytes]:
        return self._read(chunk_form.ROWS, chunk, chunk.rows_object or "", "rows", chunk.rows_digest)

    def _keeping(self, chunk: RunChunk) -> Chunks:
        """Return what carries chunks with a holder who says with each step that it lives, be it of all rows or of one that goes alone.

        It asks all along whether the run's client still may.
        """
        keep, registrar = self.kept.keeper(chunk), self.chunks.registrar

        def then(step: Callable[[str], None]) -> Callable[[str], None]:
            def told(name: str) -> None:
                step(name)
                keep()

            return told

        alone = replace(registrar, line=replace(registrar.line, step=then(registrar.line.step)))
        return replace(self.chunks, registrar=alone, step=then(self.chunks.step), allowed=partial(still_calling, self.clients, chunk.run.client))

    def _read(self, form: str, chunk: RunChunk, name: str, what: str, digest: str) -> list[bytes]:
        """Fetch, open and check what is kept of a chunk."""
        sealed = self.passing.get(name) if name else None
        if sealed is None:
            raise ArchiveUnavailable("what is kept of a chunk is not there")
        try:
            packed = _vault(chunk.run).open(sealed, f"chunk:{chunk.run.run_id}:{chunk.number}:{what}")
            del sealed
            lines, sha256 = chunk_form.read(form, chunk.first, packed)
        except chunk_form.NotTheForm as bad:
            raise ArchiveUnavailable("what is kept of a chunk is damaged") from bad
        if len(lines) != chunk.count or self.kept.digest(what, sha256) != digest:
            raise ArchiveUnavailable("what is kept of a chunk is damaged")
        return lines

    def _done(self, chunk: RunChunk, lines: Sequence[bytes]) -> None:
        packed, sha256 = chunk_form.write(chunk_form.RESULTS, chunk.first, lines)
        name = self.passing.keep(chunk.run.run_id, _vault(chunk.run).close_up(packed, f"chunk:{chunk.run.run_id}:{chunk.number}:results"))
        refused = sum(b'"problem": ' in line for line in lines)
        mine = self.kept.done(chunk, name, self.kept.digest("results", sha256), refused)
        unwanted = chunk.rows_object if mine else name
        try:
            if unwanted:
                self.passing.drop(unwanted)
        except ArchiveUnavailable:
            return  # it goes with the run


def _reason(refused: Refusal, chunk: RunChunk) -> str:
    """Return why a chunk stops: the slug, and where one row stopped it, which one of the file, and its licence."""
    return f"{refused.slug}: row {chunk.first + refused.at}, licence {refused.licence_id}" if isinstance(refused, Wrong) else refused.slug


def _vault(run: Run) -> Vault:
    if run.vault is None:
        raise NotInRegister("this run was collected")
    return run.vault
