"""A face becomes a page: laid out, drawn, and read back before it is sealed.

`Printer` is what the registrar holds. Everything else here hides one thing each: `layout` where marks stand, `fonts`
the faces, `pdf` the file format, `reading` and `agreement` what a finished page says.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from licence_service.document.agreement import agree, agree_read
from licence_service.document.annotated import MarkWords, marked
from licence_service.document.archival import COPY, RECEIPT
from licence_service.document.artwork import Family
from licence_service.document.fonts import Fonts
from licence_service.document.furniture import plates_of
from licence_service.document.layout import place
from licence_service.document.pdf import draw
from licence_service.document.placed import Placed
from licence_service.document.press import Job, Laid, Outcome, Unpressed
from licence_service.document.press.room import Pressroom
from licence_service.document.reading import ReadPage, pages_and_codes, pages_and_every_code
from licence_service.document.receipt import ReceiptWords
from licence_service.document.receipt import place as place_receipt
from licence_service.document.sheet import PrintedEndorsement, Sheet
from licence_service.errors import Misconfigured
from licence_service.page import Family as DeclaredFamily

__all__ = ["Fonts", "Job", "Placed", "PrintedEndorsement", "Printer", "Sheet"]


class Printer:
    """Prints licences of all types in the families it was given."""

    def __init__(self, fonts: Fonts, families: Mapping[str, DeclaredFamily]) -> None:
        """Take the faces and the families by name, as the catalogue read them."""
        self.fonts = fonts
        self.pressroom = Pressroom(fonts)
        self._families = {slug: _woven(slug, declared) for slug, declared in families.items()}

    def place(self, sheet: Sheet) -> Placed:
        """Lay a sheet out; raise `FaceRejected` with every fault before anything is written (about 2 ms).

        Call it once with dummy codes of the same length before the reservation, and again with the real ones.
        """
        return place(sheet, self._family(sheet), self.fonts)

    def press(self, sheet: Sheet, attachment: bytes, *, created_at: datetime, slot_bytes: int) -> Laid | None:
        """Return the file but for its seal, printed by the press and read back; None where the slow path must do it.

        Raise `FaceRejected` as `place` does, `PageDisagrees` as `agree` does.
        """
        (outcome,) = self.press_all([Job(sheet, attachment, created_at, slot_bytes)])
        if isinstance(outcome, Laid):
            return outcome
        if isinstance(outcome, Unpressed):
            return None
        raise outcome

    def press_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Return what `press` does for each job, its refusals in place of files, `Unpressed` where the slow path must do it.

        Sixty at a time cost a quarter less than singly; all of them stay in memory, some 100 kB each.
        """
        return self.pressroom.lay([(job, self._family(job.sheet)) for job in jobs])

    def _family(self, sheet: Sheet) -> Family:
        family = self._families.get(sheet.template.family)
        if family is None:
            raise Misconfigured(f"there is no family {sheet.template.family}")
        return family

    def draw(self, placed: Placed, attachment: bytes, *, created_at: datetime) -> bytes:
        """Return the PDF/A-3u file with the licence data attached; same input, same bytes."""
        return draw(placed, attachment, title=placed.title, created_at=created_at, fonts=self.fonts)

    def receipt(self, words: ReceiptWords, attachment: bytes, *, created_at: datetime) -> bytes:
        """Return a receipt as a PDF/A-3u file with its statement attached; same input, same bytes."""
        placed = place_receipt(words, self.fonts)
        return draw(placed, attachment, title=placed.title, created_at=created_at, fonts=self.fonts, attached_as=RECEIPT)

    def copy(self, sheet: Sheet, words: MarkWords, attachment: bytes, *, created_at: datetime) -> bytes:
        """Return an annotated copy as a PDF/A-3u file: the pages of a licence with the mark across, its statement attached; same input, same bytes.

        Raise `FaceRejected` where the mark has no room, `PageDisagrees` where the marked pages do not say what the face says (M10).
        """
        placed = marked(self.place(sheet), words, self.fonts)
        document = draw(placed, attachment, title=placed.title, created_at=created_at, fonts=self.fonts, attached_as=COPY)
        self.agree(document, sheet)
        return document

    def agree(self, pdf: bytes, sheet: Sheet) -> None:
        """Raise `PageDisagrees` unless the finished page says what the face says (DOMAIN M10)."""
        agree(pdf, sheet)

    def read(self, pdf: bytes, sheet: Sheet) -> tuple[list[ReadPage], list[str]]:
        """Return what the pages say, and the texts of all codes; see `reading.pages_and_every_code`."""
        return pages_and_every_code(pdf, plates_of(sheet.template))

    def judge(self, pdf: bytes, sheet: Sheet, *, whole: bool = True) -> list[str]:
        """Raise `PageDisagrees` as `agree` does; return the texts of all codes, as `read` does.

        Not `whole`: without frames and seals, which are the same on all pages of an edition, and most of what is to be read; and with codes
        on their plates alone.
        """
        if whole:
            read, found = self.read(pdf, sheet)
        else:
            read, found = pages_and_codes(pdf, where=plates_of(sheet.template))
        agree_read(read, sheet)
        return found


def _woven(slug: str, declared: DeclaredFamily) -> Family:
    weave = declared.family
    return Family(slug, weave.label, weave.accent, weave.waves, weave.strands, weave.phase_step, weave.envelope, weave.lobes)
