"""An independent reader of the code on paper, written from ISO/IEC 18004:2015 alone: modules in, text out.

It shares no rule with what draws codes: it walks the symbol, unmasks it, takes the blocks apart, checks them and reads the
segments by itself. It reads clean modules, not pictures, so it corrects nothing: whatever is not in order is refused.
"""

import struct
from functools import lru_cache, reduce
from itertools import pairwise
from operator import getitem, xor

from licence_service.document.symbol_shape import Shape, shape_of

_MODE_BITS = 4
_NUMERIC, _ALPHANUMERIC, _BYTES = 1, 2, 4  # §7.4.1, table 2
_END = 0
_LENGTH_BITS = {_NUMERIC: (10, 12), _ALPHANUMERIC: (9, 11), _BYTES: (8, 16)}  # versions 1 to 9, 10 to 26 (§7.4.1, table 3)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # §7.4.4, table 5
_PADDING = bytes((0b11101100, 0b00010001))  # §7.4.10


def read(rows: bytes, side: int, *, thorough: bool = False) -> str:
    """Return the text of a symbol of `side` modules: `rows` from the top, each filled up to whole bytes with 0, bit 1 = dark.

    The patterns, format and version information must be exactly those of a symbol at level M of versions 1 to 11 with
    any mask, the segments, their end and the padding those that the standard prescribes. The blocks' error correction
    is checked on their sum weighted by powers of two in GF(2⁸), which notices every damage to one block and the same damage to
    several; `thorough` checks each block by itself. Raise `ValueError` for anything else.
    """
    shape = shape_of(side)
    if len(rows) != shape.byte_length:
        raise ValueError(f"a symbol of {side} modules has {shape.byte_length} bytes")
    codewords = _codewords(int.from_bytes(rows), shape).to_bytes(shape.codeword_count)
    blocks = [codewords[first:end] + codewords[correction : correction + shape.ec_length] for first, end, correction in shape.blocks]
    _check_sum(blocks, shape.ec_length)
    if thorough:
        for block in blocks:
            if _syndromes(block, shape.ec_length):
                raise ValueError("a block of the symbol is damaged")
    return _text(_Bits(codewords[: shape.data_length]), wide=shape.version >= 10)  # noqa: PLR2004 - the limit of table 3


def _codewords(modules: int, shape: Shape) -> int:
    """Return the unmasked codewords, the data of all blocks and then their error correction, as one number."""
    fixed = modules & shape.fixed
    mask = shape.masks.get(fixed)
    if mask is None:
        raise ValueError("the patterns, the format or the version of the symbol are not in order, or it is not at level M")
    return shape.network.apply(modules ^ fixed ^ mask)


# -- error correction (§7.5.2): a block is a multiple of (x-1)(x-α)…(x-αⁿ⁻¹) over GF(2⁸) with α = 2, modulo 285 -----------

_FIELD = 0b1_0001_1101
_ORDER = 255


def _powers() -> tuple[int, ...]:
    powers = [1]
    for _ in range(_ORDER - 1):
        powers.append(powers[-1] << 1 ^ (_FIELD if powers[-1] & 0x80 else 0))
    return tuple(powers)


_POWERS = _powers()
_EXPONENTS = {value: exponent for exponent, value in enumerate(_POWERS)}


def _times(value: int, exponent: int) -> int:
    """Return a field element times a power of α."""
    return _POWERS[(_EXPONENTS[value] + exponent) % _ORDER] if value else 0


_SCALED = tuple(bytes(_times(value, exponent) for value in range(256)) for exponent in range(5))  # at most five blocks


@lru_cache
def _syndrome_rows(length: int, ec_length: int) -> tuple[list[int], ...]:
    """Return per codeword of a block what each of its 256 values adds to the values at the roots, side by side in one number."""
    rows = []
    for power in reversed(range(length)):
        row = [0]
        for bit in range(8):
            added = int.from_bytes(bytes(_times(1 << bit, root * power) for root in range(ec_length)))
            row += [added ^ other for other in row]
        rows.append(row)
    return tuple(rows)


def _syndromes(block: bytes, ec_length: int) -> int:
    """Return the block's values at all roots of the generator, side by side: 0 for a block in order."""
    return reduce(xor, map(getitem, _syndrome_rows(len(block), ec_length), block), 0)


