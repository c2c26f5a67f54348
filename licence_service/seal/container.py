"""Whether those parts of a seal's CMS that no signature covers are as they must be (RFC 5652 §5.1, §5.3)."""

from hashlib import sha256

from asn1crypto import cms, x509

from licence_service.seal import KnownSeal
from licence_service.seal.canonical import with_low_s
from licence_service.seal.precheck import precheck

_NO_PARAMETERS = (b"", b"\x05\x00")  # absent or NULL: both are in use (RFC 5754 §2)


def container_is_exact(contents: bytes, known: KnownSeal | None) -> bool:
    """Say whether the slot holds one CMS and zeros, and those of its parts that nothing signs are as they must be.

    A validator overlooks changes there (RFC 5652 §5.1, §5.3: versions, the list of digests, empty parameters, the
    order of sets, large and small letters in the name of the issuer, further certificates, an issuer's certificate with the other
    signature of its pair).
    """
    container = cms.ContentInfo.load(contents)
    if contents[len(container.dump()) :].strip(b"\0"):
        return False
    data = container["content"]
    (signer,) = data["signer_infos"]
    version = "v1" if signer["sid"].name == "issuer_and_serial_number" else "v3"
    algorithm = signer["signature_algorithm"]
    return (
        data["version"].native == signer["version"].native == version
        and [digest.dump() for digest in data["digest_algorithms"]] == [signer["digest_algorithm"].dump()]
        and _parameters(signer["digest_algorithm"]) in _NO_PARAMETERS
        and (algorithm["algorithm"].native == "rsassa_pss" or _parameters(algorithm) in _NO_PARAMETERS)
        and not signer["unsigned_attrs"]
        and not data["crls"]
        and _names_a_carried(signer["sid"], data["certificates"])
        and _is_sorted(signer["signed_attrs"])
        and _is_sorted(data["certificates"])
        and _chain_is_known(data["certificates"], known)
        and all(_certificate_is_exact(choice.chosen) for choice in data["certificates"])
    )


def _is_sorted(parts: cms.CertificateSet | cms.CMSAttributes) -> bool:
    """Say whether a SET OF stands in its one order (X.690 §11.6)."""
    encoded = [part.dump() for part in parts]
    return encoded == sorted(encoded)


def _names_a_carried(signer: cms.SignerIdentifier, certificates: cms.CertificateSet) -> bool:
    """Say whether issuer and serial number stand as in a certificate that is carried, to the byte: names are compared without regard to case."""
    if signer.name != "issuer_and_serial_number":
        return True
    named = [part.dump() for part in (signer.chosen["issuer"], signer.chosen["serial_number"])]
    bodies = (choice.chosen["tbs_certificate"] for choice in certificates)
    return any([body["issuer"].dump(), body["serial_number"].dump()] == named for body in bodies)


def _chain_is_known(certificates: cms.CertificateSet, known: KnownSeal | None) -> bool:
    """Say whether these are exactly the certificates of a known seal; of an unknown one nothing can be said."""
    if known is None or not known.chain:
        return True
    carried = sorted(sha256(choice.chosen.dump()).hexdigest() for choice in certificates)
    return carried == sorted((known.certificate_sha256, *known.chain))


def _certificate_is_exact(certificate: x509.Certificate) -> bool:
    """Say whether what a certificate's own signature leaves open is as it must be (RFC 5280 §4.1.1.2, §4.1.1.3).

    The algorithm outside repeats the one inside, and the signature has no unused bits, which parsers pass over.
    """
    inner, outer = certificate["tbs_certificate"]["signature"].dump(), certificate["signature_algorithm"].dump()
    return bool(inner == outer and certificate["signature_value"].contents.startswith(b"\0"))


def _parameters(algorithm: cms.DigestAlgorithm) -> bytes:
    """Return the encoded parameters of an AlgorithmIdentifier."""
    encoded: bytes = algorithm["parameters"].dump()
    return encoded


def in_one_form(document: bytes) -> bytes:
    """Return a sealed file with its signature in its one form (low s, large digits); for what a service elsewhere sealed.

    The slot is not covered by its own signature, so the seal stays good; the same file gives the same bytes. A file
    without exactly one readable signature comes back as it is.
    """
    found = precheck(document).byte_range
    if found is None:
        return document
    start, end = found[1] + 1, found[2] - 1
    try:
        slot = with_low_s(bytes.fromhex(document[start:end].decode("ascii")))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):  # whatever asn1crypto meets in another content
        return document
    return document[:start] + slot.hex().upper().encode() + document[end:]
