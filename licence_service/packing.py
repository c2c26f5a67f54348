"""Putting the documents of a chunk into one segment (docs/formats.md §12).

A dictionary is made once for an installation, from the commonest characters and what its first documents have in common, and kept in
the archive; what only one of them says, such as a name, is not in it. The bytes that licences of an edition share are kept there too,
once; a photo once in a segment.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from licence_service.archive import Archive
from licence_service.digests import sha256
from licence_service.document import Printer
from licence_service.document.press import Pressed
from licence_service.segments import Packing, Part, Place, Segment, Whole
from licence_service.store.packing import Packed

_PIECES = re.compile(rb"(?<=[\n, ])")
_COMPARED, _LONG = 20, 256


@dataclass(slots=True)
class Packer:
    """Packs documents; keeps what it put before."""

    archive: Archive
    packed: Packed
    printer: Printer
    _packing: Packing | None = field(default=None, repr=False)
    _plates: dict[int, tuple[object, str]] = field(default_factory=dict, repr=False)  # by identity, kept alive: plate and digest

    def pack(self, documents: Sequence[tuple[Pressed, str, Sequence[bytes]]], now: datetime) -> Mapping[str, Place]:
        """Keep documents durably, each with its hex SHA-256 and the JPEGs it shows; return their places by digest.

        Documents in the same order make the same segment. Raise `ArchiveUnavailable` where they cannot be kept now.
        """
        packing = self._packing or self._dictionary([_without(pressed.own, photos) for pressed, _, photos in documents[:_COMPARED]], now)
        segment = Segment(packing)
        for pressed, digest, photos in documents:
            segment.add([Whole(self._plate(pressed)), *_parts(segment, pressed.own, photos)], digest)
        closed = segment.close()
        self.archive.put_segment(closed.content)
        for _, digest, _ in documents[:1]:  # before the book names any of them, one is put together again from what lies there
            self.archive.get_place(closed.documents[digest], digest)
        return closed.documents

    def _plate(self, pressed: Pressed) -> str:
        known = self._plates.get(id(pressed.plate))
        if known is None:
            known = self._plates[id(pressed.plate)] = (pressed.plate, self.archive.put(pressed.plate.prefix))
        return known[1]

    def _dictionary(self, own: Sequence[bytes], now: datetime) -> Packing:
        """Open the installation's dictionary; make it where there is none yet."""
        digest = self.packed.dictionary()
        if digest is None:
            made = self.archive.put(self.printer.pressroom.common_characters() + _common(own))
            digest = self.packed.use_dictionary(made, now)
        self._packing = Packing(self.archive.get(digest))
        return self._packing


def _common(documents: Sequence[bytes]) -> bytes:
    """Return what the first document has in common with the one that is least like it: pieces of lines, in the order of the first.

    Of long pieces that differ, such as the slots of seals, what begins alike.
    """
    if len(documents) < 2:  # noqa: PLR2004 - one document has nothing in common with itself alone
        return b""
    first = _PIECES.split(documents[0])
    return min((_shared(first, _PIECES.split(other)) for other in documents[1:_COMPARED]), key=len)


def _shared(first: Sequence[bytes], other: Sequence[bytes]) -> bytes:
    known = set(other)
    long = iter([piece for piece in other if len(piece) > _LONG and piece not in first])
    parts = []
    for piece in first:
        if piece in known:
            parts.append(piece)
        elif len(piece) > _LONG:
            parts.append(piece[: _alike(piece, next(long, b""))])
    return b"".join(parts)


def _alike(one: bytes, other: bytes) -> int:
    """Return how many bytes two pieces begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _without(own: bytes, photos: Sequence[bytes]) -> bytes:
    for jpeg in photos:
        own = own.replace(jpeg, b"")
    return own


def _parts(segment: Segment, own: bytes, photos: Sequence[bytes]) -> list[Part]:
    """Return a licence's own bytes, its photos as places of the segment."""
    found = sorted((own.index(jpeg), jpeg) for jpeg in set(photos) if jpeg in own)
    parts: list[Part] = []
    at = 0
    for start, jpeg in found:
        if start < at:
            continue  # a picture inside a picture
        parts += [own[at:start], segment.share(jpeg, sha256(jpeg))]
        at = start + len(jpeg)
    return [*parts, own[at:]]