def _check_sum(blocks: list[bytes], ec_length: int) -> None:
    total = 0
    for block, scaled in zip(blocks, _SCALED, strict=False):
        total ^= int.from_bytes(block.translate(scaled))
    if _syndromes(total.to_bytes(len(blocks[-1])), ec_length):  # the last block is a longest one
        raise ValueError("the symbol is damaged")


# -- segments (§7.4) ------------------------------------------------------------------------------------------------------


class _Bits:
    """The data bits of a symbol, taken from the front."""

    __slots__ = ("_number", "left")

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data)
        self.left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next bits as a number; `ValueError` where there are fewer."""
        if count > self.left:
            raise ValueError("a segment is longer than the symbol")
        self.left -= count
        return self._number >> self.left & (1 << count) - 1


def _text(bits: _Bits, *, wide: bool) -> str:
    text = []
    while bits.left >= _MODE_BITS:
        mode = bits.take(_MODE_BITS)
        if mode == _END:
            break
        if mode not in _LENGTH_BITS:
            raise ValueError("a segment of a mode that our codes have not")
        text.append(_segment(mode, bits.take(_LENGTH_BITS[mode][wide]), bits))
    _check_end(bits)
    if not text:
        raise ValueError("a symbol without text")
    return "".join(text)


def _segment(mode: int, count: int, bits: _Bits) -> str:
    if mode == _NUMERIC:
        return _numeric(count, bits)
    if mode == _ALPHANUMERIC:
        return _alphanumeric(bits.take(count // 2 * 11 + count % 2 * 6), count)
    return bits.take(8 * count).to_bytes(count).decode()  # a UnicodeDecodeError is a ValueError


def _check_end(bits: _Bits) -> None:
    """Refuse anything but zeros up to the next whole byte and the two padding codewords in turn (§7.4.9, §7.4.10)."""
    if bits.take(bits.left % 8):
        raise ValueError("the end of the data is not filled with zeros")
    count = bits.left // 8
    if bits.take(bits.left).to_bytes(count) != (_PADDING * count)[:count]:
        raise ValueError("the data are not padded as prescribed")


@lru_cache(maxsize=64)  # the address before the digits is the same on all codes of a deployment
def _alphanumeric(number: int, count: int) -> str:
    """Return the characters of an alphanumeric segment: two in 11 bits, a last one in 6 (§7.4.4)."""
    last = ""
    if count % 2:
        number, value = number >> 6, number & 0b111111
        last = _character(value)
    pairs = []
    for _ in range(count // 2):
        number, value = number >> 11, number & 0b111_1111_1111
        pairs.append(_character(value // len(_ALPHABET)) + _character(value % len(_ALPHABET)))
    return "".join(reversed(pairs)) + last


def _character(value: int) -> str:
    if value >= len(_ALPHABET):
        raise ValueError("a value that is no alphanumeric character")
    return _ALPHABET[value]


# -- three digits in ten bits (§7.4.3): the groups of all digits are moved apart together, half and half again ------------------

_GROUPS = tuple(f"{value:03d}" for value in range(1000))
_GROUP_BITS = 10
_SPREAD_BITS = 16
_MOST_GROUPS = 256  # version 11 holds fewer than 200
_REST_BITS = (0, 4, 7)


def _opening() -> list[tuple[int, int, int]]:
    """Return the steps from the widest: which groups stay, which move, and by how many bits."""
    counts = [_MOST_GROUPS >> step for step in range(_MOST_GROUPS.bit_length())]
    steps = []
    for whole, half in pairwise(counts):
        run = (1 << half * _GROUP_BITS) - 1
        stays = sum(run << whole * _SPREAD_BITS * index for index in range(_MOST_GROUPS // whole))
        steps.append((stays, stays << half * _GROUP_BITS, half * (_SPREAD_BITS - _GROUP_BITS)))
    return steps


_OPENING = _opening()


def _numeric(count: int, bits: _Bits) -> str:
    groups, rest = divmod(count, 3)
    number = bits.take(groups * _GROUP_BITS)
    for stays, moves, distance in _OPENING:
        number = number & stays | (number & moves) << distance
    values = struct.unpack(f">{groups}H", number.to_bytes(2 * groups))
    try:
        digits = "".join(map(_GROUPS.__getitem__, values))
    except IndexError as error:
        raise ValueError("a value that is no group of digits") from error
    last = str(bits.take(_REST_BITS[rest])).zfill(rest) if rest else ""
    if len(last) > rest:
        raise ValueError("a value that is no group of digits")
    return digits + last
