"""Where everything stands in a symbol at level M, from ISO/IEC 18004:2015 alone: for the reader, not for what draws codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from licence_service.document.bit_network import BitNetwork

Module = tuple[int, int]  # row and column from the top left
Blocks = tuple[tuple[int, int, int], ...]

# Per version, level M: error correction codewords of a block, and the blocks' data codewords (table 9).
_LEVEL_M = {
    1: (10, (16,)),
    2: (16, (28,)),
    3: (26, (44,)),
    4: (18, (32, 32)),
    5: (24, (43, 43)),
    6: (16, (27, 27, 27, 27)),
    7: (18, (31, 31, 31, 31)),
    8: (22, (38, 38, 39, 39)),
    9: (22, (36, 36, 36, 37, 37)),
    10: (26, (43, 43, 43, 43, 44)),
    11: (30, (50, 51, 51, 51, 51)),
}
_CENTRES = {  # of alignment patterns, rows and columns (annex E)
    1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34),
    7: (6, 22, 38), 8: (6, 24, 42), 9: (6, 26, 46), 10: (6, 28, 50), 11: (6, 30, 54),
}  # fmt: skip
_TIMING = 6  # the row and the column
_FINDER = 7  # modules of its side; one more for its separator
_VERSION_INFORMED = 7  # the smallest version that says its number
_LEVEL_M_BITS = 0b00  # table 12
_FORMAT_GENERATOR, _FORMAT_MASK = 0b101_0011_0111, 0b101_0100_0001_0010  # §7.9.1, annex C
_VERSION_GENERATOR = 0b1_1111_0010_0101  # §7.10, annex D
_MASKS = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """What reading a symbol of one version takes; a number of modules has the last module of the last row as its lowest bit.

    `fixed` marks everything but codewords: patterns, information, bits left over, bits that fill a row. `masks` has, for each
    of the eight ways in which these can be set, the mask over the codewords. `network` puts the codewords, once
    unmasked, in the order of the data of all blocks followed by all error correction. `blocks` are byte ranges of
    data, with the byte where their error correction begins.
    """

    version: int
    byte_length: int
    fixed: int
    masks: dict[int, int]
    network: BitNetwork
    codeword_count: int
    data_length: int
    ec_length: int
    blocks: Blocks


@lru_cache(maxsize=len(_LEVEL_M))
def shape_of(side: int) -> Shape:
    """Return the shape of a symbol of so many modules; `ValueError` where no version from 1 to 11 has that side."""
    version, beyond = divmod(side - 17, 4)
    if beyond or version not in _LEVEL_M:
        raise ValueError("no version from 1 to 11 has so many modules")
    ec_length, lengths = _LEVEL_M[version]
    row_bits = (side + 7) // 8 * 8
    total = side * row_bits
    patterns = _patterns(version, side)
    known = patterns.keys() | _format(side, 0).keys()
    walk = [module for module in _walk(side) if module not in known]

    def bit(module: Module) -> int:
        return total - 1 - (module[0] * row_bits + module[1])

    order = _taken_apart(lengths, ec_length)
    count = 8 * len(order)
    placed, left_over = walk[:count], walk[count:]
    sources = {count - 1 - (8 * order[index // 8] + index % 8): bit(module) for index, module in enumerate(placed)}
    codewords = sum(1 << bit(module) for module in placed)
    masks = {}
    for mask in range(_MASKS):
        dark = patterns | _format(side, mask) | {module: _masked(mask, *module) for module in left_over}
        masks[sum(1 << bit(module) for module, value in dark.items() if value)] = sum(1 << bit(module) for module in placed if _masked(mask, *module))
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    data_length = sum(lengths)
    blocks = tuple(
        (start, start + length, data_length + index * ec_length) for index, (start, length) in enumerate(zip(starts, lengths, strict=True))
    )
    fixed = ((1 << total) - 1) ^ codewords
    return Shape(version, total // 8, fixed, masks, BitNetwork.routed(sources), len(order), data_length, ec_length, blocks)


def _patterns(version: int, side: int) -> dict[Module, bool]:
    """Return all that a version sets whatever its text: finders, separators, timing, alignment, version information (§6.3, §7.10)."""
    modules = {}
    for index in range(side):
        modules[_TIMING, index] = modules[index, _TIMING] = index % 2 == 0
    for centre in ((3, 3), (3, side - 4), (side - 4, 3)):
        modules.update({module: far in (0, 1, 3) for module, far in _around(centre, 4) if max(module) < side and min(module) >= 0})
    centres = _CENTRES[version]
    finders = {(6, 6), (6, centres[-1]), (centres[-1], 6)} if centres else set()
    for centre in [(row, column) for row in centres for column in centres if (row, column) not in finders]:
        modules.update({module: far != 1 for module, far in _around(centre, 2)})
    if version >= _VERSION_INFORMED:
        information = _with_remainder(version, _VERSION_GENERATOR)
        for index in range(18):
            across, along = index // 3, side - 11 + index % 3
            modules[across, along] = modules[along, across] = bool(information >> index & 1)
    return modules


def _around(centre: Module, most: int) -> Iterator[tuple[Module, int]]:
    """Yield the modules of a square with how many rings they are away from its centre."""
    for down in range(-most, most + 1):
        for right in range(-most, most + 1):
            yield (centre[0] + down, centre[1] + right), max(abs(down), abs(right))


def _format(side: int, mask: int) -> dict[Module, bool]:
    """Return the modules of the format information, in both places, and the dark module beside it (§7.9.1, figure 25)."""
    information = _with_remainder(_LEVEL_M_BITS << 3 | mask, _FORMAT_GENERATOR) ^ _FORMAT_MASK
    down = [*range(6), 7, 8, *range(side - 7, side)]  # the rows of column 8, from bit 0
    left = [*range(side - 1, side - 9, -1), 7, *range(5, -1, -1)]  # the columns of row 8, from bit 0
    modules = {(8, left[index]): bool(information >> index & 1) for index in range(15)}
    modules |= {(down[index], 8): bool(information >> index & 1) for index in range(15)}
    return modules | {(side - 8, 8): True}


def _with_remainder(value: int, generator: int) -> int:
    """Return a value followed by its remainder modulo a generator over GF(2) (annexes C and D)."""
    degree = generator.bit_length() - 1
    rest = value << degree
    while rest.bit_length() > degree:
        rest ^= generator << rest.bit_length() - 1 - degree
    return value << degree | rest


def _walk(side: int) -> Iterator[Module]:
    """Yield all modules in the order of codewords: columns in pairs from the right, up and down in turn (§7.7.3)."""
    right = [*range(side - 1, _TIMING, -2), *range(_TIMING - 1, 0, -2)]
    for turn, column in enumerate(right):
        for row in range(side) if turn % 2 else reversed(range(side)):
            yield row, column
            yield row, column - 1


def _masked(mask: int, row: int, column: int) -> bool:
    """Say whether a mask turns over this module (§7.8.2, table 10)."""
    conditions = (
        (row + column) % 2,
        row % 2,
        column % 3,
        (row + column) % 3,
        (row // 2 + column // 3) % 2,
        row * column % 2 + row * column % 3,
        (row * column % 2 + row * column % 3) % 2,
        ((row + column) % 2 + row * column % 3) % 2,
    )
    return conditions[mask] == 0


def _taken_apart(lengths: tuple[int, ...], ec_length: int) -> list[int]:
    """Return for each codeword on the symbol its number when the blocks' data, then their error correction, stand one after the other (§7.6)."""
    queues = []
    number = 0
    for length in (*lengths, *(ec_length for _ in lengths)):
        queues.append(list(range(number, number + length)))
        number += length
    order = []
    for part in (queues[: len(lengths)], queues[len(lengths) :]):
        while any(part):
            order += [queue.pop(0) for queue in part if queue]
    return order
