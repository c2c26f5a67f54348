"""The statement of a head: so many lines, of which this is the root, were in the book (docs/formats.md).

Canonical JSON of format `head/1`, signed as COSE_Sign1 by the register's keeper. Signing and opening are handed in.
What is kept of a head in a second place holds the lines that it newly covers, so that a lost book can be entered again.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from licence_service.digests import canonical

FORM, KEPT_FORM = "head/1", "kept-head/1"
MOST_KEPT_BYTES = 1 << 30  # of one unpacked object; a batch of ten thousand lines has some twenty million


class BadHead(ValueError):  # noqa: N818 - facts are named without a suffix
    """What is read is not a head, or not one that this service made."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed. `book` names the register, `until` is the recorded time of the last line covered."""

    book: str
    size: int
    until: datetime
    root: bytes
    signed_at: datetime

    def payload(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical(
            {
                "format": FORM,
                "book": self.book,
                "size": self.size,
                "until": self.until.isoformat(timespec="microseconds"),
                "root": self.root.hex(),
                "signed_at": self.signed_at.isoformat(timespec="microseconds"),
            }  # fmt: skip
        )


def read_statement(payload: bytes) -> Statement:
    """Read the bytes that were signed; `BadHead` for anything that `payload` does not write."""
    try:
        said = json.loads(payload)
        read = Statement(
            said["book"], said["size"], datetime.fromisoformat(said["until"]), bytes.fromhex(said["root"]), datetime.fromisoformat(said["signed_at"])
        )
        whole = read.payload()
    except (ValueError, KeyError, TypeError, AttributeError) as bad:
        raise BadHead("not the statement of a head") from bad
    if whole != payload or type(read.size) is not int:
        raise BadHead("not the statement of a head")
    return read


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line as it lies in the second place: its place, what it is (`entry` or `foundation`), and its body to the byte."""

    place: int
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class KeptHead:
    """One object of the second place: the signed message, and the lines from the head before it (`after`) on."""

    message: bytes
    after: int
    lines: tuple[KeptLine, ...]

    def packed(self) -> bytes:
        """Return gzipped JSON lines: first the head, then each line of the book."""
        rows: list[dict[str, Any]] = [{"format": KEPT_FORM, "message": self.message.hex(), "after": self.after}]
        rows += [{"place": one.place, "kind": one.kind, "body": one.body} for one in self.lines]
        return gzip.compress(b"\n".join(map(canonical, rows)), mtime=0)


def read_kept(content: bytes) -> KeptHead:
    """Read an object of the second place; `BadHead` where it is damaged."""
    try:
        first, *rest = map(json.loads, _unpacked(content).split(b"\n"))
        if first["format"] != KEPT_FORM:
            raise BadHead("not a kept head")
        lines = tuple(KeptLine(int(row["place"]), str(row["kind"]), str(row["body"])) for row in rest)
        kept = KeptHead(bytes.fromhex(first["message"]), int(first["after"]), lines)
    except (ValueError, KeyError, TypeError, zlib.error) as bad:
        raise BadHead("not a kept head") from bad
    if [one.place for one in lines] != list(range(kept.after + 1, kept.after + 1 + len(lines))):
        raise BadHead("the lines of a kept head follow on one another")
    return kept


def _unpacked(content: bytes) -> bytes:
    """Unpack, but not without end: the second place is an outside thing."""
    unpacking = zlib.decompressobj(wbits=31)
    whole = unpacking.decompress(content, MOST_KEPT_BYTES)
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise BadHead("not a kept head")
    return whole


def leaves(bodies: Iterable[str]) -> list[bytes]:
    """Return the leaves of lines: the SHA-256 of their bodies."""
    return [hashlib.sha256(body.encode()).digest() for body in bodies]
