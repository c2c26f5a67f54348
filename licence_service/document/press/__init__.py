"""The press: a template edition prepared once, its licences printed at the cost of little more than their seal.

What all licences of an edition share lies in a `Plate`, digested once. Of a licence only its own bytes are made: content
streams from `layout.py` like any page, fonts joined from stored glyphs, the code by its linear table, data, cross-reference.
Several licences are made in stages, which costs a quarter less than one after the other (`stages`).
The slow path (`pdf.draw`, then `Seal.affix`) stays the judge: same texts, same places, same picture.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import chain
from threading import Lock
from typing import TypeAlias

from licence_service.document.agreement import agree
from licence_service.document.archival import PACKET_ENTRIES, file_entries, information, packet
from licence_service.document.artwork import Family
from licence_service.document.compact_font import PROGRAM_ENTRIES
from licence_service.document.fonts import Fonts
from licence_service.document.glyph_store import GlyphStore
from licence_service.document.jpeg import image_entries
from licence_service.document.press.composing import Composed, Composer
from licence_service.document.press.filling import Laid, Pressed, fill
from licence_service.document.press.fonts_read import Unproven
from licence_service.document.press.plate import SYMBOL, Plate, cast
from licence_service.document.press.proof import Proof, Reader
from licence_service.document.press.stages import in_stages
from licence_service.document.press.typecase import Typecase, Undeclared, gathered
from licence_service.document.press.vocabulary import kept_characters
from licence_service.document.sheet import Sheet
from licence_service.document.symbol_table import Bitmap, bitmap
from licence_service.errors import FaceRejected, PageDisagrees

__all__ = ["Job", "Laid", "Outcome", "Press", "Pressed", "Unpressed"]

MOST_PLATES = 64  # shapes of one edition that stay prepared


class Unpressed(Exception):  # noqa: N818 - a fact, not an error: the slow path takes over
    """This sheet is not for the press; its only argument is a word for counting: `width`, `code`, `preview`."""


@dataclass(frozen=True, slots=True)
class Job:
    """One licence to print: its sheet, the data to attach, the instant that it claims to be made at, the digits of its slot."""

    sheet: Sheet
    attachment: bytes = field(repr=False)
    created_at: datetime
    slot_bytes: int


Outcome: TypeAlias = Laid | Unpressed | FaceRejected | PageDisagrees


@dataclass(slots=True)
class _Work:
    """A job and what the stages made of it so far."""

    job: Job
    symbol: Bitmap = field(init=False)
    pages: list[Composed] = field(init=False)
    brought: dict[str, list[int]] = field(init=False)
    plate: Plate = field(init=False)
    laid: Laid = field(init=False)
    proof: Proof = field(init=False)


class Press:
    """Prints the licences of one edition, department and host; any thread may ask. Pages are composed for one at a time, all else is done at once."""

    def __init__(self, sheet: Sheet, family: Family, fonts: Fonts, stores: Mapping[str, GlyphStore], counts: Counter[str]) -> None:
        """Prepare for sheets that share template, department, host and specimen mark with this one."""
        self.template = sheet.template
        self._fonts, self._counts = fonts, counts
        self._case = Typecase(stores, kept_characters(sheet, family, fonts))
        self._composer = Composer(family, fonts, self._case)
        self._reader = Reader(sheet.template, self._case)
        self._plates: dict[object, Plate] = {}
        self._lock = Lock()

    def lay(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Return the files but for their seals: PDF/A-3u with their data, as `Printer.draw` has them, read back.

        In place of a file stand `FaceRejected` as `Printer.place` raises it, `Unpressed` where the slow path must do it,
        `PageDisagrees` where the finished page does not say what the sheet says.
        """
        works = [_Work(job) for job in jobs]
        stages = (
            self._draw_code, self._compose, self._fill, self._open,
            *[lambda work, read=read: read(work.proof) for read in self._reader.stages], self._compare,
        )  # fmt: skip
        troubles = in_stages(works, stages, (Unpressed, FaceRejected, PageDisagrees))
        return [trouble or work.laid for work, trouble in zip(works, troubles, strict=True)]  # type: ignore[misc]  # those three alone

    # -- stages ----------------------------------------------------------------------------------------

    @staticmethod
    def _draw_code(work: _Work) -> None:
        work.symbol = _symbol(work.job.sheet)

    def _compose(self, work: _Work) -> None:
        with self._lock:
            work.pages = self._composer.compose(work.job.sheet, work.symbol.side)
            work.brought = self._brought(work.pages)
            work.plate = self._plate(work.pages, tuple(work.brought))

    def _fill(self, work: _Work) -> None:
        job, title = work.job, work.job.sheet.template.title.zh
        streams = {f"page-{place}": ("", f"/A Do\n{page.contents}".encode("ascii")) for place, page in enumerate(work.pages)}
        for face, cids in work.brought.items():
            streams[self._case.cases[face].own_name] = (PROGRAM_ENTRIES, self._program(face, cids))
        for name, jpeg in job.sheet.photos.items():
            streams[f"P-{name}"] = (image_entries(jpeg), jpeg)
        streams[SYMBOL] = (_symbol_entries(work.symbol.side), work.symbol.rows)
        streams["attachment"] = (file_entries(len(job.attachment), job.created_at), job.attachment)
        streams["metadata"] = (PACKET_ENTRIES, packet(title, job.created_at))
        work.laid = fill(work.plate, streams, information(title, job.created_at), job.created_at, job.slot_bytes)

    @staticmethod
    def _open(work: _Work) -> None:
        work.proof = Proof(work.laid, work.job.sheet, work.job.attachment)

    def _compare(self, work: _Work) -> None:
        try:
            self._reader.compare(work.proof)
        except Unproven as doubt:
            # Some pages are read rightly only by who sees where things stand: values in several faces, long lists.
            self._counts[f"read by the slow reader: {doubt}"] += 1
            agree(work.laid.sealed(b"0" * work.job.slot_bytes).content, work.job.sheet)

    # -- parts -----------------------------------------------------------------------------------------

    def _program(self, face: str, cids: list[int]) -> bytes:
        try:
            return self._case.cases[face].program(cids)
        except Undeclared:
            raise Unpressed("width") from None

    def _brought(self, pages: list[Composed]) -> dict[str, list[int]]:
        """Return the CIDs of each face that the licence brings, faces in a fixed order."""
        found = gathered(chain.from_iterable([page.brought for page in pages]))
        return {face: found[face] for face in self._case.cases if face in found}

    def _plate(self, pages: list[Composed], brought: tuple[str, ...]) -> Plate:
        shape = (brought, *((id(page.artwork), page.called) for page in pages))
        plate = self._plates.get(shape)
        if plate is None:
            if len(self._plates) >= MOST_PLATES:
                self._plates.clear()
            plate = self._plates[shape] = cast(pages, brought, self._case, self._composer.drawings, self._fonts)
        return plate


def _symbol(sheet: Sheet) -> Bitmap:
    if sheet.code_text is None:
        raise Unpressed("preview")
    try:
        return bitmap(sheet.code_text)
    except ValueError:
        raise Unpressed("code") from None


@cache
def _symbol_entries(side: int) -> str:
    return f"/Type /XObject /Subtype /Image /Width {side} /Height {side} /ImageMask true /Decode [1 0] /BitsPerComponent 1"
