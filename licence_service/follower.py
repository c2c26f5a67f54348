"""The follower of the book: it batches new lines into signed heads, about one a second, and keeps them in a second place.

Rewriting the database as a whole, or restoring yesterday's, then contradicts what is kept elsewhere under a signature.
It may be killed anywhere and run twice at once: a head is kept in the table first, by one follower only; whatever the
second place has not got is written again from the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from licence_service.archive import SecondPlace
from licence_service.digests import sha256
from licence_service.errors import Unavailable
from licence_service.log.heads import BadHead, KeptHead, KeptLine, Statement, leaves, read_kept
from licence_service.log.tree import Frontier
from licence_service.seal.department import Department
from licence_service.seal.tokens import CodeSigner, sign1
from licence_service.store.heads import Heads, Line, StoredHead

_TICK = timedelta(microseconds=1)
MOST_LINES = 10_000  # of one head


class BookBroken(Unavailable):
    """The book contradicts itself or its second place: no head is signed over it until the audit was read."""

    slug, title = "book-broken", "The book is not whole"


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the heads are behind the book: lines that none covers, and the age of the oldest of them in seconds."""

    lines: int
    seconds: float


@dataclass(slots=True)
class Follower:
    """Signs heads over the book that `book` names (its public address), with the keeper's key."""

    heads: Heads
    second: SecondPlace | None
    signer: CodeSigner
    book: str
    now: Callable[[], datetime] = field(repr=False)
    _kept: int = field(default=-1, repr=False)  # the largest head that is known to lie in the second place

    def follow(self, limit: int = MOST_LINES) -> int:
        """Cover the next lines, `limit` at most, by one head; return how many.

        Raise `BookBroken` where a line is missing or altered, or the second place knows of a longer or of another book;
        `ArchiveUnavailable` where the second place cannot be reached: then nothing new is signed.
        """
        last = self.heads.last()
        self._keep_up(last)
        after = last.size if last else 0
        lines = self.heads.lines(after, limit)
        if not lines or not self._still_ahead(after):
            return 0
        _whole(lines, after)
        head = self._signed(last, lines)
        if not self.heads.add(head, after):
            return 0
        self._keep(head, after)
        return len(lines)

    def lag(self) -> Lag:
        """Say how far the heads are behind."""
        lines, oldest = self.heads.uncovered()
        return Lag(lines, max(0.0, (self.now() - oldest).total_seconds()) if oldest else 0.0)

    def _signed(self, last: StoredHead | None, lines: list[Line]) -> StoredHead:
        before = Frontier.unpacked(last.size, last.frontier) if last else Frontier()
        edge = before.extended(leaves(one.body for one in lines))
        now = max(self.now(), last.signed_at + _TICK) if last else self.now()  # in order, should the clock step back
        statement = Statement(self.book, edge.size, lines[-1].recorded_at, edge.root(), now)
        return StoredHead(edge.size, statement.until, statement.signed_at, edge.root().hex(), sign1(statement.payload(), self.signer), edge.packed())

    def _still_ahead(self, after: int) -> bool:
        """Say whether the book is as long as the second place knows it; False where another follower just went on."""
        beyond = list(self.second.numbers(after)) if self.second else []
        if not beyond:
            return True
        last = self.heads.last()
        if last is None or last.size < beyond[-1]:
            raise BookBroken("the second place knows more of the book than the database does; run `licence-service audit --against`")
        return False

    # -- the second place ----------------------------------------------------------------------------

    def _keep_up(self, last: StoredHead | None) -> None:
        """Write what an earlier follower left out, or half; heads are kept in order, so the search ends at the first that is there."""
        if self.second is None or last is None or self._kept == last.size:
            return
        missing: list[StoredHead] = []
        one: StoredHead | None = last
        while one and one.size > self._kept and self._in_second(one.size) is None:
            missing.append(one)
            one = self.heads.before(one.size)
        if one and one.size > self._kept:
            self._must_agree(one)
        for head in reversed(missing):
            earlier = self.heads.before(head.size)
            self._keep(head, earlier.size if earlier else 0)
        self._kept = last.size

    def _keep(self, head: StoredHead, after: int) -> None:
        if self.second is None:
            return
        lines = self.heads.lines(after, head.size - after)
        _whole(lines, after)
        kept = KeptHead(head.message, after, tuple(KeptLine(one.place, one.kind, one.body) for one in lines))
        if not self.second.keep(head.size, kept.packed()):
            self._must_agree(head)
        self._kept = head.size

    def _in_second(self, size: int) -> KeptHead | None:
        """Return the head of so many lines from the second place, None where there is none that can be read."""
        content = self.second.get(size) if self.second else None
        try:
            return read_kept(content) if content is not None else None
        except BadHead:
            return None

    def _must_agree(self, head: StoredHead) -> None:
        kept = self._in_second(head.size)
        if kept is None or kept.message != head.message:
            raise BookBroken(f"the second place holds another head of {head.size} lines; run `licence-service audit --against`")


def _whole(lines: list[Line], after: int) -> None:
    """Refuse to sign over lines that are not one after the other, or are not what they were when entered."""
    for place, line in enumerate(lines, after + 1):
        if line.place != place:
            raise BookBroken(f"line {place} of the book is missing; run `licence-service audit`")
        if sha256(line.body.encode()) != line.sha256:
            raise BookBroken(f"line {place} of the book was changed; run `licence-service audit`")


def keeper_of(departments: Mapping[str, Department]) -> Department:
    """Return the department that signs the heads for all: the one of the lowest issuer index."""
    return min(departments.values(), key=lambda one: one.issuer_index)
