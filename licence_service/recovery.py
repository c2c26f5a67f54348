"""After a loss: what is newer than the backup, and entering again what second place and archive prove.

Each line in the second place stands under a signed head; its document lies in the archive under the digest that the line
names, and holds the face with its salt, which the line commits to. What nothing proves is not entered, and what is lost is said.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from licence_service.archive import Archive, SecondPlace
from licence_service.catalogue import Catalogue
from licence_service.digests import Digests, commitment, digests
from licence_service.document.reading import attachment
from licence_service.entry_form import entry_of
from licence_service.errors import ArchiveUnavailable, NotInRegister, Refusal, RequestRejected
from licence_service.identifiers import parse_elicence_id
from licence_service.licence import FACE_FORM, Act, Entry, Version
from licence_service.line import live_key, searchable
from licence_service.log.heads import BadHead, KeptHead, KeptLine, leaves
from licence_service.log.tree import Frontier
from licence_service.seal.keyring import Keyring
from licence_service.second_place import kept_heads, opened
from licence_service.segments import Place, documents
from licence_service.store.book import Book
from licence_service.store.heads import FOUNDATION, Heads, StoredHead
from licence_service.store.packing import Packed
from licence_service.store.reentry import Again, Reentry

_PHOTO = "sha256:"
Face = tuple[str, Mapping[str, Any], str]  # type, face, salt as they stand in a document's licence data


@dataclass(slots=True)
class Recovered:
    """What was entered again, and what could not be: counts, and the licences whose faces are lost."""

    heads: int = 0
    lines: int = 0
    versions: int = 0
    delivery_codes: int = 0
    officers: int = 0
    facts: int = 0
    faces: list[str] = field(default_factory=list)
    stopped: str = ""  # why the rest was not entered

    def as_json(self) -> dict[str, Any]:
        """Return it as the command line prints it."""
        lost = {"delivery_codes": self.delivery_codes, "officers": self.officers, "facts": self.facts, "faces": self.faces}
        return {"heads": self.heads, "lines": self.lines, "versions": self.versions, "lost": lost, "stopped": self.stopped}


@dataclass(frozen=True, slots=True)
class Recovery:
    """Brings a restored register up to what is known elsewhere; `name` is its public address."""

    book: Book
    heads: Heads
    reentry: Reentry
    archive: Archive
    packed: Packed
    catalogue: Catalogue = field(repr=False)
    keyring: Keyring = field(repr=False)
    name: str
    _places: dict[str, Place] = field(default_factory=dict, repr=False)  # of packed documents that are newer than the backup

    def newer(self, second: SecondPlace) -> int:
        """Return how many lines the second place knows beyond the book, as far as its last head says."""
        last = max(second.numbers(self.reentry.last_place()), default=0)
        return max(0, last - self.reentry.last_place())

    def enter_again(self, second: SecondPlace, step: Callable[[int], None] = lambda _size: None) -> Recovered:
        """Enter what is newer, head by head, up to the first that is not proved; running it again goes on from there."""
        done, touched = Recovered(), set[str]()
        last = self.heads.last()
        edge = Frontier.unpacked(last.size, last.frontier) if last else Frontier()
        for number, kept in kept_heads(second, edge.size):
            grown = self._proved(number, kept, edge)
            if kept is None or grown is None:
                done.stopped = f"what the second place keeps as the head of {number} lines is damaged or does not follow on the one before"
                break
            try:
                again = [self._again(line, done) for line in self._missing(kept)]
                said = opened(self.keyring, kept.message)
                head = StoredHead(number, said.until, said.signed_at, grown.root().hex(), kept.message, grown.packed())
                self.reentry.enter(again, head)
            except Refusal as trouble:
                done.stopped = trouble.detail
                break
            touched |= {one.entry.licence_id for one in again if one.entry}
            done.heads, done.lines, edge = done.heads + 1, done.lines + len(again), grown
            step(number)
        self.packed.put(self._unknown_places())  # also those of lines that were entered again before this was killed
        for licence_id in sorted(touched):
            self._number(licence_id)
        return done

    def _unknown_places(self) -> dict[str, Place]:
        """Return what lies in segments that the database does not know: they were written after the backup. Damaged ones prove nothing."""
        found: dict[str, Place] = {}
        for segment in sorted(set(self.archive.segments()) - self.packed.segments()):
            try:
                found.update(documents(self.archive.get_segment(segment), segment))
            except (NotInRegister, ArchiveUnavailable):
                continue
        return found

    def _proved(self, number: int, kept: KeptHead | None, edge: Frontier) -> Frontier | None:
        """Return the tree with the lines of a kept head, None where signature, root or continuation is wrong."""
        if kept is None or kept.after != edge.size:
            return None
        try:
            statement = opened(self.keyring, kept.message)
        except BadHead:
            return None
        grown = edge.extended(leaves(line.body for line in kept.lines))
        said = (statement.book, statement.size, statement.root)
        return grown if said == (self.name, number, grown.root()) and grown.size == number else None

    def _missing(self, kept: KeptHead) -> list[KeptLine]:
        """Return the lines that the book has not got; those that it has must be the same."""
        present = {line.place: line.body for line in self.heads.lines(kept.after, len(kept.lines))}
        for line in kept.lines:
            if present.get(line.place, line.body) != line.body:
                raise RequestRejected(f"line {line.place} of the backup is not the one that was signed; run `licence-service audit --against`")
        return [line for line in kept.lines if line.place not in present]

    # -- one line ----------------------------------------------------------------------------------

    def _again(self, line: KeptLine, done: Recovered) -> Again:
        said = json.loads(line.body)
        if line.kind == FOUNDATION:
            return Again(line.place, line.body, said, None, {})
        entry = entry_of(said, None, digests(line.body.encode()))
        found = self._face(entry)
        private = _private(found)
        whole = entry_of(said, private, Digests("", ""))
        self._count(entry, found, said, done)
        if entry.version is None:
            return Again(line.place, line.body, said, entry, private)
        slug = (found[0] if found else None) or self.reentry.type_of(entry.licence_id) or self._type_of(entry.version)
        department = parse_elicence_id(entry.version.elicence_id)
        return Again(
            line.place, line.body, said, entry, private,
            searchable=searchable(self.catalogue.edition(slug, entry.version.edition), whole) if found else {},
            opening=(slug, department.issuer_code if department else "") if entry.sequence == 1 else None,
        )  # fmt: skip

    def _face(self, entry: Entry) -> Face | None:
        """Return the face from the archived document, checked against what the line commits to; None where it is lost."""
        version = entry.version
        if version is None or entry.act is Act.ADOPT:  # a document that was sealed elsewhere holds no licence data of ours
            return None
        try:
            content = attachment(self._document(version.document.sha256))
        except (NotInRegister, ArchiveUnavailable):
            return None
        data = json.loads(content) if content else {}
        face, salt = data.get("face"), str(data.get("salt", ""))
        if not face or commitment(face, bytes.fromhex(salt), FACE_FORM) != version.face_commitment:
            return None
        return str(data["type"]["name"]), face, salt

    def _document(self, sha256: str) -> bytes:
        try:
            return self.archive.get(sha256)
        except NotInRegister:
            if not self._places:
                self._places.update(self._unknown_places())
            if sha256 not in self._places:
                raise
            return self.archive.get_place(self._places[sha256], sha256)

    def _type_of(self, version: Version) -> str:
        """Return the type by the template that a version was made with."""
        for slug, editions in self.catalogue.editions.items():
            if any(one.digest == version.template_digest for one in editions):
                return slug
        raise RequestRejected("a line beyond the backup is of a type that is not under the templates folder")

    def _number(self, licence_id: str) -> None:
        """Let a licence that came back hold its number."""
        record = self.book.get(licence_id)
        faces = [entry.version for entry in record.entries if entry.version and entry.version.face]
        if faces:
            template = self.catalogue.edition(record.type, faces[-1].edition)
            issuer = record.issuer(faces[-1].issued_on)
            self.reentry.take_number(licence_id, live_key(record.type, template.number_of(faces[-1].face), issuer))

    @staticmethod
    def _count(entry: Entry, found: Face | None, said: Mapping[str, Any], done: Recovered) -> None:
        done.officers += bool(said["decision"]["officer_sha256"])
        done.facts += len(entry.endorsements)
        if entry.version:
            done.versions += 1
            done.delivery_codes += 1
            if not found:
                done.faces.append(entry.licence_id)


def _private(found: Face | None) -> dict[str, Any]:
    """Return the private part as far as it is known: the face; facts and officers lay in the database alone."""
    if found is None:
        return {"officer": None, "face": None, "photos": None, "salt": None, "facts": {}}
    _, face, salt = found
    photos = {name: value.removeprefix(_PHOTO) for name, value in face.items() if isinstance(value, str) and value.startswith(_PHOTO)}
    return {"officer": None, "face": dict(face), "photos": photos, "salt": salt, "facts": {}}
