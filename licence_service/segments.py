"""Segments: many documents in one object, each readable alone (docs/formats.md §12).

A document is told as parts: what it shares with others – kept once, and only named – and its own bytes, packed by
Zstandard (RFC 8878) with a dictionary that is kept once as well. A segment is a Zstandard stream: of each document a
skippable frame with its recipe, then a frame with its own bytes; so one range of bytes tells where everything lies.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TypeAlias

from licence_service.zstd import CompressionParameter, Strategy, ZstdCompressor, ZstdDecompressor, ZstdDict, ZstdError, get_frame_size

RECIPE = 1  # its first byte: the version of this format
LEAST_DICTIONARY = 8  # bytes, as Zstandard wants

_RECIPE_FRAME, _SHARED_FRAME = 0x184D2A50, 0x184D2A51  # the two kinds of skippable frames here (RFC 8878 §3.1.2)
_TRAINED = bytes.fromhex("37a430ec")  # what a dictionary in Zstandard's own format begins with (§5): ours are content alone
_FRAME = struct.Struct("<II")
_HEAD = struct.Struct("<B32s32sI")
_AT = struct.Struct("<IB")
_WHOLE, _HERE, _THERE = range(3)
_OPENED: dict[str, ZstdDict] = {}  # dictionaries by their digests, some megabytes each
_MOST_OPENED = 4
_DIGEST, _RANGE, _FAR = struct.Struct("<32s"), struct.Struct("<II"), struct.Struct("<32sII")

# Measured over all types (bench/stored.py). A dictionary of some megabytes wants a table of this size, one megabyte: a smaller one
# forgets characters; one of twice the size stores a little less, but falls out of a processor's cache that two processes share, which
# costs a chunk a thirtieth of its time. Every second byte is looked up; every third, as the table is filled, would miss most. The window
# keeps the table of the document itself small. The chain is not used, but without its length less of the dictionary is looked at.
_OPTIONS: dict[int, int] = {
    CompressionParameter.strategy: Strategy.fast,
    CompressionParameter.window_log: 17,
    CompressionParameter.hash_log: 18,
    CompressionParameter.chain_log: 21,
    CompressionParameter.min_match: 7,
    CompressionParameter.target_length: 2,
}


class Damaged(ValueError):  # noqa: N818 - a fact about bytes
    """These bytes are not what was written."""


@dataclass(frozen=True, slots=True)
class Place:
    """`length` bytes from `offset` on in the segment of this hex SHA-256; "" is the very segment that names the place."""

    segment: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Whole:
    """All bytes of the object that the archive keeps under this hex SHA-256."""

    digest: str


Shared: TypeAlias = Whole | Place
Part: TypeAlias = bytes | Shared


class Packing:
    """Packs own bytes with one dictionary: its content alone, any bytes that are likely to come again, the likeliest last.

    It takes some 20 ms to make and the dictionary's memory once more, so a process keeps one. Threads may share it.
    """

    def __init__(self, dictionary: bytes) -> None:
        """Take a dictionary that the archive keeps; `ValueError` for less than eight bytes, or one in Zstandard's own format."""
        self.dictionary, self._content = _opened(dictionary)
        self._compressor: ZstdCompressor | None = self._begun()
        self._lock = Lock()

    def pack(self, pieces: Iterable[bytes]) -> bytes:
        """Return one Zstandard frame of all pieces; the same bytes in the same pieces give the same frame."""
        with self._lock:
            # It is put back with its frame finished: after a failure the next document must not begin with the rest of this one.
            compressor, self._compressor = self._compressor or self._begun(), None
            # As the length is not said beforehand, the dictionary's tables are looked at in place: else a megabyte is copied for each document.
            packed = [compressor.compress(piece, ZstdCompressor.CONTINUE) for piece in pieces]
            whole = b"".join((*packed, compressor.flush(ZstdCompressor.FLUSH_FRAME)))
            self._compressor = compressor
            return whole

    def _begun(self) -> ZstdCompressor:
        return ZstdCompressor(options=_OPTIONS, zstd_dict=self._content.as_undigested_dict)


class Unpacking:
    """Unpacks what was packed with one dictionary. Threads may share it."""

    def __init__(self, dictionary: bytes) -> None:
        """Take the dictionary; `ValueError` as `Packing`."""
        _, self._content = _opened(dictionary)

    def unpack(self, packed: bytes, length: int) -> bytes:
        """Return the own bytes, which are `length`; `Damaged` where they are not."""
        decompressor = ZstdDecompressor(zstd_dict=self._content.as_prefix)  # content alone, read where it lies: as a dictionary it would be copied
        try:
            own = decompressor.decompress(packed, max_length=length + 1)  # never more, whatever a damaged frame says
        except ZstdError as bad:
            raise Damaged("own bytes") from bad
        if len(own) != length or not decompressor.eof or decompressor.unused_data:
            raise Damaged("own bytes")
        return own


@dataclass(frozen=True, slots=True)
class Closed:
    """A finished segment: its bytes, their hex SHA-256, and where its documents and what it was given to share lie, by hex SHA-256."""

    content: bytes
    digest: str
    documents: Mapping[str, Place]
    shared: Mapping[str, Place]


