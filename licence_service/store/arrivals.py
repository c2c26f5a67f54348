"""That a licence came into its holder's hands, and that a copy of it was printed: messages to the systems of the department that issued it.

Ratings are asked for, and parcels carried, by others (DOMAIN AI-12, A11, B14). A message is made in the very transaction in which the thing happens,
one for each system that there is then; its id follows from what it tells and to whom, so that nothing is told twice. That a licence came to its
holder is told of the first time alone, also where only systems that are gone, or none, were there to hear of it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, or_, select

from licence_service.events import DELIVERED, PRINTED
from licence_service.store.clients import APPROVAL
from licence_service.store.counting import ARRIVALS, count_up_by, hold
from licence_service.store.database import Database
from licence_service.store.inserting import insert_all
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.tables import clients, licences
from licence_service.store.tables_of_arrivals import arrivals
from licence_service.store.tables_of_holders import cards
from licence_service.store.tables_of_people import desk_log
from licence_service.store.webhooks import WAITING

_IDS = 26  # characters of a blinded id
_HEARERS = (  # the departments are who issued, and who took it over (LC-08); who was removed is told nothing, but may have been
    select(licences.c.licence_id, licences.c.type, licences.c.department, clients.c.id, clients.c.removed_at)
    .join(clients, clients.c.department.in_([licences.c.department, licences.c.issuer]) & (clients.c.kind == APPROVAL))
    .where(licences.c.licence_id.in_(bindparam("licence_ids", expanding=True)))
    .order_by(licences.c.id, clients.c.id)
)
_IN_HAND = select(licences.c.licence_id).where(  # a card or a printed copy from before, whoever was there to hear of it
    licences.c.licence_id.in_(bindparam("licence_ids", expanding=True)),
    or_(
        exists().where(cards.c.licence == licences.c.id, cards.c.claimed_at < bindparam("now")),
        exists().where(desk_log.c.subject == licences.c.licence_id, desk_log.c.copy_no.is_not(None), desk_log.c.at < bindparam("now")),
    ),
)
_PRESENT = select(arrivals.c.message_id).where(arrivals.c.message_id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to a licence: one of `events.ARRIVALS`; `once` is what makes it the same thing when it comes again, `more` what is told of it."""

    kind: str
    licence_id: str
    once: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


def arrived(licence_id: str, how: str) -> Happened:
    """Return that a licence reached its holder, by `card`, `file` or `copy`: the first time counts."""
    return Happened(DELIVERED, licence_id, more={"how": how})


def printed(licence_id: str, copy_no: int) -> Happened:
    """Return that a copy was printed."""
    return Happened(PRINTED, licence_id, str(copy_no), {"copy_no": copy_no})


def tell(connection: Connection, vault: Vault, happened: Sequence[Happened], now: datetime) -> None:
    """Lay down in this transaction what the systems of the licences' departments are told, what they were told before left out."""
    hearers = _hearers(connection, happened)
    if not hearers:
        return  # nobody waits for others where nobody hears of it
    hold(connection, ARRIVALS)  # whoever tells the same at this moment is waited for, and what it told is seen
    if fresh := _untold(connection, vault, happened, hearers, now):
        first = count_up_by(connection, ARRIVALS, len(fresh))
        insert_all(connection, arrivals, [{**row, "place": first + number} for number, row in enumerate(fresh)])


def _hearers(connection: Connection, happened: Sequence[Happened]) -> dict[str, list[Any]]:
    """Return the systems of each licence's departments, by licence; those that were removed too."""
    hearers: dict[str, list[Any]] = {}
    for part in parts(sorted({one.licence_id for one in happened})):
        for row in connection.execute(_HEARERS, {"licence_ids": part}):
            hearers.setdefault(row.licence_id, []).append(row)
    return hearers


def _untold(
    connection: Connection, vault: Vault, happened: Sequence[Happened], hearers: Mapping[str, Sequence[Any]], now: datetime
) -> list[dict[str, Any]]:
    rows = {row["message_id"]: (one, to, row) for one in happened for to in hearers.get(one.licence_id, ()) for row in [_row(vault, one, to, now)]}
    present = {known for part in parts(sorted(rows)) for known in connection.execute(_PRESENT, {"ids": part}).scalars()}
    reached = {rows[known][0].licence_id for known in present if rows[known][0].kind == DELIVERED}
    if unheard := sorted({one.licence_id for one, _, _ in rows.values() if one.kind == DELIVERED} - reached):
        reached |= {known for part in parts(unheard) for known in connection.execute(_IN_HAND, {"licence_ids": part, "now": now}).scalars()}
    return [
        row
        for message_id, (one, to, row) in rows.items()
        if message_id not in present and to.removed_at is None and not (one.kind == DELIVERED and one.licence_id in reached)
    ]


def _row(vault: Vault, one: Happened, to: Any, now: datetime) -> dict[str, Any]:  # noqa: ANN401 - a row
    message_id = vault.blind("arrival", f"{one.kind}|{one.licence_id}|{one.once}|{to.id}")[:_IDS]
    data = {"licence_id": one.licence_id, "certificate_type": to.type, "department": to.department, **one.more}
    event = {"id": message_id, "type": one.kind, "timestamp": now.isoformat(timespec="microseconds"), "data": data}
    return {
        "message_id": message_id, "client": to.id, "made_at": now, "content": json.dumps(event, ensure_ascii=False), "state": WAITING, "attempts": 0,
        "next_at": now,
    }  # fmt: skip


class Arrivals:
    """Notes what happens outside of other transactions."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database, and the vault that blinds ids."""
        self._database, self._vault = database, vault

    def file_opened(self, licence_id: str, now: datetime) -> None:
        """Tell that the sealed file was opened with its delivery code; again, it costs two readings."""
        happened = [arrived(licence_id, "file")]
        with self._database.read() as connection:
            if not _untold(connection, self._vault, happened, _hearers(connection, happened), now):
                return
        with self._database.write() as connection:
            tell(connection, self._vault, happened, now)
