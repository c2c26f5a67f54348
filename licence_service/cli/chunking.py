"""`licence-service issue-many`: licences from a file, chunk by chunk, with a file of what became of each row."""

import atexit
import fcntl
import json
import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Annotated, Any, TextIO

import typer

from licence_service.carrying import Done, Waiting
from licence_service.chunks import Outcome, Row
from licence_service.cli.talking import REFUSED, client_named, err, out, progress, said, service
from licence_service.errors import Fault, Refusal, RequestRejected, Unavailable
from licence_service.requests import is_key
from licence_service.service import build
from licence_service.settings import read_settings
from licence_service.web.body import MOST_JSON, parse_object

LARGEST_CHUNK = 5000
MOST_ROW = MOST_JSON + 300
As = Annotated[str, typer.Option("--client", help="The client in whose name to issue.")]
Rows = Annotated[Path, typer.Argument(help='One row a line: {"key": "…", "request": {…}}, the request as `POST /licences` takes it.', exists=True)]
Results = Annotated[Path, typer.Option("--results", help="Where to write what became of each row; rows that are there already are not done again.")]
Chunk = Annotated[int, typer.Option("--chunk", help="Rows that are sealed, stored and entered together.", min=1, max=LARGEST_CHUNK)]
Workers = Annotated[int, typer.Option("--workers", help="Processes that print and seal at the same time.", min=1, max=64)]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("issue-many")(issue_many)


@said
def issue_many(rows: Rows, client: As, results: Results, chunk: Chunk = 1000, workers: Workers = 1) -> None:
    """Issue licences from a file, many at once. Killed or stopped, it goes on where it was: a key never gives two licences.

    The results hold delivery codes: keep them as carefully as the licences. Exit code 1 where a row was refused.
    """
    if not rows.is_file() or (results.exists() and (not results.is_file() or results.samefile(rows))):
        raise RequestRejected("rows and results are two ordinary files")
    total = sum(1 for _ in _lines(rows))
    with service() as opened:
        client_named(opened, client)
    with _told(results) as told, progress("issue-many", total) as step:
        waiting = enumerate(_lines(rows), 1)
        done, refused = _finished(results, waiting)
        for _ in range(done):
            step("there already")
        for lines in _issued(client, waiting, chunk, workers):
            for line in lines:
                refused += "problem" in line
                told.write(json.dumps(line, ensure_ascii=False) + "\n")
                step("")
            told.flush()
            os.fsync(told.fileno())
    out.print(f"{total:,} rows, {refused:,} refused; see {results}")
    if refused:
        raise typer.Exit(REFUSED)


def _lines(rows: Path) -> Iterator[bytes]:
    """Yield the lines that say something, each cut off where it is longer than a request may be."""
    with rows.open("rb") as file:
        while line := file.readline(MOST_ROW + 1):
            rest = line
            while len(rest) > MOST_ROW and not rest.endswith(b"\n"):
                rest = file.readline(MOST_ROW + 1)
            if line.strip():
                yield line


def _finished(results: Path, waiting: Iterator[tuple[int, bytes]]) -> tuple[int, int]:
    """Return how many rows have a result already, and how many of them were refused, having passed over them in `waiting`.

    Half a line at the end is taken off. Raise `RequestRejected` where the file is not the results of these rows.
    """
    content = results.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    refused = done = 0
    for line in whole.splitlines():
        said, row = _object_of(line), next(waiting, None)
        key = _read(row[1]) if row else None
        if said is None or row is None or said.get("line") != row[0] or said.get("key") != (key[0] if isinstance(key, tuple) else None):
            raise RequestRejected("the file of results is not that of these rows")
        refused, done = refused + ("problem" in said), done + 1
    if not whole and content and not content.startswith(b'{"line": 1'[: len(content)]):
        raise RequestRejected("the file of results is not that of these rows")
    os.truncate(results, len(whole))
    return done, refused


