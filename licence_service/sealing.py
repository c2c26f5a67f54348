"""From a sheet to a sealed file: pressed where the key is here, else drawn and handed to the seal; read back either way.

The use of a seal is written down before and after it is asked (DOMAIN SE-02); a page that does not say what the face says
never reaches it (M10).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from licence_service.digests import sha256
from licence_service.document import Printer, Sheet
from licence_service.document.press import Laid
from licence_service.errors import SealBraked, SealStopped, SealUnavailable
from licence_service.licence import Entry
from licence_service.seal import Seal, Sealed, is_held
from licence_service.seal.department import Department
from licence_service.store.alarms import Watch
from licence_service.store.seal_log import Brake, SealLog, SealUse, braked_until


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be sealed: the sheet, the canonical licence data attached to it, the time of sealing, which act asks."""

    sheet: Sheet
    attachment: bytes = field(repr=False)
    sealed_at: datetime
    use: SealUse  # without digests; `event` is set here
    brake: Brake | None = None  # the ceiling of uses an hour, where there is one
    watch: Watch | None = None  # when an hour's uses are an alarm, where that is said


def brake_of(department: Department, slug: str, entry: Entry, region: str | None, day: date) -> Brake | None:
    """Return the ceiling of the grant under which a department seals an entry on a day, None where there is none (AI-05).

    `region` is the one that the licence was issued for, None where nobody said. What two people approved as a whole is not braked: a lost
    key must be survived in minutes.
    """
    if entry.campaign:
        return None
    by = entry.office or (department.uscc if entry.department in {None, department.uscc} else None)
    ceiling = department.ceiling_of(slug, day, region or department.region, act=entry.act, by=by)
    return Brake(department.uscc, slug, ceiling.scope, ceiling.uses) if ceiling else None


def watch_of(department: Department, entry: Entry, seal: Seal) -> Watch | None:
    """Return when the uses of a seal are an alarm (AI-05). What two people approved as a whole raises none: a campaign, a released stock."""
    if department.alarm is None or entry.campaign or entry.origin:
        return None
    return Watch(seal.seal_id, department.alarm.times, department.alarm.least)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Makes sealed files."""

    printer: Printer
    seal_log: SealLog
    now: Callable[[], datetime] = field(repr=False)
    step: Callable[[str], None] = field(default=lambda _name: None, repr=False)  # told of each step before it begins

    def seal(self, order: Order, seal: Seal) -> Sealed:
        """Return the sealed file; the same order gives the same bytes.

        Raise `PageDisagrees` before the seal is asked, `SealStopped`, and `SealUnavailable` where it cannot be had now.
        """
        if order.brake and not self.seal_log.left(order.brake, self.now()):
            raise self._refused(order.use, "ceiling", braked_until(self.now()))
        self.step("draw")
        laid = self._laid(order, seal)
        document = b"" if laid else self._drawn(order)
        asked = replace(order.use, document_sha256=laid.digest().hex() if laid else sha256(document))
        self.step("request-seal")
        try:
            self.seal_log.write(replace(asked, event="requested"), self.now(), order.brake, order.watch)
        except SealBraked as full:
            raise self._refused(asked, "ceiling", full) from None
        except SealStopped as stopped:
            raise self._refused(asked, "stopped", stopped) from None
        self.step("seal")
        try:
            if laid and is_held(seal):
                content = laid.sealed(seal.slot_over(laid.digest())).content
                instant = order.sealed_at.astimezone(UTC).replace(microsecond=0)
                sealed = Sealed(content, seal.seal_id, seal.certificate_sha256, instant, seal.scheme)
            else:
                sealed = seal.affix(document, sealed_at=order.sealed_at, request_id=order.use.reservation_id)
        except SealUnavailable:
            self.seal_log.write(replace(asked, event="failed", reason="unavailable"), self.now())
            raise
        self.step("sealed")
        self.seal_log.write(replace(asked, event="done", sealed_sha256=sha256(sealed.document)), self.now())
        return sealed

    def _laid(self, order: Order, seal: Seal) -> Laid | None:
        """Return the file but for its seal, from the press; None where the key is elsewhere or the press hands it over."""
        if not is_held(seal):
            return None
        return self.printer.press(order.sheet, order.attachment, created_at=order.sealed_at, slot_bytes=seal.slot_bytes)

    def _drawn(self, order: Order) -> bytes:
        document = self.printer.draw(self.printer.place(order.sheet), order.attachment, created_at=order.sealed_at)
        self.printer.agree(document, order.sheet)
        return document

    def _refused(self, asked: SealUse, reason: str, refusal: SealUnavailable) -> SealUnavailable:
        """Write down that a use was refused, once, however often the worker comes back; return what is raised."""
        told = self.seal_log.uses(reservation_id=asked.reservation_id)
        if not told or told[-1]["event"] != "refused":
            self.seal_log.write(replace(asked, event="refused", reason=reason), self.now())
        return refusal
