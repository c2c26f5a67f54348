"""One page at work in the press: its operators so far, and what they took."""

from collections.abc import Callable, Iterable, Sequence

from licence_service.document.contents import Contents
from licence_service.document.fonts import Fonts
from licence_service.document.placed import Item
from licence_service.document.press.hand import Hand
from licence_service.document.press.typecase import Brought
from licence_service.document.slate import Slate
from licence_service.document.values import Lines
from licence_service.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """The operators of one part of a page, the texts in them that a licence must bring, the pictures that they call."""

    operators: str
    brought: tuple[Brought, ...]
    called: tuple[str, ...]


class Writing:
    """Writes the parts of one page in their order; `fitted` are its values, those of one plain line as their text."""

    def __init__(self, slate: Slate, hand: Hand, fonts: Fonts, fitted: Sequence[str | Lines]) -> None:
        """Take the page, what texts and pictures are written with, and the values' lines."""
        self.slate, self.hand, self.fonts, self.fitted = slate, hand, fonts, fitted
        self._contents = Contents(slate.height, fonts, hand, hand)
        self.out: list[str] = []

    def lines(self, index: int) -> Lines:
        """Return the lines of a value that is no plain one."""
        fitted = self.fitted[index]
        assert isinstance(fitted, Lines)  # noqa: S101 - the form of the page says so
        return fitted

    def drawn(self, place: Callable[[], object]) -> Piece:
        """Return what `place` puts on a page, to be written by `add` now or again and again."""
        hand = self.hand
        brought, called = len(hand.brought), len(hand.called)
        operators = self.operators(self.placed(place))
        piece = Piece(operators, tuple(hand.brought[brought:]), tuple(hand.called[called:]))
        del hand.brought[brought:], hand.called[called:]
        return piece

    def placed(self, place: Callable[[], object]) -> list[Item]:
        """Return the items that `place` puts on the page, not written yet."""
        start = len(self.slate.items)
        place()
        return self.slate.items[start:]

    def operators(self, items: Iterable[Item]) -> str:
        """Return the operators of items; see `Hand` for what is noted of them."""
        return self._contents.operators(items)

    def draw(self, place: Callable[[], object]) -> None:
        """Write what `place` puts on the page."""
        if operators := self.operators(self.placed(place)):
            self.out.append(operators)

    def add(self, piece: Piece, *, first: bool = False) -> None:
        """Write a piece that was drawn before; `first` writes it before all that stands on the page so far."""
        if piece.operators:
            self.out.insert(0 if first else len(self.out), piece.operators)
            self.hand.brought += piece.brought
            self.hand.called += piece.called