def _object_of(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _issued(client: str, waiting: Iterator[tuple[int, bytes]], chunk: int, workers: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the results of each chunk in order; with several workers so many chunks are under way, in processes of their own."""
    if workers == 1:
        with service() as opened:
            caller = client_named(opened, client)
            while part := list(islice(waiting, chunk)):
                yield list(_carried(opened.chunks.issue, caller, part))
        return
    context = get_context("spawn")  # a fork would share the connections of its parent
    under_way: deque[tuple[list[tuple[int, bytes]], Future[list[dict[str, Any]]]]] = deque()
    with ProcessPoolExecutor(workers, context, _Worker.begin, (client, os.getpid())) as pool:
        try:
            while True:
                while len(under_way) <= workers and (part := list(islice(waiting, chunk))):
                    under_way.append((part, pool.submit(_Worker.carry, part)))
                if not under_way:
                    return
                yield under_way[0][1].result()
                under_way.popleft()
        except BrokenProcessPool:
            err.print("a worker was killed; its chunks are done again")
    # What was under way is done again, in this order: a row that was entered meanwhile is found by its key.
    yield from _issued(client, chain((row for part, _ in under_way for row in part), waiting), chunk, workers)


class _Worker:
    """What a worker process keeps open until it ends."""

    issue: Any
    caller: Any

    @classmethod
    def begin(cls, client: str, parent: int) -> None:
        """Open the service in this process, which ends when its parent does, however that ends."""
        Thread(target=_end_with, args=(parent,), daemon=True).start()
        opened = build(read_settings())
        cls.issue, cls.caller = opened.chunks.issue, client_named(opened, client)
        atexit.register(opened.close)

    @classmethod
    def carry(cls, part: list[tuple[int, bytes]]) -> list[dict[str, Any]]:
        """Issue one chunk."""
        return list(_carried(cls.issue, cls.caller, part))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)  # nothing is lost: what it had reserved is carried on by the next


@contextmanager
def _told(results: Path) -> Iterator[TextIO]:
    """Open the file of results to be written on, for its owner and one command at a time."""
    with os.fdopen(os.open(results, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as told:
        try:
            fcntl.flock(told, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestRejected("another command is writing these results") from None
        yield told


def _carried(issue: Any, caller: Any, part: list[tuple[int, bytes]]) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - the service's own
    """Issue one chunk and yield a result for each of its lines, in order."""
    read = [_read(line) for _, line in part]
    outcomes = iter(issue(caller, [row for row in read if not isinstance(row, RequestRejected)]))
    for (number, _), row in zip(part, read, strict=True):
        if isinstance(row, RequestRejected):
            yield {"line": number, "problem": _problem(row)}
        else:
            yield {"line": number, "key": row[0], **_result(next(outcomes))}


def _read(line: bytes) -> Row | RequestRejected:
    try:
        if len(line) > MOST_ROW:
            return RequestRejected(faults=[Fault("", "too-long", f"a row has at most {MOST_ROW} bytes")])
        given = parse_object(line)
    except RequestRejected as rejected:
        return rejected
    key, request = given.get("key"), given.get("request")
    if given.keys() != {"key", "request"} or not isinstance(key, str) or not isinstance(request, dict):
        return RequestRejected(faults=[Fault("", "wrong-shape", "a row has `key` and `request`, and nothing else")])
    if not is_key(key):
        return RequestRejected(faults=[Fault("key", "wrong-pattern", "8 to 200 printable ASCII characters are wanted here")])
    return key, request


def _result(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Waiting):
        outcome = Unavailable("a licence waits for its seal; call the command again", retry_after=outcome.retry_after)
    if isinstance(outcome, Unavailable):
        raise outcome  # this row is done when the command is called again
    if isinstance(outcome, Done):
        said_ = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(outcome).items()}
        return {name: value for name, value in said_.items() if value not in (None, ())}
    return {"problem": _problem(outcome)}


def _problem(trouble: Refusal) -> dict[str, Any]:
    """Return a refusal as the interface words it (RFC 9457), without any value that was given."""
    faults = [{"path": fault.path, "code": fault.code, "message": fault.message} for fault in trouble.faults]
    return {"type": f"urn:licence-service:problem:{trouble.slug}", "title": trouble.title, "detail": trouble.detail, "faults": faults}
