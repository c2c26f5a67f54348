"""Foreign eyes on documents of single acts: some are read again from the stored bytes, as chunks have theirs before they are entered.

The first of each template edition and seal of a day, and each thousandth, are looked at by the slow reader and the foreign validator, in the
bounded children that look at files of strangers, out of every request's time. One that is found wrong stops its seal; it stays in the book.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add

from licence_service.document.furniture import plates_of
from licence_service.document.reading import compact
from licence_service.errors import PageDisagrees, Unavailable
from licence_service.frozen import replace
from licence_service.identifiers import CHECK_CODE_LENGTH, CROCKFORD
from licence_service.licence import Entry, Version
from licence_service.line import Line, host_of
from licence_service.presenting import Presenter
from licence_service.qr_token import MOST_SHOWN, BadCode, before_code, digits_in, message_in
from licence_service.seal.examiner import finding_of
from licence_service.seal.tokens import BadToken, Purpose, kid_of, open1
from licence_service.store.foreign_readings import GONE, RIGHT, WRONG, Chosen, ForeignReadings
from licence_service.store.payload import token_digest
from licence_service.store.record import Record
from licence_service.store.seal_log import FOREIGN_READER
from licence_service.verification import made_by

_LOG = logging.getLogger(__name__)
_CHECK_CODES = re.compile(f"(?=([{CROCKFORD}]{{{CHECK_CODE_LENGTH}}}))")  # whatever could be one
EVERY = 1000  # of so many documents of single acts one is looked at, beside the first ones
MOST_AT_ONCE = 10  # in one round: a server that stops waits for it


@dataclass(frozen=True, slots=True)
class ForeignReading:
    """Looks at documents that were entered; `kept` says at which."""

    kept: ForeignReadings
    line: Line
    presenter: Presenter

    def work(self) -> int:
        """Look at what was chosen and waits, a few at most, and return at how many. Any number of processes may do so at once.

        Raise `Unavailable` or a refusal where something is away: that document is looked at again when its lease is over, the others with the next call.
        """
        while self.kept.choose(EVERY, self.line.now()):
            pass
        for count in range(MOST_AT_ONCE):
            one = self.kept.claim(self.line.now())
            if one is None:
                return count
            self._look(one)
        return MOST_AT_ONCE

    def _look(self, one: Chosen) -> None:
        record = self.line.book.get(one.licence_id)
        entry = next(entry for entry in record.entries if entry.version and entry.version.version == one.version)
        assert entry.version  # noqa: S101 - asked for above
        if not entry.version.face:
            self.kept.settle(one, GONE, self.line.now())
            return
        content = self.line.archive.get(entry.version.document.sha256)
        why = self._seal_wrong(content, entry.version.certificate_sha256) or self._page_wrong(content, record, entry)
        if why:
            self._stop(one, why)
        self.kept.settle(one, WRONG if why else RIGHT, self.line.now(), why)

    def _stop(self, one: Chosen, why: str) -> None:
        """Let the seal be used no more until a person has looked; an order for each document, so that nobody starts it knowing of one alone.

        Whoever found it before may have been killed before that was written down: there is no second order, as an officer may have looked meanwhile.
        """
        place = f"licence {one.licence_id}, version {one.version}: "
        if any(order.by == FOREIGN_READER and place in order.reason for order in self.line.seal_log.orders(one.seal_id)):
            return
        found = place + why
        _LOG.error("%s: %s", PageDisagrees.slug, found)
        reason = f"复核发现文件有误，已停止签章 · {PageDisagrees.slug}: {found}"  # an officer reads it at the desk
        self.line.seal_log.order(one.seal_id, stopped=True, at=self.line.now(), by=FOREIGN_READER, reason=reason)

    def _seal_wrong(self, content: bytes, certificate_sha256: str) -> str | None:
        finding = finding_of(self.presenter.examiner.ask("examine", content, at=None))
        if "examination-stopped" in finding.reasons:  # a machine that is too busy says nothing of the file
            raise Unavailable("the foreign validator could not read a document in its time; it is looked at again")
        if finding.whole and finding.certificate_sha256 != certificate_sha256:
            return "the file carries another seal than its entry names"
        return None if finding.whole else "the file does not carry its seal as it should"

    def _page_wrong(self, content: bytes, record: Record, entry: Entry) -> str | None:
        version = entry.version
        assert version  # noqa: S101 - asked for by the caller
        template = self.line.catalogue.edition(record.type, version.edition)
        department = self.line.keyring.departments.get(made_by(record, version.version))
        if department is None:
            raise Unavailable("the department that sealed a document is not among the keys of this process; it is looked at elsewhere, or never")
        reread = self.presenter.reread(content, plates_of(template))
        if reread is None:
            raise Unavailable("the slow reader could not read a document in its time; it is looked at again")
        # What stands on a page comes by acts that have pages themselves, of which one alone is under way on a licence: so none came in between.
        before = replace(record, entries=record.entries[: record.entries.index(entry)])
        line = self._as_then(reread.codes, f"licence {record.licence_id}, version {version.version}")
        sheet, attached = line.page(entry, template, department, {}, before, check_code=None)
        if len(reread.codes) == 1 and self._means(reread.codes[0], sheet.code_text, line.public_url):
            sheet = replace(sheet, code_text=reread.codes[0])
        said = [compact(piece.text) for page in reread.pages for piece in page.pieces]
        return reread.unlike(sheet, attached) or _check_code_wrong("".join(said), version) or _host_wrong(said, sheet.host)

    def _as_then(self, codes: Sequence[str], place: str) -> Line:
        """Return the line under the address that a document's one code leads to.

        Whoever restarts the service under another address has made no document wrong that was sealed before: what it says must agree with itself.
        """
        address = before_code(codes[0]) if len(codes) == 1 else None
        if address is None or address == self.line.public_url.lower():
            return self.line
        _LOG.warning("%s: made under another LICENCE_PUBLIC_URL than that of this process, whose host was %s", place, host_of(address)[:MOST_SHOWN])
        return replace(self.line, public_url=address)

    def _means(self, read: str, wanted: str | None, public_url: str) -> bool:
        """Say whether a code says what is wanted under any key that is, or was, for codes: a new key does not make what was printed wrong.

        Raise `Unavailable` where its key is none of any purpose that this process knows: another process was given a new one, and sealed with it.
        """
        keyring, digits = self.line.keyring, (digits_in(text or "", public_url) for text in (read, wanted))
        try:
            one, other = (message_in(found or "") for found in digits)
            if kid_of(one) not in keyring.code_keys:
                raise Unavailable("a code was signed by a key that is not among the keys of this process; it is looked at elsewhere, or never")
            keys = keyring.keys_for(Purpose.LICENCE)
            return open1(one, keys).payload == open1(other, keys).payload
        except (BadCode, BadToken):
            return False


def _check_code_wrong(said: str, version: Version) -> str | None:
    """Say whether the check code is missing, of which the register has the digest alone: who holds the paper could not have it verified."""
    there = any(token_digest(one) == version.check_code_digest for one in _CHECK_CODES.findall(said))
    return None if there else "its check code does not stand on its page"


def _host_wrong(said: Sequence[str], host: str) -> str | None:
    """Say whether the host that the code leads to is missing: who reads the page is told to trust no other, neither a longer nor a shorter one.

    It stands alone on its line, or is broken onto two.
    """
    there = compact(host) in {*said, *map(add, said, said[1:])}
    return None if there else "its code leads elsewhere than its page says"
