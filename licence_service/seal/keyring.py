"""The departments and their seals, read from a keys folder and cross-checked whole before anything is sealed.

    <keys>/trust/*.pem                      the roots every certificate must lead to
    <keys>/<any name>/seal.toml             one department (`keyfile.SealFile` documents each entry)
    <keys>/<any name>/certificate.pem       the sealing certificate, then its chain without the root
    <keys>/<any name>/code_certificate.pem  the code key's certificate, then its chain; keys of single purposes name theirs
    <keys>/<any name>/impression.png        the drawn seal, optional

Every fault is `Misconfigured`, names the file and never a secret. Nothing is printed or logged.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from licence_service.errors import Misconfigured, NotInRegister, Unavailable
from licence_service.seal import KnownSeal, Seal, is_held, keyfile, pkcs11
from licence_service.seal.code_keys import CodeKeyReading, KnownCodeKey
from licence_service.seal.department import Department
from licence_service.seal.granting import Alarm, Grant, Office, check_tree
from licence_service.seal.keyfile import PrivateKey, SealFile, Secrets
from licence_service.seal.pades import LocalSeal
from licence_service.seal.remote import SCHEME as REMOTE
from licence_service.seal.remote import Client, RemoteSeal
from licence_service.seal.tokens import CodeKeys, Purpose

TRUST_FOLDER = "trust"


@dataclass(frozen=True, slots=True)
class Keyring:
    """All departments by their `uscc`, the trust roots (DER), and every certificate ever used, retired ones too.

    `known_seals` is by hex SHA-256 of the certificate, for examinations; `code_keys` by kid. A message is opened with the keys of its
    purpose alone (`keys_for`): one by another key of the same department is a stranger's (SE-04).
    """

    departments: Mapping[str, Department]
    trust_roots: tuple[bytes, ...]
    known_seals: Mapping[str, KnownSeal]
    code_keys: Mapping[bytes, KnownCodeKey]
    _certificates: Mapping[str, x509.Certificate]
    _good_for: Mapping[Purpose, CodeKeys] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Sort the code keys by purpose, once: each scan asks."""
        by_purpose = {one: {kid: key.public for kid, key in self.code_keys.items() if one in key.purposes} for one in Purpose}
        object.__setattr__(self, "_good_for", by_purpose)

    @property
    def demo(self) -> bool:
        """Whether any department seals with demonstration keys."""
        return any(department.demo for department in self.departments.values())

    def certificate_of(self, seal_id: str) -> x509.Certificate:
        """Return the certificate of a seal, in use or retired; raise `NotInRegister` for an unknown one."""
        try:
            return self._certificates[seal_id]
        except KeyError:
            raise NotInRegister("no such seal") from None

    def certificate_pem(self, digest: str) -> bytes | None:
        """Return a sealing certificate as PEM by its SHA-256; None for one that this service never used."""
        known = self.known_seals.get(digest)
        return self._certificates[known.seal_id].public_bytes(Encoding.PEM) if known else None

    def public_code_keys(self) -> dict[str, str]:
        """Return every code key's public part as PEM, by its kid in hexadecimal."""
        form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {kid.hex(): key.public.public_bytes(*form).decode() for kid, key in sorted(self.code_keys.items())}

    def code_key_purposes(self) -> dict[str, list[str]]:
        """Return what every code key is good for, by its kid in hexadecimal."""
        return {kid.hex(): sorted(one.value for one in key.purposes) for kid, key in sorted(self.code_keys.items())}

    def department_of(self, uscc: str) -> Department:
        """Return a department that the book names; `Unavailable` where its folder of keys is not there, which is the operator's fault."""
        if uscc not in self.departments:
            raise Unavailable("the keys folder of the department that issued this licence is missing")
        return self.departments[uscc]

    def seal_named(self, seal_id: str) -> KnownSeal:
        """Return a seal that a department uses or used; raise `NotInRegister` for another."""
        found = next((one for one in self.known_seals.values() if one.seal_id == seal_id), None)
        if found is None:
            raise NotInRegister("no department uses, or used, a seal of this name")
        return found

    def within(self, uscc: str, office: str) -> tuple[str, ...]:
        """Return the codes of a department's office and of those below it; none where either is not there."""
        department = self.departments.get(uscc)
        return department.within(office) if department else ()

    def close(self) -> None:
        """Let go of sessions with tokens; they are opened anew when a seal is asked."""
        for department in self.departments.values():
            if is_held(department.seal):
                department.seal.close()

    def keys_for(self, purpose: Purpose) -> CodeKeys:
        """Return the public keys, by kid, whose messages are good for a purpose: what `tokens.open1` is to ask."""
        return self._good_for[purpose]

    def verifying_key(self, kid: bytes, purpose: Purpose) -> tuple[ec.EllipticCurvePublicKey, str]:
        """Return a code key's public part and its department's `uscc`; raise `NotInRegister` for an unknown kid, or one that is for something else."""
        known = self.code_keys.get(kid)
        if known is None or purpose not in known.purposes:
            raise NotInRegister("no such code key")
        return known.public, known.owner


