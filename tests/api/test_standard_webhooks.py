"""What receivers get is verified by the library of the convention itself, as a receiver would use it."""

from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from licence_service.service import utc_now
from tests.receiver import Receiver, listening
from tests.world import DRIVER, a_world


def test_the_conventions_own_library_verifies_what_arrives_and_nothing_that_was_altered(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, now=utc_now(), webhook_networks="127.0.0.0/8") as world, listening(Receiver()) as receiver:
        headers = world.headers(DRIVER)
        hook = world.http.post("/webhooks", json={"url": receiver.url()}, headers=headers).json()
        rotated = world.http.post(f"/webhooks/{hook['webhook_id']}/secret", headers=headers).json()
        licence_id = world.issue(DRIVER)["licence_id"]
        world.service.courier.work()
        (got,) = receiver.got

    for secret in (hook["secret"], rotated["secret"]):
        assert Webhook(secret).verify(got.body, got.headers)["data"]["licence_id"] == licence_id
    altered = [
        (got.body.replace(b"issue", b"renew"), got.headers), (got.body, {**got.headers, "webhook-id": f"{licence_id}-2"}),
        (got.body, {**got.headers, "webhook-timestamp": str(int(got.headers["webhook-timestamp"]) + 1)}),
    ]  # fmt: skip
    for body, said in altered:
        with pytest.raises(WebhookVerificationError):
            Webhook(hook["secret"]).verify(body, said)
