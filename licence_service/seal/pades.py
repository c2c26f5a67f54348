"""PAdES baseline B-B seals made here (ETSI EN 319 142-1 §6.3) as certification signatures (ISO 32000-2 §12.8.2.2).

pyHanko lays out the PDF and, once for each seal, the CMS; what differs between two documents is written into that
by `mould`: asn1crypto spends 30 ms on what takes 3 µs this way. Examining what somebody hands in is
`examination.examine`.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, cast

from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
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
from licence_service.seal.examination import examine, outside_any_loop
from licence_service.seal.mould import DIGEST_BYTES, NO_DIGEST, Mould
from licence_service.seal.signing import KeyHere, PrivateKey, Signing

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

__all__ = ["LocalSeal", "examine"]

FIELD_NAME = "Seal"
DIGEST = "sha256"
_SLOT_STEP = 256  # slots end on round numbers, so that two keys of a kind have the same
_SPARE = 32  # digits that a slot has beyond the longest container, where its length is not set
_LONGEST_ECDSA = 71  # bytes of an Ecdsa-Sig-Value of P-256 with low s


class HeldKey(Signer):
    """A pyHanko signer that keeps what signs, and the encoding of everything but digest and signature."""

    def __init__(self, key: PrivateKey | Signing, certificates: Sequence[x509.Certificate]) -> None:
        """Take the private key, or what signs with it, and its certificate, followed by the chain without the root."""
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple(certificates[1:])
        super().__init__(signing_cert=certificates[0], cert_registry=store, embed_roots=False)
        self._key = key
        self.signing: Signing = KeyHere(key) if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) else key
        public = certificates[0].public_key
        self._longest = bytes(_LONGEST_ECDSA if public.algorithm == "ec" else public.byte_size)
        # A container is cast once, around a signature that is none: a key that cannot be reached now is no reason not to start.
        self._mould = Mould.of(outside_any_loop(lambda: asyncio.run(self.async_sign(NO_DIGEST, DIGEST, use_pades=True))))

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: ARG002, FBT001, FBT002 - pyHanko's signature
        """Return the length of a signature, filled with zeros."""
        return self._longest

    @property
    def most_digits(self) -> int:
        """The length of the longest container in hexadecimal digits."""
        return 2 * len(self._mould.container(NO_DIGEST, self._longest))

    def unsigned(self, slot_bytes: int) -> bytes:
        """Return a slot with zeros for digest and signature."""
        return self._mould.slot(NO_DIGEST, self._longest, slot_bytes)

    def container(self, digest: bytes) -> bytes:
        """Return the DER of the CMS over the document's SHA-256 `digest`."""
        return self._mould.container(digest, self.signing.sign(self._mould.signed_attributes(digest)))

    def slot(self, digest: bytes, slot_bytes: int) -> bytes:
        """Return the same as `slot_bytes` hexadecimal digits."""
        return self._mould.slot(digest, self.signing.sign(self._mould.signed_attributes(digest)), slot_bytes)

    def slots(self, digests: Iterable[bytes], slot_bytes: int) -> Generator[bytes, None, None]:
        """Yield the same for many, in order."""
        under_way: deque[bytes] = deque()

        def messages() -> Iterator[bytes]:
            for digest in digests:
                under_way.append(digest)
                yield self._mould.signed_attributes(digest)

        with closing(self.signing.each(messages())) as signatures:
            for signature in signatures:
                yield self._mould.slot(under_way.popleft(), signature, slot_bytes)


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
        key: PrivateKey | Signing,
        certificates: Sequence[bytes],
        *,
        slot_bytes: int | None = None,
    ) -> None:
        """Take the key or what signs with it, its certificate and chain as DER, and the length of the signature slot, by default what is needed.

        Raise `Misconfigured` for a key on another curve than P-256, and if a signature of this key does not fit into the slot.
        """
        if isinstance(key, ec.EllipticCurvePrivateKey) and not isinstance(key.curve, ec.SECP256R1):
            raise Misconfigured(f"the key of seal {seal_id} is neither RSA nor on P-256")
        self.seal_id = seal_id
        self.scheme = scheme
        self.certificate_sha256 = hashlib.sha256(certificates[0]).hexdigest()
        self._signer = HeldKey(key, [x509.Certificate.load(der) for der in certificates])
        needed = self._signer.most_digits
        self.slot_bytes = -(-(needed + _SPARE) // _SLOT_STEP) * _SLOT_STEP if slot_bytes is None else slot_bytes
        if self.slot_bytes % 2 or self.slot_bytes < needed:
            raise Misconfigured(f"slot_bytes of seal {seal_id} must be even and at least {needed}")

    def affix(self, document: bytes, *, sealed_at: datetime, request_id: str) -> Sealed:  # noqa: ARG002 - a key here needs no memory
        """Seal `document` (see `Seal.affix`); about 3 ms with P-256 here. The same document gives the same bytes, but for a token's nonce."""
        instant = sealed_at.astimezone(UTC).replace(microsecond=0)
        try:
            sealed = self._sealed(document, instant)
        except (misc.PdfError, SigningError) as trouble:
            # Only our own pages come here; one that pyHanko cannot read is ours to repair, the issue waits meanwhile.
            raise SealUnavailable("the document cannot be prepared for its seal") from trouble
        return Sealed(sealed, self.seal_id, self.certificate_sha256, instant, self.scheme)

    @property
    def unsigned_slot(self) -> bytes:
        """What all slots of this seal have in common (see `HeldSeal.unsigned_slot`)."""
        return self._signer.unsigned(self.slot_bytes)

    def slot_over(self, digest: bytes) -> bytes:
        """Fill the signature slot of a document laid out elsewhere (see `HeldSeal.slot_over`)."""
        return self._signer.slot(_whole(digest), self.slot_bytes)

    def slots_over(self, digests: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Fill the slots of many (see `HeldSeal.slots_over`)."""
        return self._signer.slots(map(_whole, digests), self.slot_bytes)

    @property
    def place(self) -> str:
        """Where the key lies: `here` or `token`."""
        return self._signer.signing.place

    @property
    def lanes(self) -> int:
        """How many signatures may be under way at once."""
        return self._signer.signing.count

    def reach(self) -> None:
        """Raise `SealUnavailable` where the key cannot be reached now (see `HeldSeal.reach`)."""
        self._signer.signing.reach()

    def close(self) -> None:
        """Let go of sessions (see `HeldSeal.close`)."""
        self._signer.signing.close()

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


def _whole(digest: bytes) -> bytes:
    if len(digest) != DIGEST_BYTES:
        raise ValueError("SHA-256 has 32 bytes")
    return digest