def read_keyring(
    folder: Path,
    *,
    passphrase: bytes | None,
    allow_demo: bool,
    remote_client: Client | None = None,
    environment: Mapping[str, str] | None = None,
    tokens: pkcs11.TokenAccess | None = None,
) -> Keyring:
    """Read and cross-check a keys folder.

    `passphrase` opens the PKCS#8 keys; `environment` answers `env:` references; `remote_client` is for departments
    with the scheme `remote`; without `tokens` no key in a token is reached. Raise `Misconfigured` for anything that
    does not fit, demo keys without `allow_demo` included.
    """
    reading = _Reading(folder, Secrets(passphrase, environment or {}), allow_demo, remote_client, tokens)
    for path in sorted(folder.glob("*/seal.toml")):
        reading.add_department(path.parent)
    if not reading.departments:
        raise Misconfigured(f"there is no department under {folder}")
    reading.code_keys.check_apart(reading.certificates.values())
    return Keyring(
        reading.departments,
        tuple(root.public_bytes(Encoding.DER) for root in reading.roots),
        reading.known_seals,
        reading.code_keys.known,
        reading.certificates,
    )


class _Reading:
    """The state of one pass over a keys folder; names must be unique over all of it."""

    def __init__(self, folder: Path, secrets: Secrets, allow_demo: bool, client: Client | None, tokens: pkcs11.TokenAccess | None) -> None:  # noqa: FBT001
        self.roots = keyfile.read_roots(folder / TRUST_FOLDER)
        self._secrets = secrets
        self._allow_demo = allow_demo
        self._client = client
        self._tokens = tokens
        self.departments: dict[str, Department] = {}
        self.offices: dict[str, str] = {}  # by code, the department
        self.known_seals: dict[str, KnownSeal] = {}
        self.certificates: dict[str, x509.Certificate] = {}
        self.code_keys = CodeKeyReading(self.roots, secrets)

    def add_department(self, folder: Path) -> None:
        """Read one department with all its seals."""
        file = keyfile.read_seal_file(folder / "seal.toml")
        if file.demo and not self._allow_demo:
            raise Misconfigured(f"{folder.name} has demonstration keys; LICENCE_ALLOW_DEMO_KEYS is not set")
        if file.uscc in self.departments:
            raise Misconfigured(f"{folder.name}: another department has the code {file.uscc}")
        if any(other.issuer_index == file.issuer_index for other in self.departments.values()):
            raise Misconfigured(f"{folder.name}: another department has the issuer_index {file.issuer_index}")
        impression, offices, grants = folder / "impression.png", _offices(file), _grants(file)
        check_tree(folder.name, file.uscc, offices, grants, self.offices)
        self.offices |= {one.code: file.uscc for one in offices}
        self.departments[file.uscc] = Department(
            uscc=file.uscc,
            name=file.name,
            name_en=file.name_en,
            short_name=file.short_name or file.name,
            issuer_index=file.issuer_index,
            grants=grants,
            demo=file.demo,
            valid_from=file.seal.valid_from,
            signers=self.code_keys.signers(folder, file),
            impression=impression.read_bytes() if impression.is_file() else None,
            seal=self._seal(folder, file),
            offices=offices,
            alarm=Alarm(file.seal.alarm_times, file.seal.alarm_least) if file.seal.alarm_times else None,
        )
        self._add_retired(folder, file)
        self.code_keys.add_retired(folder, file)

    def _seal(self, folder: Path, file: SealFile) -> Seal:
        """Open the seal in use: one row of `SCHEMES`."""
        chain = keyfile.read_chain(folder / "certificate.pem", self.roots, file.uscc)
        if not chain[0].not_valid_before_utc.date() <= file.seal.valid_from <= chain[0].not_valid_after_utc.date():
            raise Misconfigured(f"{folder.name}: the certificate is not valid on the seal's first day")
        known = self._know(file.seal.id, file.uscc, chain, (file.seal.valid_from, None))
        return SCHEMES[file.seal.scheme](self, folder, file, known, chain)

    def _add_retired(self, folder: Path, file: SealFile) -> None:
        """Remember the seals that were used before, for verification only; there is no key any more."""
        for seal in file.retired_seals:
            chain = keyfile.read_chain(folder / seal.certificate, self.roots, file.uscc)
            self._know(seal.id, file.uscc, chain, (seal.valid_from, seal.retired_on))

    def _know(self, seal_id: str, uscc: str, chain: list[x509.Certificate], used: tuple[date, date | None]) -> KnownSeal:
        certificate = chain[0]
        digest, *others = (hashlib.sha256(one.public_bytes(Encoding.DER)).hexdigest() for one in chain)
        if seal_id in self.certificates or digest in self.known_seals:
            raise Misconfigured(f"the seal {seal_id} or its certificate is there twice")
        self.certificates[seal_id] = certificate
        return self.known_seals.setdefault(digest, KnownSeal(seal_id, uscc, digest, tuple(others), *used))

    def local_seal(self, folder: Path, file: SealFile, known: KnownSeal, chain: list[x509.Certificate]) -> Seal:
        """Open a seal whose key is here."""
        if file.seal.key is None or file.seal.url is not None:
            raise Misconfigured(f"{folder.name}: a local seal has a key and no url")
        public = chain[0].public_key()
        if not isinstance(public, keyfile.PublicKey) or _scheme_of(public) != file.seal.scheme:
            raise Misconfigured(f"{folder.name}: the key is not one for {file.seal.scheme}")
        key: PrivateKey | pkcs11.Lanes
        if file.seal.key.startswith(pkcs11.SCHEME):
            key = pkcs11.lanes_of(file.seal.key, self._tokens, public, file.seal.lanes)
        elif file.seal.lanes is not None:
            raise Misconfigured(f"{folder.name}: only a key in a token has lanes")
        else:
            key = self._secrets.private_key(file.seal.key, folder)
            keyfile.check_pair(key, chain[0], folder / "certificate.pem")
        encoded = [certificate.public_bytes(Encoding.DER) for certificate in chain]
        return LocalSeal(known.seal_id, file.seal.scheme, key, encoded, slot_bytes=file.seal.slot_bytes)

    def remote_seal(
        self,
        folder: Path,
        file: SealFile,
        known: KnownSeal,
        chain: list[x509.Certificate],  # noqa: ARG002 - as its sister
    ) -> Seal:
        """Open a seal that lives in a service elsewhere."""
        if file.seal.url is None or file.seal.key is not None or file.seal.lanes is not None:
            raise Misconfigured(f"{folder.name}: a remote seal has a url, no key and no lanes")
        if self._client is None:
            raise Misconfigured(f"{folder.name}: there is no client for remote seals")
        trust = [root.public_bytes(Encoding.DER) for root in self.roots]
        return RemoteSeal(known, self._client, url=file.seal.url, trust=trust)


def _offices(file: SealFile) -> tuple[Office, ...]:
    return tuple(Office(one.code, one.name, one.name_en, one.regions, one.used_from, one.used_to, one.under) for one in file.offices)


def _grants(file: SealFile) -> tuple[Grant, ...]:
    return tuple(
        Grant(one.types, one.used_from, one.used_to, one.unattended, one.regions, one.hourly_ceiling, one.acts, one.organisations, one.without)
        for one in file.grants
    )


_Opening = Callable[[_Reading, Path, SealFile, KnownSeal, list[x509.Certificate]], Seal]

SCHEMES: Mapping[str, _Opening] = {
    "pades-p256": _Reading.local_seal,
    "pades-rsa2048": _Reading.local_seal,
    "pades-rsa3072": _Reading.local_seal,
    REMOTE: _Reading.remote_seal,
}


def _scheme_of(key: keyfile.PublicKey) -> str:
    """Return the scheme a key is for, by its kind and size."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "pades-p256" if isinstance(key.curve, ec.SECP256R1) else f"pades-{key.curve.name}"
    return f"pades-rsa{key.key_size}"
