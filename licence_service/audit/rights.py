"""Each licence by itself: its chain, its private parts, and whether what searches read is what its entries add up to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from licence_service.archive import Archive
from licence_service.audit.finding import Finding, Kind, on
from licence_service.audit.order import parsed
from licence_service.catalogue import Catalogue
from licence_service.digests import commitment, digests
from licence_service.endorsement import FACTS_FORM
from licence_service.entry_form import body_of, entry_of
from licence_service.errors import ArchiveUnavailable, NotInRegister, Refusal, Unavailable
from licence_service.licence import FACE_FORM, Entry, Version, beijing_day
from licence_service.line import searchable
from licence_service.store.rereading import RawLicence, RawLine, Rereading, columns_of

ROW = ("elicence_id", "document_sha256", "check_digest", "status_list", "status_index")


@dataclass(frozen=True, slots=True)
class RightsAudit:
    """What licences are held against; `archive` is there only where documents are read too."""

    book: Rereading
    catalogue: Catalogue = field(repr=False)
    archive: Archive | None

    def findings(self, step: Callable[[], None]) -> Iterator[Finding]:
        """Yield what is wrong with the licences; `step` is told of every one."""
        for licence in self.book.licences():
            step()
            yield from _chain(licence)
            entries = []
            for line in licence.lines:
                entry = _read(line)
                if entry:
                    private, found = self._private(line)
                    yield from found
                    entries.append((line, _read(line, private) or entry))
            yield from _row(licence, [entry for _, entry in entries])
            yield from self._versions(licence, entries)
            yield from self._lookups(licence, [entry for _, entry in entries])
            for kind in licence.lost:
                yield Finding(Kind.PROJECTION, f"the index of keys has lost it: kind {kind}", licence.row["licence_id"])
        for number, index in self.book.doubled_places():
            yield Finding(Kind.PROJECTION, f"place {index} of status list {number} is that of more than one version")

    # -- private parts -----------------------------------------------------------------------------

    def _private(self, line: RawLine) -> tuple[Mapping[str, Any] | None, list[Finding]]:
        try:
            private = self.book.private(line)
        except Unavailable:
            return None, [on(line, Kind.PRIVATE, "the private part does not open: it was changed, or belongs to another entry")]
        if private is None:
            return None, [on(line, Kind.PRIVATE, "the private part is not there")]
        whole = _read(line, private)
        if whole is None:
            return None, [on(line, Kind.PRIVATE, "the private part is not one that the register writes")]
        return private, [on(line, Kind.PRIVATE, said) for said in _uncommitted(whole, parsed(line) or {})]

    # -- what hangs on a licence -------------------------------------------------------------------

    def _versions(self, licence: RawLicence, entries: list[tuple[RawLine, Entry]]) -> Iterator[Finding]:
        rows = {row["version"]: row for row in licence.versions}
        for line, entry in entries:
            if not (version := entry.version):
                continue
            row = rows.pop(version.version, None)
            if row is None:
                yield on(line, Kind.PROJECTION, f"version {version.version} has no row")
            elif wrong := [name for name, value in zip(ROW, _row_of(version), strict=True) if row[name] != value]:
                yield on(line, Kind.PROJECTION, f"the row of version {version.version} says another {', '.join(wrong)} than the entry")
            if self.archive and (said := _document(self.archive, version)):
                yield on(line, Kind.DOCUMENT, said)
        for number in rows:
            yield Finding(Kind.INSERTED, f"version {number} has a row, and no entry made it", licence.row["licence_id"])

    def _lookups(self, licence: RawLicence, entries: list[Entry]) -> Iterator[Finding]:
        expected: set[tuple[str, str]] = set()
        for entry in entries:
            if entry.version and not entry.version.face:
                return  # what cannot be read cannot say how it is found
            if entry.version:
                try:
                    template = self.catalogue.edition(licence.row["type"], entry.version.edition)
                except Refusal:
                    yield Finding(Kind.PROJECTION, "the row says a type that its versions were not made with", licence.row["licence_id"])
                    return
                expected |= {self.book.blind(name, value) for name, value in searchable(template, entry).items()}
        for name, _ in sorted(expected - licence.lookups):
            yield Finding(Kind.PROJECTION, f"it is not found by its {name}", licence.row["licence_id"])
        for name, _ in sorted(licence.lookups - expected):
            yield Finding(Kind.PROJECTION, f"it is found by a {name} that none of its versions has", licence.row["licence_id"])


def _chain(licence: RawLicence) -> Iterator[Finding]:
    """Say which entries are missing, and where one does not follow on the entry before it."""
    before: RawLine | None = None
    for line in licence.lines:
        expected = (before.sequence or 0) + 1 if before else 1
        for missing in range(expected, line.sequence or 0):
            yield Finding(Kind.MISSING, "there is no entry of this number on the licence", line.licence_id, missing)
        body = parsed(line)
        if body is not None and line.sequence == expected and body.get("previous") != (before.digest.sha256 if before else ""):
            yield on(line, Kind.REORDERED, "it was entered upon another entry than the one that stands before it now")
        before = line
    last = before.sequence if before else 0
    for missing in range((last or 0) + 1, licence.row["head"] + 1):
        yield Finding(Kind.MISSING, "there is no entry of this number on the licence", licence.row["licence_id"], missing)


def _row(licence: RawLicence, entries: list[Entry]) -> Iterator[Finding]:
    """Compare the licence's row with the fold of its entries."""
    if not entries or entries[-1].recorded_at is None:
        yield Finding(Kind.PROJECTION, "there is a licence without an entry", licence.row["licence_id"])
        return
    try:
        expected = columns_of(entries, beijing_day(entries[-1].recorded_at), licence.row["department"])
    except (ValueError, KeyError, IndexError, AssertionError):  # with entries missing or made up it may not add up at all
        yield Finding(Kind.PROJECTION, "its entries do not add up to a licence", licence.row["licence_id"])
        return
    if wrong := [name for name, value in expected.items() if licence.row[name] != value]:
        yield Finding(Kind.PROJECTION, f"the row says another {', '.join(wrong)} than its entries", licence.row["licence_id"])


