"""The issue line (DESIGN §4, steps 6 to 9): a reserved act is drawn, read back, sealed, archived and entered.

Whoever holds a reservation's lease may carry it; every step may be repeated. No database connection is held while a
page is drawn or sealed. After a crash, past reserve there is a reservation without an entry, past archive a document
that nobody can fetch; the retry or the worker carries it to its end.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Self

from licence_service import qr_token
from licence_service.acts import Mark, case_of, judge
from licence_service.archive import Archive
from licence_service.catalogue import Catalogue
from licence_service.connectors import Connectors
from licence_service.digests import Digests, canonical, digests
from licence_service.document import PrintedEndorsement, Printer, Sheet
from licence_service.drafting import complete
from licence_service.endorsement import Endorsement
from licence_service.entry_form import entry_of
from licence_service.errors import EntryConflict, NumberTaken, PageDisagrees, Refusal
from licence_service.fields import comparison_form
from licence_service.frozen import replace
from licence_service.identifiers import ElicenceId
from licence_service.law import Law
from licence_service.licence import BEIJING, Act, Entry, LicenceState, beijing_day
from licence_service.licence_data import licence_data
from licence_service.rules import renewal_of
from licence_service.seal import Seal, Sealed
from licence_service.seal.department import Department
from licence_service.seal.keyring import Keyring
from licence_service.seal.tokens import Purpose, sign1
from licence_service.sealing import Order, Sealer, brake_of, watch_of
from licence_service.store.book import Book
from licence_service.store.payload import token_digest
from licence_service.store.projection import OVER
from licence_service.store.record import Appendix, Opening, Record
from licence_service.store.reservations import Reservation, Reservations
from licence_service.store.seal_log import Brake, SealLog, SealUse
from licence_service.store.tasks import Tasks
from licence_service.template import Template

MOST_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """The parts that the issue line runs through."""

    catalogue: Catalogue
    keyring: Keyring
    printer: Printer
    archive: Archive
    book: Book
    reservations: Reservations
    seal_log: SealLog
    law: Law
    tasks: Tasks
    public_url: str
    now: Callable[[], datetime] = field(repr=False)
    step: Callable[[str], None] = field(default=lambda _name: None, repr=False)  # told of each step before it begins
    connectors: Connectors | None = None  # data sources that are asked where a request brings no receipt of theirs

    def standing(self) -> Self:
        """Return the same under the law of this moment, for many acts that are judged together."""
        return replace(self, law=self.law.standing())

    def in_a_round(self, *, noted_later: bool = False) -> Self:
        """Return the same for many acts about which sources are asked together; `noted_later`: what is silent is noted by `waiting.noted`."""
        return replace(self, connectors=self.connectors.in_a_round(noted_later=noted_later)) if self.connectors else self

    def noting_at_once(self) -> Self:
        """Return the same where each act notes by itself what is silent."""
        return replace(self, connectors=replace(self.connectors, noted_later=False)) if self.connectors else self

    def carry(self, reservation: Reservation) -> Entry:
        """Carry a reserved act to its end and return the entry; `SealUnavailable` leaves it to be carried later."""
        entry, template = self.restored(reservation)
        department = self.keyring.departments[reservation.department]
        if entry.act is Act.ADOPT:
            content = self.archive.get(reservation.content["document_sha256"])
        else:
            content = self._sealed(reservation, entry, template, department).document
            self.step("archive")
            self.archive.put(content)
        assert entry.version  # noqa: S101 - reserved acts have a document
        finished = replace(entry, version=replace(entry.version, document=digests(content)))
        self.step("append")
        return self._append(reservation, finished, template)

    def restored(self, reservation: Reservation) -> tuple[Entry, Template]:
        """Return the entry as drafted, completed with what reserve drew, and its template."""
        draft = entry_of(reservation.content["body"], reservation.content["private"], Digests("", ""))
        assert draft.version  # noqa: S101
        template = self.catalogue.edition(reservation.type, draft.version.edition)
        return self.completed(reservation, draft, template), template

    def completed(self, reservation: Reservation, draft: Entry, template: Template) -> Entry:
        """Return a drafted entry completed with what reserve drew, and with the seal of today: the one it was meant for may be retired, or lost."""
        content, department = reservation.content, self.keyring.departments[reservation.department]
        own = ElicenceId(template.type_code(department.uscc), department.uscc, reservation.licence_id, reservation.version)
        return complete(
            draft if "certificate_sha256" in content else self._by_seal_of_today(draft, department),
            licence_id=reservation.licence_id, elicence_id=content.get("elicence_id") or str(own), salt=reservation.salt,
            status=reservation.status, check_code_digest=token_digest(reservation.check_code),
            certificate_sha256=content.get("certificate_sha256") or department.seal.certificate_sha256,
        )  # fmt: skip

    def _by_seal_of_today(self, draft: Entry, department: Department) -> Entry:
        """Return an entry under the department's seal; where that came into use later than the entry was reserved, it seals from then on."""
        version, seal = draft.version, department.seal
        if version is None or version.seal_id == seal.seal_id:
            return draft
        first = max(self.keyring.certificate_of(seal.seal_id).not_valid_before_utc, datetime.combine(department.valid_from, time.min, BEIJING))
        return replace(draft, version=replace(version, seal_id=seal.seal_id, sealed_at=max(version.sealed_at, first)))

    def code_message(self, entry: Entry, template: Template, department: Department, record: Record | None = None) -> bytes:
        """Return the signed message of the code on paper; the same entry gives the same bytes. `record` is its licence, where it was read already."""
        version = entry.version
        assert version  # noqa: S101
        until = version.face.get(template.conditions_until) if template.conditions_until else None
        facts = qr_token.CodeFacts(
            template.index, department.issuer_index, entry.licence_id, version.version, self._since(entry, record), version.valid_to, version.status,
            bytes.fromhex(version.face_commitment.sha256)[: qr_token.COMMITMENT_BYTES], qr_token.compared(template, version.face),
            date.fromisoformat(str(until)) if until else None,
        )  # fmt: skip
        return sign1(qr_token.pack(facts), department.signers[Purpose.LICENCE])

    def verify_url(self, entry: Entry, template: Template, department: Department, record: Record | None = None) -> str:
        """Return the address that the code on paper holds."""
        return qr_token.address(self.public_url, self.code_message(entry, template, department, record))

    def _sealed(self, reservation: Reservation, entry: Entry, template: Template, department: Department) -> Sealed:
        """Make the sealed file; a page that does not say what its face says can never be sealed, so the act is abandoned."""
        version = entry.version
        assert version  # noqa: S101
        photos = {name: self.reservations.photo(digest) for name, digest in version.photos.items()}
        seal = department.seal_on(beijing_day(version.sealed_at))
        order = self.order(reservation, entry, template, seal, photos)
        try:
            return Sealer(self.printer, self.seal_log, self.now, self.step).seal(order, seal)
        except PageDisagrees as wrong:
            self.reservations.abandon(reservation.reservation_id, wrong.detail)
            raise

    def order(
        self, reservation: Reservation, entry: Entry, template: Template, seal: Seal, photos: Mapping[str, bytes], record: Record | None = None
    ) -> Order:  # fmt: skip
        """Return what is to be sealed: the sheet, the data attached to it, its time, which was fixed at reserve."""
        version, department = entry.version, self.keyring.departments[reservation.department]
        assert version  # noqa: S101
        sheet, data = self.page(entry, template, department, photos, record, check_code=reservation.check_code)
        use = SealUse("", seal.seal_id, department.uscc, reservation.type, reservation.reservation_id, entry.decision.number, "")
        brake = self.brake(reservation, entry, beijing_day(version.sealed_at), record)
        return Order(sheet, data, version.sealed_at, use, brake, watch_of(department, entry, seal))

    def page(
        self, entry: Entry, template: Template, department: Department, photos: Mapping[str, bytes], record: Record | None, *, check_code: str | None
    ) -> tuple[Sheet, bytes]:  # fmt: skip
        """Return the sheet of an entry's document and the canonical data attached to it. `record` is the licence before the entry."""
        version, printed = entry.version, self.printed(entry, template, record)
        assert version  # noqa: S101
        data = licence_data(entry, template, department.name, department.uscc, specimen=department.demo, endorsements=printed)
        return Sheet(
            template=template, face=version.face, endorsements=self._for_layout(printed),
            elicence_id=version.elicence_id, version=version.version, copy_no=version.copy_no, check_code=check_code,
            code_text=self.verify_url(entry, template, department, record), host=host_of(self.public_url), department=department.short_name,
            photos=photos, specimen=department.demo, preview=False,
        ), canonical(data)  # fmt: skip

    def brake(self, reservation: Reservation, entry: Entry, day: date, record: Record | None = None) -> Brake | None:
        """Return the ceiling under which an entry is sealed on a day; see `sealing.brake_of`."""
        department = self.keyring.departments[reservation.department]
        if not any(grant.hourly_ceiling for grant in department.grants):
            return None
        first = entry if entry.sequence == 1 else (record or self.book.get(entry.licence_id)).entries[0]
        return brake_of(department, reservation.type, entry, first.region, day)

    def printed(self, entry: Entry, template: Template, record: Record | None = None) -> tuple[Endorsement, ...]:
        """Return the endorsements that stand on the entry's page: the earlier ones and those it brings, oldest first."""
        assert entry.version  # noqa: S101 - only acts with a document have a page
        day = beijing_day(entry.version.sealed_at)
        standing = () if entry.sequence == 1 else (record or self.book.get(entry.licence_id)).at(day).endorsements
        gone = {entry.withdrawn, *(one.corrects for one in entry.endorsements)}
        printed = [one for one in (*standing, *entry.endorsements) if one.kind in template.printed_kinds and one.endorsement_id not in gone]
        return tuple(sorted(printed, key=lambda one: one.occurred_on))

    def shown(self, entry: Entry, template: Template) -> tuple[PrintedEndorsement, ...]:
        """Return the same as the layout wants them: with the accepting department's name."""
        return self._for_layout(self.printed(entry, template))

    def _for_layout(self, printed: Iterable[Endorsement]) -> tuple[PrintedEndorsement, ...]:
        names = {uscc: each.name for uscc, each in self.keyring.departments.items()}
        return tuple(
            PrintedEndorsement(self.catalogue.kinds[one.kind], one.facts, names.get(one.accepter or "", one.accepter or ""), one.occurred_on)
            for one in printed
        )

    def _since(self, entry: Entry, record: Record | None) -> date:
        """Return the first day of the right: a renewal goes on with it, so the code of its page does not lie ahead."""
        assert entry.version  # noqa: S101
        earlier = (record or self.book.get(entry.licence_id)).entries[0].version if entry.sequence > 1 else None
        return min(entry.version.valid_from, earlier.valid_from) if earlier else entry.version.valid_from

    def _append(self, reservation: Reservation, entry: Entry, template: Template) -> Entry:
        """Enter the act; acts without a document may have come between, and then the table is asked again."""
        for _ in range(MOST_ATTEMPTS):
            try:
                return self.book.append(entry, self.beside(reservation, entry))
            except NumberTaken as taken:
                # Another licence took the number meanwhile: sealing this one again and again would change nothing.
                self.reservations.abandon(reservation.reservation_id, taken.detail)
                raise
            except EntryConflict:
                if entry.sequence == 1 or self.reservations.get(reservation.reservation_id).state != "reserved":
                    raise
                entry = self._moved(reservation, entry, template)
        raise EntryConflict

    def _moved(self, reservation: Reservation, entry: Entry, template: Template) -> Entry:
        """Return the entry behind the new head, or abandon it where the licence's new state no longer allows it."""
        record = self.book.get(entry.licence_id)
        try:
            entry = self.judged_again(record, entry, template)
        except Refusal as refused:
            self.reservations.abandon(reservation.reservation_id, refused.detail)
            raise
        return replace(entry, sequence=record.entries[-1].sequence + 1)

    def judged_again(self, record: Record, entry: Entry, template: Template) -> Entry:
        """Ask the table again for an entry that was drafted on an older head, and return it as the table now says."""
        window = renewal_of(self.law.packs(), record.type, entry.decision.decided_on, template.term)
        mark = judge(record.on, case_of(entry), lapse_after_days=window.lapse_days)
        return replace(entry, recorded_only=mark is Mark.RECORDED)

    def beside(self, reservation: Reservation, entry: Entry, record: Record | None = None) -> Appendix:
        """Return what is entered together with an entry: codes and lookups of a new version, the number it holds, when conditions fall due."""
        report = reservation.content.get("report")
        beside = Appendix(
            reservation.reservation_id, reservation.delivery_code, external_ref=reference(reservation.content),
            report=(report[0], report[1]) if report else None,
        )  # fmt: skip
        record = record or (self.book.get(entry.licence_id) if entry.sequence > 1 else None)
        current = entry.version or (record.entries[0].version if record else None)
        assert current  # noqa: S101 - a licence has a version
        template = self.catalogue.edition(reservation.type, current.edition)
        if entry.version:
            beside = replace(beside, searchable=searchable(template, entry))
        newest = entry.version or next(one.version for one in reversed(record.entries if record else ()) if one.version)
        key = live_key(reservation.type, template.number_of(newest.face), self._holds(reservation, entry, record))
        if record is None:
            opening = Opening(reservation.type, reservation.department, key, may_replace=self.dead)
            first = Record(entry.licence_id, reservation.type, reservation.department, ())
            return replace(beside, opening=opening, due_on=self._due_on(first, entry, template))
        return replace(beside, live_key=key, due_on=self._due_on(record, entry, template))

    def _holds(self, reservation: Reservation, entry: Entry, record: Record | None) -> str:
        """Return the department whose number it is after this act."""
        if record is None or entry.act is Act.ACCEPT_TRANSFER:
            return reservation.department
        return record.issuer(beijing_day(self.now()))

    def _due_on(self, record: Record, entry: Entry, template: Template) -> date | None:
        """Return the day up to which the licence's conditions are met after this act, for searches only."""
        today = beijing_day(self.now())
        if entry.act is Act.ISSUE and entry.version:  # nothing to add up yet
            face, endorsements = entry.version.face, entry.endorsements
            if today < entry.decision.decided_on:
                return None
        else:
            after = Record(record.licence_id, record.type, record.department, (*record.entries, entry), record.parent).on(today)
            if after is None:
                return None
            face, endorsements = after.current.face, after.endorsements
        said = self.law.conditions_of(record.type, face, endorsements, today, template, self.catalogue.kinds)
        return min((one.due_on for one in said.every if one.due_on), default=None)

    def dead(self, record: Record) -> bool:
        """Say whether an earlier licence of the same number is over: ended, or expired with its window gone."""
        today = beijing_day(self.now())
        licence = record.at(today)
        if licence.state in OVER:
            return True
        window = renewal_of(self.law.packs(), record.type, today, self.catalogue.edition(record.type, licence.current.edition).term)
        return licence.state is LicenceState.EXPIRED and expired_for_good(licence.valid_to, today, window.lapse_days)


def expired_for_good(last: date | None, today: date, lapse_after_days: int | None) -> bool:
    """Say whether the renewal window after the last day is over too."""
    return last is None or (today - last).days > (lapse_after_days or 0)


def live_key(slug: str, number: str, department: str) -> str:
    """Return the text under which one live right is unique; it is blinded before it is stored."""
    return f"{slug}|{comparison_form(number)}|{department}"


def searchable(template: Template, entry: Entry) -> Mapping[str, str]:
    """Return what the licence is found by, in comparison form; `number` is its number whatever the field is called."""
    face = entry.version.face if entry.version else {}
    values = {name: comparison_form(str(face[name])) for name in template.searchable if name in face}
    holder = face.get(template.holder_id or "", face.get(template.holder_name, ""))
    return {**values, "holder": comparison_form(str(holder)), "number": comparison_form(template.number_of(face))}


def host_of(public_url: str) -> str:
    """Return the official host to print beside the code."""
    return public_url.partition("://")[2].partition("/")[0].lower()


def reference(content: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return the asserter's reference of an endorsement under way."""
    found = content.get("external_ref")
    return (found[0], found[1], found[2]) if found else None
