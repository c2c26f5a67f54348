"""The reporter: it tells the repository of every entry, at least once, and of each licence in order (AI-06, AI-07, AI-11).

It follows the book by a cursor like the other followers. What did not arrive is tried again with growing pauses for as long as it takes; what the
repository returns stays in a queue with its reason. It may be killed anywhere: a message has one id however often it is sent.
"""

import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from licence_service.catalogue import Catalogue
from licence_service.gateway import Gateway
from licence_service.pauses import Pauses
from licence_service.repository.catalogued import catalogue_entry, digest_of, holder_of
from licence_service.repository.wire import REPORT as OPERATION
from licence_service.repository.wire import RETURNED as RETURNING
from licence_service.repository.wire import TAKEN
from licence_service.store.book import Book
from licence_service.store.repository_lines import REPORT, REPORTED, RETURNED, WAITING, Claims, Line, Lines, Outcome, Stirred
from licence_service.template import Template

_PAUSES = Pauses(first=5.0, growth=2, longest=200.0)  # spread, and with a rest behind it, no more than the five minutes of AI-07
_LEASE = timedelta(seconds=120)  # longer than any batch takes
_STRETCH = 200  # entries of the book laid out at a time
_A_BATCH, _AT_ONCE = 16, 4
_RESTS = Pauses(first=5.0, growth=2, longest=60.0)  # of a repository that took nothing of a whole batch


@dataclass(frozen=True, slots=True)
class Reporter:
    """Reports to one repository. `holders`: whether number, name and code of the holder go along (GB/T 36903)."""

    wire: Gateway
    claims: Claims
    lines: Lines
    book: Book
    catalogue: Catalogue
    now: Callable[[], datetime] = field(repr=False)
    holders: bool = False
    chance: Callable[[], float] = field(default=secrets.SystemRandom().random, repr=False)
    _closing: threading.Event = field(default_factory=threading.Event, repr=False)

    def work(self) -> int:
        """Lay out what was entered, tell all that is due, and return how many messages were tried; nothing where another process does it."""
        holder, tried = secrets.token_hex(16), 0
        claimed = self.claims.take(REPORT, holder, self.now(), self.now() + _LEASE)
        if claimed is None:
            return 0
        looked, failures, rests_until = claimed.looked, claimed.failures, None
        try:
            with ThreadPoolExecutor(_AT_ONCE, "reporter") as pool:
                while not self._closing.is_set() and self.claims.renew(REPORT, holder, self.now() + _LEASE):
                    reached = self._lay_out(holder, looked)
                    outcomes = list(pool.map(self._told, self.lines.turn(self.now(), _A_BATCH)))
                    if not self.lines.settle(holder, outcomes, self.now()):
                        break
                    tried += len(outcomes)
                    if outcomes and all(one.state == WAITING for one in outcomes):
                        failures += 1
                        rests_until = self.now() + _RESTS.after(failures)
                        break
                    failures = 0 if outcomes else failures
                    if reached == looked and not outcomes:
                        break
                    looked = reached
        finally:
            self.claims.release(REPORT, holder, failures, rests_until)
        return tried

    def close(self) -> None:
        """Begin nothing more."""
        self._closing.set()

    def _lay_out(self, holder: str, looked: int) -> int:
        """Put the next stretch of the book on its way; return how far it was looked at."""
        stirred, reached = self.lines.stirred(looked, _STRETCH)
        if reached > looked:
            self.lines.lay_out(holder, looked, [self._made(one) for one in stirred], reached, self.now())
        return reached

    def _made(self, one: Stirred) -> tuple[Stirred, tuple[str, str, str], str]:
        entry = self._entry(one)
        return one, (entry["CertificateTypeCode"], entry["CertificateIssuingAuthorityCode"], entry["RegisteredOn"]), digest_of(entry)

    def _entry(self, one: Stirred) -> dict[str, Any]:
        return catalogue_entry(one.record, one.by, one.place, self._template(one))

    def _template(self, one: Stirred) -> Template:
        """Return the edition of the first version: what a licence is counted under stays."""
        first = one.record.entries[0].version
        assert first  # noqa: S101 - a licence begins with a document
        return self.catalogue.edition(one.record.type, first.edition)

    def _told(self, line: Line) -> Outcome:
        reply = self.wire.ask(OPERATION, message_id(line), self._data(line), self.now())
        if reply.code in TAKEN:
            return Outcome(line, REPORTED, "", None)
        if reply.code in RETURNING:
            return Outcome(line, RETURNED, reply.code, None)
        return Outcome(line, WAITING, reply.reason or "unknown-code", self.now() + _PAUSES.after(line.attempts + 1, self.chance()))

    def _data(self, line: Line) -> dict[str, Any]:
        """Return what is said of a line: the entry, names for people, and whether it takes the place of all that the repository has of the licence."""
        stirred = self.lines.again(line)
        template, entry = self._template(stirred), self._entry(stirred)
        said = {"entry": entry, "CertificateTypeName": template.title.zh, "replace": line.repairs > 0}
        return said | ({"holder": self._holder(stirred, template, int(entry["CertificateVersion"]))} if self.holders else {})

    def _holder(self, one: Stirred, template: Template, version: int) -> Mapping[str, Any] | None:
        """Return what GB/T 36903 says of the holder, from the face of a version; None where it was erased."""
        record = self.book.get(one.record.licence_id)
        face = next((entry.version.face for entry in record.entries if entry.version and entry.version.version == version), {})
        return holder_of(face, template) if face else None


def message_id(line: Line) -> str:
    """Return the id of a line's message: the same whenever it is sent; told anew it is another message."""
    return f"{line.licence_id}-{line.place}" + (f"-r{line.repairs}" if line.repairs else "")
