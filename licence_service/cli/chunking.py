"""`licence-service issue-many`: licences from a file, chunk by chunk, with a file of what became of each row."""

import atexit
import json
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from licence_service.carrying import Done, Waiting
from licence_service.chunks import Outcome, Row
from licence_service.cli.talking import REFUSED, client_named, out, progress, said, service
from licence_service.errors import Fault, Refusal, RequestRejected, Unavailable
from licence_service.service import build
from licence_service.settings import read_settings
from licence_service.web.body import parse_object

LARGEST_CHUNK = 5000
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
    with rows.open("rb") as file:
        total = sum(1 for line in file if line.strip())
    done, refused = _finished(results)
    with service() as opened:
        client_named(opened, client)
    with rows.open("rb") as file, progress("issue-many", total) as step, _told(results) as told:
        waiting = enumerate((line for line in file if line.strip()), 1)
        for _ in islice(waiting, done):
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


def _issued(client: str, waiting: Iterator[tuple[int, bytes]], chunk: int, workers: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the results of each chunk in order; with several workers so many chunks are under way, in processes of their own."""
    if workers == 1:
        with service() as opened:
            caller = client_named(opened, client)
            while part := list(islice(waiting, chunk)):
                yield list(_carried(opened.chunks.issue, caller, part))
        return
    context = get_context("spawn")  # a fork would share the connections of its parent
    with ProcessPoolExecutor(workers, context, _Worker.begin, (client,)) as pool:
        under_way: deque[Future[list[dict[str, Any]]]] = deque()
        while under_way or waiting:
            while len(under_way) <= workers and (part := list(islice(waiting, chunk))):
                under_way.append(pool.submit(_Worker.carry, part))
            if not under_way:
                return
            yield under_way.popleft().result()


class _Worker:
    """What a worker process keeps open until it ends."""

    issue: Any
    caller: Any

    @classmethod
    def begin(cls, client: str) -> None:
        """Open the service in this process."""
        opened = build(read_settings())
        cls.issue, cls.caller = opened.chunks.issue, client_named(opened, client)
        atexit.register(opened.close)

    @classmethod
    def carry(cls, part: list[tuple[int, bytes]]) -> list[dict[str, Any]]:
        """Issue one chunk."""
        return list(_carried(cls.issue, cls.caller, part))


@contextmanager
def _told(results: Path) -> Iterator[TextIO]:
    """Open the file of results to be written on, for its owner alone."""
    with os.fdopen(os.open(results, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as told:
        yield told


def _finished(results: Path) -> tuple[int, int]:
    """Return how many rows have a result already, and how many of them were refused; half a line at the end is taken off."""
    if not results.exists():
        return 0, 0
    content = results.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        os.truncate(results, len(whole))
    lines = whole.splitlines()
    return len(lines), sum(b'"problem"' in line for line in lines)


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
        given = parse_object(line)
    except RequestRejected as rejected:
        return rejected
    key, request = given.get("key"), given.get("request")
    if given.keys() != {"key", "request"} or not isinstance(key, str) or not isinstance(request, dict):
        return RequestRejected(faults=[Fault("", "wrong-shape", "a row has `key` and `request`, and nothing else")])
    return key, request


def _result(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Unavailable):
        raise outcome  # this row is done when the command is called again
    if isinstance(outcome, Done | Waiting):
        said_ = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(outcome).items()}
        return {name: value for name, value in said_.items() if value not in (None, ())}
    return {"problem": _problem(outcome)}


def _problem(trouble: Refusal) -> dict[str, Any]:
    """Return a refusal as the interface words it (RFC 9457), without any value that was given."""
    faults = [{"path": fault.path, "code": fault.code, "message": fault.message} for fault in trouble.faults]
    return {"type": f"urn:licence-service:problem:{trouble.slug}", "title": trouble.title, "detail": trouble.detail, "faults": faults}
