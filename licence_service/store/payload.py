"""Sensitive values at rest: encrypted rows and blind indexes (DESIGN §7).

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front; the row's identity is the associated data, so that
a ciphertext moved to another row does not open. Blind indexes are HMAC-SHA-256 under a key of their own.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from licence_service.digests import Keyed, json_of, pair, sha256
from licence_service.errors import Misconfigured, Unavailable

KEY_BYTES = 32
_NONCE = 12


class Vault:
    """Encrypts, opens and blinds under keys derived from one secret of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        """Derive the keys, one for each purpose; a secret of another length is refused."""
        if len(secret) != KEY_BYTES:
            msg = f"LICENCE_PAYLOAD_KEY must be {KEY_BYTES} bytes, written as {2 * KEY_BYTES} hexadecimal digits"
            raise Misconfigured(msg)
        self._cipher = AESGCM(_derive(secret, b"payload/1"))
        self._blind = Keyed(_derive(secret, b"blind/1"))
        self.permutation_key = _derive(secret, b"status/1")
        self.token_key = _derive(secret, b"access-token/1")
        self.sign_in_key = _derive(secret, b"sign-in/1")
        self.wallet_key = _derive(secret, b"wallet/1")

    def close_up(self, content: bytes, row: str) -> bytes:
        """Encrypt bytes for one row."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, row.encode())

    def open(self, sealed: bytes, row: str) -> bytes:
        """Decrypt a row's bytes; a wrong key or row is `Unavailable`, never garbage."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], memoryview(sealed)[_NONCE:], row.encode())  # rows of a chunk are megabytes
        except (InvalidTag, ValueError) as error:
            raise Unavailable("stored data cannot be opened with the configured key") from error

    def close_json(self, value: Mapping[str, Any], row: str) -> bytes:
        """Encrypt a JSON object."""
        return self.close_up(json_of(value), row)

    def open_json(self, sealed: bytes, row: str) -> dict[str, Any]:
        """Decrypt a JSON object."""
        opened: dict[str, Any] = json.loads(self.open(sealed, row).decode())
        return opened

    def blind(self, name: str, value: str) -> str:
        """Return the keyed index of a value: equal values meet, nothing can be read back. The caller brings the comparison form."""
        return self._blind.of(pair(name, value)).hex()


def token_digest(token: str) -> str:
    """Return the stored form of a bearer token or code of at least 60 random bits."""
    return sha256(b"licence-token/1\x00" + token.encode())


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), KEY_BYTES, purpose).derive(secret)
