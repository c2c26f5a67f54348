"""Stickers: what a passenger sees who scans the code inside a vehicle (DOMAIN §2d, SH-10).

A sticker is made for the licence of a vehicle and may name the licence of who drives it. It is opaque and revocable, and opens the passenger's
view: the plate to compare, the driver's surname and small picture. It is no document: nothing about it is sealed or kept in the book.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from licence_service.document.portrait import small_and_marked
from licence_service.errors import Fault, NotInRegister, RequestRejected, TransitionRefused
from licence_service.fields import Asker
from licence_service.fold import ENDINGS
from licence_service.identifiers import DELIVERY_CODE_LENGTH, delivery_code, normal_code
from licence_service.licence import Licence, LicenceState, beijing_day
from licence_service.registrar import Registrar
from licence_service.rules import Conditions
from licence_service.store.clients import STICKER, Client
from licence_service.store.record import Record
from licence_service.store.stickers import Sticker, Stickers
from licence_service.template import Template
from licence_service.verification import Verifier
from licence_service.view import photos_of, view_of

CODE_LENGTH = DELIVERY_CODE_LENGTH
UNKNOWN, REVOKED, LEFT, PAUSED, IN_TRADE = "unknown", "revoked", "left_the_trade", "not_now", "in_trade"
_OVER = frozenset({*ENDINGS.values(), LicenceState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Opened:
    """What a sticker says. `since`: first day without the right, or day of revocation; `plates` are what a passenger compares.

    `vehicle` and `driver` are views as passengers may see them; `photos` small marked JPEGs by field. A driver's
    right and the conditions of either are told apart, and None is said where no driver is named, or where nobody can say (SH-01): a person of
    whom something cannot be judged is not said to be without a right.
    """

    status: str
    since: date | None = None
    plates: tuple[str, ...] = ()
    vehicle: Mapping[str, Any] | None = field(default=None, repr=False)
    driver: Mapping[str, Any] | None = field(default=None, repr=False)
    driver_in_force: bool | None = None
    photos: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    conditions_hold: bool | None = None
    driver_conditions_hold: bool | None = None


@dataclass(frozen=True, slots=True)
class _Driver:
    """The driver as a passenger may see him; view and pictures only where his right is in force and its conditions hold."""

    view: Mapping[str, Any] | None = field(default=None, repr=False)
    in_force: bool | None = None
    conditions_hold: bool | None = None
    photos: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class StickerOffice:
    """Makes, revokes and opens stickers."""

    registrar: Registrar
    verifier: Verifier
    stickers: Stickers
    now: Callable[[], datetime] = field(repr=False)

    def issue(self, caller: Client, licence_id: str, driver_id: str | None) -> tuple[Sticker, str]:
        """Make a sticker for a vehicle's licence and return it with its code, shown this once.

        Both licences must be the caller's to read; the first a vehicle's and not over, the second a person's.
        """
        _, licence, template = self._mine(caller, licence_id)
        faults = [] if template.holder == "vehicle" else [Fault("licence_id", "not-a-vehicle", "a sticker belongs to the licence of a vehicle")]
        if driver_id is not None and self._mine(caller, driver_id)[2].holder != "person":
            faults.append(Fault("driver", "not-a-person", "the licence of a person is wanted here"))
        if faults:
            raise RequestRejected(faults=faults)
        if licence.state in _OVER:
            raise TransitionRefused("the right has ended", facts={"rule": "SH-10"})
        code = delivery_code(secrets.randbits(5 * CODE_LENGTH))
        return self.stickers.issue(licence_id, driver_id, code, caller.name, self.now()), code

    def of(self, caller: Client, licence_id: str) -> list[Sticker]:
        """Return all stickers of a licence."""
        self.registrar.visible(caller, licence_id)
        return self.stickers.of(licence_id)

    def revoke(self, caller: Client, licence_id: str, sticker_id: str) -> None:
        """Revoke a sticker: whoever scans it is told so."""
        self.registrar.visible(caller, licence_id, STICKER)
        self.stickers.revoke(licence_id, sticker_id, caller.name, self.now())

    def _mine(self, caller: Client, licence_id: str) -> tuple[Record, Licence, Template]:
        record = self.registrar.visible(caller, licence_id, STICKER)
        licence = record.at(beijing_day(self.now()))
        return record, licence, self.verifier.catalogue.edition(record.type, licence.current.edition)

    # -- for passengers ----------------------------------------------------------------------------

    def open(self, code: str) -> Opened:
        """Return what a passenger sees; a code that is unknown says nothing else."""
        plain = normal_code(code)
        sticker = self.stickers.by_code(plain) if len(plain) == CODE_LENGTH else None
        if sticker is None:
            return Opened(UNKNOWN)
        if sticker.revoked_at:
            return Opened(REVOKED, beijing_day(sticker.revoked_at))
        today = beijing_day(self.now())
        record = self.verifier.book.get(sticker.licence_id)
        licence = record.on(today)
        if licence is None:
            return Opened(UNKNOWN)
        template = self.verifier.catalogue.edition(record.type, licence.current.edition)
        view = self._view(record, licence, template)
        plates = tuple(one["text"] for one in view["face"] if template.fields[one["name"]].type == "plate")
        if licence.state in _OVER:
            return Opened(LEFT, _since(record, licence, today), plates, view)
        hold = _hold(self.verifier.judged(record, licence, template, None))
        driver = self._driver(sticker.driver_id, today)
        status = IN_TRADE if licence.state is LicenceState.IN_FORCE else PAUSED
        photos = {**self._photos(licence, template, today), **driver.photos}
        return Opened(status, None, plates, view, driver.view, driver.in_force, photos, hold, driver.conditions_hold)

    def _driver(self, driver_id: str | None, today: date) -> _Driver:
        """Return the driver; one whose right is not in force, or of whose conditions not all are known to hold, is not shown, only said."""
        if driver_id is None:
            return _Driver()
        record = self.verifier.book.get(driver_id)
        licence = record.on(today)
        if licence is None or licence.state is not LicenceState.IN_FORCE:
            return _Driver(in_force=False)
        template = self.verifier.catalogue.edition(record.type, licence.current.edition)
        hold = _hold(self.verifier.judged(record, licence, template, None))
        if hold is not True:
            return _Driver(in_force=True, conditions_hold=hold)
        photos = self._photos(licence, template, today)
        return _Driver(self._view(record, licence, template), in_force=True, conditions_hold=True, photos=photos)

    def _view(self, record: Record, licence: Licence, template: Template) -> dict[str, Any]:
        department = self.verifier.keyring.department_of(licence.issuer or record.department)
        kinds = self.verifier.catalogue.kinds
        return view_of(licence, template, kinds, department, record.type, licence.current.version, Asker.PASSENGER)

    def _photos(self, licence: Licence, template: Template, today: date) -> dict[str, bytes]:
        found = {}
        for name, digest in photos_of(licence, template, Asker.PASSENGER).items():
            try:
                found[name] = small_and_marked(self.registrar.line.reservations.photo(digest), f"FOR CHECKING ONLY {today.isoformat()}")
            except NotInRegister:
                continue  # erased
        return found


def _hold(said: Conditions) -> bool | None:
    """Say whether the conditions hold; None where nobody can say (SH-01: unknown is never green)."""
    return False if said.unmet else None if said.unknown else True


def _since(record: Record, licence: Licence, today: date) -> date | None:
    """Return the first day without the right (SH-10): by an act, by its own end, or by the end of what it hangs on."""
    if licence.ended_on:
        return licence.ended_on
    ends = [licence.valid_to]
    parent = record.parent.on(today) if record.parent else None
    if parent:
        ends.append(parent.valid_to)
    over = [day + timedelta(days=1) for day in ends if day and day < today]
    return min(over, default=None)