def _read(line: RawLine, private: Mapping[str, Any] | None = None) -> Entry | None:
    """Return the entry, None where body or private part are not in the register's form."""
    body = parsed(line)
    if body is None:
        return None
    try:
        return entry_of(body, private, line.digest)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _uncommitted(whole: Entry, body: Mapping[str, Any]) -> list[str]:
    """Say which private values are not those that the public body commits to; what was erased, salt and all, says nothing."""
    said = []
    version = whole.version
    if version and version.salt and _committed(version.face, version.salt, FACE_FORM) != version.face_commitment:
        said.append("the face is not the one that the entry commits to")
    said += [
        "the facts of an endorsement are not those that the entry commits to"
        for one in whole.endorsements
        if one.salt and one.commitment not in (_committed(one.committed, one.salt, FACTS_FORM), _committed(one.facts, one.salt, FACTS_FORM))
    ]
    if version and version.salt and whole.decision.officer and body_of(whole)["decision"]["officer_sha256"] != body["decision"]["officer_sha256"]:
        said.append("the officer is not the one that the entry commits to")
    if version and version.salt and whole.basis and body_of(whole)["basis_sha256"] != body.get("basis_sha256"):
        said.append("the basis of the decision is not the one that the entry commits to")
    return said


def _committed(values: Mapping[str, Any], salt: bytes, form: str) -> object:
    try:
        return commitment(values, salt, form)
    except ValueError:
        return None  # a salt of another length


def _row_of(version: Version) -> tuple[object, ...]:
    return version.elicence_id, version.document.sha256, version.check_code_digest, version.status[0], version.status[1]


def _document(archive: Archive, version: Version) -> str:
    """Say what is wrong with an archived document, nothing where it is right."""
    try:
        content = archive.get(version.document.sha256)
    except NotInRegister:
        return f"the archive has no document of version {version.version}"
    except ArchiveUnavailable as trouble:
        return f"the document of version {version.version} cannot be had: {trouble.detail}"
    return "" if digests(content) == version.document else f"the document of version {version.version} has another SM3 digest than the entry"
