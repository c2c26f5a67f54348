"""All presses of a service: one for each edition, department, host and specimen mark, made when its first sheet comes."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock

from licence_service.document import glyph_file
from licence_service.document.artwork import Family
from licence_service.document.contents import glyph_path
from licence_service.document.fonts import Face, Fonts
from licence_service.document.furniture import CHIP_FACE
from licence_service.document.glyph_store import GlyphStore
from licence_service.document.press import Job, Laid, Outcome, Press, Unpressed
from licence_service.document.sheet import Sheet
from licence_service.identifiers import PLATE_CHARACTERS

_OF_VALUES = ("song-700", "song-500", "song-600")  # the commonest last, where a dictionary is read most cheaply
MOST_PRESSES = 256  # beyond it all are forgotten and made again


class Pressroom:
    """Hands every sheet to its press; counts what the presses did and what they left to others."""

    def __init__(self, fonts: Fonts) -> None:
        """Take the faces; glyphs are shared by all presses."""
        self._fonts = fonts
        self._stores: dict[str, GlyphStore] = {}
        self._presses: dict[tuple[object, ...], Press] = {}
        self._lock = Lock()
        self.counts: Counter[str] = Counter()  # `pressed`, `handed over: <why>`, `read by the slow reader: <why>`

    def lay(self, jobs: Sequence[tuple[Job, Family]]) -> list[Outcome]:
        """Return what `Press.lay` returns for each job; those of one press are done together."""
        outcomes: dict[int, Outcome] = {}
        presses: dict[Press, list[int]] = {}
        for place, (job, family) in enumerate(jobs):
            presses.setdefault(self._press(job.sheet, family), []).append(place)
        for press, places in presses.items():
            outcomes.update(zip(places, press.lay([jobs[place][0] for place in places]), strict=True))
        for outcome in outcomes.values():
            if isinstance(outcome, Unpressed):
                self.counts[f"handed over: {outcome}"] += 1
            elif isinstance(outcome, Laid):
                self.counts["pressed"] += 1
        return [outcomes[place] for place in range(len(jobs))]

    def common_characters(self) -> bytes:
        """Return the prepared outlines of all faces, one after the other, and the characters of number plates as pages draw them.

        The commonest come late: ideographs of those faces that values are set in.
        Whatever was printed before, the same files of faces give the same bytes.
        """
        prepared = {slug: glyph_file.read(face) for slug, face in self._fonts.faces.items()}
        common = [prepared[face].pop(each) for face in _OF_VALUES for each in glyph_file.LEVEL_1 if each in prepared[face]]
        chips = [glyph_path(self._fonts, CHIP_FACE, each)[0].encode("ascii") for each in PLATE_CHARACTERS]
        return b"".join((*(drawn for face in prepared.values() for drawn in face.values()), *common, *chips))

    def _fill(self) -> None:
        if not self._stores:
            self._stores = {slug: _filled(face) for slug, face in self._fonts.faces.items()}

    def _press(self, sheet: Sheet, family: Family) -> Press:
        # A press holds its template, so no other can come to the same identity while it is kept.
        key = (id(sheet.template), sheet.department, sheet.host, sheet.specimen)
        press = self._presses.get(key)
        if press is None:
            with self._lock:
                self._fill()
                if len(self._presses) >= MOST_PRESSES:
                    self._presses.clear()
                press = self._presses.setdefault(key, Press(sheet, family, self._fonts, self._stores, self.counts))
        return press


@lru_cache(maxsize=16)
def _filled(face: Face) -> GlyphStore:
    """Return the glyphs of a face with those that its file keeps; all printers of a process share them."""
    store = GlyphStore(face)
    store.keep(glyph_file.read(face))
    return store
