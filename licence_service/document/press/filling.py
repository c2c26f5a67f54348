"""A licence's own objects behind a plate: the bytes before and after the slot of its seal (ISO 32000-2 §12.8.1).

Every offset is known when its object is written, the slot's length beforehand; nothing is written twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from licence_service.digests import Digests
from licence_service.document.archival import pdf_date
from licence_service.document.press.plate import Plate

_FREE = b"0000000000 65535 f \n"
_RANGE = 36  # bytes for the three numbers of a /ByteRange that a licence has: room for files of a terabyte
_SEALING = (
    b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M %b /Reference [<< /Type /SigRef /TransformMethod /DocMDP "
    b"/TransformParams << /Type /TransformParams /V /1.2 /P 1 >> >>] /ByteRange [0 %b] /Contents "
)


@dataclass(frozen=True, slots=True)
class Laid:
    """A file but for its seal: the plate, then `before`, the slot with its brackets, `after`."""

    plate: Plate
    before: bytes
    after: bytes
    slot_bytes: int

    def digest(self) -> bytes:
        """Return the SHA-256 of all but the slot: what the seal signs."""
        return self.plate.begun.sha256(self.before + self.after)

    def sealed(self, slot: bytes) -> "Pressed":
        """Put the seal's hexadecimal digits into the slot; `ValueError` where they do not fill it."""
        if len(slot) != self.slot_bytes:
            raise ValueError("the seal does not fill its slot")
        return Pressed(self.plate, b"".join((self.before, b"<", slot, b">", self.after)))


@dataclass(frozen=True, slots=True)
class Pressed:
    """A whole sealed file: the plate's bytes, then the licence's own."""

    plate: Plate
    own: bytes

    @property
    def content(self) -> bytes:
        """Return the file."""
        return self.plate.prefix + self.own

    def digests(self) -> Digests:
        """Return the digests of the whole file; only its own bytes are hashed for it."""
        return self.plate.begun.of(self.own)


def fill(plate: Plate, bodies: Mapping[str, bytes], sealed_at: datetime, slot_bytes: int, identifier: str) -> Laid:
    """Write the objects of a licence: every name of `plate.filled` but the signature, which comes last.

    `identifier` is the file's, 32 hexadecimal digits (ISO 32000-2 §14.4); `slot_bytes` the digits of the slot, without brackets.
    """
    at = len(plate.prefix)
    parts, table = [], [_FREE]
    for name, number in plate.filled.items():
        table.append(b"%010d 00000 n \n" % at)
        if name != "signature":
            part = b"%d 0 obj\n%b\nendobj\n" % (number, bodies[name])
            at += len(part)
            parts.append(part)
    opening = b"%d 0 obj\n" % plate.filled["signature"]
    date = pdf_date(sealed_at.astimezone(UTC).replace(microsecond=0)).encode("ascii")
    start = at + len(opening) + len(_SEALING % (date, b" " * _RANGE))
    end = start + slot_bytes + 2
    closing = b" >>\nendobj\n"
    trailer = b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [<%b> <%b>] >>\nstartxref\n%d\n%%%%EOF\n" % (
        plate.size, plate.root, plate.filled["information"], identifier.encode("ascii"), identifier.encode("ascii"), end + len(closing),
    )  # fmt: skip
    after = b"".join((closing, b"xref\n0 %d\n" % plate.size, *table, plate.table, trailer))
    numbers = b"%d %d %d" % (start, end, len(after))
    parts += [opening, _SEALING % (date, numbers.ljust(_RANGE))]
    return Laid(plate, b"".join(parts), after, slot_bytes)
