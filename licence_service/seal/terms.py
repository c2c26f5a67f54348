"""From when to when the certificates of code keys were made for (DOMAIN SH-04).

A reader is told both days and judges nothing by them: a code is judged by the key that it names, and a retired key's codes stay genuine.
"""

from datetime import date
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from licence_service.errors import Misconfigured
from licence_service.seal.keyfile import read_seal_file

PublicKey = ec.EllipticCurvePublicKey


def code_key_terms(folder: Path) -> dict[bytes, tuple[date, date]]:
    """Return first and last day of the certificate of every code key under a keys folder, in use or retired, by kid."""
    found: dict[bytes, tuple[date, date]] = {}
    for path in sorted(folder.glob("*/seal.toml")):
        file = read_seal_file(path)
        for one in file.code_certificates:
            try:
                first = x509.load_pem_x509_certificates((path.parent / one.certificate).read_bytes())[0]
            except (OSError, ValueError, IndexError) as bad:
                raise Misconfigured(f"{path.parent.name}/{one.certificate} is not a readable certificate") from bad
            found[bytes.fromhex(one.kid)] = (first.not_valid_before_utc.date(), first.not_valid_after_utc.date())
    return found


def point_of(key: PublicKey) -> bytes:
    """Return a public key as a browser imports it: the 65 bytes of the uncompressed point (SEC 1 §2.3.3)."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key_at(point: bytes) -> PublicKey:
    """Read it back; `ValueError` for anything but a point of P-256."""
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def key_in(pem: bytes) -> PublicKey:
    """Read a public key or a certificate in PEM; `ValueError` for anything but P-256."""
    key = x509.load_pem_x509_certificate(pem).public_key() if b"CERTIFICATE" in pem else load_pem_public_key(pem)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a P-256 key")  # noqa: TRY004 - the type is right, the curve is not
    return key
