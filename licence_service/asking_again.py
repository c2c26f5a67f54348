"""Requests that wait for a silent source are repeated by the service itself, at the turns that the waiting has, until a person sees to them (AI-04)."""

from licence_service.errors import Refusal, Unavailable
from licence_service.registrar import Registrar
from licence_service.store.clients import Clients
from licence_service.store.source_waits import Kept, SourceWaits

MOST_AT_ONCE = 20


def ask_again(registrar: Registrar, clients: Clients) -> int:
    """Repeat the requests whose turn has come, each as its client sent it; return how many are sealed, entered or on their way.

    A client that sends the same meanwhile or later gets the same licence (AI-01). What is refused now is not repeated: the client is told
    when it comes again.
    """
    connectors = registrar.line.connectors
    if connectors is None:
        return 0
    return sum(_repeated(registrar, clients, connectors.waits, one) for one in connectors.waits.take(registrar.line.now(), MOST_AT_ONCE))


def _repeated(registrar: Registrar, clients: Clients, waits: SourceWaits, one: Kept) -> bool:
    said = one.request
    client = clients.named(said["client"])
    try:
        if client is None:
            waits.let_go(one)
            return False
        if said.get("licence_id"):
            registrar.act(client, said["key"], said["licence_id"], said["body"])
        else:
            registrar.issue(client, said["key"], said["body"])
    except Unavailable:
        return False  # a source that is silent still has a later turn; where a store is, this one comes again
    except Refusal:
        waits.let_go(one)
        return False
    return True
