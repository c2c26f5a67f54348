"""What an audit finds, in words that name the row."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from licence_service.store.rereading import RawLine


class Kind(StrEnum):
    """What is wrong with a row."""

    CHANGED = "changed"  # a line, or what its row repeats of it, is not what was entered
    MISSING = "missing"  # a line, a head or a document that must be there is not
    INSERTED = "inserted"  # a line or a row that nobody entered
    REORDERED = "reordered"  # lines are not in the order in which they were entered
    REWRITTEN = "rewritten"  # a line differs from what is kept elsewhere under a signature
    NEWER = "newer"  # kept elsewhere, and the book does not know of it: an old backup
    PRIVATE = "private"  # a private part does not open, or is not what the line commits to
    PROJECTION = "projection"  # what a search reads is not what the entries add up to
    DOCUMENT = "document"  # the archive has no such document, or other bytes
    HEAD = "head"  # a signed head does not fit the lines, or its signature is wrong
    SEAL_LOG = "seal-log"  # the chain of the seal-use log is broken


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit: its kind, what is wrong in words, and the row."""

    kind: Kind
    said: str
    licence_id: str | None = None
    sequence: int | None = None
    place: int | None = None

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.kind.value}: {named(self.licence_id, self.sequence, self.place)}: {self.said}"

    def as_json(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {"kind": self.kind.value, "licence_id": self.licence_id, "sequence": self.sequence, "place": self.place, "said": self.said}


def on(line: RawLine, kind: Kind, said: str) -> Finding:
    """Return a finding about a line."""
    return Finding(kind, said, line.licence_id, line.sequence, line.place)


def named(licence_id: str | None, sequence: int | None, place: int | None) -> str:
    """Return the name of a row: its licence and sequence, its place in the book."""
    parts = [f"licence {licence_id}" if licence_id else "", f"entry {sequence}" if sequence else "", f"line {place} of the book" if place else ""]
    return ", ".join(part for part in parts if part) or "the register"
