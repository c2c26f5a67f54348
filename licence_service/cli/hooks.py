"""`licence-service webhooks`: what operators see of the events that go to clients, and how they send them again."""

from typing import Annotated, Any

import typer

from licence_service.cli.talking import err, out, said, service, show
from licence_service.errors import NotInRegister, RequestRejected, Unavailable
from licence_service.events import PREFIX
from licence_service.service import Service
from licence_service.store.deliveries import STATES, Delivery
from licence_service.store.webhooks import Webhook
from licence_service.targets import read_target

app = typer.Typer(no_args_is_help=True, help="Webhooks of clients: what waits, what was given up; send it again.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The endpoint's id, as `webhooks list` prints it.")]
Event = Annotated[str, typer.Argument(metavar="EVENT", help="The event's id: licence id, hyphen, sequence.")]
COLUMNS = ("webhook", "client", "to", *STATES, "behind", "rests_until")
_OF_DELIVERIES = ("event", "type", "state", "attempts", "last_at", "status", "reason", "next_at")
_MOST = 1000


def add_to(root: typer.Typer) -> None:
    """Add the commands to the application."""
    root.add_typer(app, name="webhooks")


@app.command("list")
@said
def list_webhooks(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the endpoints of all clients, with how much waits, was delivered lately, or was given up. Of an address only the host is shown."""
    with service() as opened:
        end = opened.feed.lines.end()
        rows = [_row(opened, one, end) for one in opened.hooks.webhooks.all()]
    show(rows, as_json=as_json, columns=COLUMNS)


def _row(opened: Service, one: Webhook, end: int) -> dict[str, Any]:
    rests = one.rests_until if one.rests_until and one.rests_until > opened.now() else None
    return {
        "webhook": one.webhook_id, "client": one.client, "to": read_target(one.wish.url).authority, **opened.hooks.deliveries.counts(one),
        "behind": end - one.looked, "rests_until": rests.isoformat(timespec="seconds") if rests else "",
    }  # fmt: skip


@app.command("deliveries")
@said
def list_deliveries(
    webhook_id: Id,
    state: Annotated[str, typer.Option(help=f"Only those in this state: {', '.join(STATES)}.")] = "",
    limit: Annotated[int, typer.Option(help="Most of them, the newest event first.", min=1, max=_MOST)] = 50,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List what went to an endpoint, waits, or was given up, with the last attempt."""
    if state and state not in STATES:
        raise RequestRejected(f"a delivery is one of: {', '.join(STATES)}")
    with service() as opened:
        rows = [_of_delivery(one) for one in opened.hooks.deliveries.page(opened.hooks.webhooks.get(webhook_id), state or None, None, limit)]
    show(rows, as_json=as_json, columns=_OF_DELIVERIES)


def _of_delivery(one: Delivery) -> dict[str, Any]:
    last = one.log[-1] if one.log else None
    return {
        "event": one.event_id, "type": PREFIX + str(one.line.body["act"]), "state": one.state, "attempts": one.attempts,
        "last_at": last.at if last else "", "status": last.status if last else None, "reason": last.reason if last else "",
        "next_at": one.next_at.isoformat(timespec="seconds") if one.next_at else "",
    }  # fmt: skip


@app.command("resend")
@said
def resend(webhook_id: Id, event: Event) -> None:
    """Send one event to an endpoint again, whatever became of it."""
    with service() as opened:
        opened.hooks.resend(opened.hooks.webhooks.get(webhook_id), event)
    out.print(f"{event} waits again")


@app.command("replay")
@said
def replay(
    webhook_id: Id, after: Annotated[str, typer.Option(help="A cursor of the client's feed; without it, from the first event.")] = ""
) -> None:  # fmt: skip
    """Send everything that an endpoint wants again, in order: after a receiver lost what it had."""
    with service() as opened:
        one = opened.hooks.webhooks.get(webhook_id)
        client = next((each for each in opened.clients.all() if each.name == one.client), None)
        if client is None:
            raise NotInRegister("its client was shut out; the endpoint goes with it")
        opened.hooks.replay(one, client, after or None)
    out.print(f"everything goes to {webhook_id} again")


@app.command("remove")
@said
def remove(webhook_id: Id) -> None:
    """Forget an endpoint with all that was on its way to it; the client may add it again."""
    with service() as opened:
        opened.hooks.webhooks.remove(opened.hooks.webhooks.get(webhook_id))
    out.print(f"nothing goes to {webhook_id} any more")


def deliver(opened: Service, *, wait: bool) -> None:
    """Carry events to webhooks, beside the other work unless there is none; what stands in the way is said and tried again."""
    try:
        if wait:
            opened.courier.work()
        else:
            opened.courier.start()
    except Unavailable as trouble:
        err.print(f"[yellow]not delivered[/]  {trouble.detail}")


def tell_arrivals(opened: Service) -> None:
    """Tell webhooks what reached its holder, for `licence-service work`; what stands in the way is said and tried again."""
    try:
        opened.arrivals.messenger.work()
    except Unavailable as trouble:
        err.print(f"[yellow]not told[/]  {trouble.detail}")
