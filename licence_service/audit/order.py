"""The lines of the book in the order of their places: each by itself, one after the other, and under the signed heads."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from licence_service.audit.finding import Finding, Kind, named, on
from licence_service.digests import digests
from licence_service.log.heads import BadHead, Statement, leaves
from licence_service.log.tree import Frontier
from licence_service.store.heads import FOUNDATION, StoredHead
from licence_service.store.rereading import RawLine, Rereading

MOST_NAMED = 20  # lines that the finding about one head names
Opener = Callable[[bytes], Statement]


def order_findings(book: Rereading, opener: Opener, name: str, step: Callable[[], None]) -> Iterator[Finding]:
    """Yield what is wrong with the lines and with the heads over them.

    `opener` checks a head's signature (`BadHead`), `name` is the register's; `step` is told of every line.
    """
    for line in book.unplaced():
        yield on(line, Kind.INSERTED, "it has no place in the book, so nobody entered it")
    heads = _Heads(book.heads(), opener, name)
    place, recorded_at = 0, None
    for line in book.lines():
        step()
        for missing in range(place + 1, line.place or 0):
            yield Finding(Kind.MISSING, "there is no line of this place", place=missing)
        if recorded_at and line.recorded_at <= recorded_at:
            yield on(line, Kind.REORDERED, "it was recorded before the line that stands in front of it")
        yield from line_findings(line)
        yield from heads.passed(line)
        place, recorded_at = line.place or 0, line.recorded_at
    yield from heads.left_over(place)


def line_findings(line: RawLine) -> Iterator[Finding]:
    """Yield what is wrong with a line by itself: its digests, and what its row repeats of it."""
    found = digests(line.body.encode())
    if found.sha256 != line.digest.sha256 or (line.kind != FOUNDATION and found.sm3 != line.digest.sm3):
        yield on(line, Kind.CHANGED, "the body is not the one whose digest was entered")
    body = parsed(line)
    if body is None:
        yield on(line, Kind.CHANGED, "the body is not one that the register writes")
        return
    if _instant(body.get("recorded_at")) != line.recorded_at:
        yield on(line, Kind.REORDERED, "the row says another recorded time than the body")
    for column, value in line.columns.items():
        if body.get(column) != value:
            kind = Kind.REORDERED if column == "sequence" else Kind.CHANGED
            yield on(line, kind, f"the row says another {column} than the body")


def parsed(line: RawLine) -> Mapping[str, Any] | None:
    """Return the body as JSON, None where it is none."""
    try:
        body = json.loads(line.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


class _Heads:
    """Grows the tree along the lines and compares it with each head that it comes to.

    After a head that does not fit, the tree grows on from what that head was signed over, so that each head speaks for
    its own lines only.
    """

    def __init__(self, stored: Iterator[StoredHead], opener: Opener, name: str) -> None:
        self._stored = stored
        self._opener = opener
        self._name = name
        self._next = next(stored, None)
        self._edge = Frontier()
        self._last: datetime | None = None
        self._lines: list[RawLine] = []

    def passed(self, line: RawLine) -> Iterator[Finding]:
        """Take the next line; at the end of a head, say what is wrong with it."""
        while self._next and self._next.size < (line.place or 0):  # its last line is missing
            yield from self._closed(self._next)
        self._lines.append(line)
        if self._next and line.place == self._next.size:
            yield from self._closed(self._next)
        elif self._next is None:
            self._lines.clear()  # nothing will ask for them

    def left_over(self, last: int) -> Iterator[Finding]:
        """Say which signed heads reach beyond the last line."""
        while self._next:
            head = self._next
            yield from self._closed(head)
            for place in range(last + 1, head.size + 1):
                yield Finding(Kind.MISSING, "a signed head covers a line of this place, and there is none", place=place)
            last = max(last, head.size)

    def _closed(self, head: StoredHead) -> Iterator[Finding]:
        lines, self._lines = self._lines, []
        self._next = next(self._stored, None)
        statement = None
        try:
            statement = self._opener(head.message)
        except BadHead:
            yield Finding(Kind.HEAD, f"the head of {head.size} lines is not signed by a department of this register", place=head.size)
        said = statement and (statement.book, statement.size, statement.until, statement.root.hex())
        if said and said != (self._name, head.size, head.until, head.root):
            yield Finding(Kind.HEAD, f"the row of the head of {head.size} lines is not what was signed", place=head.size)
        grown = self._edge.extended(leaves(one.body for one in lines))
        root = statement.root if statement else bytes.fromhex(head.root)
        whole = grown.size == head.size and grown.root() == root
        if not whole:
            yield Finding(Kind.HEAD, f"the head of {head.size} lines does not fit {_names(lines) or 'its lines, which are gone'}", place=head.size)
        self._edge = grown if whole else signed_edge(head, root) or grown


def signed_edge(head: StoredHead, root: bytes) -> Frontier | None:
    """Return the edge that the head was signed over, where the row still holds it."""
    try:
        edge = Frontier.unpacked(head.size, head.frontier)
    except ValueError:
        return None
    return edge if edge.root() == root else None


def _names(lines: list[RawLine]) -> str:
    entries_first = sorted(lines, key=lambda one: one.kind == FOUNDATION)
    some = "; ".join(named(one.licence_id, one.sequence, one.place) for one in entries_first[:MOST_NAMED])
    return some + (f"; and {len(lines) - MOST_NAMED} more" if len(lines) > MOST_NAMED else "")
