"""Random damage to a genuine file: never genuine, never an exception, in the bytes and in what the bounded child tells."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from licence_service.seal import KnownSeal
from licence_service.seal.examination import examine
from licence_service.seal.precheck import precheck
from tests.parts.conftest import draw_page
from tests.world import NOW, opened_keys

HERE, LONG = 250, 4_000
Sealed = tuple[bytes, tuple[bytes, ...], Mapping[str, KnownSeal]]  # a genuine file, the roots, the known certificates


def damaged(document: bytes, numbers: random.Random) -> bytes:
    """Flip, insert, cut out, double or cut off something."""
    at = numbers.randrange(len(document))
    length = numbers.choice((1, 1, 2, 16, 400))
    kind = numbers.randrange(6)
    if kind == 0:
        return document[:at] + bytes([document[at] ^ 1 << numbers.randrange(8)]) + document[at + 1 :]
    if kind == 1:
        return document[:at] + numbers.randbytes(length) + document[at:]
    if kind == 2:
        return document[:at] + document[at + length :]
    if kind == 3:
        return document[:at] + document[at : at + length] + document[at:]
    if kind == 4:
        return document[:at]
    other = numbers.randrange(len(document))
    return document[:at] + document[other : other + length] + document[at + length :]


@pytest.fixture(scope="module")
def sealed(demo_keys: Path) -> Sealed:
    keyring = opened_keys(demo_keys, "")
    department = next(iter(keyring.departments.values()))
    document = department.seal.affix(draw_page(), sealed_at=NOW, request_id="x").document
    assert examine(document, keyring.trust_roots, keyring.known_seals).good
    return document, keyring.trust_roots, keyring.known_seals


def _never_good(sealed: Sealed, times: int, seed: int) -> None:
    document, trust, known = sealed
    numbers = random.Random(seed)
    # Half of the damage goes where attacks go: into the revision of the seal.
    start = document.index(b"%%EOF") + 6
    for _ in range(times):
        whole = numbers.random() < 0.5
        changed = damaged(document, numbers) if whole else document[:start] + damaged(document[start:], numbers)
        if changed == document:
            continue
        finding = examine(changed, trust, known)
        assert not finding.good, (seed, changed)
        assert finding.reasons


def test_a_file_damaged_anywhere_is_never_genuine_and_never_an_exception(sealed: Sealed) -> None:
    _never_good(sealed, HERE, 2026)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_damaged_files_are_never_genuine(sealed: Sealed, seed: int) -> None:
    _never_good(sealed, LONG, seed)


def test_the_bytes_of_a_damaged_file_are_checked_without_an_exception(sealed: Sealed) -> None:
    numbers = random.Random(11)
    for _ in range(1_000):
        precheck(damaged(sealed[0], numbers))
        precheck(b"%PDF-1.7\n" + numbers.randbytes(numbers.randrange(200)))


def test_every_digit_of_the_slot_counts(sealed: Sealed) -> None:
    document, trust, known = sealed
    start = document.index(b"/Contents <") + len(b"/Contents <")
    end = document.index(b">", start)
    numbers = random.Random(7)
    for at in numbers.sample(range(start, end - 32), 120) + numbers.sample(range(end - 32, end), 10):
        other = numbers.choice(b"0123456789ABCDEF".replace(document[at : at + 1], b""))
        changed = document[:at] + bytes([other]) + document[at + 1 :]
        assert not examine(changed, trust, known).good, at
