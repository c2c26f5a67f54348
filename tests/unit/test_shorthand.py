"""Shorthand: what was shortened is whole again, whatever the pieces and the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.shorthand import Shorthand

LETTERS = st.text('ab证"0123', max_size=40)


@given(pieces=st.lists(st.text('ab证"0123', max_size=12), max_size=12), text=LETTERS)
def test_a_shortened_text_is_whole_again(pieces: list[str], text: str) -> None:
    shorthand = Shorthand(pieces)

    assert shorthand.whole(shorthand.shorten(text)).decode() == text


def test_longer_pieces_go_first_and_each_is_a_number() -> None:
    shorthand = Shorthand(["in force today", "in force", "short"])

    assert shorthand.pieces == [b"in force today", b"in force"]
    assert shorthand.shorten("in force today, in force") == b"\x000\x00, \x001\x00"


def test_a_text_with_the_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="mark"):
        Shorthand(["in force"]).shorten("a\0b")


def test_a_piece_with_the_mark_is_left_out() -> None:
    assert Shorthand(["abcd\0efgh"]).pieces == []