@dataclass(slots=True)
class Segment:
    """A segment being written, by one thread; the same documents in the same order give the same bytes."""

    packing: Packing
    _parts: list[bytes] = field(default_factory=list)
    _length: int = 0
    _documents: dict[str, Place] = field(default_factory=dict)
    _shared: dict[str, Place] = field(default_factory=dict)

    def share(self, content: bytes, sha256: str) -> Place:
        """Keep some bytes once in this segment, as they are, and return their place for `add`: a photo of several documents.

        `sha256` is theirs, and trusted.
        """
        known = self._shared.get(sha256)
        if known is None:
            self._write(_FRAME.pack(_SHARED_FRAME, len(content)))
            known = self._shared[sha256] = Place("", self._length, len(content))
            self._write(content)
        return known

    def add(self, parts: Iterable[Part], sha256: str) -> None:
        """Write a document of this hex SHA-256, told as its parts in their order; a second time the same is nothing new."""
        if sha256 in self._documents:
            return
        own: list[bytes] = []
        named: list[bytes] = []
        length = 0
        for part in parts:
            if isinstance(part, bytes):
                own.append(part)
                length += len(part)
            else:
                named.append(_named(length, part))
        recipe = b"".join((_HEAD.pack(RECIPE, bytes.fromhex(sha256), bytes.fromhex(self.packing.dictionary), length), *named))
        start = self._length
        self._write(_FRAME.pack(_RECIPE_FRAME, len(recipe)), recipe, self.packing.pack(own))
        self._documents[sha256] = Place("", start, self._length - start)

    def close(self) -> Closed:
        """Return all that was written."""
        content = b"".join(self._parts)
        digest = hashlib.sha256(content).hexdigest()
        documents, shared = ({name: replace(place, segment=digest) for name, place in one.items()} for one in (self._documents, self._shared))
        return Closed(content, digest, documents, shared)

    def _write(self, *parts: bytes) -> None:
        self._parts += parts
        self._length += sum(map(len, parts))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a document is put together: its hex SHA-256, the dictionary's, how many bytes are its own, and what is shared.

    Each shared part stands before the own byte of its number.
    """

    sha256: str
    dictionary: str
    length: int
    shared: tuple[tuple[int, Shared], ...]
    packed: bytes

    def joined(self, own: bytes, fetch: Callable[[Shared], bytes]) -> bytes:
        """Return the document; what it shares is asked of `fetch`."""
        parts: list[bytes] = []
        at = 0
        for before, shared in self.shared:
            parts += (own[at:before], fetch(shared))
            at = before
        return b"".join((*parts, own[at:]))


def read(frame: bytes, segment: str) -> Recipe:
    """Read what stands at a document's place in the segment of this digest; `Damaged` where it is no document."""
    try:
        magic, size = _FRAME.unpack_from(frame)
        recipe, packed = frame[_FRAME.size : _FRAME.size + size], frame[_FRAME.size + size :]
        version, sha256, dictionary, length = _HEAD.unpack_from(recipe)
        if (magic, version, len(recipe)) != (_RECIPE_FRAME, RECIPE, size):
            raise Damaged("no recipe")
        return Recipe(sha256.hex(), dictionary.hex(), length, tuple(_shared(recipe, segment)), packed)
    except struct.error as bad:
        raise Damaged("a recipe that ends too early") from bad


def documents(content: bytes, segment: str) -> Iterator[tuple[str, Place]]:
    """Walk through a whole segment: the hex SHA-256 of each document and its place. So a lost table of places is made again.

    Raise `Damaged` where it does not go on; who has checked the segment's digest need not fear it.
    """
    view, at = memoryview(content), 0
    try:
        while at < len(content):
            magic, size = _FRAME.unpack_from(content, at)
            end = at + _FRAME.size + size
            if magic == _RECIPE_FRAME:
                recipe_end, end = end, end + get_frame_size(view[end:])
                yield read(content[at:recipe_end], segment).sha256, Place(segment, at, end - at)
            elif magic != _SHARED_FRAME:
                raise Damaged("neither a document nor something shared")
            at = end
    except (struct.error, ZstdError) as bad:
        raise Damaged("a segment that ends too early") from bad


def _opened(dictionary: bytes) -> tuple[str, ZstdDict]:
    """Return a dictionary's hex SHA-256 and its content, one copy for all of a process that pack or unpack with it."""
    if len(dictionary) < LEAST_DICTIONARY or dictionary.startswith(_TRAINED):
        raise ValueError("a dictionary here is content alone, at least eight bytes")
    digest = hashlib.sha256(dictionary).hexdigest()
    content = _OPENED.get(digest)
    if content is None:
        if len(_OPENED) >= _MOST_OPENED:
            _OPENED.clear()
        content = _OPENED[digest] = ZstdDict(dictionary, is_raw=True)
    return digest, content


def _named(at: int, part: Shared) -> bytes:
    """Return how a recipe names a shared part that stands before the own byte `at`."""
    if isinstance(part, Whole):
        return _AT.pack(at, _WHOLE) + _DIGEST.pack(bytes.fromhex(part.digest))
    if not part.segment:
        return _AT.pack(at, _HERE) + _RANGE.pack(part.offset, part.length)
    return _AT.pack(at, _THERE) + _FAR.pack(bytes.fromhex(part.segment), part.offset, part.length)


def _shared(recipe: bytes, segment: str) -> Iterator[tuple[int, Shared]]:
    """Yield the shared parts that a recipe names, each with its number."""
    at = _HEAD.size
    while at < len(recipe):
        before, kind = _AT.unpack_from(recipe, at)
        at += _AT.size
        if kind == _WHOLE:
            yield before, Whole(_DIGEST.unpack_from(recipe, at)[0].hex())
            at += _DIGEST.size
        elif kind == _HERE:
            yield before, Place(segment, *_RANGE.unpack_from(recipe, at))
            at += _RANGE.size
        elif kind == _THERE:
            there, offset, length = _FAR.unpack_from(recipe, at)
            yield before, Place(there.hex(), offset, length)
            at += _FAR.size
        else:
            raise Damaged("an unknown kind of shared part")
