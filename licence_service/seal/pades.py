"""PAdES baseline B-B seals made here (ETSI EN 319 142-1 §6.3) as certification signatures (ISO 32000-2 §12.8.2.2).

pyHanko lays out the PDF and, once for each seal, the CMS. What differs between two documents is the digest and the
signature alone, so a seal keeps the rest of its CMS encoded and writes these two into it: asn1crypto spends 30 ms
on what takes a fraction of one this way. Examining what somebody hands in is `examination.examine`.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Self, cast

from asn1crypto import cms, x509
from asn1crypto.parser import emit
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from pyhanko.pdf_utils import generic, misc
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import Signer
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest, SignatureObject
from pyhanko_certvalidator.registry import SimpleCertificateStore

from licence_service.errors import Misconfigured, SealUnavailable
from licence_service.seal import Sealed
from licence_service.seal.canonical import ORDERS
from licence_service.seal.examination import examine, outside_any_loop

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

__all__ = ["LocalSeal", "examine"]

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

FIELD_NAME = "Seal"
DIGEST = "sha256"
DEFAULT_SLOT_BYTES = 8192

# A deterministic nonce (RFC 6979): a seal asked twice for the same document makes the same file.
_ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_NO_DIGEST = bytes(hashlib.sha256().digest_size)

_UNIVERSAL, _CONTEXT = 0, 2  # ASN.1 classes
_SEQUENCE, _SET, _OCTETS = 16, 17, 4


class HeldKey(Signer):
    """A pyHanko signer that keeps its key object, and the encoding of everything but digest and signature."""

    def __init__(self, key: PrivateKey, certificates: Sequence[x509.Certificate]) -> None:
        """Take the private key and its certificate, followed by the chain without the root."""
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple(certificates[1:])
        super().__init__(signing_cert=certificates[0], cert_registry=store, embed_roots=False)
        self._key = key
        first = outside_any_loop(lambda: asyncio.run(self.async_sign(_NO_DIGEST, DIGEST, use_pades=True)))
        self._mould = _Mould.of(first)

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: ARG002, FBT001, FBT002 - pyHanko's signature
        """Sign `data` with the held key (RFC 5754 §3.2, §3.3)."""
        return self._signature(data)

    def container(self, digest: bytes) -> bytes:
        """Return the DER of the CMS over the document's SHA-256 `digest`."""
        signed_attributes = self._mould.signed_attributes(digest)
        return self._mould.container(digest, self._signature(signed_attributes))

    def _signature(self, data: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self._key.sign(data, _ECDSA))
        # The lower of the two signatures that hold: nobody can make a second sealed file out of a first one.
        return encode_dss_signature(r, min(s, ORDERS[self._key.curve.name] - s))


@dataclass(frozen=True, slots=True)
class _Mould:
    """One seal's CMS (RFC 5652 §5.1) in pieces: what stands before and after the digest and the signature."""

    before_signer: bytes
    before_attributes: bytes
    attributes_to_digest: bytes
    attributes_from_digest: bytes
    signature_algorithm: bytes

    @classmethod
    def of(cls, container: cms.ContentInfo) -> Self:
        """Take apart a container that pyHanko made over 32 zero bytes."""
        data = container["content"]
        signer = data["signer_infos"][0]
        attributes = signer["signed_attrs"].untag().contents
        at = attributes.index(_der(_UNIVERSAL, 0, _OCTETS, _NO_DIGEST)) + 2
        return cls(
            b"".join(data[name].dump() for name in ("version", "digest_algorithms", "encap_content_info", "certificates")),
            b"".join(signer[name].dump() for name in ("version", "sid", "digest_algorithm")),
            attributes[:at],
            attributes[at + len(_NO_DIGEST) :],
            signer["signature_algorithm"].dump(),
        )

    def signed_attributes(self, digest: bytes) -> bytes:
        """Return what is signed: the attributes as a SET OF (RFC 5652 §5.4)."""
        return _der(_UNIVERSAL, 1, _SET, self._attributes(digest))

    def container(self, digest: bytes, signature: bytes) -> bytes:
        """Return the whole ContentInfo."""
        signer = emit(
            _UNIVERSAL,
            1,
            _SEQUENCE,
            self.before_attributes
            + _der(_CONTEXT, 1, 0, self._attributes(digest))
            + self.signature_algorithm
            + _der(_UNIVERSAL, 0, _OCTETS, signature),
        )
        data = _der(_UNIVERSAL, 1, _SEQUENCE, self.before_signer + _der(_UNIVERSAL, 1, _SET, signer))
        kind = cms.ContentType("signed_data").dump()
        return _der(_UNIVERSAL, 1, _SEQUENCE, kind + _der(_CONTEXT, 1, 0, data))

    def _attributes(self, digest: bytes) -> bytes:
        return self.attributes_to_digest + digest + self.attributes_from_digest


