"""`licence-service webhooks`: what operators see and send again."""

from collections.abc import Iterator

import pytest

from licence_service.message import new_secret
from licence_service.service import utc_now
from licence_service.store.webhooks import Webhook, Wish
from tests.api.test_cli import REFUSED, Terminal, terminal
from tests.receiver import Receiver, listening
from tests.world import DRIVER

__all__ = ["terminal"]
ABSENT = "0" * 26


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening(Receiver()) as opened:
        yield opened


@pytest.fixture
def hook(terminal: Terminal, receiver: Receiver) -> Webhook:
    """An endpoint of the department, added while the operator allowed this machine."""
    terminal.environment["LICENCE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    return terminal.world.service.hooks.webhooks.add(terminal.client(DRIVER), Wish(receiver.url()), new_secret(), 0, utc_now())


def test_an_event_that_failed_is_seen_and_sent_again(terminal: Terminal, receiver: Receiver, hook: Webhook) -> None:
    receiver.answer = lambda _self, _got: (500, {})
    licence_id = terminal.issue(DRIVER)["licence_id"]
    terminal.run("work", "--once")

    (row,) = terminal.json("webhooks", "list")
    assert (row["client"], row["to"], row["waiting"], row["behind"]) == (terminal.client(DRIVER), f"127.0.0.1:{receiver.port}", 1, 0)
    (one,) = terminal.json("webhooks", "deliveries", hook.webhook_id)
    assert (one["event"], one["status"], one["reason"], one["attempts"]) == (f"{licence_id}-1", 500, "status-500", 1)
    receiver.answer = lambda _self, _got: (200, {})
    terminal.run("webhooks", "resend", hook.webhook_id, f"{licence_id}-1")
    terminal.run("work", "--once")
    assert terminal.json("webhooks", "deliveries", hook.webhook_id, "--state", "delivered")[0]["event"] == f"{licence_id}-1"
    terminal.run("webhooks", "replay", hook.webhook_id)
    terminal.run("work", "--once")
    assert len(receiver.taken) == 2
    assert "/in" not in terminal.run("webhooks", "list").output


def test_without_the_setting_nothing_is_sent_inside(terminal: Terminal, receiver: Receiver, hook: Webhook) -> None:
    terminal.issue(DRIVER)
    terminal.run("work", "--once", LICENCE_WEBHOOK_NETWORKS="")

    assert receiver.got == []
    assert terminal.json("webhooks", "deliveries", hook.webhook_id)[0]["reason"] == "address-not-allowed"


def test_an_endpoint_is_removed_and_what_is_not_there_is_refused(terminal: Terminal, hook: Webhook) -> None:
    terminal.run("webhooks", "remove", hook.webhook_id)

    for words in (("remove", ABSENT), ("resend", ABSENT, "x-1"), ("replay", ABSENT), ("deliveries", hook.webhook_id)):
        terminal.run("webhooks", *words, wanted=REFUSED)
    assert terminal.json("webhooks", "list") == []


def test_a_wrong_state_or_cursor_is_refused(terminal: Terminal, hook: Webhook) -> None:
    terminal.run("webhooks", "deliveries", hook.webhook_id, "--state", "lost", wanted=REFUSED)
    terminal.run("webhooks", "replay", hook.webhook_id, "--after", "00", wanted=REFUSED)
    terminal.run("webhooks", "resend", hook.webhook_id, "nothing", wanted=REFUSED)


def test_the_endpoint_of_a_client_that_was_shut_out_is_not_replayed(terminal: Terminal, hook: Webhook) -> None:
    terminal.world.service.clients.remove(hook.client, utc_now())

    terminal.run("webhooks", "replay", hook.webhook_id, wanted=REFUSED)


@pytest.mark.parametrize("text", ["localhost", "10.0.0.1/8"])
def test_a_setting_that_names_no_network_is_said_at_start(terminal: Terminal, text: str) -> None:
    assert "LICENCE_WEBHOOK_NETWORKS" in terminal.run("webhooks", "list", wanted=2, LICENCE_WEBHOOK_NETWORKS=text).output
