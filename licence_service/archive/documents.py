"""The documents of an archive: each an object of its own, or a place in a segment (docs/formats.md §11, §12)."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from licence_service import segments
from licence_service.archive.objects import Objects
from licence_service.errors import ArchiveUnavailable, NotInRegister
from licence_service.segments import Place, Shared, Unpacking, Whole

MOST_SHARED = 64  # objects that many documents name: the first bytes of an edition, some 100 kB each
MOST_DICTIONARIES = 4  # a few megabytes each

_NEAR, _AT_ONCE = 65_536, 4_000_000  # bytes between two places that are fetched together, and of all that is

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SEGMENTS = "segments"
_DAMAGED = "the stored document is damaged"


class DocumentArchive:
    """See `Archive`."""

    def __init__(self, objects: Objects, place_of: Callable[[str], Place | None]) -> None:
        """Take the objects, and what knows the places of documents in segments."""
        self._objects = objects
        self._place_of = place_of
        # What was put once never changes, so nothing that is remembered grows old.
        self._shared = lru_cache(MOST_SHARED)(self._whole)
        self._unpacking = lru_cache(MOST_DICTIONARIES)(lambda digest: Unpacking(self._whole(digest)))

    def put(self, content: bytes) -> str:
        """See `Archive.put`."""
        digest = hashlib.sha256(content).hexdigest()
        self._keep(_key(digest), content, digest)
        return digest

    def put_segment(self, content: bytes) -> str:
        """See `Archive.put_segment`."""
        digest = hashlib.sha256(content).hexdigest()
        self._keep(_segment_key(digest), content, digest)
        return digest

    def get(self, digest: str) -> bytes:
        """See `Archive.get`."""
        if not _DIGEST.fullmatch(digest):
            raise NotInRegister("not a digest")
        place = self._place_of(digest)
        return self._whole(digest) if place is None else self.get_place(place, digest)

    def get_place(self, place: Place, digest: str) -> bytes:
        """See `Archive.get_place`."""
        frame = self._part(place)
        try:
            recipe = segments.read(frame, place.segment)
            own = self._unpacking(recipe.dictionary).unpack(recipe.packed, recipe.length)
            content = recipe.joined(own, self._fetch)
        except segments.Damaged as bad:
            raise ArchiveUnavailable(_DAMAGED) from bad
        except NotInRegister as absent:  # the document was found, but not what it shares with others
            raise ArchiveUnavailable(_DAMAGED) from absent
        return _checked(content, digest)

    def holding(self, wanted: Mapping[Place, bytes]) -> set[Place]:
        """See `Archive.holding`."""
        found: set[Place] = set()
        for run in _near(wanted):
            start, end = run[0].offset, max(one.offset + one.length for one in run)
            try:
                content = self._objects.part(_segment_key(run[0].segment), start, end - start) or b""
            except ArchiveUnavailable:  # a segment that was cut off, too
                continue
            found.update(one for one in run if len(wanted[one]) == one.length and content.startswith(wanted[one], one.offset - start))
        return found

    def segments(self) -> Iterator[str]:
        """See `Archive.segments`."""
        yield from self._objects.names(_SEGMENTS)

    def get_segment(self, digest: str) -> bytes:
        """See `Archive.get_segment`."""
        return _checked(self._objects.get(_segment_key(digest)), digest)

    def ready(self) -> None:
        """See `Archive.ready`."""
        self._objects.ready()

    def _keep(self, key: str, content: bytes, digest: str) -> None:
        if not self._objects.create(key, content):
            # The first writer may have died half-way, so what is there counts only once it was read.
            _checked(self._objects.get(key), digest)
            self._objects.make_durable(key)

    def _whole(self, digest: str) -> bytes:
        return _checked(self._objects.get(_key(digest)), digest)

    def _part(self, place: Place) -> bytes:
        found = self._objects.part(_segment_key(place.segment), place.offset, place.length)
        if found is None:
            raise NotInRegister("no document of this digest")
        return found

    def _fetch(self, shared: Shared) -> bytes:
        # A range is not checked by itself, so it is not remembered either: the document's digest tells.
        return self._shared(shared.digest) if isinstance(shared, Whole) else self._part(shared)


def _near(places: Iterable[Place]) -> Iterator[list[Place]]:
    """Yield the places that are fetched together."""
    run: list[Place] = []
    for one in sorted(places, key=lambda place: (place.segment, place.offset)):
        if run and (one.segment != run[0].segment or one.offset > run[-1].offset + run[-1].length + _NEAR or one.offset > run[0].offset + _AT_ONCE):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _checked(content: bytes | None, digest: str) -> bytes:
    if content is None:
        raise NotInRegister("no document of this digest")
    if hashlib.sha256(content).hexdigest() != digest:
        raise ArchiveUnavailable(_DAMAGED)
    return content


def _key(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def _segment_key(digest: str) -> str:
    return f"{_SEGMENTS}/{digest}"
