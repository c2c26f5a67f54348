"""What a file says about its seal: the full, strict validation of whatever somebody hands in.

The reasons of a `Finding`, stable slugs:

* `unreadable`, `encrypted`: nothing can be said; `examination-stopped`: it took too long or too much (`examiner`);
* `no-signature`, `several-signatures`, `not-certified` (no certification that forbids changes, ISO 32000-2
  §12.8.2.2), `wrong-format` (not ETSI.CAdES.detached, ETSI EN 319 142-1 §5.3), `no-sealing-time`;
* `bytes-changed`: what was signed is not what is there; `slot-misused`: the gap in the signed bytes holds something
  else than one exact signature (ISO 32000-2 §12.8.1); `added-after-seal`: there is more after the sealed revision;
* `foreign-seal`: the file names another department as its maker than the one that sealed it (its attached data);
* `unknown-signer`: not the certificate of a known department; `chain-not-trusted`: no path to a root at that time;
  `seal-not-in-use`: sealed before the first or after the last day of that seal (SH-04: as of sealing, not of the scan);
* `active-content`: scripts, actions on opening, launches, forms that send, files that could be programs;
* `irregular`: bytes that belong to nothing, or tables at odds with what they name; `not-canonical`: a second way to
  write the same signature. Both are found by `precheck`, which goes first and may let no library see the file.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import TypeVar

from asn1crypto import cms, x509
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm, enumerate_sig_fields
from pyhanko.sign.validation import PdfSignatureStatus, SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from licence_service.licence import beijing_day
from licence_service.seal import Finding, KnownSeal
from licence_service.seal.claims import claims_of
from licence_service.seal.container import container_is_exact
from licence_service.seal.precheck import Precheck, precheck

T = TypeVar("T")

_END = b"%%EOF"
_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]")


def examine(document: bytes, trust: Sequence[bytes], certificates: Mapping[str, KnownSeal], at: datetime | None = None) -> Finding:
    """Examine any bytes and say what their seal is worth; never raises.

    `trust` holds the roots as DER, `certificates` the known sealing certificates by their hex SHA-256. The chain is
    judged as of the aware instant `at`, or else as of the sealing time that the document claims.
    """
    checked = precheck(document)
    if checked.stopped:
        return Finding(reasons=tuple(checked.reasons))
    try:
        return _merged(_examined(document, trust, certificates, at), checked)
    except Exception:  # noqa: BLE001 - pyHanko, asn1crypto and cryptography raise whatever a broken file provokes in
        # them (KeyError, RecursionError, AssertionError …), and a file nobody can read is an answer, not a failure.
        if not checked.signatures and "irregular" not in checked.reasons:
            return Finding(reasons=("no-signature", *checked.reasons))  # read whole by us, whatever a library dislikes
        if checked.decisive:
            return Finding(signed=True, reasons=(*(("bytes-changed",) if _signed_otherwise(document) else ()), *checked.decisive))
        return Finding(reasons=("bytes-changed", "unreadable") if _signed_otherwise(document) else ("unreadable",))


def _merged(finding: Finding, checked: Precheck) -> Finding:
    """Add what the bytes say to what the library says; on a file without a seal only what is dangerous counts."""
    if not finding.signed:
        told = {"active-content"} | ({"added-after-seal"} if checked.signatures else set())
        more = () if finding.reasons == ("encrypted",) else (reason for reason in checked.reasons if reason in told)
        return replace(finding, reasons=tuple(dict.fromkeys((*finding.reasons, *more))))
    reasons = [*finding.reasons, *checked.reasons]
    if checked.byte_range is None and not {"slot-misused", "several-signatures"} & set(reasons):
        reasons.append("slot-misused")  # pyHanko found a signature where the bytes have none
    return replace(finding, reasons=tuple(dict.fromkeys(reasons)))


def _signed_otherwise(document: bytes) -> bool:
    """Say whether a file that cannot be read as a whole carries a signature over other bytes than these.

    Only the last /ByteRange and its /Contents are looked at, as raw bytes (ISO 32000-2 §12.8.1); nothing is trusted.
    """
    ranges = list(_BYTE_RANGE.finditer(document))
    if not ranges:
        return False
    start, gap, rest, length = (int(number) for number in ranges[-1].groups())
    try:
        slot = bytes.fromhex(document[gap:rest].strip(b"<> \n\r").decode("ascii"))
        signed = cms.ContentInfo.load(slot)["content"]
        attributes = {one["type"].native: one["values"] for one in signed["signer_infos"][0]["signed_attrs"]}
        said = attributes["message_digest"][0].native
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False
    return bool(said != sha256(document[start:gap] + document[rest : rest + length]).digest())


def outside_any_loop(work: Callable[[], T]) -> T:
    """Do `work` that starts an event loop of its own, as pyHanko does, wherever the caller runs.

    A loop cannot be started inside another one, and uvicorn builds the application inside its own.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(work).result()


