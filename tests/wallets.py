"""A register with kept cards and a simulated clock: what tells holders of deadlines, without seals and pages."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from licence_service.catalogue import Catalogue, read_catalogue
from licence_service.digests import canonical, digests
from licence_service.holding import Cards, read_levels
from licence_service.identifiers import ElicenceId
from licence_service.law import PACK, Law
from licence_service.licence import BEIJING, Act, Entry, Suspension, VersionReason
from licence_service.reminding import Reminding, read_quiet
from licence_service.rules import RulePack, as_data, named
from licence_service.settings import Settings
from licence_service.store.book import Book
from licence_service.store.cards import KeptCards, Scope
from licence_service.store.clients import HOST, Client, Clients
from licence_service.store.database import Database
from licence_service.store.deadline_looks import DeadlineLooks
from licence_service.store.foundations import Foundations
from licence_service.store.holders import COMPANY, PERSON, Holders
from licence_service.store.notices import SENT, KeptNotices
from licence_service.store.payload import Vault
from licence_service.store.record import Appendix, Opening
from licence_service.store.tables_of_notices import notice_messages, notices
from tests.builders import ORGAN, TYPE_CODE, a_decision, a_version, an_endorsement, an_entry
from tests.foreseen import DRIVER, VEHICLE, Deed, Expected, Life
from tests.parts.databases import Clock, no_offices

APPS = ("super-app", "ministry-app")
REAL = Path(__file__).parents[1] / "templates"
QUIET = "21:00-08:00"
OTHER_ORGAN = "11519901MB9900022L"
SALE = "sell"


@cache
def templates() -> Catalogue:
    """The templates of the repository."""
    return read_catalogue(REAL)


def beijing(at: datetime) -> datetime:
    """Return a naive Beijing time as an instant."""
    return at.replace(tzinfo=BEIJING).astimezone(UTC)


class Wallets:
    """The register, its holders, and what reminds them."""

    def __init__(self, database: Database, vault: Vault, clock: Clock, quiet: str = QUIET) -> None:
        """Open it; what lies in the database is all that it knows."""
        self.database, self.vault, self.clock, self.quiet = database, vault, clock, quiet
        self.book, self.kept, self.people = Book(database, vault, clock), KeptCards(database, vault), Holders(database, vault)
        self.foundations = Foundations(database, clock)
        self.heads: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self.lasts: dict[str, Entry] = {}
        self.suspensions: dict[tuple[str, date], int] = {}

    def begin(self) -> None:
        """Put the packs of the repository in force, and register the host apps."""
        self.enact(*templates().packs)
        apps = Clients(self.database, no_offices)
        for name in APPS:
            apps.add(Client(name, ORGAN, ("*",), 100_000, HOST), self.clock())

    def enact(self, *packs: RulePack) -> None:
        """Let two people put packs in force."""
        wanted = [(PACK, pack.id, canonical(as_data(pack)).decode()) for pack in packs]
        self.foundations.confirm(self.foundations.propose_all(wanted, "甲"), "乙")

    def reminding(self, step: Callable[[str], None] = lambda _name: None) -> Reminding:
        """Return what tells holders, as a process that has just begun has it."""
        cards = Cards(self.kept, templates(), read_levels(Settings().holder_levels), self.clock)
        law = Law(Foundations(self.database, self.clock), self.clock)
        looks, told = DeadlineLooks(self.database), KeptNotices(self.database, self.vault)
        return Reminding(self.book, cards, law, looks, told, read_quiet(self.quiet), self.clock, step)

    def rounds(self, reminding: Reminding | None = None) -> int:
        """Do rounds until nothing is left to do."""
        one, done = reminding or self.reminding(), 0
        while some := one.work():
            done += some
        return done

    # -- licences --------------------------------------------------------------------------------------

    def issue(self, life: Life, holder: str) -> None:
        """Enter a licence; `holder` is the number on its face."""
        version = self._version(life, holder, life.first, life.ends)
        entry = an_entry(licence_id=life.licence_id, effective_on=life.first, version=version)
        self._entered(life, entry, Appendix(delivery_code=life.licence_id, opening=Opening(life.slug, ORGAN, life.licence_id)))

    def do(self, life: Life, deed: Deed, holder: str, *, ahead: bool = False) -> None:
        """Enter what a plan says; a renewal that is entered `ahead` holds from the day after the term."""
        entry, day = an_entry(Act.ENDORSE, licence_id=life.licence_id, effective_on=deed.at.date()), deed.at.date()
        match deed.what:
            case "renew":
                assert deed.day
                before = self.lasts[life.licence_id].version
                first = before.valid_to + timedelta(days=1) if before and before.valid_to and before.valid_to >= day else day
                version = self._version(life, holder, first, deed.day, VersionReason.RENEWAL)
                entry = replace(entry, act=Act.RENEW, version=version, effective_on=first if ahead else day)
            case "suspend":
                assert deed.first
                entry = replace(entry, act=Act.SUSPEND, suspension=Suspension("penalty", deed.first, deed.day))
                self.suspensions[life.licence_id, deed.first] = self.heads[life.licence_id] + 1
            case "lift":
                assert deed.first
                entry = replace(entry, act=Act.LIFT, target=self.suspensions[life.licence_id, deed.first])
            case "end":
                entry = replace(entry, act=Act.REVOKE if deed.good else Act.CANCEL, ground=None if deed.good else "request")
            case "transfer":
                entry = replace(entry, act=Act.TRANSFER, until=deed.day, to_department=OTHER_ORGAN)
                self.suspensions[life.licence_id, date.min] = self.heads[life.licence_id] + 1
            case "settle":
                act = Act.ACCEPT_TRANSFER if deed.good else Act.REJECT_TRANSFER
                entry = replace(entry, act=act, target=self.suspensions[life.licence_id, date.min], department=OTHER_ORGAN if deed.good else None)
            case "sell":
                version = self._version(life, holder, life.first, life.ends, VersionReason.CHANGE)
                entry = replace(entry, act=Act.CHANGE, version=version)
            case _:
                entry = replace(entry, endorsements=(self._fact(life, deed),))
        self._entered(life, entry, Appendix(delivery_code=f"{life.licence_id}{self.versions[life.licence_id]}"))

    def _fact(self, life: Life, deed: Deed) -> Any:
        day, number = deed.at.date(), f"{life.licence_id}-{self.heads[life.licence_id]}"
        facts: dict[str, Any] = {"date": day.isoformat()}
        if deed.what == "review":
            assert deed.day
            facts |= {"result": "1" if deed.good else "2", "next_due": deed.day.isoformat()}
        else:
            facts |= {"hours": deed.hours, "result": "pass", "certificate_no": number}
        kind = "annual_review" if deed.what == "review" else "continuing_education"
        return an_endorsement(
            endorsement_id=digests(number.encode()).sha256[:26], kind=kind, facts=facts, occurred_on=day, effective_from=day, external_ref=number
        )  # fmt: skip

    def _version(self, life: Life, holder: str, first: date, last: date | None, reason: VersionReason = VersionReason.INITIAL) -> Any:
        self.versions[life.licence_id] += 1
        number, face = self.versions[life.licence_id], face_of(life, holder)
        return a_version(
            number, elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, life.licence_id, number)), reason=reason, valid_from=first, valid_to=last,
            issued_on=first, document=digests(f"{life.licence_id}{number}".encode()), face=face,
        )  # fmt: skip

    def _entered(self, life: Life, entry: Entry, beside: Appendix) -> None:
        self.heads[life.licence_id] += 1
        decision = a_decision(decided_on=life.first if self.heads[life.licence_id] == 1 else entry.effective_on)
        stamped = self.book.append(replace(entry, sequence=self.heads[life.licence_id], decision=decision), beside)
        if stamped.version:
            self.lasts[life.licence_id] = stamped

    # -- holders ---------------------------------------------------------------------------------------

    def holder(self, number: str, *, company: bool = False) -> str:
        """Return the id of a holder."""
        return self.people.known(COMPANY if company else PERSON, number, "某持证人", self.clock())

    def claim(self, holder_id: str, number: str, licence_id: str, host: str | None) -> None:
        """Keep a licence as a card."""
        assert self.kept.keep(Scope(holder_id), licence_id, self.kept.held_by(number), "identity", host, holder_id, self.clock())

    def release(self, holder_id: str, licence_id: str) -> None:
        """Give a card back."""
        self.kept.release(Scope(holder_id), licence_id, holder_id, self.clock())

    # -- what was sent ---------------------------------------------------------------------------------

    def sent(self) -> list[Expected]:
        """Return every notice that was sent, read from the tables."""
        told = KeptNotices(self.database, self.vault)
        with self.database.read() as connection:
            found = connection.execute(select(notices.c.holder).where(notices.c.state == SENT).distinct()).scalars().all()
        every = [one for holder in sorted(found) for one in told.sent_to(holder)]
        return [
            Expected(one.holder_id, one.licence_id, one.identity, one.settled_at.astimezone(BEIJING).replace(tzinfo=None))
            for one in every
            if one.settled_at
        ]

    def messages(self) -> Sequence[Any]:
        """Return every message that was made, in order."""
        with self.database.read() as connection:
            return connection.execute(select(notice_messages).order_by(notice_messages.c.place)).all()


def face_of(life: Life, holder: str) -> dict[str, Any]:
    """Return what a licence's face says, as far as deadlines ask."""
    said: dict[str, Any] = {"first_issue_date": life.first.isoformat(), "vehicle" if life.slug == VEHICLE else "person_name": "某"}
    if life.slug == VEHICLE:
        return {**said, "uscc": holder, "review_valid_to": life.due.isoformat() if life.due else ""}
    born = {"birth_date": life.born.isoformat()} if life.slug == DRIVER and life.born else {}
    return {**said, "citizen_id": holder, **born}


def changed(pack_id: str, new_id: str = "", **rule: Any) -> RulePack:
    """Return a pack of the repository with other figures in its rule, as another pack where `new_id` names it."""
    pack = next(one for one in templates().packs if one.id == pack_id)
    return named(replace(pack, rule=replace(pack.rule, **rule)), new_id or pack_id)


def dated(pack: RulePack, first: date | None = None, last: date | None = None) -> RulePack:
    """Return a pack with other days of force."""
    return named(replace(pack, in_force_from=first, in_force_to=last), pack.id)


def counted(said: Iterable[Expected]) -> Counter[Expected]:
    """Return how often each is said."""
    return Counter(said)
