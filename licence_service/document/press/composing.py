"""A sheet → the content streams of its pages, each a form of its edition with its spots filled.

The pieces stand in the order of the slow page, so that both files are read aloud alike (LOOK §13).
"""

from licence_service.document.artwork import SHEETS, Artwork, Family
from licence_service.document.fonts import Fonts
from licence_service.document.layout import pages_of
from licence_service.document.press.fitting import Fitting
from licence_service.document.press.forms import Form, draft
from licence_service.document.press.hand import Drawings, Hand
from licence_service.document.press.typecase import Brought, Typecase
from licence_service.document.press.writing import Writing
from licence_service.document.sheet import Sheet
from licence_service.document.slate import Slate
from licence_service.frozen import dataclass
from licence_service.page import Value

MOST_FORMS = 256  # of one edition; beyond it all are forgotten and drafted again


@dataclass(frozen=True, slots=True)
class Composed:
    """One page: size in mm, its artwork, its content stream without it, what that brings and calls."""

    width: float
    height: float
    artwork: Artwork | None
    contents: str
    brought: list[Brought]
    called: frozenset[str]


class Composer:
    """Composes the sheets of one edition, department and host, and keeps what they have in common."""

    def __init__(self, family: Family, fonts: Fonts, case: Typecase) -> None:
        """Take the family, the faces, and the characters at hand."""
        self.drawings = Drawings()
        self._family, self._fonts, self._case = family, fonts, case
        self._forms: dict[tuple[int, ...], Form] = {}
        self._fittings: dict[int, list[Fitting]] = {}

    def compose(self, sheet: Sheet, modules: int) -> list[Composed]:
        """Return the pages of a sheet whose code has so many modules a side; raise `FaceRejected` as `layout.place` does."""
        return pages_of(sheet, self._family, self._fonts, lambda slate: self._page(slate, modules))

    def _page(self, slate: Slate, modules: int) -> Composed:
        fitted = [fitting.fitted(slate) for fitting in self._fittings_of(slate)]
        hand = Hand(self._case, self.drawings, modules)
        writing = Writing(slate, hand, self._fonts, fitted)
        self._form(writing, modules).write(writing)
        size = SHEETS[slate.page.sheet]
        return Composed(size.width, size.height, slate.artwork, "\n".join(writing.out), hand.brought, frozenset(hand.called))

    def _fittings_of(self, slate: Slate) -> list[Fitting]:
        """Return the values of a page."""
        fittings = self._fittings.get(id(slate.page))
        if fittings is None:
            fittings = [Fitting(slate, element, self._case) for element in slate.page.elements if isinstance(element, Value)]
            self._fittings[id(slate.page)] = fittings
        return fittings

    def _form(self, writing: Writing, modules: int) -> Form:
        """Return the form of this page, drafted on it where it is the first of its kind."""
        slate = writing.slate
        # How many lines each value takes, none where a note on what is left out stands beside its label.
        lines = [1 if type(each) is str else 0 if each.note else len(each.lines) for each in writing.fitted]  # type: ignore[union-attr]  # no text
        key = (id(slate.page), modules, *lines)
        form = self._forms.get(key)
        if form is None:
            faults = len(slate.faults)
            form = draft(Writing(slate, Hand(self._case, self.drawings, modules), self._fonts, writing.fitted), self._case, self.drawings)
            slate.items.clear()
            if len(slate.faults) == faults:
                if len(self._forms) >= MOST_FORMS:
                    self._forms.clear()
                self._forms[key] = form
        return form
