"""Shorthand for texts that repeat the same pieces: each piece is written as a number, and put back in a few microseconds. Pure."""

from collections.abc import Iterable

_MARK = b"\0"  # JSON never holds it


class Shorthand:
    """A fixed list of pieces; what was shortened with one list is only whole again with the same one."""

    def __init__(self, pieces: Iterable[str]) -> None:
        """Take the pieces; shorter ones than their own numbers are left out."""
        said = sorted({piece.encode() for piece in pieces}, key=lambda piece: (-len(piece), piece))
        self.pieces = [piece for piece in said if len(piece) > 6 and _MARK not in piece]  # noqa: PLR2004 - two marks and up to four digits
        self._by_number = {b"%d" % number: piece for number, piece in enumerate(self.pieces)}

    def shorten(self, text: str) -> bytes:
        """Return the text with every piece as its number, the longest pieces first; `ValueError` where it holds the mark itself."""
        kept = text.encode()
        if _MARK in kept:
            raise ValueError("the text holds the mark")
        for number, piece in enumerate(self.pieces):
            kept = kept.replace(piece, b"\0%d\0" % number)
        return kept

    def whole(self, kept: bytes) -> bytes:
        """Return the text as it was, in UTF-8."""
        parts = kept.split(_MARK)
        parts[1::2] = map(self._by_number.__getitem__, parts[1::2])
        return b"".join(parts)
