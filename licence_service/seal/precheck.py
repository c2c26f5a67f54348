"""What we ask of a file ourselves, byte by byte, before any PDF library sees it.

Published attacks on sealed PDF live where two programs read the same bytes differently: a /ByteRange that leaves a
gap, a slot that holds more than a signature, a second revision, objects that no table names, a table that names what
is not there, comments and leftovers between objects. So every byte of a sealed file must be accounted for: header,
numbered objects, cross-reference tables that name each object where it lies, trailers, and nothing else.

Limits come first: a file that asks for more than `MOST_…` is not read on. Nothing here raises.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from licence_service.seal import canonical
from licence_service.seal.crossref import Section, chain, table, unlisted
from licence_service.seal.syntax import Dictionary, Hexadecimal, Irregular, Reading, Reference, TooMuch, Value

MOST_BYTES = 20_000_000
MOST_OBJECTS = 20_000
MOST_EXPANDED = 64 << 20  # bytes of all streams together; our licences have 200 kB
MOST_PACKED = 8 << 20  # bytes of one object stream or cross-reference stream
MOST_REVISIONS = 2  # the page as it was drawn, and the seal

_HEADER = re.compile(rb"%PDF-[12]\.\d(?:\r\n|\n|\r)(?:%[^\r\n]{1,80}(?:\r\n|\n|\r))?")
_PART = re.compile(rb"(\d{1,10}) (\d{1,5}) obj\b|xref\b|startxref\s++(\d{1,10})\s++%%EOF|trailer\b")
_STREAM = re.compile(rb"\s*+stream(\r\n|\n)")
_END_OF_STREAM = re.compile(rb"(?:\r\n|\n|\r)?endstream\b")
_END_OF_OBJECT = re.compile(rb"\s*+endobj\b")
_SPACE = re.compile(rb"[\x00\t\n\f\r ]*+")
_ENDS = (b"", b"\n", b"\r\n", b"\r")
_ENOUGH = frozenset({"active-content", "irregular", "slot-misused", "not-canonical", "several-signatures", "added-after-seal"})
_CHUNK = 1 << 16
_ACTIVE_KEYS = frozenset({"/JS", "/JavaScript", "/OpenAction", "/AA", "/XFA", "/RichMediaContent"})
_ACTIVE_ACTIONS = frozenset(
    {"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/GoToR", "/GoToE", "/Rendition", "/Movie", "/Sound", "/RichMediaExecute"}
)
_HARMLESS_SUFFIXES = frozenset({".json", ".jwt", ".txt", ".csv", ".xml", ".ofd", ".pdf", ".png", ".jpg", ".jpeg"})


@dataclass(slots=True)
class Precheck:
    """What the bytes alone say. `reasons` are codes of a `Finding`; `byte_range` is there where exactly one signature is.

    `stopped` says that no library may be given this file.
    """

    reasons: list[str] = field(default_factory=list)
    byte_range: tuple[int, ...] | None = None
    signatures: int = 0
    revisions: int = 0
    stopped: bool = False

    def add(self, reason: str) -> None:
        """Add a reason once."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    @property
    def decisive(self) -> tuple[str, ...]:
        """Return the reasons that are enough for a no, whatever a library can or cannot read."""
        return tuple(reason for reason in self.reasons if reason in _ENOUGH) if self.signatures else ()


def precheck(document: bytes) -> Precheck:
    """Check the bytes of a file; linear in their number, about 6 ms for a licence."""
    found = Precheck()
    if len(document) > MOST_BYTES or document.count(b" obj") > MOST_OBJECTS:
        return Precheck(["examination-stopped"], stopped=True)
    trails = _trails(document)
    walk = _Walk(document[: document.rfind(b"%%EOF") + len(b"%%EOF")] if trails else document)
    try:
        walk.all()
    except TooMuch:
        return Precheck(["examination-stopped"], stopped=True)
    except Irregular:
        found.add("irregular")
    if not walk.regular():
        found.add("irregular")
    if trails:
        found.reasons.insert(0, "added-after-seal")
    if walk.is_active():
        found.add("active-content")
    _check_signatures(document, walk, found)
    found.revisions = len(walk.sections)
    return found


def _is_signature(found: Dictionary) -> bool:
    """Say whether a dictionary is, or wants to be taken for, a signature (ISO 32000-2 table 255)."""
    return "/ByteRange" in found.entries or found.entries.get("/Type") == "/Sig" or {"/SubFilter", "/Filter"} <= found.entries.keys()


