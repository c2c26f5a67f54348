"""Any fixed rearrangement of the bits of a number, in a few shifts of the whole number.

A Beneš network (V. E. Beneš, Mathematical Theory of Connecting Networks, 1965): 2·log₂(n)-1 stages, each of which
exchanges chosen pairs of bits at one distance. 4,096 bits take 23 stages; moving them one by one takes four times as long.
"""

from collections.abc import Iterable, Mapping
from typing import Self

_DIGITS = b"01" + bytes(254)  # of False and True
Stage = tuple[int, int]  # the lower bits of the pairs that change places, and the distance within a pair
_Block = tuple[int, list[int]]  # where a sub-network begins, and the source of each of its outputs, counted from there


class BitNetwork:
    """A rearrangement of bits, numbered from the least significant; bits of the input that have no place must be 0."""

    __slots__ = ("_stages",)

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        """Take the stages as they are; `routed` finds them."""
        self._stages = stages

    @classmethod
    def routed(cls, sources: Mapping[int, int]) -> Self:
        """Return the network that puts input bit `sources[place]` at each `place`; no source may stand twice.

        The finished network is tried with one number per binary digit of the sources' numbers: together they show for
        every place which bit arrives there. `ValueError` where one source stands twice.
        """
        if len(set(sources.values())) < len(sources):
            raise ValueError("a bit can go to one place only")
        complete = _completed(sources)
        network = cls(tuple(_stages(complete)))
        for digit in range(len(complete).bit_length()):
            told = network.apply(number_of([place >> digit & 1 for place in range(len(complete))]))
            if told != number_of([source >> digit & 1 for source in complete]):
                raise ArithmeticError("the network moves a bit to a wrong place")
        return network

    def apply(self, number: int) -> int:
        """Return the number with its bits rearranged."""
        for lower, distance in self._stages:
            differing = (number ^ (number >> distance)) & lower
            number ^= differing ^ (differing << distance)
        return number


def number_of(bits: Iterable[int]) -> int:
    """Return the number whose bits these are, 0 or 1 or as truth values, the least significant first."""
    digits = bytes(bits)[::-1].translate(_DIGITS)
    return int(digits or b"0", 2)


def _completed(sources: Mapping[int, int]) -> list[int]:
    """Return the source of every place of the next power of two; what is free leads to what is free."""
    size = 2
    while size <= max((*sources, *sources.values()), default=0):
        size *= 2
    taken = set(sources.values())
    free = iter([source for source in range(size) if source not in taken])
    return [sources[place] if place in sources else next(free) for place in range(size)]


def _stages(sources: list[int]) -> list[Stage]:
    """Return the stages from the first to the last, those that exchange nothing left out."""
    entering: list[Stage] = []
    leaving: list[Stage] = []
    blocks: list[_Block] = [(0, sources)]
    half = len(sources) // 2
    while half:
        swapped_in, swapped_out = [False] * len(sources), [False] * len(sources)
        inner: list[_Block] = []
        for start, block in blocks:
            lanes = _lanes(block)
            for place in range(half):
                swapped_in[start + place] = lanes[place] == 1
                swapped_out[start + place] = lanes[block[place]] == 1
            inner += [(start + lane * half, _sub_block(block, lanes, lane)) for lane in (0, 1)]
        entering.append((number_of(swapped_in), half))
        leaving.append((number_of(swapped_out), half))
        blocks, half = inner, half // 2
    return [stage for stage in (*entering, *reversed(leaving)) if stage[0]]


def _lanes(sources: list[int]) -> list[int]:
    """Return for each input whether it travels through the lower (0) or the upper half (1).

    Two inputs half a block apart take different halves, and so do the sources of two outputs half a block apart:
    following these demands leads round in loops, so they can always be met (the looping algorithm).
    """
    half = len(sources) // 2
    place_of = [0] * len(sources)
    for place, source in enumerate(sources):
        place_of[source] = place
    lanes = [-1] * len(sources)
    for first in range(half):
        source = first
        while lanes[source] < 0:
            lanes[source], lanes[source ^ half] = 0, 1
            source = sources[place_of[source ^ half] ^ half]
    return lanes


def _sub_block(sources: list[int], lanes: list[int], lane: int) -> list[int]:
    """Return what the sub-network of one lane has to do: the source of each of its outputs, within that half."""
    half = len(sources) // 2
    return [(source if lanes[source] == lane else sources[place + half]) % half for place, source in enumerate(sources[:half])]
