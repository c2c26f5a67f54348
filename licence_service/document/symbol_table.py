"""The code on paper at the speed of XOR: the same modules as `code.matrix`, drawn from a table.

For one version, level and mask every module is an affine function over GF(2) of the data: Reed-Solomon codewords are
linear (ISO/IEC 18004 §7.5), the places of all codewords are fixed (§7.6, §7.7) and a mask is added (§7.8). So a symbol is
a constant of its head and its number of digits, taken from a symbol that the library has drawn, XOR what the digits' bits
add. The qrcode library stays the judge: it draws that symbol, tells the places and the error correction of all
codewords, and each new table is compared with it.

A table of whole symbols, one for each value of a few bits of data, takes 4 to 16 MB a version, which no processor keeps
near: it was slower by half and more. Here a table of 30 bytes for each value of a codeword gives the error
correction, the same for all blocks (1 MB), and one `BitNetwork` puts all bits in their places.
"""

import re
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import getitem, xor
from typing import Any, Self

from qrcode.base import RSBlock, rs_blocks
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from qrcode.util import MODE_NUMBER, BitBuffer, QRData, create_bytes, mode_sizes_for_version

from licence_service.document import code
from licence_service.document.bit_network import BitNetwork, number_of

_MASK = 2  # as `code.matrix` draws; another one is noticed when a table is made
_TAILED = re.compile(r"(.*?)([0-9]{8,})", re.DOTALL)  # a shorter run gets no segment of its own (`code.matrix`)
_DIGITS = "1234567890"
_MODE_BITS = 4  # ISO/IEC 18004 §7.4.1
_REST_BITS = (0, 4, 7)  # of no, one and two digits after the last three (§7.4.3)

_Rows = tuple[list[int], ...]  # per codeword: what each of its 256 values adds to the error correction


