"""The book against what is kept of it elsewhere: the second place, or a single head that somebody put aside."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from licence_service.audit.finding import Finding, Kind
from licence_service.audit.order import Opener, signed_edge
from licence_service.log.heads import BadHead, KeptHead, KeptLine, leaves, read_kept
from licence_service.log.tree import Frontier
from licence_service.store.rereading import RawLine, Rereading

Kept = Iterable[tuple[int, KeptHead | None]]


@dataclass(slots=True)
class Elsewhere:
    """Holds the book against heads that lie outside the database. What is kept is itself checked by its signature first."""

    book: Rereading
    opener: Opener = field(repr=False)
    name: str
    step: Callable[[], None] = field(repr=False)

    def second_place(self, kept: Kept) -> Iterator[Finding]:
        """Yield where the book and its second place differ."""
        walk, edge, numbers = _Walk(self.book.lines()), Frontier(), set()
        for number, one in kept:
            numbers.add(number)
            if one is None:
                yield _about(number, Kind.HEAD, f"what is kept as the head of {number} lines cannot be read")
                continue
            yield from self._same_head(number, one)
            grown = self._grown(number, one, edge if edge.size == one.after else self._stored_edge(one.after))
            if grown is None:
                yield _about(number, Kind.HEAD, f"what is kept as the head of {number} lines is not what was signed")
                continue
            edge = grown
            yield from self._differences(one.lines, walk)
        sizes = [head.size for head in self.book.heads()]
        for size in sizes[:-1]:  # the last one may be on its way
            if size not in numbers:
                yield _about(size, Kind.MISSING, f"the second place has no head of {size} lines")

    def single_head(self, content: bytes) -> Iterator[Finding]:
        """Yield where the book differs from one head: a signed message, or an object of the second place as a file."""
        try:
            kept = read_kept(content)
        except BadHead:
            kept = KeptHead(content, 0, ())
        try:
            statement = self.opener(kept.message)
        except BadHead:
            yield Finding(Kind.HEAD, "this is no head that a department of this register signed")
            return
        if statement.book != self.name:
            yield Finding(Kind.HEAD, "this is a head of another register")
            return
        lines = list(_first(self.book.lines(), statement.size))
        for _ in lines:
            self.step()
        edge = Frontier().extended(leaves(one.body for one in lines))
        if edge.root() == statement.root:
            return
        if not lines or (lines[-1].place or 0) < statement.size:
            reached = lines[-1].place if lines else 0
            yield _about(statement.size, Kind.NEWER, f"the head covers {statement.size} lines, the book ends at {reached}: an old backup")
        else:
            yield _about(statement.size, Kind.REWRITTEN, f"the first {statement.size} lines of the book are not those that were signed")
        before = Frontier().extended(leaves(one.body for one in lines if (one.place or 0) <= kept.after))
        if kept.lines and self._grown(statement.size, kept, before):
            yield from self._differences(kept.lines, _Walk(iter(lines)))

    def _same_head(self, number: int, one: KeptHead) -> Iterator[Finding]:
        stored = self.book.head(number)
        if stored is None:
            yield _about(number, Kind.NEWER, f"a head of {number} lines was signed, and the book does not know it: an old backup, or rewritten")
        elif stored.message != one.message:
            yield _about(number, Kind.REWRITTEN, f"another head of {number} lines is kept elsewhere")

    def _grown(self, number: int, one: KeptHead, edge: Frontier | None) -> Frontier | None:
        """Return the tree with the lines of an object, None where it is not what was signed."""
        try:
            statement = self.opener(one.message)
        except BadHead:
            return None
        if edge is None or edge.size != one.after or (statement.book, statement.size) != (self.name, number):
            return None
        grown = edge.extended(leaves(line.body for line in one.lines))
        return grown if (grown.size, grown.root()) == (statement.size, statement.root) else None

    def _stored_edge(self, size: int) -> Frontier | None:
        """Return the edge of a head that the table still holds under its signature, where the object before is not readable."""
        stored = self.book.head(size)
        try:
            return signed_edge(stored, self.opener(stored.message).root) if stored else None
        except BadHead:
            return None

    def _differences(self, kept: Iterable[KeptLine], walk: "_Walk") -> Iterator[Finding]:
        for line in kept:
            self.step()
            found = walk.to(line.place)
            if found is not None and found.body == line.body:
                continue
            if found is None and walk.ended:
                yield _of(line, Kind.NEWER, "it is kept elsewhere, and the book does not know it: an old backup, or it was deleted")
            elif found is None:
                yield _of(line, Kind.MISSING, "it is kept elsewhere, and gone from the book")
            else:
                yield _of(line, Kind.REWRITTEN, "the book holds another line in its place than is kept elsewhere")


class _Walk:
    """Goes along the lines of the book once."""

    def __init__(self, lines: Iterator[RawLine]) -> None:
        self._lines = lines
        self._at: RawLine | None = next(lines, None)

    @property
    def ended(self) -> bool:
        """Say whether the book has no further line."""
        return self._at is None

    def to(self, place: int) -> RawLine | None:
        """Return the line of a place, None where there is none; places must rise from call to call."""
        while self._at and (self._at.place or 0) < place:
            self._at = next(self._lines, None)
        return self._at if self._at and self._at.place == place else None


def _first(lines: Iterator[RawLine], size: int) -> Iterator[RawLine]:
    for line in lines:
        if (line.place or 0) > size:
            return
        yield line


def _about(size: int, kind: Kind, said: str) -> Finding:
    return Finding(kind, said, place=size)


def _of(line: KeptLine, kind: Kind, said: str) -> Finding:
    body = json.loads(line.body)
    return Finding(kind, said, body.get("licence_id"), body.get("sequence"), line.place)
