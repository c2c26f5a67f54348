"""The files of a keys folder: the shape of `seal.toml`, certificates, and private keys that nobody else may read."""

import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from licence_service.errors import Misconfigured
from licence_service.seal.tokens import EVERY_PURPOSE, Purpose

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

CODE_CERTIFICATE = "code_certificate.pem"  # of `[code_key]`

_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO

Reference = Annotated[str, Field(pattern=r"^(file|env):.+$")]
SealReference = Annotated[str, Field(pattern=r"^((file|env):.+|pkcs11:[^?]+)$")]
Kid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
Region = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
Text = Annotated[str, Field(min_length=1)]
Purposes = Annotated[frozenset[Purpose], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SealTable(_Table):
    """`[seal]`: the seal in use.

    `key` is `file:<name in the folder>` or `env:<variable>` with an encrypted PKCS#8 PEM, or `pkcs11:…` (RFC 7512) for a
    key in a token, with which up to `lanes` signatures are under way at once; the scheme `remote` has a `url` instead.
    `slot_bytes` is the length of the hexadecimal signature slot, by default what a signature of this key needs; larger
    ones leave room for a timestamp token and revocation data in the same revision. `successor` names the seal that will follow.
    `alarm_times`: an hour with more than so many times the uses of the busiest of four weeks stops it, though never `alarm_least` uses or fewer (AI-05).
    """

    id: Text
    scheme: Literal["pades-p256", "pades-rsa2048", "pades-rsa3072", "remote"]
    key: SealReference | None = None
    lanes: Annotated[int, Field(ge=1, le=64)] | None = None
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    valid_from: date
    successor: str | None = None
    slot_bytes: Annotated[int, Field(ge=2048, le=1 << 20)] | None = None
    alarm_times: Annotated[int, Field(ge=2, le=1000)] | None = None
    alarm_least: Annotated[int, Field(ge=1)] = 100


class CodeKeyTable(_Table):
    """`[code_key]`: the key of the code on paper, and of every other purpose that has none of its own.

    `kid` are the four bytes, in hexadecimal, that name it in what it signs. Without `purposes` its messages are good for all of them.
    """

    key: Reference
    kid: Kid
    purposes: Purposes = EVERY_PURPOSE


class GrantTable(_Table):
    """`[[grants]]`: types, regions (GB/T 2260, each with all within it), acts (`["*"]` for all) and dates, inclusive (LC-16).

    `without` are regions that are taken out again. `unattended` lets no officer stand by.
    `organisations` are the department's own code for itself, codes of its offices for them and those below.
    `hourly_ceiling` is the most that is sealed of each type in an hour (AI-05).
    """

    types: Annotated[tuple[str, ...], Field(min_length=1)]
    used_from: Annotated[date, Field(alias="from")]
    used_to: Annotated[date | None, Field(alias="to")] = None
    unattended: bool = False
    hourly_ceiling: Annotated[int | None, Field(ge=1)] = None
    regions: Annotated[tuple[Annotated[str, Field(pattern=r"^([0-9]{6}|\*)$")], ...], Field(min_length=1)] = ("*",)
    acts: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    organisations: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    without: tuple[Region, ...] = ()


class OfficeTable(_Table):
    """`[[offices]]`: a sub-office, its regions (GB/T 2260, each with all within it), its days, inclusive; `under` is the office above, else the department."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    name: Text
    name_en: Text
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    used_from: Annotated[date, Field(alias="from")]
    used_to: Annotated[date | None, Field(alias="to")] = None
    under: str | None = None


class RetiredSealTable(_Table):
    """`[[retired_seals]]`: a seal no longer used, whose documents stay genuine (DOMAIN SE-05)."""

    id: Text
    certificate: FileName
    valid_from: date
    retired_on: date
    successor: str | None = None


class RetiredCodeKeyTable(_Table):
    """`[[retired_code_keys]]`: a code key no longer used; what it signed for its purposes stays readable."""

    kid: Kid
    certificate: FileName
    purposes: Purposes = EVERY_PURPOSE


class PurposeKeyTable(_Table):
    """`[[purpose_keys]]`: the key of its purposes (DOMAIN SE-04), which it signs for instead of `[code_key]`."""

    key: Reference
    kid: Kid
    certificate: FileName
    purposes: Purposes


class SealFile(_Table):
    """One `seal.toml`: a department. `issuer_index` stands in the code on paper and is never given away again."""

    demo: bool = False
    name: Text
    name_en: Text
    short_name: str = ""
    uscc: Annotated[str, Field(pattern=r"^[0-9A-HJ-NP-RTUWXY]{18}$")]
    issuer_index: Annotated[int, Field(ge=1, le=65535)]
    seal: SealTable
    code_key: CodeKeyTable
    offices: tuple[OfficeTable, ...] = ()
    grants: tuple[GrantTable, ...] = ()
    retired_seals: tuple[RetiredSealTable, ...] = ()
    purpose_keys: tuple[PurposeKeyTable, ...] = ()
    retired_code_keys: tuple[RetiredCodeKeyTable, ...] = ()

    @property
    def signing_keys(self) -> tuple[PurposeKeyTable, ...]:
        """Return every code key in use with its certificate, `[code_key]` first: of a purpose that two name, the other one signs."""
        own = PurposeKeyTable(key=self.code_key.key, kid=self.code_key.kid, certificate=CODE_CERTIFICATE, purposes=self.code_key.purposes)
        return (own, *self.purpose_keys)

    @property
    def code_certificates(self) -> tuple[PurposeKeyTable | RetiredCodeKeyTable, ...]:
        """Return `kid`, `certificate` and `purposes` of every code key, in use or retired."""
        return (*self.signing_keys, *self.retired_code_keys)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What opens private keys: the passphrase, and the environment for `env:` references."""

    passphrase: bytes | None = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    def private_key(self, reference: str, folder: Path) -> PrivateKey:
        """Read the encrypted PKCS#8 key (RFC 5958) that `reference` names, or raise `Misconfigured`."""
        place, _, name = reference.partition(":")
        where = f"{folder.name}: the key {reference}"
        pem = self.environment.get(name, "").encode() if place == "env" else _private_bytes(folder / name, where)
        if not pem.lstrip().startswith(_ENCRYPTED):
            raise Misconfigured(f"{where} is absent or not an encrypted PKCS#8 key")
        if self.passphrase is None:
            raise Misconfigured(f"{where} needs a passphrase and none is set")
        try:
            key = load_pem_private_key(pem, self.passphrase)
        except (ValueError, TypeError):
            # Neither the library's words nor the chain of exceptions: they may tell about the content.
            raise Misconfigured(f"{where} does not open with the passphrase") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise Misconfigured(f"{where} is neither EC nor RSA")
        return key


def _private_bytes(path: Path, where: str) -> bytes:
    """Read a file that only its owner may touch."""
    try:
        if path.stat().st_mode & _OTHERS_MAY:
            raise Misconfigured(f"{where} may be read by others than its owner; set mode 0600")
        return path.read_bytes()
    except OSError as trouble:
        raise Misconfigured(f"{where} cannot be read") from trouble


def read_seal_file(path: Path) -> SealFile:
    """Read one `seal.toml`; raise `Misconfigured` naming each entry that is wrong, by path and without its value."""
    try:
        return SealFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as bad:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in bad.errors(include_input=False, include_context=False, include_url=False)
        )
        raise Misconfigured(f"{path.parent.name}/{path.name}: {faults}") from None
    except (OSError, ValueError) as bad:
        raise Misconfigured(f"{path.parent.name}/{path.name} is not readable TOML") from bad


