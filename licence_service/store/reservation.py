"""One reservation: what is meant, what is drawn for it, and how it lies in its row.

What only its own entry needs – face, officer, the drafted body – lies apart (`drafts`) from what a repeated answer needs (`content`), so that
it is gone with one statement once the entry has it, or none will come.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, exists, or_, select, update

from licence_service import identifiers
from licence_service.digests import SALT_BYTES
from licence_service.errors import EntryConflict
from licence_service.store.keys import Kind, Pair, key_of
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.status_index import place
from licence_service.store.tables import clients, drafts, reservations

DRAFT = ("body", "private")  # of the content: goes when the entry has come
_NOTHING_DRAWN: Mapping[str, Any] = {"salt": "", "check_code": "", "delivery_code": ""}  # an act without a document
ROWS = select(reservations, drafts.c.sealed.label("apart")).outerjoin_from(reservations, drafts)  # as `of_row` takes them
_MINE = reservations.c.reservation_id.in_(bindparam("mine", expanding=True))
_RESERVED = _MINE & (reservations.c.state == "reserved")
_SPLIT = or_(exists().where(drafts.c.reservation == reservations.c.id), reservations.c.draft.is_not(None))
_FULFIL = update(reservations).where(_RESERVED & _SPLIT).values(state="entered", sequence=bindparam("line"), draft=None)
NEEDED_NO_MORE = delete(drafts).where(drafts.c.reservation.in_(select(reservations.c.id).where(_MINE)))
_HOLD = select(reservations.c.id).where(_MINE).order_by(reservations.c.reservation_id).with_for_update(key_share=True)
_UNSPLIT = select(reservations.c.reservation_id, reservations.c.content).where(_RESERVED)
_FULFIL_UNSPLIT = (
    update(reservations)
    .where((reservations.c.reservation_id == bindparam("own")) & (reservations.c.state == "reserved"))
    .values(state="entered", sequence=bindparam("line"), content=bindparam("kept"))
)


@dataclass(frozen=True, slots=True)
class Intent:
    """An act with a document as the registrar decided it; the reservation adds what is drawn by chance.

    `case_key` is the second idempotency key in comparison form, `case_no` the case alone, as its department says it;
    `live_key` the right's type, number and issuer; `office` the sub-office that asks.
    `content` is JSON and `photos` maps digest → JPEG: all that is needed to draw the page again.
    """

    client: str
    idempotency_key: str
    request_digest: str
    department: str
    type: str
    act: str
    version: int
    hourly_ceiling: int
    content: Mapping[str, Any] = field(repr=False)
    licence_id: str | None = None
    case_key: str | None = field(default=None, repr=False)
    case_no: str | None = field(default=None, repr=False)
    office: str | None = None
    photos: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reserved act. `sequence` is that of the entry once it is entered. `made_now` is true for the call that made it and so holds its lease."""

    reservation_id: str
    client: str
    department: str
    type: str
    act: str
    licence_id: str
    version: int
    state: str
    created_at: datetime
    reason: str
    made_now: bool
    sequence: int | None
    salt: bytes = field(repr=False)
    check_code: str = field(repr=False)
    delivery_code: str = field(repr=False)
    status: tuple[int, int]
    content: Mapping[str, Any] = field(repr=False)

    def undrafted(self) -> "Reservation":
        """Return the same without what its own entry alone needs: who made it has the draft itself."""
        return replace(self, content={name: value for name, value in self.content.items() if name not in DRAFT})


@dataclass(frozen=True, slots=True)
class Drawn:
    """An intent with all that chance decides but its place in the status lists: made before anybody waits for it."""

    intent: Intent
    reservation_id: str
    licence_id: str
    case: str | None  # blinded
    case_no: str | None  # blinded
    now: datetime
    chance: Mapping[str, Any] = field(repr=False)
    draft: bytes | None = field(repr=False)  # encrypted, for `drafts`

    def written(self, vault: Vault, number: int, lease_until: datetime) -> tuple[dict[str, Any], Reservation]:
        """Return the row and the reservation; `number` is its running number in the status lists, which an act without a document does not have."""
        intent = self.intent
        status = list(place(number, vault.permutation_key)) if intent.version else [0, 0]
        kept = {**{name: value for name, value in intent.content.items() if name not in DRAFT}, **self.chance, "status": status}
        row = {
            "reservation_id": self.reservation_id, "client": intent.client, "idempotency_key": intent.idempotency_key,
            "request_digest": intent.request_digest, "case_key": self.case, "case_no": self.case_no, "licence_id": self.licence_id, "type": intent.type,
            "department": intent.department, "act": intent.act, "version": intent.version,
            "content": vault.close_json(kept, f"reservation:{self.reservation_id}"), "state": "reserved", "lease_until": lease_until,
            "created_at": self.now, "office": intent.office,
        }  # fmt: skip
        return row, Reservation(
            self.reservation_id, intent.client, intent.department, intent.type, intent.act, self.licence_id, intent.version, "reserved", self.now, "",
            made_now=True, sequence=None, **_drawn(kept), content={**intent.content, **kept},
        )  # fmt: skip


