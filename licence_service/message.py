"""Messages to webhooks after Standard Webhooks: how they are signed, and what secrets look like (docs/formats.md §14).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_BYTES = 32  # the convention allows 24 to 64


def new_secret() -> str:
    """Return a new secret, as it is shown to the client: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def headers_of(message_id: str, at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers that go with a message, with a signature for each secret: while one is replaced, two sign."""
    stamp = str(int(at.timestamp()))
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signature_of(message_id, stamp, body, key) for key in keys),
    }


def signature_of(message_id: str, stamp: str, body: bytes, secret: str) -> str:
    """Return `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body`; `ValueError` for what is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        msg = "a secret is whsec_ and base64"
        raise ValueError(msg) from error
    mark = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mark).decode("ascii")
