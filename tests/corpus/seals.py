"""Foreign and self-made seals, another department's, out of time, out of use, without a grant; and what only the register can tell."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter

from licence_service.seal.keyring import read_keyring
from tests.corpus.material import DAY, Authority, Material
from tests.corpus.variant import variant
from tests.world import NOW, PASSPHRASE

FOREIGN, OTHER, TIME, FORM, REGISTER = (
    "self-made seal",
    "another department's seal",
    "out of time or use",
    "other form of signature",
    "not in the register",
)
UNKNOWN = "unknown-signer"


def _own(material: Material) -> x509.Certificate:
    keyring = material.world.service.keyring
    return keyring.certificate_of(keyring.departments[material.uscc].seal.seal_id)


def _new() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _authority_file(folder: Path, name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = load_pem_private_key((folder / "authority" / f"{name}.key.pem").read_bytes(), PASSPHRASE.encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key, x509.load_pem_x509_certificate((folder / "authority" / f"{name}.pem").read_bytes())


@variant(FOREIGN, reason=UNKNOWN)
def whole_authority_of_the_same_names(material: Material) -> bytes:
    """Root, issuing authority and seal are made anew with the very same names."""
    forger = read_keyring(material.forged, passphrase=PASSPHRASE.encode(), allow_demo=True)
    return forger.departments[material.uscc].seal.affix(material.page, sealed_at=NOW, request_id="x").document


@variant(FOREIGN, reason=UNKNOWN)
def signed_by_itself(material: Material) -> bytes:
    """A certificate that signs itself and copies the seal's subject, serial number and days."""
    real, key = _own(material), _new()
    made = (
        x509.CertificateBuilder()
        .subject_name(real.subject)
        .issuer_name(real.issuer)
        .public_key(key.public_key())
        .serial_number(real.serial_number)
        .not_valid_before(real.not_valid_before_utc)
        .not_valid_after(real.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    return material.sealed_by(key, [made])


@variant(FOREIGN, reason=UNKNOWN)
def real_chain_beside_a_false_seal(material: Material) -> bytes:
    """A false certificate with the real issuing authority's certificate beside it."""
    forger, real = Authority.read(material.forged), Authority.read(material.keys)
    key = _new()
    return material.sealed_by(key, [forger.issue(material.uscc, key, start=NOW - DAY, subject=_own(material).subject), real.certificate])


@variant(FOREIGN, reason=UNKNOWN)
def stranger_under_the_same_authority(material: Material) -> bytes:
    """A certificate that the trusted authority gave to somebody else."""
    authority, key = Authority.read(material.keys), _new()
    return material.sealed_by(key, [authority.issue("91519902MA9901020F", key, start=NOW - DAY), authority.certificate])


@variant(FOREIGN, reason=UNKNOWN)
def unknown_certificate_with_the_department_s_subject(material: Material) -> bytes:
    """The trusted authority was made to give out a second certificate with the department's subject."""
    authority, key = Authority.read(material.keys), _new()
    return material.sealed_by(key, [authority.issue(material.uscc, key, start=NOW - DAY, subject=_own(material).subject), authority.certificate])


@variant(FOREIGN, reason=UNKNOWN)
def authority_s_own_certificate(material: Material) -> bytes:
    """The issuing authority's key seals by itself."""
    key, certificate = _authority_file(material.keys, "issuing")
    return material.sealed_by(key, [certificate])


@variant(FOREIGN, reason=UNKNOWN)
def code_key_used_as_a_seal(material: Material) -> bytes:
    """The department's key for codes on paper, which is no seal, seals a page (SE-04)."""
    folder = material.keys / material.uscc
    key = load_pem_private_key((folder / "code.key.pem").read_bytes(), PASSPHRASE.encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return material.sealed_by(key, x509.load_pem_x509_certificates((folder / "code_certificate.pem").read_bytes()))


@variant(FOREIGN, reason="no-signature")
def drawn_seal_without_a_signature(material: Material) -> bytes:
    """The page with its red seal and no signature at all (SE-10)."""
    return material.page


@variant(FOREIGN, reason=UNKNOWN)
def expired_certificate_of_a_stranger(material: Material) -> bytes:
    """A certificate of the trusted authority that ended before the claimed time."""
    authority, key = Authority.read(material.keys), _new()
    made = authority.issue(material.uscc, key, start=NOW - 400 * DAY, end=NOW - 30 * DAY, subject=_own(material).subject)
    return material.sealed_by(key, [made, authority.certificate])


@variant(OTHER, reason="foreign-seal")
def seal_of_another_department(material: Material) -> bytes:
    """Another department of the same keyring seals this department's page."""
    return material.seal(material.page, material.other)


def _as_of(document: bytes, uscc: str) -> bytes:
    """Let the attached data name another department as the maker."""
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(document)) as pdf:
        import json

        data = json.loads(pdf.attachments["licence.json"].get_file().read_bytes())
        data["metadata"]["CertificateIssuingAuthorityCode"] = uscc
        specification = pikepdf.AttachedFileSpec(pdf, json.dumps(data).encode(), filename="licence.json")  # type: ignore[call-arg]
        del pdf.attachments["licence.json"]
        pdf.attachments["licence.json"] = specification
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return target.getvalue()


@variant(OTHER, reason="seal-not-granted")
def department_without_a_grant(material: Material) -> bytes:
    """A department that may seal other types alone seals one of this type, and its data say so (SE-01)."""
    return material.seal(_as_of(material.page, material.other), material.other)


@variant(TIME, reason="chain-not-trusted")
def sealed_before_the_certificate_began(material: Material) -> bytes:
    """The real key, a claimed time before the certificate's first day (SH-04)."""
    return material.seal(material.page, at=datetime(2019, 6, 1, tzinfo=UTC))


@variant(TIME, reason="chain-not-trusted")
def sealed_after_the_certificate_ended(material: Material) -> bytes:
    """The real key, a claimed time after the certificate's last day."""
    return material.seal(material.page, at=datetime(2035, 6, 1, tzinfo=UTC))


@variant(TIME, reason="seal-not-in-use")
def retired_seal_used_again(material: Material) -> bytes:
    """The retired seal's key seals after its last day of use; its certificate has not ended (SE-05)."""
    return material.retired(material.page, NOW)


@variant(TIME, reason="seal-not-in-use")
def retired_seal_before_its_first_day(material: Material) -> bytes:
    """The retired seal's key claims a time before it was put into use."""
    return material.retired(material.page, datetime(2020, 1, 15, tzinfo=UTC))


@variant(FORM, reason="not-certified")
def approval_instead_of_certification(material: Material) -> bytes:
    """The department's key signs without certifying."""
    return material.signed(material.page, mdp=None)


@variant(FORM, reason="not-certified")
def certification_that_allows_forms(material: Material) -> bytes:
    """The department's key certifies but lets forms be filled."""
    return material.signed(material.page, mdp=MDPPerm.FILL_FORMS)


@variant(FORM, reason="not-certified")
def certification_that_allows_annotations(material: Material) -> bytes:
    """The department's key certifies but lets annotations be made."""
    return material.signed(material.page, mdp=MDPPerm.ANNOTATE)


@variant(FORM, reason="wrong-format")
def older_signature_format(material: Material) -> bytes:
    """The department's key signs as adbe.pkcs7.detached."""
    return material.signed(material.page, subfilter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED)


@variant(FORM, reason="no-sealing-time")
def no_claimed_time(material: Material) -> bytes:
    """The department's key signs without claiming a time."""
    return material.signed(material.page, timestamp=None)


@variant(FORM, reason="several-signatures")
def sealed_twice(material: Material) -> bytes:
    """An insider signs and certifies once more."""
    return material.signed(material.signed(material.page, mdp=None, name="First"), mdp=None, name="Second")


# -- by the seal alone these are as good as the genuine one ------------------------------------------------------------


@variant(REGISTER, alone="unknown")
def sealed_by_the_right_key_but_never_entered(material: Material) -> bytes:
    """The right department's key seals another page of the right kind; no decision, no entry (DOMAIN M4)."""
    return material.seal(material.page.replace(b"/Producer (licence_service)", b"/Producer (licence_servant)"))


@variant(REGISTER, alone="unknown")
def the_same_page_sealed_a_second_time(material: Material) -> bytes:
    """The right key seals the genuine page again a minute later: one entry, one file."""
    return material.seal(material.page, at=NOW + DAY / 1440)


@variant(REGISTER, alone="unknown")
def revoked_seal_dated_back(material: Material) -> bytes:
    """The key of a seal that was withdrawn since claims a day on which it was in use (SE-06)."""
    return material.retired(material.page, datetime(2021, 6, 1, 4, 0, tzinfo=UTC))
