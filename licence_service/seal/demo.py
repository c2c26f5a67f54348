"""Throw-away keys for demonstration and tests: a root, an issuing authority, and for each department a seal and a key a purpose.

Every file is written once and kept: a second run changes nothing, a half-made folder is completed. Whatever is
sealed with these keys says 样本 SPECIMEN on its face (DOMAIN SE-02). Keys are never printed.
"""

import os
import secrets
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from licence_service.seal.keyfile import CODE_CERTIFICATE
from licence_service.seal.tokens import Purpose

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

KEY_MAKERS: dict[str, Callable[[], PrivateKey]] = {
    "pades-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "pades-rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "pades-rsa3072": lambda: rsa.generate_private_key(65537, 3072),
}
# Days, not years: a clock set to a 29 February must not ask for one ten years later.
_YEAR = timedelta(days=365.25)
_ROOT_TERM, _ISSUING_TERM, _SEAL_TERM = 20 * _YEAR, 15 * _YEAR, 10 * _YEAR

_SEAL_TOML = """\
demo = true
name = {name}
name_en = {name_en}
short_name = {short_name}
uscc = "{uscc}"
issuer_index = {issuer_index}

[seal]
id = "{seal_id}"
scheme = "{scheme}"
key = "file:seal.key.pem"
valid_from = {valid_from}

[code_key]
key = "file:code.key.pem"
kid = "{kid}"
purposes = ["licence"]
{purpose_keys}
[[grants]]
types = ["*"]
from = {valid_from}
unattended = true
"""
_PURPOSE_TOML = """
[[purpose_keys]]
key = "file:{purpose}.key.pem"
kid = "{kid}"
certificate = "{purpose}_certificate.pem"
purposes = ["{purpose}"]
"""
_PURPOSES = {Purpose.ENDORSEMENT: "签注", Purpose.STATUS: "状态清单", Purpose.EVIDENCE: "证据"}  # beside the code key's; in their certificates


@dataclass(frozen=True, slots=True)
class DemoDepartment:
    """One organ to make keys for; `scheme` is one of `KEY_MAKERS`."""

    name: str
    name_en: str
    short_name: str
    uscc: str
    issuer_index: int
    scheme: str = "pades-p256"


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: PrivateKey


def read_demo_departments(path: Path) -> tuple[DemoDepartment, ...]:
    """Read the organs of a demonstration from a TOML file with one `[[departments]]` table each."""
    with path.open("rb") as file:
        return tuple(DemoDepartment(**table) for table in tomllib.load(file)["departments"])


def make_demo_keys(
    folder: Path,
    departments: Sequence[DemoDepartment],
    *,
    passphrase: bytes,
    now: datetime,
    impression: Callable[[str], bytes] | None = None,
    not_before: datetime | None = None,
) -> None:
    """Make whatever is missing under `folder`: `trust/root.pem`, `authority/`, and `<uscc>/` for each department.

    Certificates run ten years from `not_before` (default: a day before `now`), the authorities longer. `impression`
    draws the PNG of a round seal from a department's name. Directories get mode 0700, keys PKCS#8 encryption under
    `passphrase` and mode 0600.
    """
    start = not_before or now - timedelta(days=1)
    for name in ("", "trust", "authority", *(department.uscc for department in departments)):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    vault = _Vault(passphrase, start)
    authority = folder / "authority"
    root = vault.authority(authority / "root", "演示根证书颁发机构 Demo Root CA", None, _ROOT_TERM, 1)
    issuing = vault.authority(authority / "issuing", "演示签发机构 Demo Issuing CA", root, _ISSUING_TERM, 0)
    _write_once(folder / "trust" / "root.pem", lambda: _pem(root.certificate))
    for department in departments:
        if impression is not None:
            _write_once(folder / department.uscc / "impression.png", partial(impression, department.name))
        _make_department(vault, folder / department.uscc, department, issuing)


