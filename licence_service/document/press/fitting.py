"""The values of a page, each with all that is the same on every licence: what it is worded from, set in, and how wide it may be."""

from licence_service.document import values
from licence_service.document.press.typecase import Typecase
from licence_service.document.setting import span
from licence_service.document.slate import Slate
from licence_service.document.wording import MOST_TEXTS, Phrase
from licence_service.page import Value


class Fitting:
    """One value of a page."""

    __slots__ = ("_each", "_phrase", "_plain", "_room", "_type", "_value", "_wide")

    def __init__(self, slate: Slate, value: Value, case: Typecase) -> None:
        """Take the first page of its kind and the value."""
        self._value, self._each = value, value.each
        self._type, self._room = values.room_of(slate, value)
        self._phrase = Phrase(value.content, slate.sheet.template.fields)
        self._wide = case.cases[self._type.face].wide
        self._plain: set[str] = set()  # texts that fit, where there are few on all licences

    def fitted(self, slate: Slate) -> str | values.Lines:
        """Return the text, where it is one line of its own face at its full size, as nearly all are; else what `values.fitted` returns."""
        text = None if self._each else self._phrase.whole(slate.sheet.face, slate.words)
        if text is None and self._phrase.alone and not self._each:
            text = self._value.absent
        if text in self._plain:
            return text
        if text and self._fits(text):
            if self._phrase.few and len(self._plain) < MOST_TEXTS:
                self._plain.add(text)
            return text
        return values.fitted(slate, self._value, self._type, self._room)

    def _fits(self, text: str) -> bool:
        try:
            return span(self._type, self._wide(text), len(text), 1.0) * self._type.size <= self._room
        except KeyError:  # another face must lend a character
            return False
