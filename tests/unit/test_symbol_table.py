"""The code on paper from a table: module for module what the library draws, and read back by a reader of its own."""

import random
from typing import Any

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M
from qrcode.main import QRCode

from licence_service.document import code
from licence_service.document.bit_network import BitNetwork
from licence_service.document.symbol_reading import read
from licence_service.document.symbol_table import Bitmap, bitmap

HEAD = "HTTPS://EZZ.EXAMPLE.GOV.CN/Q/1"
FULLEST = {1: 27, 2: 10, 3: 48, 4: 96, 5: 149, 6: 201, 7: 240, 8: 312, 9: 379, 10: 460, 11: 551}  # the most digits after the head


def text_of(digits: int, seed: int = 1, head: str = HEAD) -> str:
    return head + "".join(random.Random(seed).choices("0123456789", k=digits))


def turned(symbol: Bitmap, row: int, column: int) -> bytes:
    """Return the rows with one module turned over."""
    rows = bytearray(symbol.rows)
    rows[row * ((symbol.side + 7) // 8) + column // 8] ^= 0x80 >> column % 8
    return bytes(rows)


def picture(symbol: Bitmap) -> Image.Image:
    """Return the symbol dark on light with its quiet zone, six pixels a module."""
    inner = Image.frombytes("1", (symbol.side, symbol.side), symbol.rows).convert("L").point(lambda level: 255 - level)
    whole = Image.new("L", (symbol.side + 8, symbol.side + 8), 255)
    whole.paste(inner, (4, 4))
    return whole.resize((6 * whole.width, 6 * whole.height), Image.Resampling.NEAREST)


def drawn_with(text: str, mask: int, level: int = ERROR_CORRECT_M) -> Bitmap:
    symbol: QRCode[Any] = QRCode(error_correction=level, border=0, mask_pattern=mask)
    symbol.add_data(text)
    return Bitmap.drawn(tuple(tuple(bool(module) for module in row) for row in symbol.get_matrix()))


@pytest.mark.parametrize("version", FULLEST)
def test_every_version_is_drawn_as_the_library_draws_it_and_read_back(version: int) -> None:
    for digits in (FULLEST[version], FULLEST[version] - 1, FULLEST[version] - 2):
        text = text_of(digits, head="A:" if version == 1 else HEAD)
        symbol = bitmap(text)
        assert symbol.side == 4 * version + 17
        assert symbol == Bitmap.drawn(code.matrix(text))
        assert read(symbol.rows, symbol.side, thorough=True) == text


@settings(max_examples=40)
@given(head=st.text("ABCXYZ0189:/.-$", max_size=40), digits=st.text("0123456789", max_size=460))
def test_any_upper_case_head_with_any_digits_is_drawn_as_the_library_draws_it(head: str, digits: str) -> None:
    text = f"{head}7{digits}1"
    try:
        expected = Bitmap.drawn(code.matrix(text))
    except ValueError as error:
        assert "glog" in str(error)  # the library cannot correct a block of zeros only; the table can
        expected = None
    symbol = bitmap(text)
    assert expected in {None, symbol}
    assert read(symbol.rows, symbol.side) == text


@pytest.mark.parametrize("seed", range(20))
def test_other_digits_of_a_known_length_are_drawn_from_the_table_alone(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = text_of(478, seed)
    expected = Bitmap.drawn(code.matrix(text))
    bitmap(text_of(478, 99))
    monkeypatch.delattr(code, "matrix")
    assert bitmap(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "7",
        "1234567",
        "12345678",
        "0000000000",
        "https://a.example/q",
        "https://a.example/q/0012345678",
        "蜀安",
        "蜀安0012345678",
        "AB\n12345678",
    ],
)
def test_texts_of_other_kinds_are_drawn_too(text: str) -> None:
    symbol = bitmap(text)
    assert symbol == Bitmap.drawn(code.matrix(text))
    assert read(symbol.rows, symbol.side, thorough=True) == text


def test_a_message_of_zeros_that_the_library_cannot_correct_is_drawn_and_read() -> None:
    text = HEAD + "0" * 480
    symbol = bitmap(text)
    assert read(symbol.rows, symbol.side, thorough=True) == text
    assert [found.text for found in zxingcpp.read_barcodes(picture(symbol))] == [text]


@pytest.mark.parametrize("digits", [40, 170, 300, 478, 490, 551])
def test_a_foreign_reader_reads_the_same(digits: int) -> None:
    text = text_of(digits)
    assert [found.text for found in zxingcpp.read_barcodes(picture(bitmap(text)))] == [text]


@pytest.mark.parametrize("text", ["", text_of(552), text_of(20_000), text_of(9) + "\u0663" * 9, HEAD + "\u0663" + "1" * 20, "A" * 400])
def test_what_the_library_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        code.matrix(text)
    with pytest.raises(ValueError, match=r"."):
        bitmap(text)


@pytest.mark.parametrize("digits", [40, 490])
@pytest.mark.parametrize("thorough", [False, True])
def test_every_single_turned_module_is_noticed(digits: int, thorough: bool) -> None:
    symbol = bitmap(text_of(digits))
    for row in range(symbol.side):
        for column in range(symbol.side):
            with pytest.raises(ValueError, match=r"not in order|damaged"):
                read(turned(symbol, row, column), symbol.side, thorough=thorough)


def test_a_changed_digit_changes_what_is_read() -> None:
    text = text_of(478)
    whole = bitmap(text)
    for place in range(len(HEAD), len(text), 7):
        other = text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]
        symbol = bitmap(other)
        assert symbol.rows != whole.rows
        assert read(symbol.rows, symbol.side) == other


@pytest.mark.parametrize("mask", range(8))
def test_every_mask_is_read(mask: int) -> None:
    for text in (text_of(20), text_of(490), "https://a.example/q"):
        symbol = drawn_with(text, mask)
        assert read(symbol.rows, symbol.side, thorough=True) == text


def test_another_level_is_refused() -> None:
    symbol = drawn_with(text_of(200), 2, ERROR_CORRECT_L)
    with pytest.raises(ValueError, match="level"):
        read(symbol.rows, symbol.side)


def test_a_size_that_no_version_has_is_refused() -> None:
    symbol = bitmap(text_of(490))
    for side in (-3, 0, 17, 60, 62, 65, 1 << 40):
        with pytest.raises(ValueError, match="no version"):
            read(symbol.rows, side)
    for rows in (symbol.rows[:-1], symbol.rows + b"\0", b""):
        with pytest.raises(ValueError, match="bytes"):
            read(rows, symbol.side)


def test_dark_modules_outside_the_symbol_are_refused() -> None:
    symbol = bitmap(text_of(490))
    with pytest.raises(ValueError, match="not in order"):
        read(turned(symbol, 60, 63), symbol.side)


def test_the_symbol_of_another_version_is_refused() -> None:
    small, large = bitmap(text_of(400)), bitmap(text_of(490))
    with pytest.raises(ValueError, match="not in order"):
        read(small.rows.ljust(len(large.rows), b"\0"), large.side)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00" + b"\xec\x11" * 7 + b"\xec", "without text"),
        (b"\x70\x40" + b"\xec\x11" * 7, "mode"),
        (b"\x1f\xff" + b"\xec\x11" * 7, "longer"),
        (b"\x10\x0f\xff\x00" + b"\xec\x11" * 6, "group of digits"),  # 1023
        (b"\x10\x07\xc0" + b"\xec\x11" * 6 + b"\xec", "group of digits"),  # one digit, 15
        (b"\x10\x0b\xf8\x00" + b"\xec\x11" * 6, "group of digits"),  # two digits, 127
        (b"\x20\x0f\xf8\x00" + b"\xec\x11" * 6, "alphanumeric"),  # one character, 63
        (b"\x40\x1f\xf0\x00" + b"\xec\x11" * 6, "utf-8"),
        (b"\x10\x04\x41" + b"\xec\x11" * 6 + b"\xec", "zeros"),
        (b"\x10\x04\x40\x00" + b"\xec\x11" * 6, "padded"),
        (b"\x10\x04\x40" + b"\xec\x11" * 6 + b"\x00", "padded"),
        (b"\x10\x04\x40" + b"\x11\xec" * 6 + b"\x11", "padded"),
    ],
)
def test_segments_that_are_not_in_order_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(*symbol_with(data), thorough=True)


