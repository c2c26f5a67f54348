"""Annotated copies (加注件): the pages of a licence with for whom, for what and until when across them, under the department's seal (DOMAIN SH-12).

A copy is a file of its own: no version and no endorsement, nothing of it is entered in the book. It carries what it is a copy of as data, and the
use of the seal stands in the log under the lending's id.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from licence_service.digests import canonical, sha256
from licence_service.document import Sheet
from licence_service.document.annotated import MarkWords
from licence_service.errors import SealUnavailable, TransitionRefused
from licence_service.licence import BEIJING, Entry, beijing_day
from licence_service.line import Line, host_of
from licence_service.seal import Seal, Sealed
from licence_service.seal.department import Department
from licence_service.store.lendings import Copy, Lending
from licence_service.store.record import Record
from licence_service.store.seal_log import SealUse
from licence_service.verification import ADOPTED, made_by

FORM = "copy/1"


@dataclass(frozen=True, slots=True)
class Annotator:
    """Makes annotated copies; `line` has the parts that licences are made with."""

    line: Line
    now: Callable[[], datetime] = field(repr=False)

    def copy(self, record: Record, lending: Lending) -> Copy:
        """Draw, seal and archive the copy of a licence's present document; nobody can fetch it before the lending is entered.

        Whoever tries again makes the same page under the same time, at which the lending was begun. Raise `FaceRejected` where the mark has no room on
        the page, `PageDisagrees` where the page does not say what the face says, both before the seal is asked; `TransitionRefused` where no copy can
        be made of this document; `SealUnavailable`.
        """
        now = lending.made_at
        entry, department = self._made_here(record, now)
        document = self.line.printer.copy(
            self._sheet(record, entry, department), words_of(lending), canonical(statement(record, entry, lending)), created_at=now
        )  # fmt: skip
        sealed = self._sealed(record, lending, document, department.seal_on(beijing_day(now)), department)
        version = entry.version
        assert version  # noqa: S101 - asked for in `_made_here`
        return Copy(self.line.archive.put(sealed.document), version.version, sealed.certificate_sha256, sealed.sealed_at)

    def _made_here(self, record: Record, now: datetime) -> tuple[Entry, Department]:
        """Return the entry of the present document and the department that made it."""
        current = record.at(beijing_day(now)).current
        entry = next(one for one in record.entries if one.version and one.version.version == current.version)
        department = self.line.keyring.departments.get(made_by(record, current.version))
        if current.seal_id == ADOPTED or not current.face:
            raise TransitionRefused("the present document was not drawn here, so no copy of it can be", facts={"rule": "SH-12"})
        if department is None or not department.may_seal(record.type, beijing_day(now)):
            raise TransitionRefused("the department that made this document seals licences of this type no longer", facts={"rule": "SE-01"})
        return entry, department

    def _sheet(self, record: Record, entry: Entry, department: Department) -> Sheet:
        """Return the page of the original, but for its check code: who reads a copy is not to open the register with it."""
        line, version = self.line, entry.version
        assert version  # noqa: S101
        template = line.catalogue.edition(record.type, version.edition)
        return Sheet(
            template=template, face=version.face, endorsements=line.shown(entry, template), elicence_id=version.elicence_id, version=version.version,
            copy_no=version.copy_no, check_code=None, code_text=line.verify_url(entry, template, department, record), host=host_of(line.public_url),
            department=department.short_name, photos={name: line.reservations.photo(digest) for name, digest in version.photos.items()},
            specimen=department.demo, preview=False,
        )  # fmt: skip

    def _sealed(self, record: Record, lending: Lending, document: bytes, seal: Seal, department: Department) -> Sealed:
        """Seal a copy; the use is written down before and after (SE-02)."""
        log = self.line.seal_log
        use = SealUse("requested", seal.seal_id, department.uscc, record.type, lending.lending_id, FORM, sha256(document))
        log.write(use, self.now())
        try:
            sealed = seal.affix(document, sealed_at=lending.made_at, request_id=lending.lending_id)
        except SealUnavailable:
            log.write(replace(use, event="failed", reason="unavailable"), self.now())
            raise
        log.write(replace(use, event="done", sealed_sha256=sha256(sealed.document)), self.now())
        return sealed


def words_of(lending: Lending) -> MarkWords:
    """Return what stands across the page; the last moment in Beijing, to the minute."""
    made, until = lending.made_at.astimezone(BEIJING), lending.until.astimezone(BEIJING)
    day = "{0.year}年{0.month}月{0.day}日"
    return MarkWords(lending.receiver, lending.purpose, day.format(made), f"{day.format(until)} {until:%H:%M}")


def statement(record: Record, entry: Entry, lending: Lending) -> dict[str, object]:
    """Return what is attached to a copy (docs/formats.md): for whom, for what, until when, and of which original."""
    version = entry.version
    assert version  # noqa: S101 - a copy is of a document
    return {
        "format": FORM, "lending_id": lending.lending_id, "receiver": lending.receiver, "purpose": lending.purpose,
        "made_at": lending.made_at.isoformat(timespec="seconds"), "until": lending.until.isoformat(timespec="seconds"),
        "original": {
            "licence_id": record.licence_id, "elicence_id": version.elicence_id, "version": version.version,
            "document_sha256": version.document.sha256, "document_sm3": version.document.sm3,
        },
    }  # fmt: skip
