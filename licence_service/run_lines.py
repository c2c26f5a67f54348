"""Lines of a bulk run: from a row to what `Chunks.issue` takes, from what became of it to a line of results (docs/formats.md §13)."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias

from licence_service.carrying import Done, Waiting
from licence_service.chunk_rows import Outcome
from licence_service.chunks import Row
from licence_service.errors import Fault, Refusal, RequestRejected, Unavailable
from licence_service.json_object import parse_object
from licence_service.requests import is_key

MOST_ROW = 2_000_300  # bytes: a request as long as the interface takes it, and its key

Issue: TypeAlias = Callable[[Iterable[Row]], Sequence[Outcome]]


def issued(issue: Issue, first: int, rows: list[bytes]) -> Iterator[bytes]:
    """Issue rows together and yield a line of results for each, in order, the first of them row `first`; `rows` is empty afterwards.

    Raise `Unavailable` where a row waits for something that cannot be had now: then nothing is said of any, and all are done again.
    """
    met: list[str | RequestRejected] = []
    outcomes = iter(issue(_read(rows, met)))
    for number, key in enumerate(met, first):
        if isinstance(key, RequestRejected):
            yield _line({"line": number, "problem": problem(key)})
        else:
            yield _line({"line": number, "key": key, **_result(next(outcomes))})


def _read(rows: list[bytes], met: list[str | RequestRejected]) -> Iterator[Row]:
    """Yield the rows that are such, taking each from `rows`: a chunk takes megabytes. `met` gains the key of each, or why it is none."""
    rows.reverse()
    while rows:
        row = read_row(rows.pop())
        if isinstance(row, RequestRejected):
            met.append(row)
        else:
            met.append(row[0])
            yield row


def read_row(line: bytes) -> Row | RequestRejected:
    """Read one row: its key and its request, or why it is none."""
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


def read_result(line: bytes) -> dict[str, Any] | None:
    """Read one line of results; None where it is no object."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def problem(trouble: Refusal) -> dict[str, Any]:
    """Return a refusal as the interface words it (RFC 9457), without any value that was given."""
    faults = [{"path": fault.path, "code": fault.code, "message": fault.message} for fault in trouble.faults]
    return {"type": f"urn:licence-service:problem:{trouble.slug}", "title": trouble.title, "detail": trouble.detail, "faults": faults}


def _result(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Waiting):
        outcome = Unavailable("a licence waits for its seal; call the command again", retry_after=outcome.retry_after)
    if isinstance(outcome, Unavailable):
        raise outcome  # this row is done when the chunk is
    if isinstance(outcome, Done):
        said = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(outcome).items()}
        return {name: value for name, value in said.items() if value not in (None, ())}
    return {"problem": problem(outcome)}


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()
