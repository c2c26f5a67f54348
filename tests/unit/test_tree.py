"""The Merkle tree against RFC 6962: its known roots, and its definition written down once more without a thought for speed."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.log.tree import Frontier, consistency, inclusion, is_consistent, is_included, root_of

# The test vectors that the authors of certificate transparency give for the first leaves of their log.
KNOWN_LEAVES = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
KNOWN_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
leaves = st.lists(st.binary(max_size=40), max_size=40)
some = st.lists(st.binary(max_size=40), min_size=1, max_size=40)


def naive(data: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if not data:
        return hashlib.sha256().digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    k = 1
    while k * 2 < len(data):
        k *= 2
    return hashlib.sha256(b"\x01" + naive(data[:k]) + naive(data[k:])).digest()


@pytest.mark.parametrize("size", KNOWN_ROOTS)
def test_the_roots_are_the_published_ones(size: int) -> None:
    assert root_of(KNOWN_LEAVES[:size]).hex() == KNOWN_ROOTS[size]


@given(leaves)
def test_the_root_is_the_one_of_the_definition(data: list[bytes]) -> None:
    assert root_of(data) == naive(data)


@given(leaves, st.integers(0, 40))
def test_adding_in_parts_gives_the_same_tree(data: list[bytes], cut: int) -> None:
    part = Frontier().extended(data[:cut])
    again = Frontier.unpacked(part.size, part.packed()).extended(data[cut:])

    assert again == Frontier().extended(data)
    assert again.root() == naive(data)
    assert again.size == len(data)


@given(some, st.data())
def test_every_leaf_is_shown_to_be_where_it_is_and_nowhere_else(data: list[bytes], draw: st.DataObject) -> None:
    index = draw.draw(st.integers(0, len(data) - 1))
    proof, root = inclusion(data, index), naive(data)

    assert is_included(data[index], index, len(data), proof, root)
    assert not is_included(data[index] + b"!", index, len(data), proof, root)
    assert not is_included(data[index], index, len(data), [*proof, b"\0" * 32], root)
    assert not is_included(data[index], index, len(data), proof, b"\0" * 32)
    if proof:
        assert not is_included(data[index], index, len(data), proof[:-1], root)
        wrong = draw.draw(st.integers(0, len(proof) - 1))
        assert not is_included(data[index], index, len(data), [*proof[:wrong], b"\1" * 32, *proof[wrong + 1 :]], root)


@given(some, st.data())
def test_a_tree_is_shown_to_begin_with_an_earlier_one(data: list[bytes], draw: st.DataObject) -> None:
    earlier = draw.draw(st.integers(1, len(data)))
    proof, old, new = consistency(data, earlier), naive(data[:earlier]), naive(data)

    assert is_consistent(earlier, old, len(data), new, proof)
    assert not is_consistent(earlier, b"\0" * 32, len(data), new, proof)
    assert not is_consistent(earlier, old, len(data), b"\0" * 32, proof)
    assert not is_consistent(earlier, old, len(data), new, [*proof, b"\0" * 32])


@given(some, st.data())
def test_a_rewritten_beginning_is_never_consistent(data: list[bytes], draw: st.DataObject) -> None:
    earlier = draw.draw(st.integers(1, len(data)))
    changed = draw.draw(st.integers(0, earlier - 1))
    rewritten = [*data[:changed], data[changed] + b"!", *data[changed + 1 :]]

    assert not is_consistent(earlier, naive(data[:earlier]), len(data), naive(rewritten), consistency(rewritten, earlier))


@pytest.mark.parametrize(("size", "roots"), [(1, ()), (2, (b"\0" * 32,) * 2), (1, (b"\0",)), (-1, ())])
def test_an_edge_that_fits_no_tree_is_refused(size: int, roots: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="of this size"):
        Frontier(size, roots)


def test_nothing_is_proved_about_leaves_that_are_not_there() -> None:
    for index in (-1, 2):
        with pytest.raises(IndexError):
            inclusion([b"a", b"b"], index)
        assert not is_included(b"a", index, 2, [], naive([b"a", b"b"]))
    for earlier in (0, 3):
        with pytest.raises(IndexError):
            consistency([b"a", b"b"], earlier)
        assert not is_consistent(earlier, b"", 2, naive([b"a", b"b"]), [])