def _make_department(vault: "_Vault", folder: Path, department: DemoDepartment, issuing: _Authority) -> None:
    """Complete one department's folder; `seal.toml` comes last, since its presence says that the rest is there.

    One that was written before keys had purposes names none, and no key is made that nothing would read.
    """
    described = (folder / "seal.toml").read_text("utf-8") if (folder / "seal.toml").exists() else None
    purposes = {one: words for one, words in _PURPOSES.items() if described is None or f"{one}.key.pem" in described}
    for key_file, certificate_file, scheme, purpose in (
        ("seal.key.pem", "certificate.pem", department.scheme, "电子印章"),
        ("code.key.pem", CODE_CERTIFICATE, "pades-p256", "证照二维码"),
        *((f"{one}.key.pem", f"{one}_certificate.pem", "pades-p256", words) for one, words in purposes.items()),
    ):
        key = vault.key(folder / key_file, scheme)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, department.name),
                x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, department.uscc),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{department.name}{purpose}·演示"),
            ]
        )
        _write_once(folder / certificate_file, partial(vault.signer_chain, subject, key, issuing))
    _write_once(folder / "seal.toml", partial(_seal_toml, department, vault.not_before))


def _seal_toml(department: DemoDepartment, not_before: datetime) -> bytes:
    return _SEAL_TOML.format(
        name=_quoted(department.name),
        name_en=_quoted(department.name_en),
        short_name=_quoted(department.short_name),
        uscc=department.uscc,
        issuer_index=department.issuer_index,
        seal_id=f"{department.uscc}-{not_before.year}",
        scheme=department.scheme,
        valid_from=not_before.date().isoformat(),
        kid=secrets.token_hex(4),
        purpose_keys="".join(_PURPOSE_TOML.format(purpose=one, kid=secrets.token_hex(4)) for one in _PURPOSES),
    ).encode()


@dataclass(frozen=True, slots=True)
class _Vault:
    """Makes or reads back keys and certificates under one passphrase and one first day."""

    passphrase: bytes
    not_before: datetime

    def key(self, path: Path, scheme: str) -> PrivateKey:
        """Return the private key at `path`, made now if there is none."""
        _write_once(
            path,
            lambda: KEY_MAKERS[scheme]().private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(self.passphrase),
            ),
        )
        key = serialization.load_pem_private_key(path.read_bytes(), self.passphrase)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise TypeError("a demo key is EC or RSA")
        return key

    def authority(self, stem: Path, common_name: str, issuer: _Authority | None, term: timedelta, path_length: int) -> _Authority:
        """Return the certificate authority whose files begin with `stem`."""
        key = self.key(stem.with_suffix(".key.pem"), "pades-p256")
        subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        path = stem.with_suffix(".pem")
        _write_once(path, lambda: _pem(self.certificate(subject, key, issuer, term, path_length)))
        return _Authority(x509.load_pem_x509_certificate(path.read_bytes()), key)

    def signer_chain(self, subject: x509.Name, key: PrivateKey, issuing: _Authority) -> bytes:
        """Return a new signer's certificate followed by its issuer's, as PEM."""
        return _pem(self.certificate(subject, key, issuing, _SEAL_TERM, None)) + _pem(issuing.certificate)

    def certificate(
        self, subject: x509.Name, key: PrivateKey, issuer: _Authority | None, term: timedelta, path_length: int | None
    ) -> x509.Certificate:
        """Return a certificate after RFC 5280 §4.2.1; `path_length` makes an authority, its absence a signer."""
        is_authority = path_length is not None
        signing_key = issuer.key if issuer else key
        issuer_public = signing_key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.not_before)
            .not_valid_after(self.not_before + term)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=path_length), critical=True)
            .add_extension(_key_usage(is_authority=is_authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public), critical=False)
            .sign(signing_key, hashes.SHA256())
        )


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    """Return digitalSignature + nonRepudiation for a signer, keyCertSign + cRLSign for an authority."""
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _quoted(text: str) -> str:
    """Return `text` as a TOML basic string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_once(path: Path, content: Callable[[], bytes]) -> None:
    """Write what `content` returns to `path` with mode 0600, whole or not at all, unless it is there already."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content())
    draft.replace(path)