def test_a_symbol_padded_as_prescribed_is_read() -> None:
    assert read(*symbol_with(b"\x10\x04\x40" + b"\xec\x11" * 6 + b"\xec"), thorough=True) == "1"


def symbol_with(data: bytes) -> tuple[bytes, int]:
    """Return a version 1 symbol with these data codewords and the error correction that belongs to them."""
    from qrcode.base import rs_blocks
    from qrcode.util import BitBuffer, create_bytes

    buffer = BitBuffer()
    buffer.buffer = list(data)
    symbol: QRCode[Any] = QRCode(1, error_correction=ERROR_CORRECT_M, border=0, mask_pattern=5)
    symbol.data_cache = create_bytes(buffer, rs_blocks(1, ERROR_CORRECT_M))
    symbol.make(fit=False)
    drawn = Bitmap.drawn(tuple(tuple(bool(module) for module in row) for row in symbol.modules))
    return drawn.rows, drawn.side


@settings(max_examples=30)
@given(st.integers(1, 200).flatmap(lambda size: st.permutations(range(size))), st.integers(0, 60), st.randoms(use_true_random=False))
def test_a_network_moves_every_bit_to_its_place(order: list[int], dropped: int, chance: random.Random) -> None:
    sources = dict(list(enumerate(order))[dropped:])
    network = BitNetwork.routed(sources)
    number = sum(chance.getrandbits(1) << source for source in sources.values())
    assert network.apply(number) == sum((number >> source & 1) << place for place, source in sources.items())


def test_a_network_that_would_need_a_bit_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="one place"):
        BitNetwork.routed({0: 1, 1: 1})
