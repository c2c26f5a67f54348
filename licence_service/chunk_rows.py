"""What becomes of a row on its way through a chunk: meant, printed, done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from licence_service.carrying import Done, Waiting
from licence_service.document.press import Laid
from licence_service.drafting import Draft
from licence_service.errors import NotInRegister, PageDisagrees, Refusal, Unavailable
from licence_service.licence import Entry
from licence_service.seal import HeldSeal
from licence_service.seal.department import Department
from licence_service.sealing import Order
from licence_service.store.clients import Client, Clients
from licence_service.store.record import Record
from licence_service.store.reservations import Reservation
from licence_service.template import Template

Outcome: TypeAlias = Done | Waiting | Refusal | Unavailable


@dataclass(frozen=True, slots=True)
class Meant:
    """One act with a document that may be entered, at its place among the rows. `record` is the licence as it was read, absent for a new one."""

    at: int
    department: Department
    draft: Draft = field(repr=False)
    record: Record | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Printed:
    """One row on its way: what was reserved for it, its entry, its file but for its seal."""

    row: Meant
    reservation: Reservation
    entry: Entry
    template: Template
    order: Order
    seal: HeldSeal
    laid: Laid


@dataclass(frozen=True, slots=True)
class Made:
    """One row whose file is sealed and packed: what is to be entered, and what the answer says besides."""

    row: Meant
    reservation: Reservation
    entry: Entry
    template: Template
    code_text: str | None


class Wrong(PageDisagrees):
    """The page of one row is not what it should be, so nothing of its chunk goes on. `at` is the row's place, `why` what is wrong with its page."""

    def __init__(self, detail: str = "", *, at: int = 0, reservation_id: str = "", licence_id: str = "", why: str = "") -> None:
        """Take a sentence that names the row, and what it is made of; it comes whole out of another process."""
        super().__init__(detail, facts={"licence_id": licence_id})
        self.at, self.reservation_id, self.licence_id, self.why = at, reservation_id, licence_id, why

    @classmethod
    def of(cls, row: Meant, reservation: Reservation, why: str) -> Self:
        """Return the trouble of a row; `why` repeats no value."""
        own, licence_id = reservation.reservation_id, reservation.licence_id
        return cls(f"row {row.at + 1} of the chunk, licence {licence_id}: {why}", at=row.at, reservation_id=own, licence_id=licence_id, why=why)


class Misjudged(Wrong):
    """The sealed file of one row is not what it should be: nothing of its chunk may be entered, now or later."""


class ShutOut(NotInRegister):
    """The client of a chunk was removed or switched off: nothing more of it is entered."""


def still_calling(clients: Clients, name: str) -> Client:
    """Return the client of this name; raise `ShutOut` where it may no longer call. One short read, for who goes on for long."""
    if found := clients.named(name):
        return found
    raise ShutOut("the client of this run was shut out, or is switched off")


def digest_of(entry: Entry) -> str:
    """Return the hex SHA-256 of a sealed document."""
    assert entry.version  # noqa: S101 - only acts with a document go through chunks
    return entry.version.document.sha256


def photos_of(entry: Entry, shown: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the JPEGs that an entry's document shows, by their hex SHA-256; `shown` has them by the names of their fields."""
    assert entry.version  # noqa: S101 - only acts with a document go through chunks
    return {digest: shown[name] for name, digest in entry.version.photos.items() if name in shown}


def done_of(caller: Client, one: Made, entry: Entry) -> Done:
    """Return the answer to a row that was entered; codes go only to the client that made the reservation (DESIGN §2)."""
    version, reservation = entry.version, one.reservation
    assert version  # noqa: S101 - only acts with a document go through chunks
    assert entry.recorded_at  # noqa: S101 - it was entered
    mine = reservation.client == caller.name
    return Done(
        entry.licence_id, entry.sequence, entry.act.value, entry.recorded_at, version.elicence_id, one.template.number_of(version.face), version.version,
        reservation.check_code if mine else None, reservation.delivery_code if mine else None, one.code_text if mine else None,
    )  # fmt: skip


def told(act: Callable[[], Done | Waiting]) -> Outcome:
    """Return what an act comes to, a refusal included."""
    try:
        return act()
    except (Refusal, Unavailable) as refused:
        return refused
