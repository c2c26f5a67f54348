"""Public code keys from a keys folder, without opening any private one: what a checker of receipts needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from licence_service.errors import Misconfigured
from licence_service.seal import keyfile
from licence_service.seal.keyring import TRUST_FOLDER
from licence_service.seal.terms import key_in
from licence_service.seal.tokens import Purpose, kid_of


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Code keys by kid, and whose each is."""

    keys: Mapping[bytes, ec.EllipticCurvePublicKey]
    owners: Mapping[bytes, str]


def read_code_keys(folder: Path, purpose: Purpose) -> PublicKeys:
    """Read the code keys of a purpose, in use or retired; `Misconfigured` where the certificate of any key has no chain to a root of the folder."""
    roots = keyfile.read_roots(folder / TRUST_FOLDER)
    keys: dict[bytes, ec.EllipticCurvePublicKey] = {}
    owners: dict[bytes, str] = {}
    for path in sorted(folder.glob("*/seal.toml")):
        file = keyfile.read_seal_file(path)
        for one in file.code_certificates:
            public, kid = keyfile.read_chain(path.parent / one.certificate, roots, file.uscc)[0].public_key(), bytes.fromhex(one.kid)
            if purpose in one.purposes and isinstance(public, ec.EllipticCurvePublicKey):
                keys[kid], owners[kid] = public, file.name
    return PublicKeys(keys, owners)


def one_key(pem: bytes, message: bytes) -> PublicKeys:
    """Return the one key of a PEM file (a public key or a certificate), under whatever kid the message names."""
    try:
        return PublicKeys({kid_of(message): key_in(pem)}, {})
    except ValueError as bad:
        raise Misconfigured("the key file is not PEM of a P-256 public key or certificate") from bad