@dataclass(frozen=True, slots=True)
class Bitmap:
    """The modules of a symbol without quiet zone: `rows` from the top, each filled up to whole bytes, bit 1 = dark."""

    side: int
    rows: bytes

    @classmethod
    def drawn(cls, matrix: code.Matrix) -> Self:
        """Return the bitmap of a matrix."""
        side = len(matrix)
        return cls(side, _number(matrix).to_bytes(side * _row_bytes(side)))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same for all texts with this head and so many digits.

    `constant` is the symbol without what its digits add, `shift` how many bits of data follow the digits, `parts` the
    blocks' stretches of data codewords that digits reach into, with their rows of the table.
    """

    table: "SymbolTable"
    constant: int
    shift: int
    parts: tuple[tuple[int, int, _Rows], ...]


class SymbolTable:
    """What each data codeword of one version adds to a symbol at level M: about 1 MB and a quarter of a second to make."""

    __slots__ = ("_ec_bits", "_network", "_row_length", "_rows", "_starts", "data_length", "side")

    def __init__(self, version: int) -> None:
        """Learn the version's places and error correction from the library; `ArithmeticError` where they are not what is drawn."""
        blocks = rs_blocks(version, ERROR_CORRECT_M)
        lengths = [block.data_count for block in blocks]
        self.side = 4 * version + 17
        self.data_length = sum(lengths)
        self._row_length = _row_bytes(self.side)
        self._ec_bits = 8 * (blocks[0].total_count - lengths[0])
        self._starts = [(sum(lengths[:index]), sum(lengths[: index + 1])) for index in range(len(lengths))]
        self._rows = _correction_rows(max(lengths), self._ec_bits // 8)
        self._network = BitNetwork.routed(_sources(version, lengths, self._ec_bits // 8))
        trial = bytes(37 * place + 11 & 0xFF for place in range(self.data_length))
        expected = _drawn(version, create_bytes(_buffer(trial), blocks)) ^ _drawn(version, [0] * sum(block.total_count for block in blocks))
        if self.added(int.from_bytes(trial), self.parts(0, self.data_length)) != expected:
            raise ArithmeticError(f"the table of version {version} does not draw what the library draws")

    def parts(self, first: int, end: int) -> tuple[tuple[int, int, _Rows], ...]:
        """Return for each block which of the data codewords `first` to `end` are its own, with their rows; no row where none is."""
        longest = len(self._rows)
        parts = []
        for start, stop in self._starts:
            low = max(first, start)
            high = max(low, min(end, stop))
            before = longest - (stop - start)  # a shorter block is a longer one that begins with zeros
            parts.append((low, high, self._rows[before + low - start : before + high - start]))
        return tuple(parts)

    def added(self, data: int, parts: tuple[tuple[int, int, _Rows], ...]) -> int:
        """Return the modules that these data bits turn over, rows from the top, the last module of the last row last."""
        codewords = data.to_bytes(self.data_length)
        corrections = 0
        for low, high, rows in parts:
            corrections = corrections << self._ec_bits | reduce(xor, map(getitem, rows, codewords[low:high]), 0)
        return self._network.apply(data << self._ec_bits * len(parts) | corrections)

    def bitmap(self, modules: int) -> Bitmap:
        """Return the bitmap of modules given as one number."""
        return Bitmap(self.side, modules.to_bytes(self.side * self._row_length))


@lru_cache(maxsize=code.LARGEST_VERSION)
def table_of(version: int) -> SymbolTable:
    """Return the table of a version, made on first use; two threads that come first at once make it twice."""
    return SymbolTable(version)


def bitmap(text: str) -> Bitmap:
    """Return the modules that `code.matrix` draws for this text; its `ValueError`s are raised here too.

    Fast for a head in use before and a tail of eight digits or more, as all our codes have; the library draws any other
    text. A head with a new number of digits costs some milliseconds once.
    """
    found = _TAILED.fullmatch(text)
    if found is None:
        return Bitmap.drawn(code.matrix(text))
    head, digits = found.groups()
    plan = _plan(head, len(digits))
    return plan.table.bitmap(plan.constant ^ plan.table.added(_numeric(digits) << plan.shift, plan.parts))


@lru_cache(maxsize=512)  # digits of one deployment have some 200 lengths; about 2 KB each
def _plan(head: str, count: int) -> _Plan:
    digits = (_DIGITS * (count // len(_DIGITS) + 1))[:count]  # not zeros: the library cannot correct a block of nothing else
    drawn = code.matrix(head + digits)
    version = (len(drawn) - 17) // 4
    table = table_of(version)
    sizes = mode_sizes_for_version(version)
    before = _MODE_BITS + sizes[MODE_NUMBER]
    if head:
        first = QRData(head)
        written = BitBuffer()
        first.write(written)
        before += _MODE_BITS + sizes[first.mode] + len(written)
    triples, rest = divmod(count, 3)
    end = before + 10 * triples + _REST_BITS[rest]
    shift, parts = 8 * table.data_length - end, table.parts(before // 8, -(-end // 8))
    return _Plan(table, _number(drawn) ^ table.added(_numeric(digits) << shift, parts), shift, parts)


# -- three decimal digits are ten bits (§7.4.3), for all digits at once ---------------------------------------------------

_LANES = 256  # triples; version 11 holds fewer than 200
_LANE_BITS, _TRIPLE_BITS = 24, 10  # three characters, and what they become


def _every(bits: int, period: int, count: int) -> int:
    """Return `count` times `bits` ones, one run in each `period` bits."""
    return sum(((1 << bits) - 1) << period * index for index in range(count))


def _closing() -> list[tuple[int, int, int]]:
    """Return the steps that close the gaps between lanes: in each, neighbours move together, then count as one lane."""
    steps = []
    bits, period, lanes = _TRIPLE_BITS, _LANE_BITS, _LANES
    while lanes > 1:
        lanes //= 2
        right = _every(bits, 2 * period, lanes)
        steps.append((right, right << period, period - bits))
        bits, period = 2 * bits, 2 * period
    return steps


_UNIT = _every(4, _LANE_BITS, _LANES)  # the low four bits of a digit's character are its value
_CLOSING = _closing()


def _numeric(digits: str) -> int:
    """Return the bits of a numeric segment's digits as one number."""
    rest = len(digits) % 3
    whole = len(digits) - rest
    characters = int.from_bytes(digits[:whole].encode("ascii"))
    bits = (characters >> 16 & _UNIT) * 100 + (characters >> 8 & _UNIT) * 10 + (characters & _UNIT)
    for right, left, gap in _CLOSING:
        bits = bits & right | (bits & left) >> gap
    return bits << _REST_BITS[rest] | int(digits[whole:]) if rest else bits


# -- what the library tells ---------------------------------------------------------------------------------------------


def _row_bytes(side: int) -> int:
    return (side + 7) // 8


def _number(matrix: code.Matrix) -> int:
    """Return the modules as one number: row by row from the top, each row filled up to whole bytes."""
    filler = "0" * (-len(matrix) % 8)
    return int("".join("".join("1" if module else "0" for module in row) + filler for row in matrix), 2)


def _drawn(version: int, codewords: list[int]) -> int:
    """Return the modules of a symbol in which the library has placed these codewords as they are."""
    symbol: QRCode[Any] = QRCode(version, error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    symbol.data_cache = codewords
    symbol.make(fit=False)
    return _number(tuple(tuple(bool(module) for module in row) for row in symbol.get_matrix()))


def _buffer(codewords: bytes) -> BitBuffer:
    buffer = BitBuffer()
    buffer.buffer, buffer.length = list(codewords), 8 * len(codewords)
    return buffer


def _correction_rows(longest: int, ec_length: int) -> _Rows:
    """Return per codeword of the longest block the error correction of each of its values; blocks are linear in them.

    The library tells that of a block's last codeword. One codeword earlier it is divided on by one step more (§7.5.2), in
    which what leaves at the top counts as such a last codeword.
    """
    top, mask = 8 * (ec_length - 1), (1 << 8 * ec_length) - 1
    bits = [
        int.from_bytes(bytes(create_bytes(_buffer(bytes((1 << bit,))), [RSBlock(1 + ec_length, 1)])[1:]))
        for bit in range(8)
    ]  # fmt: skip
    last = _added_up(bits)
    rows = [last]
    for _ in range(longest - 1):
        bits = [correction << 8 & mask ^ last[correction >> top] for correction in bits]
        rows.append(_added_up(bits))
    return tuple(reversed(rows))


def _added_up(bits: list[int]) -> list[int]:
    """Return for each value of a codeword what its bits add together."""
    row = [0]
    for correction in bits:
        row += [correction ^ other for other in row]
    return row


def _sources(version: int, lengths: list[int], ec_length: int) -> dict[int, int]:
    """Return for each data module, by its bit in the number of all modules, its bit in data followed by error correction.

    The library places codewords whose bits tell their own number, one binary digit of it in each of a few symbols.
    """
    order = _interleaved(lengths, ec_length)
    count = 8 * len(order)
    blank = _drawn(version, [0] * len(order))
    inside = _drawn(version, [0xFF] * len(order)) ^ blank
    told = []
    for digit in range(count.bit_length()):
        bits = number_of(bool(bit >> digit & 1) for bit in reversed(range(count)))  # first bit first
        told.append(_drawn(version, list(bits.to_bytes(len(order)))) ^ blank)
    sources = {}
    for module in range(inside.bit_length()):
        if inside >> module & 1:
            bit = sum((symbol >> module & 1) << digit for digit, symbol in enumerate(told))
            sources[module] = count - 1 - (8 * order[bit // 8] + bit % 8)
    return sources


def _interleaved(lengths: list[int], ec_length: int) -> list[int]:
    """Return the codewords of a symbol in their order on it: each by its number in all data, then all error correction (§7.6)."""
    data_length = sum(lengths)
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    data = [start + place for place in range(max(lengths)) for start, length in zip(starts, lengths, strict=True) if place < length]
    return data + [data_length + block * ec_length + place for place in range(ec_length) for block in range(len(lengths))]
