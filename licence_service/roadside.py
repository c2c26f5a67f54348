"""Officers scan show codes (DOMAIN SH-07, SH-11): with reason, place and name, each scan kept as a look; also those made without network, later."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from licence_service.envelope import Reading
from licence_service.errors import Fault, RequestRejected
from licence_service.fields import Field
from licence_service.looking import CASE, OFFICER, PLACE, Officers
from licence_service.showing import Answer, Scanned, Scanner, ShowOffice, seen_in
from licence_service.store.clients import Client
from licence_service.store.looks import Look, new_look_id

BY_CODE = "code"  # how a look found its licence
MOST_REPORTED = 200  # scans in one report
WORDS = frozenset({"reason", "place", "officer", "case_no"})
_CODE = Field(label="亮证码", type="string", disclose={}, required=True, max_length=1200, pattern=r"[0-9]{1,1200}")


@dataclass(frozen=True, slots=True)
class Said:
    """What an officer says when scanning: why, where, who, under which case."""

    reason: str
    place: str = field(repr=False)
    officer: str = field(repr=False)
    case_no: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """One scan that a device made without network: the code's digits, when by the device's clock, and what was said."""

    digits: str = field(repr=False)
    scanned_at: datetime
    said: Said


@dataclass(frozen=True, slots=True)
class Roadside:
    """Answers officers who scan, and keeps that they did."""

    office: ShowOffice
    officers: Officers
    now: Callable[[], datetime] = field(repr=False)

    def read(self, body: Mapping[str, Any], more: frozenset[str] = frozenset()) -> Said:
        """Read what an officer says beside the keys `more`; every fault is named, no value repeated (SH-11)."""
        reading = Reading(body)
        reading.only(WORDS | more)
        said = self._said(reading)
        reading.refuse_if_faulty()
        return said

    def _said(self, reading: Reading) -> Said:
        reason = reading.one_of("reason", self.officers.reasons.words, required=True)
        place, officer, case_no = reading.field("place", PLACE), reading.field("officer", OFFICER), reading.field("case_no", CASE)
        return Said(reason or "", str(place), str(officer), case_no)

    def scan(self, client: Client, digits: str, said: Said) -> tuple[Look, Scanned]:
        """Scan a code and keep the look before anything is shown; `CeilingReached` where the client has looked as often in an hour as it may.

        The officer, not the device, is the checker: the same officer may ask again as long as the code lives.
        """
        now = self.now()
        self.officers.looks.within_ceiling(client.name, client.hourly_ceiling, now)
        scanned = self.office.scan(digits, self._scanner(client, said))
        look = self._look(client, said, now, seen_in(scanned.verdict, scanned.photos))
        self.officers.looks.enter(look, [scanned.facts.licence_id] if scanned.facts else [], {}, client.hourly_ceiling)
        return look, scanned

    def report(self, client: Client, body: Mapping[str, Any]) -> tuple[timedelta, list[Scanned]]:
        """Take in scans that a device made without network; return by how much its clock is ahead of ours, and an answer for each in their order."""
        ahead, reports = self._reports(body)
        answers = []
        for one in reports:
            self.officers.looks.within_ceiling(client.name, client.hourly_ceiling, self.now())
            scanned = self.office.reported(one.digits, self._scanner(client, one.said), one.scanned_at, ahead)
            if not scanned.again:
                shown = [scanned.facts.licence_id] if scanned.facts and scanned.answer is Answer.SHOWN else []
                self.officers.looks.enter(self._look(client, one.said, one.scanned_at - ahead, ()), shown, {})
            answers.append(scanned)
        return ahead, answers

    def _reports(self, body: Mapping[str, Any]) -> tuple[timedelta, list[Report]]:
        whole = Reading(body)
        whole.only(frozenset({"device_time", "scans"}))
        rows = body.get("scans")
        if not isinstance(rows, list) or not 0 < len(rows) <= MOST_REPORTED or not all(isinstance(row, Mapping) for row in rows):
            whole.faults.append(Fault("scans", "not-a-list", f"a list of 1 to {MOST_REPORTED} objects is wanted here"))
            rows = []
        device_time = instant(whole, "device_time")
        reports = []
        for number, row in enumerate(rows):
            reading = Reading(row)
            reading.only(WORDS | {"code", "scanned_at"})
            code, scanned_at, said = reading.field("code", _CODE), instant(reading, "scanned_at"), self._said(reading)
            whole.faults += [Fault(f"scans.{number}.{one.path}", one.code, one.message) for one in reading.faults]
            if device_time and scanned_at and scanned_at > device_time:
                whole.faults.append(Fault(f"scans.{number}.scanned_at", "in-the-future", "it lies after `device_time`"))
            if scanned_at:
                reports.append(Report(str(code), scanned_at, said))
        if whole.faults or device_time is None:
            raise RequestRejected(faults=whole.faults)
        return device_time - self.now(), reports

    def _scanner(self, client: Client, said: Said) -> Scanner:
        checker = f"officer\x00{client.name}\x00{said.officer}"
        return Scanner(checker, client, on_reason=said.reason in self.officers.reasons.opens)

    @staticmethod
    def _look(client: Client, said: Said, at: datetime, fields: Sequence[str]) -> Look:
        """Return the look as it is kept, with the fields that it showed: none of a code that was not good, or that a device read by itself."""
        kept: dict[str, Any] = {"officer": said.officer, "place": said.place, "reason": said.reason, "fields": list(fields)}
        kept |= {"case_no": said.case_no} if said.case_no else {}
        return Look(new_look_id(), at, client.name, client.department, BY_CODE, said.case_no is not None, kept)


def instant(reading: Reading, name: str) -> datetime | None:
    """Take an instant with its zone that must be there; one far from any clock is a fault too."""
    raw = reading.body.get(name)
    try:
        found = datetime.fromisoformat(raw) if isinstance(raw, str) else None
        if found and found.tzinfo and 2000 < found.year < 9000:  # noqa: PLR2004 - what every zone and every store can say
            return found
    except ValueError:
        pass
    reading.faults.append(Fault(name, "not-an-instant", "a time with its zone is wanted here, such as 2026-06-20T09:00:00+08:00"))
    return None
