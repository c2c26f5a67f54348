"""A licence's own objects behind a plate: the bytes before and after the slot of its seal (ISO 32000-2 §12.8.1).

Every offset is known when its object is written, the slot's length beforehand; nothing is written twice.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from licence_service.digests import Digests, Further
from licence_service.document.archival import pdf_date
from licence_service.document.press.plate import Plate
from licence_service.frozen import dataclass

_FREE = b"0000000000 65535 f \n"
_CLOSING, _END_OF_STREAM = b" >>\nendobj\n", b"\nendstream\nendobj\n"
_RANGE = 36  # bytes for the three numbers of a /ByteRange that a licence has: room for files of a terabyte
_SEALING = (
    b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M %b /Reference [<< /Type /SigRef /TransformMethod /DocMDP "
    b"/TransformParams << /Type /TransformParams /V /1.2 /P 1 >> >>] /ByteRange [0 %b] /Contents "
)


@dataclass(frozen=True, slots=True)
class Laid:
    """A file but for its seal: the plate, then `before`, the slot with its brackets, `after`.

    `_begun` is the SHA-256 of all before the slot.
    """

    plate: Plate
    before: bytes
    after: bytes
    slot_bytes: int
    _begun: Further

    def digest(self) -> bytes:
        """Return the SHA-256 of all but the slot: what the seal signs."""
        return self._begun.of(self.after)

    def sealed(self, slot: bytes) -> "Pressed":
        """Put the seal's hexadecimal digits into the slot; `ValueError` where they do not fill it."""
        if len(slot) != self.slot_bytes:
            raise ValueError("the seal does not fill its slot")
        behind = b"<%b>%b" % (slot, self.after)
        return Pressed(self.plate, self.before + behind, self._begun.of(behind).hex())


@dataclass(frozen=True, slots=True)
class Pressed:
    """A whole sealed file: the plate's bytes, then the licence's own; SHA-256 of both, in hexadecimal."""

    plate: Plate
    own: bytes
    sha256: str

    @property
    def content(self) -> bytes:
        """Return the file."""
        return self.plate.prefix + self.own

    def digests(self) -> Digests:
        """Return the digests of the whole file; only its own bytes are hashed for it."""
        return Digests(self.sha256, self.plate.begun.sm3(self.own))


def fill(plate: Plate, streams: Mapping[str, tuple[str, bytes]], information: str, sealed_at: datetime, slot_bytes: int) -> Laid:
    """Write the objects of a licence: every name of `plate.filled` but the signature, which comes last.

    `streams` are their entries and content; `slot_bytes` the digits of the slot, without brackets. The identifier of the file
    is taken from its attachment (ISO 32000-2 §14.4).
    """
    at = len(plate.prefix)
    parts: list[bytes] = []
    offsets: list[int] = []
    for name, number in plate.filled.items():
        offsets.append(at)
        if name == "signature":
            continue
        if name == "information":
            parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, information.encode("ascii")))
            at += len(parts[-1])
            continue
        entries, content = streams[name]
        head = b"%d 0 obj\n<< %b /Length %d >>\nstream\n" % (number, entries.encode("ascii"), len(content))
        parts += (head, content, _END_OF_STREAM)
        at += len(head) + len(content) + len(_END_OF_STREAM)
    opening = b"%d 0 obj\n" % plate.filled["signature"]
    date = pdf_date(sealed_at.astimezone(UTC).replace(microsecond=0)).encode("ascii")
    start = at + len(opening) + len(_SEALING % (date, b" " * _RANGE))
    end = start + slot_bytes + 2
    identifier = sha256(streams["attachment"][1]).hexdigest()[:32].encode("ascii")
    trailer = b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [<%b> <%b>] >>\nstartxref\n%d\n%%%%EOF\n" % (
        plate.size, plate.root, plate.filled["information"], identifier, identifier, end + len(_CLOSING),
    )  # fmt: skip
    table = "".join([f"{offset:010d} 00000 n \n" for offset in offsets]).encode("ascii")
    after = b"".join((_CLOSING, b"xref\n0 %d\n" % plate.size, _FREE, table, plate.table, trailer))
    numbers = b"%d %d %d" % (start, end, len(after))
    before = b"".join((*parts, opening, _SEALING % (date, numbers.ljust(_RANGE))))
    return Laid(plate, before, after, slot_bytes, plate.begun.sha256_after(before))
