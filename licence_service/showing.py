"""Showing (亮证): a holder's screen shows a code that lives for a minute, and a checker scans it (DOMAIN §2d, SH-05, SH-07).

The code answers the fifth question of a verdict, whether the holder shows the licence now; the other four are answered from the register at
the moment of the scan. Whatever does not live says nothing of the licence: a picture of a screen is worth nothing.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from licence_service import show_code
from licence_service.digests import sha256
from licence_service.document.portrait import small_and_marked
from licence_service.errors import AccessRefused, NotInRegister, TransitionRefused
from licence_service.fields import Asker
from licence_service.holding import SHOW, Cards, Holding
from licence_service.licence import Licence, beijing_day
from licence_service.qr_token import BadCode
from licence_service.seal.tokens import Purpose
from licence_service.show_code import ShowFacts, Timing
from licence_service.store.clients import Client
from licence_service.store.reads import SHOWN, Read
from licence_service.store.record import Record
from licence_service.store.reservations import Reservations
from licence_service.store.showings import AGAIN, TAKEN, Scan, Showing, Showings
from licence_service.template import Template
from licence_service.verdict import Check, Result, Verdict
from licence_service.verification import COMPARE, GENUINE, Question, Verifier, made_by
from licence_service.view import photos_of

_LIVE = Check(8, "showing", "shown", Result.YES, ("shown-live",))


class Answer(StrEnum):
    """What a scan comes to, apart from the licence."""

    SHOWN = "shown"
    EXPIRED = "expired_code"
    REPLAYED = "replayed"
    CLOCK = "clock"
    LOG_IN_OVER = "log_in_over"
    CARD_OVER = "card_over"
    NOT_A_CODE = "not_a_code"


_SAID: Mapping[Answer, Check] = {
    Answer.EXPIRED: Check(8, "showing", "shown", Result.NO, ("expired-code",)),
    Answer.REPLAYED: Check(8, "showing", "shown", Result.NO, ("replayed",)),
    Answer.CLOCK: Check(8, "showing", "shown", Result.UNKNOWN, ("clock-error",)),
    Answer.LOG_IN_OVER: Check(8, "showing", "shown", Result.NO, ("log-in-over",)),
    Answer.CARD_OVER: Check(8, "showing", "shown", Result.NO, ("card-over",)),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A code for a screen: its digits, the address that is drawn, and what it says."""

    digits: str = field(repr=False)
    address: str = field(repr=False)
    facts: ShowFacts


