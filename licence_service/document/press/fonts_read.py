"""The fonts of a pressed file as a stranger reads them: which characters a program holds, and what its codes mean."""

import re
import sys
from array import array
from binascii import unhexlify
from bisect import bisect_left
from codecs import utf_16_be_decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

_RANGE = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]{4})> (?:<([0-9A-F]{4,8})>|\[<([0-9A-F<>]*)>\])\n")
# Stands between texts that are read together: no character, and no font has one of that CID (`compact_font_reader`).
BETWEEN, _BETWEEN_CODES, _NO_CID = "\uffff", b"ffff", 0xFFFF


class Unproven(ValueError):  # noqa: N818 - a fact: the page must be looked at
    """This reader cannot confirm the file; that need not mean that it is wrong."""


@dataclass(frozen=True, slots=True)
class Meanings:
    """What the CIDs of a face mean, by its CMap: runs of those that are their own code points, the longest first, and the others."""

    plain: tuple[range, ...]
    others: Mapping[int, str]

    def of(self, cid: int) -> str:
        """Return the text of a CID; `KeyError` where it has none."""
        return chr(cid) if self.all_plain([cid]) else self.others[cid]

    def all_plain(self, cids: Sequence[int]) -> bool:
        """Say whether all these CIDs, the lowest first, are their own code points."""
        left = len(cids)
        for run in self.plain:  # a set of all of them would take megabytes, far from the processor
            left -= bisect_left(cids, run.stop) - bisect_left(cids, run.start)
            if not left:
                return True
        return not left


class Font(NamedTuple):
    """A font as it was read: the CIDs that its program holds, what they mean, whether each is its own code point."""

    labels: bool  # the hand of labels
    held: frozenset[int]  # and the one that stands between texts
    meanings: Meanings
    plain: bool

    @classmethod
    def read(cls, cids: Sequence[int], meanings: Meanings, *, labels: bool) -> "Font":
        """Return the font whose program holds these CIDs, the lowest first, none of them 65,535."""
        return cls(labels, frozenset((*cids, _NO_CID)), meanings, meanings.all_plain(cids))

    def texts(self, shown: Sequence[bytes]) -> list[str]:
        """Return what each of several runs of hexadecimal codes shows; raise `Unproven` where the font lacks a character."""
        codes = unhexlify(_BETWEEN_CODES.join(shown))
        cids = array("H", codes)
        if sys.byteorder == "little":
            cids.byteswap()
        if not self.held.issuperset(cids):
            raise Unproven("a character that its font lacks")
        whole = utf_16_be_decode(codes, "strict", True)[0] if self.plain else self._worded(cids)  # noqa: FBT003 - it takes no names
        texts = whole.split(BETWEEN)
        if len(texts) != len(shown):
            raise Unproven("a code that no font has")
        return texts

    def _worded(self, cids: Iterable[int]) -> str:
        return "".join([BETWEEN if cid == _NO_CID else self.meanings.of(cid) for cid in cids])


def meanings_in(cmap: bytes) -> Meanings:
    """Read every range of a ToUnicode CMap (ISO 32000-2 §9.10.3)."""
    plain: list[range] = []
    others: dict[int, str] = {}
    for first, last, start, each in _RANGE.findall(cmap):
        cids = range(int(first, 16), int(last, 16) + 1)
        if start == first:
            plain.append(cids)
        elif start:
            begin = ord(bytes.fromhex(start.decode()).decode("utf-16-be"))
            others.update((cid, chr(begin + place)) for place, cid in enumerate(cids))
        else:
            others.update(zip(cids, (bytes.fromhex(one).decode("utf-16-be") for one in each.decode().split("><")), strict=True))
    if not frozenset(chain.from_iterable(plain)).isdisjoint(others):
        raise Unproven("a character with two meanings")
    return Meanings(tuple(sorted(_merged(plain), key=len, reverse=True)), others)


def _merged(runs: Iterable[range]) -> Iterator[range]:
    """Yield runs that follow one another as one."""
    start = stop = 0
    for run in sorted(runs, key=lambda each: each.start):
        if run.start != stop:
            yield range(start, stop)
            start = run.start
        stop = run.stop
    yield range(start, stop)
