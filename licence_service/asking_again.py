"""Requests that wait for a silent source are repeated by the service itself, at the turns that the waiting has, until a person sees to them (AI-04)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from licence_service.errors import CeilingReached, Refusal, SourceSilent, Unavailable
from licence_service.registrar import Registrar
from licence_service.store.clients import Clients
from licence_service.store.source_waits import Kept, SourceWaits
from licence_service.waiting import RETRY_SECONDS

MOST_AT_ONCE = 8  # side by side, and so done within the time for which they are taken: one slow source holds up few others


def ask_again(registrar: Registrar, clients: Clients) -> int:
    """Repeat the requests whose turn has come, each as its client sent it; return how many are sealed, entered or on their way.

    A client that sends the same meanwhile or later gets the same licence (AI-01). What is refused now is not repeated, and waits no more: the
    client is told when it comes again. What only has to wait for something else, as for the next hour under a ceiling, keeps its place.
    """
    connectors = registrar.line.connectors
    if connectors is None:
        return 0
    waits, now = connectors.waits, registrar.line.now()
    if not (due := waits.take(now, MOST_AT_ONCE)):
        return 0
    with ThreadPoolExecutor(len(due), "sources") as pool:
        ended = [pool.submit(_repeated, registrar, clients, waits, one) for one in due]
    return sum(one.result() for one in ended)  # only now, when all are done: one that goes wrong stands in the way of no other


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
    except SourceSilent:
        return False  # its next turn is noted
    except (CeilingReached, Unavailable):
        waits.put_back(one, registrar.line.now() + timedelta(seconds=RETRY_SECONDS))  # it may go on later, though its sources have answered
        return False
    except Refusal:
        waits.let_go(one)
        return False
    waits.let_go(one)
    return True