def _trails(document: bytes) -> bool:
    end = document.rfind(b"%%EOF")
    return end >= 0 and document[end + 5 :] not in _ENDS


def _check_signatures(document: bytes, walk: "_Walk", found: Precheck) -> None:
    """Judge the one signature: where it lies, what it covers, how it is written (ISO 32000-2 §12.8.1)."""
    signatures = [one for one in walk.reading.dictionaries if _is_signature(one)]
    packed = any(_is_signature(one) for reading in walk.packed for one in reading.dictionaries)
    found.signatures = len(signatures) + packed
    if found.signatures > 1:
        found.add("several-signatures")
    if packed:
        found.add("slot-misused")
    if len(signatures) != 1:
        return
    span, slot = signatures[0].entries.get("/ByteRange"), signatures[0].entries.get("/Contents")
    numbers = tuple(one for one in span if isinstance(one, int)) if isinstance(span, list) else ()
    if not isinstance(slot, Hexadecimal) or len(numbers) != 4 or numbers[:3] != (0, slot.start, slot.end):  # noqa: PLR2004 - two pairs
        found.add("slot-misused")
        return
    found.byte_range = numbers
    if numbers[2] + numbers[3] != len(document):
        found.add("added-after-seal" if numbers[2] + numbers[3] < len(document) else "slot-misused")
    if len(walk.sections) > MOST_REVISIONS:
        found.add("irregular")
    digits = document[slot.start + 1 : slot.end - 1]
    if len(digits) % 2 or not digits or re.search(rb"[^0-9A-F]", digits):
        found.add("slot-misused")
        return
    _check_container(bytes.fromhex(digits.decode("ascii")), found)


def _check_container(content: bytes, found: Precheck) -> None:
    if not canonical.is_canonical(content):
        found.add("slot-misused")
        return
    try:
        low = canonical.has_low_s(content)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        found.add("slot-misused")  # canonical DER, but of something else than a signature
        return
    if not low:
        found.add("not-canonical")