def drawn(vault: Vault, intent: Intent, now: datetime) -> Drawn:
    """Draw ids and codes, and encrypt what lies apart."""
    reservation_id = identifiers.reservation_id(now, secrets.randbits(identifiers.RESERVATION_ID_BITS))
    draft = {name: intent.content[name] for name in DRAFT if name in intent.content}
    return Drawn(
        intent,
        reservation_id,
        intent.licence_id or identifiers.licence_id(identifiers.licence_number(now, secrets.randbelow(identifiers.LICENCE_ID_CHANCE))),
        vault.blind("case", intent.case_key) if intent.case_key else None,
        vault.blind("case_no", intent.case_no) if intent.case_no else None,
        now,
        _chance() if intent.version else _NOTHING_DRAWN,
        vault.close_json(draft, f"draft:{reservation_id}") if draft else None,
    )


def keys_of(row: Mapping[str, Any], owner: int) -> list[Pair]:
    """Return the keys by which a reservation is found."""
    named = ((Kind.CASE, "case_key"), (Kind.CASE_NO, "case_no"))
    return [(key_of(kind, row[column]), owner) for kind, column in named if row[column]]


def of_row(vault: Vault, row: RowMapping, *, made_now: bool) -> Reservation:
    """Return a reservation as its row of `ROWS` says; one of an earlier release has its draft, or all of its content, in one place with it."""
    content = vault.open_json(row["content"], f"reservation:{row['reservation_id']}")
    if draft := row["apart"] or row["draft"]:
        content |= vault.open_json(draft, f"draft:{row['reservation_id']}")
    return Reservation(
        row["reservation_id"], row["client"], row["department"], row["type"], row["act"], row["licence_id"], row["version"],
        row["state"], row["created_at"], row["reason"], made_now, row["sequence"], **_drawn(content), content=content,
    )  # fmt: skip


def fulfil(connection: Connection, vault: Vault, done: Mapping[str, int]) -> None:
    """Close reservations (id → sequence of the entry), keeping only what a repeated answer needs: faces and officers now lie with the entries alone.

    `EntryConflict` where one of them is no longer reserved.
    """
    by_sequence: dict[int, list[str]] = {}
    hold_all(connection, list(done))
    for own, sequence in done.items():
        by_sequence.setdefault(sequence, []).append(own)
    closed = 0
    for sequence, mine in by_sequence.items():
        for part in parts(mine):
            closed += connection.execute(_FULFIL, {"mine": part, "line": sequence}).rowcount
            connection.execute(NEEDED_NO_MORE, {"mine": part})
    if closed < len(done):
        closed += _fulfil_unsplit(connection, vault, done)
    if closed != len(done):
        raise EntryConflict("one of these reservations was carried to its end by another")


def hold_all(connection: Connection, reservation_ids: Sequence[str]) -> None:
    """Hold reservations to the end of the transaction, in the one order in which everybody takes several: that of their ids.

    Two may carry the same ones, where a slow holder's leases ran out. On SQLite nobody else writes.
    """
    if connection.dialect.name != "sqlite" and len(reservation_ids) > 1:
        for part in parts(sorted(reservation_ids)):
            connection.execute(_HOLD, {"mine": part})


def still_reserved(connection: Connection, reservation_ids: Sequence[str]) -> set[str | None]:
    """Return those of the reservations that nobody carried to their end."""
    found: set[str | None] = set()
    for part in parts(reservation_ids):
        here = reservations.c.reservation_id.in_(part) & (reservations.c.state == "reserved")
        found.update(connection.execute(select(reservations.c.reservation_id).where(here)).scalars())
    return found


def _fulfil_unsplit(connection: Connection, vault: Vault, done: Mapping[str, int]) -> int:
    """Close those that have no draft apart: of an earlier release, or without one. Return how many."""
    names, closed = list(done), 0
    for part in parts(names):
        for own, sealed in connection.execute(_UNSPLIT, {"mine": part}).all():
            kept = {name: value for name, value in vault.open_json(sealed, f"reservation:{own}").items() if name not in DRAFT}
            given = {"own": own, "line": done[own], "kept": vault.close_json(kept, f"reservation:{own}")}
            closed += connection.execute(_FULFIL_UNSPLIT, given).rowcount
    return closed


def _chance() -> dict[str, Any]:
    return {
        "salt": secrets.token_hex(SALT_BYTES),
        "check_code": identifiers.check_code(secrets.randbits(60)),
        "delivery_code": identifiers.delivery_code(secrets.randbits(80)),
    }


def _drawn(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "salt": bytes.fromhex(content["salt"]), "check_code": content["check_code"], "delivery_code": content["delivery_code"],
        "status": (content["status"][0], content["status"][1]),
    }  # fmt: skip


def asked_by(offices: Sequence[str]) -> ColumnElement[bool]:
    """Say of reservations that one of these sub-offices asked for them; of those that an earlier release made, the client says it."""
    return or_(reservations.c.office.in_(offices), reservations.c.client.in_(select(clients.c.name).where(clients.c.office.in_(offices))))
