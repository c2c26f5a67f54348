"""The code keys of all departments, one a purpose or one for several (DOMAIN SE-04): read from a keys folder, each with its certificate."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from licence_service.errors import Misconfigured
from licence_service.seal.keyfile import PurposeKeyTable, SealFile, Secrets, check_pair, read_chain
from licence_service.seal.tokens import EVERY_PURPOSE, CodeSigner, Purpose


@dataclass(frozen=True, slots=True)
class KnownCodeKey:
    """A code key in use or retired: its public part, the department whose it is, and what its messages are good for."""

    public: ec.EllipticCurvePublicKey
    owner: str
    purposes: frozenset[Purpose]


@dataclass(frozen=True, slots=True)
class CodeKeyReading:
    """What one pass over a keys folder finds; names and keys are unique over all of it. Every fault is `Misconfigured`."""

    roots: list[x509.Certificate]
    secrets: Secrets
    known: dict[bytes, KnownCodeKey] = field(default_factory=dict)

    def signers(self, folder: Path, file: SealFile) -> Mapping[Purpose, CodeSigner]:
        """Return who signs for each purpose of a department: the key of its own, else the code key where that is for it."""
        own = [purpose for table in file.purpose_keys for purpose in table.purposes]
        if twice := {one for one in own if own.count(one) > 1}:
            raise Misconfigured(f"{folder.name}: several purpose_keys for {', '.join(sorted(twice))}")
        found: dict[Purpose, CodeSigner] = {}
        for table in file.signing_keys:
            found |= dict.fromkeys(table.purposes, self._signer(folder, file.uscc, table))
        if without := EVERY_PURPOSE - found.keys():
            raise Misconfigured(f"{folder.name}: no code key for {', '.join(sorted(without))}")
        return found

    def _signer(self, folder: Path, uscc: str, table: PurposeKeyTable) -> CodeSigner:
        chain = read_chain(folder / table.certificate, self.roots, uscc)
        key = self.secrets.private_key(table.key, folder)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise Misconfigured(f"{folder.name}: a code key lies on P-256")
        check_pair(key, chain[0], folder / table.certificate)
        kid = bytes.fromhex(table.kid)
        self._know(kid, uscc, chain[0], table.purposes)
        return CodeSigner(kid, key)

    def add_retired(self, folder: Path, file: SealFile) -> None:
        """Remember the code keys that were used before, for verification only; there is no key any more."""
        for one in file.retired_code_keys:
            self._know(bytes.fromhex(one.kid), file.uscc, read_chain(folder / one.certificate, self.roots, file.uscc)[0], one.purposes)

    def _know(self, kid: bytes, uscc: str, certificate: x509.Certificate, purposes: frozenset[Purpose]) -> None:
        public_key = certificate.public_key()
        if kid in self.known or not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise Misconfigured(f"the code key {kid.hex()} is there twice or is not on a curve")
        same = next((name for name, one in self.known.items() if one.public == public_key), None)
        if same is not None:
            raise Misconfigured(f"the code keys {same.hex()} and {kid.hex()} are one key, which would be good for the purposes of both")
        self.known[kid] = KnownCodeKey(public_key, uscc, purposes)

    def check_apart(self, sealing: Iterable[x509.Certificate]) -> None:
        """Refuse a code key that is the key of a seal too, in use or retired."""
        keys = [certificate.public_key() for certificate in sealing]
        for kid, one in self.known.items():
            if one.public in keys:
                raise Misconfigured(f"the code key {kid.hex()} is the key of a seal as well")