def _examined(document: bytes, trust: Sequence[bytes], certificates: Mapping[str, KnownSeal], at: datetime | None) -> Finding:
    body = _up_to_its_end(document)
    reader = PdfFileReader(BytesIO(body), strict=True)
    if reader.encrypted:
        return Finding(reasons=("encrypted",))
    reasons = ["added-after-seal"] if len(body) != len(document) else []
    fields = list(enumerate_sig_fields(reader, filled_status=True))
    if not fields:
        return Finding(reasons=("no-signature", *reasons))
    if len(fields) > 1:
        reasons.append("several-signatures")
    name, _, field = fields[0]
    finding = _judged(EmbeddedPdfSignature(reader, field, name), body, trust, certificates, at)
    return replace(
        finding,
        covers_whole_file=finding.covers_whole_file and len(body) == len(document),
        reasons=tuple(dict.fromkeys((*reasons, *finding.reasons))),
    )


def _up_to_its_end(document: bytes) -> bytes:
    """Cut off what follows the last end mark, so that a seal under a pile of rubbish is still recognised."""
    end = document.rfind(_END) + len(_END)
    if end < len(_END) or not document[end:].strip():
        return document
    line_end = next((mark for mark in (b"\r\n", b"\n", b"\r") if document.startswith(mark, end)), b"")
    return document[: end + len(line_end)]


def _judged(
    seal: EmbeddedPdfSignature,
    body: bytes,
    trust: Sequence[bytes],
    certificates: Mapping[str, KnownSeal],
    at: datetime | None,
) -> Finding:
    """Judge one signature of a file that ends where its last revision ends."""
    claimed = _claimed_time(seal)
    # With no time at all the chain is judged as of a day before any certificate: known to be untrusted.
    status = _validated(seal, trust, at or claimed or datetime(1970, 1, 1, tzinfo=UTC))
    digest = sha256(seal.signer_cert.dump()).hexdigest()
    maker, licence_type = claims_of(seal.reader)
    known = certificates.get(digest)
    intact = bool(status.intact and status.valid)
    covers = status.coverage == SignatureCoverageLevel.ENTIRE_FILE and status.modification_level == ModificationLevel.NONE
    exact = _slot_is_exact(body, seal) and container_is_exact(seal.pkcs7_content, known)
    faults = {
        "bytes-changed": not intact,
        "added-after-seal": not covers or seal.signed_revision != seal.reader.xrefs.total_revisions - 1,
        "slot-misused": not exact,
        "foreign-seal": known is not None and maker is not None and maker != known.department,
        "not-certified": not _is_certified(seal),
        "wrong-format": seal.sig_object.get("/SubFilter") != "/ETSI.CAdES.detached",
        "no-sealing-time": claimed is None,
        "unknown-signer": known is None,
        "seal-not-in-use": known is not None and claimed is not None and not known.used_on(beijing_day(claimed)),
        # pyHanko follows the chain only where the signature itself is right.
        "chain-not-trusted": intact and not status.trusted,
    }
    return Finding(
        signed=True,
        intact=intact,
        covers_whole_file=covers and exact,
        trusted=bool(status.trusted) and known is not None,
        department=known.department if known else None,
        certificate_sha256=digest,
        sealed_at=claimed,
        seal_id=known.seal_id if known else None,
        licence_type=licence_type,
        reasons=tuple(reason for reason, holds in faults.items() if holds),
    )


def _validated(seal: EmbeddedPdfSignature, trust: Sequence[bytes], moment: datetime) -> PdfSignatureStatus:
    """Let pyHanko judge signature, coverage and chain, with nothing fetched from anywhere."""
    context = ValidationContext([x509.Certificate.load(der) for der in trust], moment=moment, allow_fetching=False)
    return outside_any_loop(lambda: validate_pdf_signature(seal, context))


def _claimed_time(seal: EmbeddedPdfSignature) -> datetime | None:
    """Return the claimed time in UTC; one without a zone counts as absent, since nobody knows what it means."""
    claimed = seal.self_reported_timestamp
    return claimed.astimezone(UTC) if claimed is not None and claimed.tzinfo is not None else None


def _is_certified(seal: EmbeddedPdfSignature) -> bool:
    """Say whether this is the certification signature and forbids every change (ISO 32000-2 §12.8.2.2, table 257)."""
    perms = seal.reader.root.get("/Perms")
    if not isinstance(perms, generic.DictionaryObject) or "/DocMDP" not in perms:
        return False
    certifying = perms.raw_get("/DocMDP")
    value = seal.sig_field.raw_get("/V")
    return (
        seal.docmdp_level == MDPPerm.NO_CHANGES
        and isinstance(certifying, generic.IndirectObject)
        and isinstance(value, generic.IndirectObject)
        and certifying.reference == value.reference
    )


def _slot_is_exact(body: bytes, seal: EmbeddedPdfSignature) -> bool:
    """Say whether ByteRange is [0 a b end] and the gap is the one hexadecimal string of /Contents, nothing else."""
    if len(seal.byte_range) != 4:  # noqa: PLR2004 - two pairs, ISO 32000-2 table 255
        return False
    start, gap_start, gap_end, rest = (int(number) for number in seal.byte_range)
    digits = seal.pkcs7_content.hex().encode()
    slot = body[gap_start:gap_end]
    return start == 0 and 0 < gap_start < gap_end and gap_end + rest == len(body) and slot in (b"<" + digits + b">", b"<" + digits.upper() + b">")
