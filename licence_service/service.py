"""All parts put together by hand, once, and cross-checked: fail at start, not at the first request."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from licence_service.admission import Admission
from licence_service.answering import Answers
from licence_service.archive import Archive, SecondPlace, open_archive, open_passing, open_second_place
from licence_service.arriving import ArrivalDesk, arrival_desk
from licence_service.assembled import HolderDesk, Reminders, ShownAndLent, holder_desk, reminders, repository, shown_and_lent, sign_in, wallet_door
from licence_service.asserting import Assertions
from licence_service.audit import Auditor
from licence_service.bulk.desk import Desk, desk
from licence_service.campaign import Runner
from licence_service.cases import CaseDesk
from licence_service.catalogue import Catalogue, read_catalogue
from licence_service.chunks import Chunks
from licence_service.compromise import Marks
from licence_service.connectors import Connectors, read_connectors
from licence_service.continuing import Continuing
from licence_service.copies import Copies
from licence_service.courier import Courier
from licence_service.document import Printer
from licence_service.document.fonts import Fonts
from licence_service.errors import Misconfigured
from licence_service.feed import Feed
from licence_service.follower import Follower, keeper_of
from licence_service.foreign_reading import ForeignReading
from licence_service.founding import contradictions, put_in_force
from licence_service.handover import Gatherer
from licence_service.history import Library
from licence_service.holding import Cards, read_levels
from licence_service.hooks import Hooks
from licence_service.law import Law
from licence_service.licence import Act
from licence_service.line import Line, host_of
from licence_service.listing import StatusLists
from licence_service.looking import Officers, read_reasons
from licence_service.matching import Matcher
from licence_service.outbound import Poster, client
from licence_service.packing import Packer
from licence_service.preparing import Preparer, generation_of, shorthand_of
from licence_service.presenting import PROGRAM, Presenter
from licence_service.publishing import Publisher, Sources
from licence_service.receipts import Receipts
from licence_service.recovery import Recovery
from licence_service.regions import EVERY
from licence_service.registrar import Registrar
from licence_service.repository import Reconciler
from licence_service.reviewing import Reviews
from licence_service.runs import Runs
from licence_service.seal.examiner import Examiner
from licence_service.seal.keyring import Keyring, read_keyring
from licence_service.seal.pkcs11 import TokenAccess
from licence_service.seal.terms import code_key_terms
from licence_service.seal.tokens import Purpose
from licence_service.settings import Settings
from licence_service.signing_in import SignIn
from licence_service.skeletons import Skeletons
from licence_service.stickers import StickerOffice
from licence_service.stock.declared import read_knowledge
from licence_service.stock.office import StockOffice
from licence_service.stock.releasing import Releasing
from licence_service.stock.row_rules import ALL_RULES
from licence_service.store.appending import Appendings
from licence_service.store.book import Book
from licence_service.store.campaigns import Campaigns
from licence_service.store.cards import KeptCards
from licence_service.store.case_answers import CaseAnswers
from licence_service.store.cases import Cases
from licence_service.store.clients import Clients
from licence_service.store.credentials import Credentials
from licence_service.store.database import Database
from licence_service.store.decoy import Decoy
from licence_service.store.deliveries import Deliveries
from licence_service.store.desk_log import DeskLog
from licence_service.store.events import EventLines
from licence_service.store.failures import Failures
from licence_service.store.foreign_readings import ForeignReadings
from licence_service.store.foundations import Foundations
from licence_service.store.heads import Heads
from licence_service.store.lendings import Lendings
from licence_service.store.listings import Listings
from licence_service.store.looks import Looks
from licence_service.store.openings import Openings
from licence_service.store.packing import Packed
from licence_service.store.payload import Vault
from licence_service.store.people import People
from licence_service.store.prepared import PreparedAnswers
from licence_service.store.record import Record
from licence_service.store.reentry import Reentry
from licence_service.store.reservations import Reservations
from licence_service.store.reserving import Reserving
from licence_service.store.runs import KeptRuns
from licence_service.store.seal_log import SealLog
from licence_service.store.sealed import SealedDocuments
from licence_service.store.searching import Searching
from licence_service.store.site_reports import SiteReports
from licence_service.store.source_waits import SourceWaits
from licence_service.store.status import Statuses
from licence_service.store.stickers import Stickers
from licence_service.store.stock import KeptStock
from licence_service.store.stock_sums import StockSums
from licence_service.store.tasks import Tasks
from licence_service.store.webhooks import Webhooks
from licence_service.targets import read_networks
from licence_service.uploading import Uploads
from licence_service.verification import Verifier
from licence_service.wallet import WalletDoor

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """The whole service; everything the entrances may call."""

    settings: Settings
    now: Clock = field(repr=False)
    catalogue: Catalogue
    keyring: Keyring
    printer: Printer
    archive: Archive
    database: Database
    book: Book
    reservations: Reservations
    seal_log: SealLog
    clients: Clients
    admission: Admission
    failures: Failures
    registrar: Registrar
    chunks: Chunks
    runs: Runs
    verifier: Verifier
    preparer: Preparer
    examiner: Examiner
    uploads: Uploads
    heads: Heads
    second_place: SecondPlace | None
    follower: Follower
    auditor: Auditor
    recovery: Recovery
    foundations: Foundations
    law: Law
    tasks: Tasks
    searching: Searching
    answers: Answers
    gatherer: Gatherer
    assertions: Assertions
    reviews: Reviews
    receipts: Receipts
    status_lists: StatusLists
    publisher: Publisher
    officers: Officers
    sticker_office: StickerOffice
    matcher: Matcher
    site_reports: SiteReports
    desk: Desk
    feed: Feed
    hooks: Hooks
    courier: Courier
    cases: CaseDesk
    people: People
    sign_in: SignIn
    wallet: WalletDoor
    desk_log: DeskLog
    holder_desk: HolderDesk
    shown: ShownAndLent
    reminders: Reminders
    arrivals: ArrivalDesk
    repository: Reconciler | None
    foreign_reading: ForeignReading
    hang_up: Callable[[], None] = field(repr=False)

    def close(self) -> None:
        """Give back connections and child processes."""
        self.courier.close()
        if self.repository:
            self.repository.reporter.close()
        self.hang_up()
        self.keyring.close()
        self.examiner.close()
        self.uploads.presenter.examiner.close()
        self.preparer.answers.close()
        self.database.close()

    def put_in_force(self, proposer: str, confirmer: str) -> int:
        """Let two people put everything that the folders hold in force; return how many lines the book gained."""
        return put_in_force(self.catalogue, self.keyring, self.foundations, proposer, confirmer)

    @property
    def marks(self) -> Marks:
        """Return what says of seals that their key is lost."""
        return Marks(self.foundations, self.seal_log, self.keyring, self.now)

    def runner(self) -> Runner:
        """Return what carries campaigns out."""
        store = Campaigns(self.database, Vault(self.settings.payload_secret()), self.now)
        return Runner(store, self.registrar, Continuing(self.chunks), SealedDocuments(self.database), self.marks)

    def stock(self) -> Releasing:
        """Return what takes legacy stock in, judges and releases it; `Misconfigured` where its rules do not fit the code."""
        vault = Vault(self.settings.payload_secret())
        passing = open_passing(self.settings.archive_url, options=self.settings.archive_options())
        knowledge = read_knowledge(self.settings.templates / "_stock", ALL_RULES)
        kept = KeptStock(self.database, vault, self.now)
        office = StockOffice(self.registrar.line, self.chunks.openings, kept, passing, knowledge, self.now)
        return Releasing(office, StockSums(self.database), self.chunks, self.clients)

    def library(self, record: Record, known_at: datetime | None = None) -> Library:
        """Return where a history takes labels and names from."""

        def named(code: str) -> str | None:
            department = self.keyring.departments.get(code)
            body = None if department else self.law.body(code, known_at)
            return department.name if department else body.name if body else None

        return Library(lambda edition: self.catalogue.edition(record.type, edition), self.catalogue.kinds, named)

    def must_be_one_law(self) -> None:
        """Raise `Misconfigured` where a folder contradicts what two people put in force: yesterday's judgement could not be repeated."""
        if wrong := contradictions(self.catalogue, self.foundations):
            raise Misconfigured(f"in force with other content than the folder has: {', '.join(wrong)}; put it back, or make a new edition")

    def ready(self) -> None:
        """Raise `Unavailable` unless database and archive answer."""
        self.database.ready()
        self.archive.ready()


