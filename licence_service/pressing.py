"""Many reserved acts through the press: each page is printed and read back, or goes another way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from licence_service.carrying import Done, Waiting
from licence_service.chunk_rows import Meant, Outcome, Printed, Wrong, told
from licence_service.document.press import Job, Laid, Unpressed
from licence_service.errors import FaceRejected, PageDisagrees, Refusal
from licence_service.licence import Entry, beijing_day
from licence_service.registrar import Registrar
from licence_service.seal import HeldSeal, Seal, is_held
from licence_service.seal.department import Department
from licence_service.sealing import Order
from licence_service.store.clients import Client
from licence_service.store.reservations import Reservation
from licence_service.template import Template

AT_ONCE = 60  # so many pages go through the press together and find its tables near the processor


@dataclass(frozen=True, slots=True)
class _Ordered:
    """One row whose page is to be printed."""

    row: Meant
    reservation: Reservation
    entry: Entry
    template: Template
    order: Order
    seal: HeldSeal

    def job(self) -> Job:
        """Return what the press wants."""
        return Job(self.order.sheet, self.order.attachment, self.order.sealed_at, self.seal.slot_bytes)

    def printed(self, laid: Laid) -> Printed:
        """Return the same with its file but for its seal."""
        return Printed(self.row, self.reservation, self.entry, self.template, self.order, self.seal, laid)


def seal_of(row: Meant) -> Seal:
    """Return the seal that a row's department would use."""
    return _seal(row.department, row.draft.entry)


def _seal(department: Department, entry: Entry) -> Seal:
    """Return the seal that the department used on the day fixed at reserve."""
    assert entry.version  # noqa: S101 - only acts with a document are printed
    return department.seal_on(beijing_day(entry.version.sealed_at))


@dataclass(frozen=True, slots=True)
class Pressing:
    """Prints reserved rows for one client."""

    registrar: Registrar
    caller: Client
    allowed: Callable[[], object]  # asked before each row that goes alone: raises `ShutOut` where the client may no longer

    def printed(self, reserved: Sequence[tuple[Meant, Reservation]], outcomes: dict[int, Outcome]) -> list[Printed]:
        """Return the rows whose pages are printed; `outcomes` gains, by place, what became of the others.

        One whose page cannot be is refused; one that the press hands over, or whose seal is elsewhere, goes alone at once. Raise
        `Wrong` where a page does not say what its face says: its act is closed, and nothing of the chunk goes on.
        """
        ordered, handed = self._ordered_all(reserved, outcomes)
        printed: list[Printed] = []
        for start in range(0, len(ordered), AT_ONCE):
            some = ordered[start : start + AT_ONCE]
            found = self.registrar.line.printer.press_all([one.job() for one in some])
            if wrong := [(one, laid) for one, laid in zip(some, found, strict=True) if isinstance(laid, PageDisagrees)]:
                for one, bad in wrong:
                    self._given_up(one.reservation, bad)
                first, bad = wrong[0]
                raise Wrong.of(first.row, first.reservation, bad.detail) from bad
            for one, laid in zip(some, found, strict=True):
                if isinstance(laid, Laid):
                    printed.append(one.printed(laid))
                elif isinstance(laid, Unpressed):
                    handed.append((one.row, one.reservation))
                else:
                    outcomes[one.row.at] = self._given_up(one.reservation, laid)
        for row, reservation in handed:
            outcomes[row.at] = self.told_of(reservation)
        return printed

    def told_of(self, reservation: Reservation) -> Outcome:
        """Carry one to its end by itself, and return what it comes to."""
        self.allowed()
        return told(lambda: self._alone(reservation))

    def _alone(self, reservation: Reservation) -> Done | Waiting:
        reservations = self.registrar.line.reservations
        reservations.let_go(reservation.reservation_id, self.registrar.line.now())
        return self.registrar.carrier.carried_for(self.caller.name, reservations.get(reservation.reservation_id))

    def _ordered_all(
        self, reserved: Sequence[tuple[Meant, Reservation]], outcomes: dict[int, Outcome]
    ) -> tuple[list[_Ordered], list[tuple[Meant, Reservation]]]:
        """Return what is to be printed, and what has its seal elsewhere."""
        ordered: list[_Ordered] = []
        handed: list[tuple[Meant, Reservation]] = []
        for row, reservation in reserved:
            try:
                order = self._ordered(row, reservation)
            except Refusal as refused:
                outcomes[row.at] = self._given_up(reservation, refused)
                continue
            if order:
                ordered.append(order)
            else:
                handed.append((row, reservation))
        return ordered, handed

    def _ordered(self, row: Meant, reservation: Reservation) -> _Ordered | None:
        """Say what is to be printed; None where the seal is elsewhere."""
        line = self.registrar.line
        # One that was reserved before is carried as it was meant then: its edition and its time of sealing are fixed.
        entry, template = (
            (line.completed(reservation, row.draft.entry, row.draft.template), row.draft.template)
            if reservation.made_now
            else line.restored(reservation)
        )
        seal = _seal(row.department, entry)
        if not is_held(seal):
            return None
        order = line.order(reservation, entry, template, seal, row.draft.photos, row.record)
        return _Ordered(row, reservation, entry, template, order, seal)

    def _given_up(self, reservation: Reservation, refused: Refusal) -> Refusal:
        """Close a reservation whose page can never be; a face that does not fit may come again under its key, put right."""
        self.registrar.line.reservations.abandon(reservation.reservation_id, refused.detail, key_too=isinstance(refused, FaceRejected))
        return refused
