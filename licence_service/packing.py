"""Putting the documents of a chunk into one segment (docs/formats.md §12).

They are packed with a dictionary of what documents of this installation are likely to say (`skeletons`). It is made once for the
editions in force and the departments there are, and kept in the archive; anew when these change. The bytes that licences of an
edition share are kept there too, once; a photo once, in the segment of the first document that shows it.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from threading import Lock

from licence_service.archive import Archive
from licence_service.document.press import Pressed
from licence_service.errors import Unavailable
from licence_service.licence import beijing_day
from licence_service.segments import Packing, Part, Place, Segment, Whole
from licence_service.skeletons import Skeletons
from licence_service.store.packing import Packed

MOST_PLATES = 128  # that stay known to be kept, and in memory: some 100 kB each
MOST_PHOTOS = 20_000  # that stay known to lie at their places: some megabytes
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Packer:
    """Packs documents; keeps what it put before."""

    archive: Archive
    packed: Packed
    skeletons: Skeletons
    _packing: Packing | None = field(default=None, repr=False)
    _day: date = field(default=date.min, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)  # a dictionary is made by one thread, the others wait for it
    _sound: dict[str, Place] = field(default_factory=dict, repr=False)  # photos that were seen at their places
    _plates: dict[int, tuple[object, str]] = field(default_factory=dict, repr=False)  # by identity, kept alive: plate and digest

    def opened(self, now: datetime) -> "Filling":
        """Begin a segment. Raise `ArchiveUnavailable` where its dictionary cannot be had now."""
        return Filling(self, Segment(self.packing(now)))

    def packing(self, now: datetime) -> Packing:
        """Return what packs documents of now; its dictionary is opened once, and made where there is none yet, which takes some seconds."""
        day = beijing_day(now)  # a process has one set of templates and keys, of which editions come in force by the day
        with self._lock:
            if self._packing is None or self._day != day:
                made_of = self.skeletons.made_of(day)
                digest = self.packed.dictionary(made_of) or self._dictionary(made_of, day, now)
                self._packing, self._day = Packing(self.archive.get(digest)), day
            return self._packing

    def _dictionary(self, made_of: str, day: date, now: datetime) -> str:
        began = time.perf_counter()
        content = made_of.encode() + self.skeletons.dictionary(day)  # so that none is like another
        digest = self.packed.use_dictionary(made_of, self.archive.put(content), now)
        _LOG.info("dictionary %s of %.1f MB made in %.1f s", digest, len(content) / 1e6, time.perf_counter() - began)
        return digest

    def photos(self, shown: Mapping[str, bytes]) -> tuple[dict[str, Place], dict[str, Place]]:
        """Return where those of these JPEGs lie, by their hex SHA-256, that an earlier segment has, and where some of them should but do not.

        Each is fetched from there before a document names it, once in a process, as nobody reads the document again before it is entered:
        a few microseconds each, as neighbours are fetched together and compared with the JPEG at hand.
        """
        sound = {digest: place for digest in shown if (place := self._sound.get(digest))}
        places = self.packed.photos(shown.keys() - sound.keys())
        there = self.archive.holding({place: shown[digest] for digest, place in places.items()})
        found = {digest: place for digest, place in places.items() if place in there}
        if len(self._sound) + len(found) > MOST_PHOTOS:
            self._sound.clear()
        self._sound.update(found)
        damaged = {digest: place for digest, place in places.items() if digest not in found}
        if damaged:
            _LOG.error(
                "%d photos are not where they were kept, or damaged: documents that name them cannot be read; they are kept anew", len(damaged)
            )
        return sound | found, damaged

    def plate(self, pressed: Pressed) -> str:
        """Keep the bytes that a file shares with others, once, and return their hex SHA-256."""
        known = self._plates.get(id(pressed.plate))
        if known is None:
            if len(self._plates) >= MOST_PLATES:
                self._plates.clear()
            known = self._plates[id(pressed.plate)] = (pressed.plate, self.archive.put(pressed.plate.prefix))
        return known[1]


@dataclass(slots=True)
class Filling:
    """A segment being filled; only packed documents stay in memory. The same documents in the same order make the same segment."""

    _packer: Packer
    _segment: Segment
    _first: str = ""
    _known: dict[str, Place] = field(default_factory=dict)  # photos of earlier segments
    _damaged: dict[str, Place] = field(default_factory=dict)  # photos that should lie there: they are kept anew here
    _shared: Mapping[str, Place] = field(default_factory=dict)  # photos of this one, when it is closed

    def look_up(self, photos: Mapping[str, bytes]) -> None:
        """Find out which of the photos of documents to come, JPEGs by their hex SHA-256, lie in an earlier segment."""
        if wanted := {digest: photos[digest] for digest in photos.keys() - self._known.keys() - self._damaged.keys()}:
            known, damaged = self._packer.photos(wanted)
            self._known.update(known)
            self._damaged.update(damaged)

    def add(self, pressed: Pressed, digest: str, photos: Mapping[str, bytes]) -> None:
        """Pack a document of this hex SHA-256 with the JPEGs it shows, by theirs; raise `ArchiveUnavailable` where what it shares cannot be kept now."""
        self._segment.add([Whole(self._packer.plate(pressed)), *self._parts(pressed.own, photos)], digest)
        self._first = self._first or digest

    def close(self) -> Mapping[str, Place]:
        """Keep the segment durably and return the documents' places by digest; raise `ArchiveUnavailable` where it cannot be kept now."""
        closed, self._segment = self._segment.close(), Segment(self._segment.packing)  # it holds every photo of the chunk
        archive = self._packer.archive
        segment = archive.put_segment(closed.content)
        self._shared = {photo: replace(place, segment=segment) for photo, place in closed.shared.items()}
        if self._first:  # before the book names any of them, one is put together again from what lies there
            archive.get_place(closed.documents[self._first], self._first)
        return closed.documents

    def entered(self) -> None:
        """Say that the documents are entered: from now on others may name the photos that lie with them.

        Where that cannot be written down now, they are kept once more with the next.
        """
        try:
            self._packer.packed.keep_photos(self._shared, self._damaged)
        except Unavailable as trouble:  # the documents are in the book: nobody may be told that they are not
            _LOG.warning("where %d photos lie could not be written down: %s", len(self._shared), trouble.slug)

    def _parts(self, own: bytes, photos: Mapping[str, bytes]) -> list[Part]:
        """Return a licence's own bytes, its photos as places of this segment or of an earlier one."""
        found = sorted((own.index(jpeg), digest, jpeg) for digest, jpeg in photos.items() if jpeg in own)
        parts: list[Part] = []
        at = 0
        for start, digest, jpeg in found:
            if start < at:
                continue  # a picture inside a picture
            parts += [own[at:start], self._known.get(digest) or self._segment.share(jpeg, digest)]
            at = start + len(jpeg)
        return [*parts, own[at:]]
