"""The place of a version in the status lists, drawn at reserve (docs/formats.md §9).

A running number picks the list (number // 2**20); a keyed permutation picks the index inside it, so that neighbours
in the list are strangers and an index says nothing about how many licences were issued that day.
"""

from licence_service.digests import Keyed

LIST_BITS = 20
_HALF = LIST_BITS // 2
_MASK = (1 << _HALF) - 1
_ROUNDS = 6


def place(number: int, key: bytes) -> tuple[int, int]:
    """Return (list number, index) of the running number; every number has a place of its own.

    The index is a balanced Feistel network of six rounds over 20 bits with HMAC-SHA-256 as the round function.
    """
    listed, within = number >> LIST_BITS, number & ((1 << LIST_BITS) - 1)
    left, right = within >> _HALF, within & _MASK
    rounds = Keyed(key)
    for round_number in range(_ROUNDS):
        mixed = rounds.of(bytes([round_number]) + listed.to_bytes(8) + right.to_bytes(2))
        left, right = right, left ^ (int.from_bytes(mixed[:2]) & _MASK)
    return listed, left << _HALF | right
