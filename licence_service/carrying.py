"""Carrying a reserved act to its end, by whoever holds its lease, and the answer to the caller."""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime

from licence_service.digests import Digests
from licence_service.entry_form import entry_of
from licence_service.errors import EntryConflict, Refusal, SealUnavailable, TransitionRefused, Unavailable
from licence_service.licence import Act, Entry, beijing_day
from licence_service.line import MOST_ATTEMPTS, Line, reference
from licence_service.store.reservations import Reservation

WAIT_SECONDS = 10.0
_POLL = 0.05
_FIRST = frozenset({Act.ISSUE, Act.ADOPT})


@dataclass(frozen=True, slots=True)
class Done:
    """An act that is entered. Codes are there only where it made a document, and only for the caller that made it."""

    licence_id: str
    sequence: int
    act: str
    recorded_at: datetime
    elicence_id: str | None = None
    number: str | None = field(default=None, repr=False)
    version: int | None = None
    check_code: str | None = field(default=None, repr=False)
    delivery_code: str | None = field(default=None, repr=False)
    verify_url: str | None = field(default=None, repr=False)
    endorsement_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An act that is reserved but not yet sealed; the retry or the worker finishes it."""

    reservation_id: str
    licence_id: str
    retry_after: int = 5
    waits_for: str = "sealing"  # or why the seal cannot be had now: the slug of the trouble


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries reservations; twins of the same request wait for the one that holds the lease."""

    line: Line
    wait_seconds: float = WAIT_SECONDS

    def carried_for(self, client: str, reservation: Reservation) -> Done | Waiting:
        """Carry a reservation and answer a client; codes go only to the client that made it (DESIGN §2)."""
        outcome = self.carried(reservation)
        if isinstance(outcome, Waiting) or reservation.client == client:
            return outcome
        return replace(outcome, check_code=None, delivery_code=None, verify_url=None)

    def carried(self, reservation: Reservation, *, wait: bool = True) -> Done | Waiting:
        """Carry a reservation, or wait for the twin that carries it: at most ten seconds, then `Waiting`."""
        deadline = time.monotonic() + (self.wait_seconds if wait else 0)
        mine = reservation.made_now
        while True:
            if reservation.state != "reserved":
                return self.answer(reservation)
            if mine or self.line.reservations.claim(reservation.reservation_id, self.line.now()):
                return self._tried(reservation)
            if time.monotonic() >= deadline:
                return Waiting(reservation.reservation_id, reservation.licence_id)
            time.sleep(_POLL)
            reservation = self.line.reservations.get(reservation.reservation_id)

    def _tried(self, reservation: Reservation) -> Done | Waiting:
        """Carry a reservation whose lease is held; what can never be entered is abandoned, what may be later is let go."""
        try:
            return self.done(reservation, self._carry(reservation))
        except SealUnavailable as trouble:
            self.line.reservations.let_go(reservation.reservation_id, self.line.now())
            return Waiting(reservation.reservation_id, reservation.licence_id, trouble.retry_after, trouble.slug)
        except Unavailable:
            self.line.reservations.let_go(reservation.reservation_id, self.line.now())
            raise
        except EntryConflict:
            # A slow seal outlived the lease, and another carried the same reservation to its end meanwhile.
            found = self.line.reservations.get(reservation.reservation_id)
            if found.state == "entered":
                return self.answer(found)
            if reservation.act in _FIRST:
                self.line.reservations.abandon(reservation.reservation_id, "this licence is in the register already")
            raise
        except Refusal as refused:
            self.line.reservations.abandon(reservation.reservation_id, refused.detail)
            found = self.line.reservations.get(reservation.reservation_id)
            if found.state == "entered":  # by its slow first holder: it is the act itself that now stands in the way
                return self.answer(found)
            raise

    def _carry(self, reservation: Reservation) -> Entry:
        if reservation.version:
            return self.line.carry(reservation)
        # An act without a document that crashed between reserve and append: others may be entering on the licence just now.
        drafted, ref = entry_of(reservation.content["body"], reservation.content["private"], Digests("", "")), reference(reservation.content)
        for _ in range(MOST_ATTEMPTS):
            if ref and self.line.book.by_external_ref(*ref):
                raise TransitionRefused("this fact was entered under another key", facts={"rule": "EN-08"})
            record = self.line.book.get(reservation.licence_id)
            edition = record.at(beijing_day(self.line.now())).current.edition
            entry = self.line.judged_again(record, drafted, self.line.catalogue.edition(reservation.type, edition))
            try:
                return self.line.book.append(replace(entry, sequence=record.entries[-1].sequence + 1), self.line.beside(reservation, entry, record))
            except EntryConflict:
                if self.line.reservations.get(reservation.reservation_id).state != "reserved":
                    raise
        raise EntryConflict

    def answer(self, reservation: Reservation) -> Done:
        """Return what an entered reservation became; one that was abandoned is refused with its reason."""
        if reservation.sequence is None:
            raise TransitionRefused(reservation.reason or "this act was abandoned", facts={"licence_id": reservation.licence_id})
        entries = self.line.book.get(reservation.licence_id).entries
        return self.done(reservation, next(one for one in entries if one.sequence == reservation.sequence))

    def done(self, reservation: Reservation, entry: Entry) -> Done:
        """Return the answer to the caller that made this reservation."""
        answer = plain_answer(entry)
        version = entry.version
        if version is None:
            return answer
        template = self.line.catalogue.edition(reservation.type, version.edition)
        department = self.line.keyring.departments[reservation.department]
        return replace(
            answer, elicence_id=version.elicence_id, number=template.number_of(version.face), version=version.version,
            check_code=reservation.check_code, delivery_code=reservation.delivery_code,
            verify_url=self.line.verify_url(entry, template, department),
        )  # fmt: skip


def plain_answer(entry: Entry) -> Done:
    """Return the answer without codes."""
    assert entry.recorded_at  # noqa: S101 - it was read from the book
    ids = tuple(one.endorsement_id for one in entry.endorsements)
    return Done(entry.licence_id, entry.sequence, entry.act.value, entry.recorded_at, endorsement_ids=ids)