def read_roots(folder: Path) -> list[x509.Certificate]:
    """Read every `*.pem` of the trust folder; raise `Misconfigured` if there is none."""
    roots = [root for path in sorted(folder.glob("*.pem")) for root in _certificates(path)]
    if not roots:
        raise Misconfigured(f"there is no trust root in {folder}")
    return roots


def read_chain(path: Path, roots: list[x509.Certificate], uscc: str) -> list[x509.Certificate]:
    """Read a certificate and its chain, and check that each was issued by the next and the last by a root.

    The subject's organizationIdentifier, where there is one, must end with the department's `uscc`
    (ETSI EN 319 412-1 §5.1.4 puts a prefix before it).
    """
    chain = _certificates(path)
    where = f"{path.parent.name}/{path.name}"
    if not chain:
        raise Misconfigured(f"{where} holds no certificate")
    for certificate, issuer in pairwise(chain):
        if not _issued_by(certificate, issuer):
            raise Misconfigured(f"{where} is not in order: each certificate is followed by its issuer's")
    if not any(_issued_by(chain[-1], root) for root in roots):
        raise Misconfigured(f"{where} does not lead to a trust root")
    owners = chain[0].subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)
    if not all(str(owner.value).endswith(uscc) for owner in owners):
        raise Misconfigured(f"{where} belongs to another department than {uscc}")
    return chain


def check_pair(key: PrivateKey, certificate: x509.Certificate, path: Path) -> None:
    """Raise `Misconfigured` unless `certificate` is about this key."""
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise Misconfigured(f"{path.parent.name}/{path.name} is about another key")


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as bad:
        raise Misconfigured(f"{path.parent.name}/{path.name} is not a readable certificate") from bad


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