@dataclass(frozen=True, slots=True)
class Scanner:
    """Who scans. `checker` tells one checker from another: a text that only this one has.

    The system of officers, where it holds the type, sees as an officer, `on_reason` what his reason opens; anybody else as the holder chose
    when the code was made.
    """

    checker: str = field(repr=False)
    officers: Client | None = None
    on_reason: bool = False

    def asker(self, facts: ShowFacts, slug: str) -> Asker:
        """Return as whom the checker sees a licence of a type."""
        if self.officers and self.officers.may_touch(slug):
            return Asker.OFFICER
        return Asker.PASSENGER if facts.audience == show_code.PASSENGER else Asker.PUBLIC


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan comes to. `facts` where the signature is right; pictures as JPEG by field; `wrong_by` seconds where a clock is off.

    `again`: a device reported the same scan before.
    """

    answer: Answer
    verdict: Verdict
    asker: Asker = Asker.PUBLIC
    facts: ShowFacts | None = None
    wrong_by: int | None = None
    photos: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    again: bool = False


@dataclass(frozen=True, slots=True)
class ShowOffice:
    """Makes show codes for holders, and answers who scans them."""

    cards: Cards
    verifier: Verifier
    reservations: Reservations
    showings: Showings
    public_url: str
    life: int  # seconds of a code where nobody says otherwise
    now: Callable[[], datetime] = field(repr=False)

    def make(self, holding: Holding, licence_id: str, *, audience: str = show_code.ANYONE, life: int | None = None) -> Made:
        """Return a code for a card of the holder.

        `TransitionRefused` where the type is not shown, or the licence is reported lost: then its document and device are not to be trusted,
        whatever the right (LC-12). A suspended right is shown, and the code says so. `AccessRefused` under a log-in that is over.
        """
        return self.code(self.cards.card(holding, licence_id, SHOW), holding, audience, life or self.life)

    def code(self, record: Record, holding: Holding, audience: str, life: int) -> Made:
        """Return a code for a record that is known to be a card of the holder; raise as `make` does."""
        now, licence_id = self.now(), record.licence_id
        today = beijing_day(now)
        licence = record.at(today)
        self.must_be_shown(record, licence)
        binding = show_code.binding_of(holding.shown_under, licence_id, today)
        self._begin(binding, Showing(licence_id, holding.holder.holder_id, holding.session, holding.delegation), now)
        department = self.verifier.keyring.department_of(licence.issuer or record.department)
        facts = ShowFacts(
            self._template(record, licence).index, department.issuer_index, licence_id, licence.current.version, now.replace(microsecond=0),
            life, secrets.token_bytes(show_code.NONCE_BYTES), binding, audience, licence.state, licence.valid_to, licence.current.status,
        )  # fmt: skip
        digits = show_code.make(facts, department.signers[Purpose.LICENCE])
        return Made(digits, show_code.address(self.public_url, digits), facts)

    def must_be_shown(self, record: Record, licence: Licence) -> None:
        """Raise `TransitionRefused` where a licence is not shown, as `make` says."""
        if not self._template(record, licence).presentable:
            raise TransitionRefused("licences of this type are not shown by a code", facts={"rule": "SH-07"})
        if "loss_reported" in licence.flags:
            raise TransitionRefused("it is reported lost: it cannot be shown before it is found or replaced", facts={"rule": "LC-12"})

    def _begin(self, binding: bytes, showing: Showing, now: datetime) -> None:
        found = self.showings.of(binding)
        if found.ended_at if found else self.showings.ended(showing.session):
            raise AccessRefused("this log-in is over")
        if found is None:
            self.showings.begin(binding, showing, now)

    def end(self, session: str) -> None:
        """End a log-in: codes that were made under it are over at once."""
        self.showings.end(session, self.now())

    # -- scanning ----------------------------------------------------------------------------------

    def scan(self, digits: str, scanner: Scanner) -> Scanned:
        """Answer who scans a code, and let him have it if he is the first (SH-07); the first scan is entered for the holder to see."""
        opened = self._opened(digits)
        if opened is None:
            return self._not_a_code("code-not-genuine")
        facts = opened[0]
        answer, wrong_by, held_by = self._standing(facts, self.now())
        if answer is not Answer.SHOWN:
            return self._said(answer, facts, wrong_by)
        record = self._record(*opened)
        if record is None:
            return self._not_a_code("code-at-odds")
        if not self.cards.names(record, held_by):
            return self._said(Answer.CARD_OVER, facts)
        asker = scanner.asker(facts, record.type)
        question = Question(asker, on_reason=scanner.on_reason)
        verdict = self.verifier.known(record, facts.version, (GENUINE, COMPARE), question, showing=_LIVE)
        photos = self._photos(record, asker)
        scan = Scan(facts.nonce, sha256(scanner.checker.encode()), verdict.checked_at, facts.expires_at)
        read = None if scanner.officers else Read(verdict.checked_at, facts.licence_id, SHOWN, asker.value, seen_in(verdict, photos))
        if self.showings.scanned(scan, verdict.checked_at, read) == TAKEN:
            return self._said(Answer.REPLAYED, facts)
        return Scanned(Answer.SHOWN, verdict, asker, facts, None, photos)

    def reported(self, digits: str, scanner: Scanner, scanned_at: datetime, ahead: timedelta) -> Scanned:
        """Answer for a scan that a device made without network at `scanned_at` by a clock that is `ahead` of ours (SH-07).

        Whatever comes of it the nonce is entered, so that the same code elsewhere is found out. Nothing is shown any more: the verdict is about
        the code alone.
        """
        opened = self._opened(digits)
        if opened is None:
            return self._not_a_code("code-not-genuine")
        facts = opened[0]
        at = scanned_at - ahead
        whose = self.showings.scanned(Scan(facts.nonce, sha256(scanner.checker.encode()), at, facts.expires_at), self.now())
        timed = show_code.timed(facts, scanned_at, at)
        if timed.timing is Timing.CLOCK:
            answer = self._said(Answer.CLOCK, facts, timed.wrong_by)
        else:
            answer = self._said(Answer.REPLAYED if whose == TAKEN else self._standing(facts, at)[0], facts)
        return replace(answer, again=whose == AGAIN)

    def _opened(self, digits: str) -> tuple[ShowFacts, str] | None:
        """Return what a genuine code says, and whose key signed it; None for any other. The signature is looked at before any time (SH-02)."""
        keyring = self.verifier.keyring
        try:
            facts, kid = show_code.read(digits, keyring.keys_for(Purpose.LICENCE))
        except BadCode:
            return None
        return facts, keyring.verifying_key(kid, Purpose.LICENCE)[1]

    def _record(self, facts: ShowFacts, signer: str) -> Record | None:
        """Return the licence that a code is about; None where there is none, or the key that signed is not that of its issuer or its maker."""
        try:
            record = self.verifier.book.get(facts.licence_id)
        except NotInRegister:
            return None
        if all(entry.version is None or entry.version.version != facts.version for entry in record.entries):
            return None
        return record if signer in {record.issuer(beijing_day(facts.made_at)), made_by(record, facts.version)} else None

    def _standing(self, facts: ShowFacts, at: datetime) -> tuple[Answer, int | None, str | None]:
        """Say whether a genuine code lives at an instant: in time, under a log-in that was not over, of a card that was not given back.

        Also by how much a clock is wrong, and the blinded holder on the card.
        """
        timed = show_code.timed(facts, at)
        if timed.timing is not Timing.LIVING:
            return Answer(timed.timing.value), timed.wrong_by, None
        showing = self.showings.standing(facts.binding, facts.made_at, at)
        if showing is None or showing.licence_id != facts.licence_id or (showing.ended_at is not None and showing.ended_at <= at):
            return Answer.LOG_IN_OVER, None, None
        return Answer.SHOWN if showing.held_by else Answer.CARD_OVER, None, showing.held_by

    def _not_a_code(self, reason: str) -> Scanned:
        return Scanned(Answer.NOT_A_CODE, self.verifier.undecided(Question(), Check(2, "seal", "authentic", Result.NO, (reason,))))

    def _said(self, answer: Answer, facts: ShowFacts, wrong_by: int | None = None) -> Scanned:
        """Return an answer that says nothing of the licence, only that the code is genuine and how it stands."""
        check = _LIVE if answer is Answer.SHOWN else _SAID[answer]
        return Scanned(answer, self.verifier.undecided(Question(), GENUINE, check), facts=facts, wrong_by=wrong_by)

    def _photos(self, record: Record, asker: Asker) -> dict[str, bytes]:
        """Return the pictures that this asker sees: an officer as they are, a passenger small and marked; one that is not kept any more is left out."""
        today = beijing_day(self.now())
        licence, found = record.at(today), {}
        for name, digest in photos_of(licence, self._template(record, licence), asker).items():
            try:
                jpeg = self.reservations.photo(digest)
            except NotInRegister:
                continue
            found[name] = jpeg if asker is Asker.OFFICER else small_and_marked(jpeg, f"FOR CHECKING ONLY {today.isoformat()}")
        return found

    def _template(self, record: Record, licence: Licence) -> Template:
        return self.verifier.catalogue.edition(record.type, licence.current.edition)


def seen_in(verdict: Verdict, photos: Mapping[str, bytes]) -> list[str]:
    """Return the names of the fields that a verdict and its pictures showed."""
    return [*(one["name"] for one in (verdict.licence or {}).get("face", ())), *photos]