def _der(tag_class: int, constructed: int, tag: int, content: bytes) -> bytes:
    """Return one DER value (ITU-T X.690 §8.1)."""
    return bytes(emit(tag_class, constructed, tag, content))


class _Revision(IncrementalPdfFileWriter):
    """The revision that carries the seal: it adds the signature and touches nothing else.

    pyHanko would stamp Info and XMP with the present time and draw a random file identifier; the one would leave the
    two metadata places at odds (ISO 19005-3 §6.6.3), both would make the result differ from one run to the next.
    """

    def _update_meta(self) -> None:
        """Leave Info and XMP as they were drawn."""

    @classmethod
    def _handle_id(cls, prev: "PdfFileReader") -> generic.ArrayObject:
        """Keep the first part of the identifier and derive the second from the content (ISO 32000-2 §14.4)."""
        prev.stream.seek(0)
        changing = generic.ByteStringObject(hashlib.sha256(prev.stream.read()).digest()[:16])
        permanent = prev.trailer["/ID"][0] if "/ID" in prev.trailer else changing
        if isinstance(permanent, generic.TextStringObject):
            permanent = generic.ByteStringObject(permanent.original_bytes)
        return generic.ArrayObject([permanent, changing])


class LocalSeal:
    """A seal whose key is held here; makes PAdES B-B with DocMDP "no changes" over the whole file."""

    def __init__(
        self,
        seal_id: str,
        scheme: str,
        key: PrivateKey,
        certificates: Sequence[bytes],
        *,
        slot_bytes: int = DEFAULT_SLOT_BYTES,
    ) -> None:
        """Take the key, its certificate and chain as DER, and the length of the hexadecimal signature slot.

        Raise `Misconfigured` if a signature of this key does not fit into the slot.
        """
        self.seal_id = seal_id
        self.scheme = scheme
        self.certificate_sha256 = hashlib.sha256(certificates[0]).hexdigest()
        self.slot_bytes = slot_bytes
        self._signer = HeldKey(key, [x509.Certificate.load(der) for der in certificates])
        # An ECDSA signature varies by a few bytes; 16 more than this one had are always enough.
        needed = 2 * (len(self._signer.container(_NO_DIGEST)) + 16)
        if slot_bytes % 2 or slot_bytes < needed:
            raise Misconfigured(f"slot_bytes of seal {seal_id} must be even and at least {needed}")

    def affix(self, document: bytes, *, sealed_at: datetime, request_id: str) -> Sealed:  # noqa: ARG002 - a key here needs no memory
        """Seal `document` (see `Seal.affix`); about 3 ms with P-256. The same document gives the same bytes."""
        instant = sealed_at.astimezone(UTC).replace(microsecond=0)
        try:
            sealed = self._sealed(document, instant)
        except (misc.PdfError, SigningError) as trouble:
            # Only our own pages come here; one that pyHanko cannot read is ours to repair, the issue waits meanwhile.
            raise SealUnavailable("the document cannot be prepared for its seal") from trouble
        return Sealed(sealed, self.seal_id, self.certificate_sha256, instant, self.scheme)

    def _sealed(self, document: bytes, instant: datetime) -> bytes:
        """Walk pyHanko's embedding protocol: field, signature dictionary, digest, CMS."""
        stream = BytesIO(document)
        embedding = PdfCMSEmbedder(SigFieldSpec(FIELD_NAME)).write_cms(FIELD_NAME, _Revision(stream))
        next(embedding)
        embedding.send(
            SigObjSetup(
                sig_placeholder=SignatureObject(timestamp=instant, subfilter=SigSeedSubFilter.PADES, bytes_reserved=self.slot_bytes),
                mdp_setup=SigMDPSetup(md_algorithm=DIGEST, certify=True, docmdp_perms=MDPPerm.NO_CHANGES),
            )
        )
        prepared, output = cast("tuple[PreparedByteRangeDigest, BytesIO]", embedding.send(SigIOSetup(md_algorithm=DIGEST, in_place=True)))
        embedding.send(self._signer.container(prepared.document_digest))
        return output.getvalue()
