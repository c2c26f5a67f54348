"""`licence-service issue-many`: licences from a file, chunk by chunk, with a file of what became of each row (docs/issuing.md)."""

import fcntl
import hashlib
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from licence_service.chunk_form import MOST_BYTES
from licence_service.chunks import CHUNK
from licence_service.cli.carriers import Carriers, Here, Workers, beside
from licence_service.cli.talking import REFUSED, client_named, out, progress, said, service
from licence_service.cli.working import queue_of
from licence_service.errors import RequestRejected
from licence_service.run_lines import MOST_ROW, read_result, read_row
from licence_service.runs import Runs
from licence_service.service import Service
from licence_service.store.runs import DONE, Run

_FIRST, _STRANGE = b'{"line": 1', "the file of results is not that of these rows"
LARGEST_CHUNK = 5000
As = Annotated[str, typer.Option("--client", help="The client in whose name to issue.")]
Rows = Annotated[Path, typer.Argument(help='One row a line: {"key": "…", "request": {…}}, the request as `POST /licences` takes it.', exists=True)]
Results = Annotated[Path, typer.Option("--results", help="Where to write what became of each row; rows that are there already are not done again.")]
Chunk = Annotated[int, typer.Option("--chunk", help="Rows that are sealed, stored and entered together.", min=1, max=LARGEST_CHUNK)]
Processes = Annotated[int, typer.Option("--workers", help="Processes of this machine that print and seal at the same time.", min=1, max=64)]
Elsewhere = Annotated[bool, typer.Option("--on-workers", help="Leave the work to `licence-service worker` on any machine, and wait (PostgreSQL).")]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("issue-many")(issue_many)


@said
def issue_many(rows: Rows, client: As, results: Results, chunk: Chunk = CHUNK, workers: Processes = 1, on_workers: Elsewhere = False) -> None:  # noqa: FBT002
    """Issue licences from a file, many at once. Killed or stopped, it goes on where it was: a key never gives two licences.

    The results hold delivery codes: keep them as carefully as the licences. Exit code 1 where a row was refused.
    """
    if not rows.is_file() or (results.exists() and (not results.is_file() or results.samefile(rows))):
        raise RequestRejected("rows and results are two ordinary files")
    if on_workers and workers > 1:
        raise RequestRejected("--workers are processes of this machine, --on-workers leaves the work to others: take one")
    total, digest = _measured(rows)
    with service() as opened:
        client_named(opened, client)
        with _told(results) as told, progress("issue-many", total) as step:
            done, refused = _finished(results, enumerate(_lines(rows), 1))
            _for_its_owner(told)
            if done:
                step("there already", done)
            for fresh in _fresh(opened, _File(rows, total, digest), client, done, chunk, workers, on_workers=on_workers):
                refused += sum(b'"problem": ' in line for line in fresh)
                told.write(b"".join(line + b"\n" for line in fresh))
                told.flush()
                os.fsync(told.fileno())
                step("", len(fresh))
            opened.runs.told(client, digest, total)
    out.print(f"{total:,} rows, {refused:,} refused; see {results}")
    if refused:
        raise typer.Exit(REFUSED)


@dataclass(frozen=True, slots=True)
class _File:
    """A file of rows, how many they are, and the hex SHA-256 over all of them, each with a line feed behind it."""

    path: Path
    total: int
    sha256: str

    def parts(self, run: Run, first: int) -> Iterator[tuple[int, list[bytes]]]:
        """Yield the chunks from row `first` on, each with the row that it begins with; `RequestRejected` where the file changed meanwhile."""
        part: list[bytes] = []
        digest, number, size = hashlib.sha256(), 0, 0
        for number, line in enumerate(_lines(self.path), 1):
            digest.update(line + b"\n")
            if number < first:
                continue
            if part and (len(part) == run.chunk or size + len(line) > MOST_BYTES):
                yield number - len(part), part
                part, size = [], 0
            part.append(line)
            size += len(line) + 1
        if part:
            yield number - len(part) + 1, part
        if (number, digest.hexdigest()) != (self.total, self.sha256):
            raise RequestRejected("the file of rows was changed meanwhile")


def _measured(rows: Path) -> tuple[int, str]:
    digest, total = hashlib.sha256(), 0
    for line in _lines(rows):
        digest.update(line + b"\n")
        total += 1
    return total, digest.hexdigest()