def build(
    settings: Settings, now: Clock = utc_now, catalogue: Catalogue | None = None, keyring: Keyring | None = None, fonts: Fonts | None = None
) -> Service:  # fmt: skip
    """Put everything together; `Misconfigured` says in words what does not fit. What was read already may be handed in."""
    catalogue = catalogue or read_catalogue(settings.templates)
    outside = client(settings.seal_timeout_seconds)
    keyring = keyring or read_keyring(
        settings.keys.expanduser(), passphrase=settings.passphrase(), allow_demo=settings.allow_demo_keys, remote_client=outside,
        tokens=TokenAccess(settings.pkcs11_module, settings.token_pin(), settings.seal_timeout_seconds, settings.allow_demo_keys),
    )  # fmt: skip
    _check_grants(catalogue, keyring)
    printer = Printer(fonts or Fonts.load(settings.fonts.expanduser()), catalogue.families)
    database = Database(settings.database_url.get_secret_value())
    packed = Packed(database)
    archive = open_archive(settings.archive_url, options=settings.archive_options(), place_of=packed.place_of)
    vault = Vault(settings.payload_secret())
    book, reservations, seal_log = Book(database, vault, now), Reservations(database, vault), SealLog(database)
    foundations, tasks, people = Foundations(database, now), Tasks(database, vault, now), People(database, vault, keyring.within)
    law, cards = Law(foundations, now), Cards(KeptCards(database, vault), catalogue, read_levels(settings.holder_levels), now)
    waits, lendings = SourceWaits(database, vault), Lendings(database, vault)
    connectors = Connectors(waits, read_connectors(settings.sources)) if settings.sources else None
    line = Line(catalogue, keyring, printer, archive, book, reservations, seal_log, law, tasks, settings.public_url, now, connectors=connectors)
    examiner = Examiner(keyring.trust_roots, keyring.known_seals)
    presenter = Presenter(Examiner(keyring.trust_roots, keyring.known_seals, program=PROGRAM))  # strangers' files never keep an adoption waiting
    verifier = Verifier(catalogue, keyring, book, law, presenter.examiner, now, now())
    uploads = Uploads(verifier, presenter, archive, settings.public_url, Copies(verifier, lendings, cards))
    shorthand = shorthand_of(catalogue)
    preparer = Preparer(verifier, line, PreparedAnswers(database, vault, generation_of(catalogue, keyring, shorthand)), shorthand, now)
    registrar = Registrar(line, examiner, CaseAnswers(database, vault))
    skeletons = Skeletons(catalogue, keyring, printer.fonts, host_of(settings.public_url))
    clients, openings, appendings = Clients(database, keyring.within), Openings(database, vault, now), Appendings(database, vault, now)
    chunks = Chunks(registrar, Reserving(database, vault), openings, appendings, Packer(archive, packed, skeletons))
    runs = Runs(KeptRuns(database, vault, now), open_passing(settings.archive_url, options=settings.archive_options()), chunks, clients)
    keeper, heads, looks = keeper_of(keyring.departments), Heads(database), Looks(database, vault)
    second = open_second_place(settings.heads_url, options=settings.archive_options()) if settings.heads_url else None
    follower = Follower(heads, second, keeper.signers[Purpose.EVIDENCE], settings.public_url, now)
    auditor = Auditor(database, vault, seal_log, catalogue, keyring, archive, settings.public_url)
    officers = Officers(verifier, looks, reservations, heads, read_reasons(settings.templates), keeper.signers[Purpose.EVIDENCE], now)
    recovery = Recovery(book, heads, Reentry(database, vault), archive, packed, catalogue, keyring, settings.public_url)
    status_lists = StatusLists(Statuses(database), Listings(database), keeper.signers[Purpose.STATUS], settings.public_url, now)
    sources = Sources(catalogue, keyring, law, heads, lambda: code_key_terms(settings.keys.expanduser()))
    admission = Admission(clients, Credentials(database), settings.public_url.rstrip("/"), vault.token_key, frozenset(catalogue.editions), now)
    feed, poster = Feed(EventLines(database), vault), Poster(read_networks(settings.webhook_networks), settings.seal_timeout_seconds)
    hooks = Hooks(Webhooks(database, vault), Deliveries(database), feed, poster, frozenset(catalogue.slugs), now)
    courier = Courier(hooks.webhooks, hooks.deliveries, feed.lines, clients, poster, now)
    holders = holder_desk(settings, cards, keyring, admission, book, database, vault)
    return Service(
        settings, now, catalogue, keyring, printer, archive, database, book, reservations, seal_log, clients, admission,
        Failures(database, vault), registrar, chunks, runs, verifier, preparer, examiner, uploads,
        heads, second, follower, auditor, recovery, foundations, law, tasks,
        Searching(database, vault), Answers(verifier, heads, keeper.signers[Purpose.EVIDENCE]),
        Gatherer(book, heads, foundations, archive, keyring, reservations, seal_log, now), Assertions(registrar), Reviews(registrar),
        Receipts(heads, keeper.signers[Purpose.EVIDENCE], printer), status_lists, Publisher(status_lists, sources, keeper, settings.public_url, now),
        officers, StickerOffice(registrar, verifier, Stickers(database), now), Matcher(verifier, Decoy(database), now), SiteReports(database, vault),
        desk(verifier, database, vault, now), feed, hooks, courier, CaseDesk(Cases(database, vault), registrar.answers, seal_log, waits, tasks, now),
        people, sign_in(settings, people, database, vault.sign_in_key, now), wallet_door(settings, holders.exchange, database, vault),
        DeskLog(database, vault), holders, shown_and_lent(settings, holders.cards, officers, line, clients, lendings),
        reminders(settings, holders.claims, law, hooks, clients, database, vault), arrival_desk(book, hooks, clients, database, vault),
        repository(settings, book, catalogue, database, now), ForeignReading(ForeignReadings(database), line, presenter), outside.close,
    )  # fmt: skip


def _check_grants(catalogue: Catalogue, keyring: Keyring) -> None:
    """Every type and act that a grant names must exist."""
    for department in keyring.departments.values():
        for grant in department.grants:
            if unknown := set(grant.acts) - {EVERY, *Act}:
                raise Misconfigured(f"{department.uscc}: a grant names the unknown act {min(unknown)}")
            for slug in grant.types:
                if slug != EVERY and slug not in catalogue.editions:
                    raise Misconfigured(f"{department.uscc}: a grant names the unknown type {slug}")


def told_of_steps(service: Service, step: Callable[[str], None]) -> Service:
    """Return the service with an issue line that calls `step` with the name of each step before it begins."""
    registrar = replace(service.registrar, line=replace(service.registrar.line, step=step))
    chunks = replace(service.chunks, registrar=registrar, step=step)
    return replace(service, registrar=registrar, chunks=chunks, runs=replace(service.runs, chunks=chunks))
