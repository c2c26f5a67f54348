"""Events and their signatures: what Standard Webhooks fixes, checked by a reading of its own of the published rules."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from licence_service.events import TYPES, event_of, payload
from licence_service.licence import Act
from licence_service.message import headers_of, new_secret, signature_of

AT = datetime(2026, 11, 28, 4, 0, 0, 999_999, tzinfo=UTC)
BODY: dict[str, Any] = {
    "licence_id": "0123456789ABCDEFGHJK", "sequence": 2, "act": "suspend", "effective_on": "2026-11-28", "recorded_only": False,
    "recorded_at": "2026-11-28T04:00:00.000000+00:00", "version": None, "decision": {"number": "示许〔2026〕001号"}, "by": "client-a",
}  # fmt: skip


def accepts(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Verify as the published text says: the signed content is id, timestamp and body joined by full stops; any `v1` mark of the list may match."""
    key = base64.b64decode(secret[len("whsec_") :])
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    marks = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(mark, wanted) for version, mark in marks)


def test_a_message_is_verified_by_its_secret_and_by_no_other() -> None:
    secret, other = new_secret(), new_secret()
    headers = headers_of("0123-2", AT, b"{}", [secret])

    assert accepts(secret, headers, b"{}")
    assert not accepts(other, headers, b"{}")
    assert not accepts(secret, headers, b"{ }")
    assert not accepts(secret, {**headers, "webhook-id": "0123-3"}, b"{}")
    assert headers["webhook-timestamp"] == "1795838400"


def test_two_secrets_sign_side_by_side() -> None:
    old, new = new_secret(), new_secret()
    headers = headers_of("0123-2", AT, b"{}", [new, old])

    assert accepts(old, headers, b"{}")
    assert accepts(new, headers, b"{}")


def test_the_published_example_of_a_signature_comes_out() -> None:
    """The example of the convention's reference libraries."""
    made = signature_of("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_no_secret_is_a_bug() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        signature_of("1", "1", b"", "whsec_%%%")


def test_secrets_are_long_and_never_the_same() -> None:
    assert len({new_secret() for _ in range(50)}) == 50
    assert len(base64.b64decode(new_secret()[6:])) == 32


def test_an_event_is_what_the_convention_wants_and_nothing_of_the_decision() -> None:
    event = event_of(BODY, "a_type", "ORGAN")

    assert event.keys() == {"id", "type", "timestamp", "data"}
    assert (event["id"], event["type"]) == ("0123456789ABCDEFGHJK-2", "licence.suspend")
    assert event["data"].keys() == {"licence_id", "sequence", "act", "certificate_type", "department", "effective_on", "recorded_only"}
    assert payload(event) == payload(dict(reversed(event.items())))


def test_every_act_has_its_event() -> None:
    assert len(TYPES) == len(Act)
