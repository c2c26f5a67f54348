"""That a licence came to its holder, and that a copy was printed, as systems of its department are told of it (DOMAIN AI-12, A11, B14).

The service does nothing with either: the rating is asked for by those who ask for ratings, the parcel sent by those who send parcels.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from licence_service.errors import Unavailable
from licence_service.hooks import Hooks
from licence_service.licence import beijing_day
from licence_service.messenger import Message, Messenger
from licence_service.store.arrivals import Arrivals
from licence_service.store.book import Book
from licence_service.store.clients import READ, Client, Clients
from licence_service.store.database import Database
from licence_service.store.messages import messages_of_arrivals
from licence_service.store.payload import Vault


@dataclass(frozen=True, slots=True)
class ArrivalDesk:
    """Notes that files were opened, and tells what arrived."""

    kept: Arrivals
    messenger: Messenger
    now: Callable[[], datetime] = field(repr=False)

    def file_opened(self, licence_id: str) -> None:
        """Note that the sealed file was opened with its delivery code; where that cannot be written now, the next opening is the first that is told."""
        with suppress(Unavailable):
            self.kept.file_opened(licence_id, self.now())


def arrival_desk(book: Book, hooks: Hooks, clients: Clients, database: Database, vault: Vault) -> ArrivalDesk:
    """Return it; departments' systems have it at the addresses that they named."""

    def told(client: Client, messages: Sequence[Message]) -> list[Message]:
        """Return what a client is told, with the case in which the licence was issued; nothing of what it may not read.

        `case_no` is null where there was none here: of a licence of the stock, of one adopted, and of those that earlier releases issued; and where it
        is another department's: that which took a licence over hears of it as well, as long as it is issuer of record (LC-08).
        """
        today, found = beijing_day(hooks.now()), list[Message]()
        records = {one.licence_id: one for one in book.records(sorted({one["data"]["licence_id"] for one in messages}))}
        for message in messages:
            record = records[message["data"]["licence_id"]]
            issued = client.department == record.department
            theirs = issued or client.department == record.issuer(today)
            if theirs and client.may(READ, record.type) and client.reaches(record.department, record.office):
                found.append({**message, "data": {**message["data"], "case_no": record.entries[0].case_no if issued else None}})
        return found

    messenger = Messenger("arrivals", messages_of_arrivals(database), told, hooks.webhooks, clients, hooks.poster, vault, hooks.now)
    return ArrivalDesk(Arrivals(database, vault), messenger, hooks.now)