class _Walk:
    """One pass over a whole file; what it met stays for the questions asked afterwards."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.reading = Reading(document)
        self.objects: dict[int, tuple[int, int]] = {}  # place → number, generation
        self.sections: dict[int, Section] = {}
        self.packed: list[Reading] = []  # object streams
        self.starts: list[int] = []  # what each `startxref` says
        self._expanded = 0
        self._later: list[tuple[Reference, int]] = []  # lengths that stand elsewhere, with what was found
        self._words: dict[int, str] = {}  # numbered objects that are a name or a text, which a dictionary may refer to
        self._integers: dict[int, int] = {}

    def all(self) -> None:
        """Read every part of the file; raise `Irregular` at the first byte that belongs to none."""
        header = _HEADER.match(self.document)
        if header is None:
            self._objects_anyhow()
            raise Irregular("no header")
        place = header.end()
        try:
            while (place := self._blank(place)) < len(self.document):
                place = self._part(place)
        except TooMuch:
            raise
        except Irregular:
            self._objects_anyhow(place)
            raise

    def regular(self) -> bool:
        """Say whether the tables name exactly the objects that are there, newest first, with no way round."""
        if not self.starts or any(self._integers.get(reference.number) != length for reference, length in self._later):
            return False
        return chain(self.sections, self.starts[-1]) and not unlisted(self.sections, self.objects)

    def is_active(self) -> bool:
        """Say whether a dictionary, in a stream or not, holds or starts something that could act by itself, or carries a file that could be a program."""
        return any(self._acts(one.entries, reading) for reading in (self.reading, *self.packed) for one in reading.dictionaries)

    def _acts(self, entries: Mapping[str, Value], reading: Reading) -> bool:
        if not _ACTIVE_KEYS.isdisjoint(entries):
            return True
        if "/S" in entries and self._word(entries["/S"], reading) in _ACTIVE_ACTIONS:
            return True
        if "/EF" not in entries:
            return False
        name = self._word(entries.get("/UF"), reading) or self._word(entries.get("/F"), reading) or ""
        return PurePosixPath(name.lower()).suffix not in _HARMLESS_SUFFIXES

    def _word(self, value: Value | None, reading: Reading) -> str | None:
        """Return a name or a text, wherever it stands."""
        if isinstance(value, Reference):
            return self._words.get(value.number)
        return value if isinstance(value, str) else reading.text(value)

    def _blank(self, place: int) -> int:
        found = _SPACE.match(self.document, place)
        return found.end() if found else place

    def _part(self, place: int) -> int:
        found = _PART.match(self.document, place)
        if found is None:
            raise Irregular("neither object nor table")
        if found[1]:
            self.objects[place] = int(found[1]), int(found[2])
            return self._object(place, found.end(), int(found[1]))
        if found[3]:
            self.starts.append(int(found[3]))
            return found.end()
        if found[0] == b"xref":
            section, after = table(self.document, place, self.reading)
            self.sections[place] = section
            return after
        raise Irregular("a trailer without its table")

    def _object(self, place: int, start: int, number: int) -> int:
        value, after = self.reading.value(start)
        self._keep(number, value, self.reading)
        if isinstance(value, Dictionary) and (begun := _STREAM.match(self.document, after)):
            after = self._stream(place, value, begun.end())
        end = _END_OF_OBJECT.match(self.document, after)
        if end is None:
            raise Irregular("an object does not end")
        return end.end()

    def _keep(self, number: int, value: Value, reading: Reading) -> None:
        """Keep a numbered object that is a single word; of one that only refers to another, which nobody needs, nothing is known."""
        if isinstance(value, int):
            self._integers[number] = value
        elif isinstance(value, Reference):
            raise Irregular("an object that is a reference")
        elif (word := self._word(value, reading)) is not None:
            self._words[number] = word

    def _stream(self, place: int, entries: Dictionary, start: int) -> int:
        """Pass over a stream, measured: its length is what it says, its content no bomb."""
        length = entries.entries.get("/Length")
        if isinstance(length, Reference):
            end = self.document.find(b"endstream", start)
            end -= 2 if self.document[end - 2 : end] == b"\r\n" else self.document[end - 1 : end] in (b"\n", b"\r")
            self._later.append((length, end - start))
        else:
            end = start + length if isinstance(length, int) and length >= 0 else -1
        found = _END_OF_STREAM.match(self.document, end) if end >= start else None
        if found is None:
            raise Irregular("the length of a stream is not what it says")
        kind = entries.entries.get("/Type")
        content = self._measured(entries.entries.get("/Filter"), memoryview(self.document)[start:end], keep=kind in {"/ObjStm", "/XRef"})
        if kind == "/ObjStm":
            self._unpack(entries, content)
        elif kind == "/XRef":
            self.sections[place] = Section.of_stream(entries, content)
        return found.end()

    def _measured(self, filters: Value | None, content: memoryview, *, keep: bool) -> bytes:
        """Return what a deflated stream expands to, if it is wanted; raise `TooMuch` for a bomb."""
        names = filters if isinstance(filters, list) else [filters]
        if names != ["/FlateDecode"]:
            return bytes(content) if keep else b""
        inflater, kept = zlib.decompressobj(), bytearray()
        try:
            rest = bytes(content)
            while rest and not inflater.eof:
                piece = inflater.decompress(rest, _CHUNK)
                rest = inflater.unconsumed_tail
                self._expanded += len(piece)
                if self._expanded > MOST_EXPANDED or len(kept) > MOST_PACKED:
                    raise TooMuch("expands too far")
                if keep:
                    kept += piece
                elif not piece:
                    break
        except zlib.error as broken:
            raise Irregular("a stream is broken") from broken
        return bytes(kept)

    def _unpack(self, entries: Dictionary, content: bytes) -> None:
        """Read the objects inside an object stream (ISO 32000-2 §7.5.7); they count like the others."""
        count, first = entries.entries.get("/N"), entries.entries.get("/First")
        if not isinstance(count, int) or not isinstance(first, int) or not 0 <= count <= MOST_OBJECTS or not 0 <= first <= len(content):
            raise Irregular("not an object stream")
        reading = Reading(content, self.reading.tokens)
        self.packed.append(reading)
        words = [int(word) for word in content[:first].split() if word.isdigit()]
        if len(words) != 2 * count:
            raise Irregular("not an object stream")
        for number, place in zip(words[0::2], words[1::2], strict=True):
            self._keep(number, reading.value(first + place)[0], reading)
        self.reading.tokens = reading.tokens

    def _objects_anyhow(self, place: int = 0) -> None:
        """Read what objects can be found after the place where order ended: their dictionaries still tell about the file."""
        for found in re.finditer(rb"\d{1,10} \d{1,5} obj\b", memoryview(self.document)[place:]):
            try:
                self.reading.value(place + found.end())
            except TooMuch:
                raise
            except Irregular:
                continue
