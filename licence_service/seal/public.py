"""Public code keys from a keys folder, without opening any private one: what a checker of receipts needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from licence_service.errors import Misconfigured
from licence_service.seal import keyfile
from licence_service.seal.keyring import TRUST_FOLDER
from licence_service.seal.terms import key_in
from licence_service.seal.tokens import kid_of


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Code keys by kid, and whose each is."""

    keys: Mapping[bytes, ec.EllipticCurvePublicKey]
    owners: Mapping[bytes, str]


def read_code_keys(folder: Path) -> PublicKeys:
    """Read every code key's certificate, in use or retired, each with a chain to a root of the folder; `Misconfigured` where one has none."""
    roots = keyfile.read_roots(folder / TRUST_FOLDER)
    keys: dict[bytes, ec.EllipticCurvePublicKey] = {}
    owners: dict[bytes, str] = {}
    for path in sorted(folder.glob("*/seal.toml")):
        file = keyfile.read_seal_file(path)
        named = {file.code_key.kid: "code_certificate.pem", **{one.kid: one.certificate for one in file.retired_code_keys}}
        for kid, name in named.items():
            public = keyfile.read_chain(path.parent / name, roots, file.uscc)[0].public_key()
            if isinstance(public, ec.EllipticCurvePublicKey):
                keys[bytes.fromhex(kid)], owners[bytes.fromhex(kid)] = public, file.name
    return PublicKeys(keys, owners)


def one_key(pem: bytes, message: bytes) -> PublicKeys:
    """Return the one key of a PEM file (a public key or a certificate), under whatever kid the message names."""
    try:
        return PublicKeys({kid_of(message): key_in(pem)}, {})
    except ValueError as bad:
        raise Misconfigured("the key file is not PEM of a P-256 public key or certificate") from bad