def _lines(rows: Path) -> Iterator[bytes]:
    """Yield the lines that say something, without their ends, each cut off where it is longer than a row may be."""
    with rows.open("rb") as file:
        while line := file.readline(MOST_ROW + 1):
            rest = line
            while len(rest) > MOST_ROW and not rest.endswith(b"\n"):
                rest = file.readline(MOST_ROW + 1)
            if line.strip():
                yield line.removesuffix(b"\n")


def _finished(results: Path, waiting: Iterator[tuple[int, bytes]]) -> tuple[int, int]:
    """Return how many rows have a result already, and how many of them were refused, having passed over them in `waiting`.

    Half a line at the end is taken off. Raise `RequestRejected` where the file is not the results of these rows. However long the file is,
    a line of it is held at a time.
    """
    refused = done = whole = 0
    with results.open("rb") as file:
        _begins(file.read(len(_FIRST)))
        file.seek(0)
        for line in file:
            if not line.endswith(b"\n"):
                break
            said_, row = read_result(line), next(waiting, None)
            read = read_row(row[1]) if row else None
            if said_ is None or row is None or said_.get("line") != row[0] or said_.get("key") != (read[0] if isinstance(read, tuple) else None):
                raise RequestRejected(_STRANGE)
            refused, done, whole = refused + ("problem" in said_), done + 1, whole + len(line)
    os.truncate(results, whole)
    return done, refused


def _begins(head: bytes) -> None:
    """Refuse a file that does not begin as results do, so that one of a single endless line is not read."""
    if not _FIRST.startswith(head):
        raise RequestRejected(_STRANGE)


def _fresh(opened: Service, file: _File, client: str, told: int, chunk: int, workers: int, *, on_workers: bool) -> Iterator[list[bytes]]:
    """Yield the results of all rows behind the first `told`, in order, chunk by chunk."""
    if told == file.total:
        return
    run = opened.runs.opened(client, file.sha256, told, file.total, chunk, on_workers=on_workers)
    with _carriers(opened, run, workers, on_workers=on_workers) as carriers:
        for first, lines in _carried(opened.runs, run, carriers, file, told):
            if fresh := lines[max(0, told + 1 - first) :]:
                yield fresh


@contextmanager
def _carriers(opened: Service, run: Run, workers: int, *, on_workers: bool) -> Iterator[Carriers]:
    """Open what carries the chunks."""
    if on_workers:
        queue = queue_of(opened)
        queue.prepare()
        with queue.opened() as tell:
            yield Workers(opened.runs, run, tell)
    elif workers > 1:
        with beside(opened.runs, run, workers) as processes:
            yield processes
    else:
        yield Here(opened.runs, run)


def _carried(runs: Runs, run: Run, carriers: Carriers, file: _File, told: int) -> Iterator[tuple[int, list[bytes]]]:
    """Have the chunks of a run carried and yield their results in order, with the row of the first; what is not in a chunk yet is put in one.

    Chunks whose rows are all among the first `told` are left out.
    """
    standing = runs.kept.standing(run)
    known, begun, number = sum(standing.chunks.values()), deque[int](), runs.kept.behind(run, told)
    parts = file.parts(run, standing.next_row)
    while True:
        while len(begun) < carriers.ahead:
            if number >= known:
                part = next(parts, None)
                if part is None:
                    break
                runs.add(run, number, *part)
            if runs.state(run, number) != DONE:
                carriers.ask(number)
            begun.append(number)
            number += 1
        if not begun:
            return
        carriers.wait(begun[0])
        yield runs.results(run, begun.popleft())


def _for_its_owner(told: BinaryIO) -> None:
    """Take from all others the right to read delivery codes, whoever made the file and however; after it was found to be that of these rows."""
    try:
        os.fchmod(told.fileno(), 0o600)
    except PermissionError:
        raise RequestRejected("the file of results belongs to another: its codes are not to be read by others") from None


@contextmanager
def _told(results: Path) -> Iterator[BinaryIO]:
    """Open the file of results to be written on, for its owner and one command at a time."""
    with os.fdopen(os.open(results, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as told:
        try:
            fcntl.flock(told, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestRejected("another command is writing these results") from None
        yield told
