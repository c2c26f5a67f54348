"""One seal's CMS SignedData (RFC 5652 §5.1), cast once and cut at its two holes: the digest and the signature.

Two documents of one seal differ in these alone. The signature stands last; its length, which varies with ECDSA,
decides about the lengths of everything around it, so the bytes before and between the holes are kept for each length
met: as DER and as the hexadecimal digits of a PDF's signature slot.
"""

import hashlib
from binascii import hexlify
from dataclasses import dataclass, field
from typing import Self

from asn1crypto import cms
from asn1crypto.parser import emit

DIGEST_BYTES = hashlib.sha256().digest_size
NO_DIGEST = bytes(DIGEST_BYTES)

_UNIVERSAL, _CONTEXT = 0, 2  # ASN.1 classes
_SEQUENCE, _SET, _OCTETS = 16, 17, 4
_SIGNED_DATA = cms.ContentType("signed_data").dump()


@dataclass(frozen=True, slots=True)
class _Cut:
    """What stands before the digest and between it and a signature of one length; nothing stands behind."""

    before: bytes
    between: bytes
    before_digits: bytes
    between_digits: bytes


@dataclass(frozen=True, slots=True)
class Mould:
    """A container without its digest and signature; threads may share one."""

    before_signer: bytes
    before_attributes: bytes
    attributes_to_digest: bytes
    attributes_from_digest: bytes
    signature_algorithm: bytes
    signed_to_digest: bytes
    _cuts: dict[int, _Cut] = field(default_factory=dict, repr=False, compare=False)  # by the signature's length

    @classmethod
    def of(cls, container: cms.ContentInfo) -> Self:
        """Take apart a container that was made over 32 zero bytes."""
        data = container["content"]
        signer = data["signer_infos"][0]
        attributes = signer["signed_attrs"].untag().contents
        at = attributes.index(_der(_UNIVERSAL, 0, _OCTETS, NO_DIGEST)) + 2
        return cls(
            b"".join(data[name].dump() for name in ("version", "digest_algorithms", "encap_content_info", "certificates")),
            b"".join(signer[name].dump() for name in ("version", "sid", "digest_algorithm")),
            attributes[:at],
            attributes[at + DIGEST_BYTES :],
            signer["signature_algorithm"].dump(),
            _der(_UNIVERSAL, 1, _SET, attributes)[: at - len(attributes)],
        )

    def signed_attributes(self, digest: bytes) -> bytes:
        """Return what is signed: the attributes as a SET OF (RFC 5652 §5.4)."""
        return self.signed_to_digest + digest + self.attributes_from_digest

    def container(self, digest: bytes, signature: bytes) -> bytes:
        """Return the DER of the whole ContentInfo."""
        cut = self._cut(len(signature))
        return cut.before + digest + cut.between + signature

    def slot(self, digest: bytes, signature: bytes, slot_bytes: int) -> bytes:
        """Return the same as the content of a signature slot: large hexadecimal digits, filled up with zeros (ISO 32000-2 table 255)."""
        cut = self._cut(len(signature))
        digits = (cut.before_digits, hexlify(digest).upper(), cut.between_digits, hexlify(signature).upper())
        return b"".join(digits).ljust(slot_bytes, b"0")

    def _cut(self, length: int) -> _Cut:
        cut = self._cuts.get(length)
        if cut is None:
            cut = self._cuts[length] = self._made(length)
        return cut

    def _made(self, length: int) -> _Cut:
        """Cast a container for a signature of so many bytes, and cut it."""
        attributes = self.attributes_to_digest + NO_DIGEST + self.attributes_from_digest
        signature = _der(_UNIVERSAL, 0, _OCTETS, bytes(length))
        behind = self.signature_algorithm + signature
        signer = _der(_UNIVERSAL, 1, _SEQUENCE, self.before_attributes + _der(_CONTEXT, 1, 0, attributes) + behind)
        data = _der(_UNIVERSAL, 1, _SEQUENCE, self.before_signer + _der(_UNIVERSAL, 1, _SET, signer))
        whole = _der(_UNIVERSAL, 1, _SEQUENCE, _SIGNED_DATA + _der(_CONTEXT, 1, 0, data))
        digest_end = len(whole) - len(self.attributes_from_digest + behind)
        before, between = whole[: digest_end - DIGEST_BYTES], whole[digest_end : len(whole) - length]
        return _Cut(before, between, hexlify(before).upper(), hexlify(between).upper())


def _der(tag_class: int, constructed: int, tag: int, content: bytes) -> bytes:
    """Return one DER value (ITU-T X.690 §8.1)."""
    return bytes(emit(tag_class, constructed, tag, content))
