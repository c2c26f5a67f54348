"""What is sent to you, verified after Standard Webhooks (symmetric signatures, `v1`)."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

TOLERANCE = timedelta(minutes=5)


class WebhookRejected(ValueError):  # noqa: N818 - a fact
    """The message was not signed with this secret, or not lately."""


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime | None = None) -> dict[str, Any]:
    """Return the message; raise `WebhookRejected` unless it was signed with `secret` (`whsec_…`) within five minutes.

    Keep `webhook-id`: the same message may come more than once.
    """
    said = {name.lower(): value for name, value in headers.items()}
    try:
        name, stamp = said["webhook-id"], said["webhook-timestamp"]
        sent_at = datetime.fromtimestamp(int(stamp), UTC)
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        given = [base64.b64decode(each[3:], validate=True) for each in said["webhook-signature"].split() if each.startswith("v1,")]
    except (KeyError, ValueError, OverflowError, OSError, binascii.Error) as error:
        raise WebhookRejected("the headers are not those of a signed message") from error
    if abs((now or datetime.now(UTC)) - sent_at) > TOLERANCE:
        raise WebhookRejected("the message is not of these five minutes")
    expected = hmac.digest(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256)
    if not any(hmac.compare_digest(expected, each) for each in given):
        raise WebhookRejected("the signature is not of this secret")
    message: dict[str, Any] = json.loads(body)
    return message
