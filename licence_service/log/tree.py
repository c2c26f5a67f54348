"""The Merkle tree of RFC 6962 §2.1 over the lines of the book: roots, and proofs that others can check.

A leaf is the 32 bytes of the SHA-256 of a line's body. Digests of leaves and of nodes begin with different bytes, so
that nobody can pass off an inner node as a line. Pure: it hashes what it is given.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DIGEST_BYTES = 32


def leaf_hash(leaf: bytes) -> bytes:
    """Return the digest of a leaf: SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the digest of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: the roots of its complete subtrees, largest first. All that an append needs.

    There is one root for each binary digit 1 of `size`; a wrong number of them is `ValueError`.
    """

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse roots that do not fit the size."""
        if self.size < 0 or len(self.roots) != self.size.bit_count() or any(len(root) != DIGEST_BYTES for root in self.roots):
            raise ValueError("these subtrees do not make a tree of this size")

    def extended(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the right edge after these leaves were added in order; about two hashes a leaf."""
        size, roots = self.size, list(self.roots)
        for leaf in leaves:
            joined, rest = leaf_hash(leaf), size
            while rest & 1:
                joined, rest = node_hash(roots.pop(), joined), rest >> 1
            roots.append(joined)
            size += 1
        return Frontier(size, tuple(roots))

    def root(self) -> bytes:
        """Return the root of the whole tree; the empty tree's is SHA-256 of nothing."""
        if not self.roots:
            return hashlib.sha256(b"").digest()
        *left, joined = self.roots
        for root in reversed(left):
            joined = node_hash(root, joined)
        return joined

    def packed(self) -> bytes:
        """Return the roots one after the other, as they are stored beside the size."""
        return b"".join(self.roots)

    @classmethod
    def unpacked(cls, size: int, packed: bytes) -> "Frontier":
        """Read `packed` back; `ValueError` where it does not fit the size."""
        return cls(size, tuple(packed[at : at + DIGEST_BYTES] for at in range(0, len(packed), DIGEST_BYTES)))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over these leaves."""
    return Frontier().extended(leaves).root()


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of the leaf at `index` (from 0), nearest node first (RFC 6962 §2.1.1)."""
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf")
    if len(leaves) == 1:
        return []
    half = _half(len(leaves))
    if index < half:
        return [*inclusion(leaves[:half], index), root_of(leaves[half:])]
    return [*inclusion(leaves[half:], index - half), root_of(leaves[:half])]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether `proof` shows that `leaf` stands at `index` of the tree of `size` leaves with this root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf_hash(leaf)
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def consistency(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """Return the proof that the tree over the first `earlier` leaves is the beginning of this one (RFC 6962 §2.1.2)."""
    if not 0 < earlier <= len(leaves):
        raise IndexError("no such earlier tree")
    return _subproof(leaves, earlier, whole=True)


def _subproof(leaves: Sequence[bytes], earlier: int, *, whole: bool) -> list[bytes]:
    """`whole` says that the earlier root is known to the checker as it is, and need not be given."""
    if earlier == len(leaves):
        return [] if whole else [root_of(leaves)]
    half = _half(len(leaves))
    if earlier <= half:
        return [*_subproof(leaves[:half], earlier, whole=whole), root_of(leaves[half:])]
    return [*_subproof(leaves[half:], earlier - half, whole=False), root_of(leaves[:half])]


def is_consistent(earlier: int, earlier_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether `proof` shows that the smaller tree is the beginning of the larger one (RFC 9162 §2.1.4.2)."""
    if not 0 < earlier <= size:
        return False
    if earlier == size:
        return not proof and earlier_root == root
    path = list(proof) if earlier & (earlier - 1) else [earlier_root, *proof]
    if not path:
        return False
    place, last = earlier - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old == earlier_root and new == root


def _half(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
