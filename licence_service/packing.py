"""Putting the documents of a chunk into one segment (docs/formats.md §12).

A dictionary is made once for an installation, from the commonest characters and the first documents, and kept in the archive. The
bytes that licences of an edition share are kept there too, once; a photo once in a segment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from licence_service.archive import Archive
from licence_service.digests import sha256
from licence_service.document import Printer
from licence_service.document.press import Pressed
from licence_service.segments import Packing, Part, Place, Segment, Whole
from licence_service.store.packing import Packed


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
        packing = self._packing or self._dictionary([pressed.own for pressed, _, _ in documents], now)
        segment = Segment(packing)
        for pressed, digest, photos in documents:
            segment.add([Whole(self._plate(pressed)), *_parts(segment, pressed.own, photos)], digest)
        closed = segment.close()
        self.archive.put_segment(closed.content)
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
            digest = self.archive.put(self.printer.pressroom.common_characters() + own[0])
            self.packed.use_dictionary(digest, now)
        self._packing = Packing(self.archive.get(digest))
        return self._packing


def _parts(segment: Segment, own: bytes, photos: Sequence[bytes]) -> list[Part]:
    """Return a licence's own bytes, its photos as places of the segment."""
    found = sorted((own.index(jpeg), jpeg) for jpeg in set(photos) if jpeg in own)
    parts: list[Part] = []
    at = 0
    for start, jpeg in found:
        parts += [own[at:start], segment.share(jpeg, sha256(jpeg))]
        at = start + len(jpeg)
    return [*parts, own[at:]]
