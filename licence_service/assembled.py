"""Parts that are made of settings, for `service.build`: who signs in, what holders use, the way to the provincial repository."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from licence_service.admission import Admission
from licence_service.annotating import Annotator
from licence_service.catalogue import Catalogue
from licence_service.claiming import Claims, read_declared
from licence_service.consenting import Consenting
from licence_service.delegating import Delegating
from licence_service.exchange import Exchange
from licence_service.follower import keeper_of
from licence_service.gateway import Gateway
from licence_service.holding import Cards
from licence_service.hooks import Hooks
from licence_service.identity import reading
from licence_service.law import Law
from licence_service.lending import LendingOffice
from licence_service.line import Line
from licence_service.looking import Officers
from licence_service.messenger import Messenger
from licence_service.outbound import Poster
from licence_service.reminding import Reminding, may_have, read_quiet
from licence_service.repository import Reconciler, Reporter, There
from licence_service.roadside import Roadside
from licence_service.round_trip import Provider, RoundTrip
from licence_service.seal.keyring import Keyring
from licence_service.settings import Settings
from licence_service.showing import ShowOffice
from licence_service.signing_in import SignIn
from licence_service.store.book import Book
from licence_service.store.clients import Clients
from licence_service.store.consents import Consents
from licence_service.store.database import Database
from licence_service.store.deadline_looks import DeadlineLooks
from licence_service.store.delegations import Delegations
from licence_service.store.differences import Differences
from licence_service.store.holder_sessions import HolderSessions
from licence_service.store.holders import Holders
from licence_service.store.invitations import Invitations
from licence_service.store.lending_requests import LendingRequests
from licence_service.store.lendings import Lendings
from licence_service.store.messages import messages_of_notices
from licence_service.store.notices import KeptNotices
from licence_service.store.payload import Vault
from licence_service.store.people import People
from licence_service.store.quarantine import Quarantine
from licence_service.store.reads import Reads
from licence_service.store.repository_lines import Claims as KeptClaims
from licence_service.store.repository_lines import Lines
from licence_service.store.sessions import Sessions
from licence_service.store.showings import Showings
from licence_service.store.under_way import UnderWay
from licence_service.targets import read_networks
from licence_service.vouching import Voucher
from licence_service.wallet import WalletDoor


@dataclass(frozen=True, slots=True)
class HolderDesk:
    """What holders use, through host apps or our own wallet."""

    exchange: Exchange
    cards: Cards
    claims: Claims
    delegating: Delegating
    consenting: Consenting
    under_way: UnderWay


def holder_desk(
    settings: Settings, cards: Cards, keyring: Keyring, admission: Admission, book: Book, database: Database, vault: Vault
) -> HolderDesk:  # fmt: skip
    """Return what holders use."""
    now = cards.now
    issuer, audience = settings.identity_issuer, settings.identity_audience or admission.issuer
    voucher = Voucher(issuer, audience, (), settings.seal_timeout_seconds, now, settings.identity_keys_file) if issuer else None
    understood = reading(settings.identity_claims, settings.identity_words)
    holders = Holders(database, vault)
    exchange = Exchange(admission, voucher, understood, holders, Delegations(database, vault), Showings(database), now)
    declared, keeper = read_declared(settings.templates / "_claims"), keeper_of(keyring.departments).uscc
    claims = Claims(cards, book, holders, Quarantine(database, vault), keyring, keeper, declared, now)
    consenting = Consenting(cards, Invitations(database, vault), Consents(database, vault), Reads(database, vault), holders, now)
    return HolderDesk(exchange, cards, claims, Delegating(cards, exchange.delegations, holders, now), consenting, UnderWay(database))


@dataclass(frozen=True, slots=True)
class ShownAndLent:
    """What holders show and lend, and who scans and reads it."""

    office: ShowOffice
    roadside: Roadside
    lending: LendingOffice
    reads: Reads


def shown_and_lent(settings: Settings, cards: Cards, officers: Officers, line: Line, clients: Clients, lendings: Lendings) -> ShownAndLent:
    """Return what holders show and lend with; `officers` are those that look in other ways too."""
    verifier, now, database = officers.verifier, officers.now, lendings.database
    lending = LendingOffice(cards, verifier, clients, LendingRequests(database, lendings.vault), lendings, Annotator(line, now), now)
    office = ShowOffice(
        cards, verifier, officers.reservations, Showings(database), settings.public_url.rstrip("/"), settings.show_code_seconds, now
    )  # fmt: skip
    return ShownAndLent(office, Roadside(office, officers, now), lending, Reads(database, lendings.vault))


@dataclass(frozen=True, slots=True)
class Reminders:
    """What tells holders of deadlines, and carries that to host apps."""

    reminding: Reminding
    messenger: Messenger


def reminders(settings: Settings, claims: Claims, law: Law, hooks: Hooks, clients: Clients, database: Database, vault: Vault) -> Reminders:
    """Return what reminds holders; host apps have it at the addresses that they named."""
    cards, looks, notices = claims.cards, DeadlineLooks(database), KeptNotices(database, vault)
    reminding = Reminding(claims.book, cards, law, looks, notices, read_quiet(settings.quiet_hours), cards.now)
    messages = messages_of_notices(database)
    return Reminders(reminding, Messenger("notices", messages, may_have, hooks.webhooks, clients, hooks.poster, vault, cards.now))


def sign_in(settings: Settings, people: People, database: Database, key: bytes, now: Callable[[], datetime]) -> SignIn:
    """Return what lets people of the desk in."""
    back, seconds = f"{settings.desk_address}/desk/sign-in/back", settings.seal_timeout_seconds
    issuer = settings.openid_issuer
    provider = Provider(issuer, settings.openid_client_id, settings.openid_secret(), back, seconds, now) if issuer else None
    idle, longest = timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours)
    return SignIn(RoundTrip(provider, settings.desk_address, key, now), people, Sessions(database, people, idle, longest), now)


def wallet_door(settings: Settings, exchange: Exchange, database: Database, vault: Vault) -> WalletDoor:
    """Return what lets holders into our own wallet."""
    now, address = exchange.now, settings.public_url.rstrip("/")
    back, issuer = f"{address}/wallet/sign-in/back", settings.identity_issuer if settings.wallet_client_id else ""
    secret = settings.wallet_secret() if issuer else ""
    provider = Provider(issuer, settings.wallet_client_id, secret, back, settings.seal_timeout_seconds, now) if issuer else None
    sessions = HolderSessions(database, timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours))
    trip = RoundTrip(provider, address, vault.wallet_key, now)
    return WalletDoor(trip, exchange.reading, exchange.holders, exchange.delegations, sessions, vault, now)


def repository(settings: Settings, book: Book, catalogue: Catalogue, database: Database, now: Callable[[], datetime]) -> Reconciler | None:
    """Return what reports to the provincial repository, and reconciles with it; None where no repository is set."""
    if not settings.repository_url:
        return None
    token, secret = settings.repository_keys()
    poster = Poster(read_networks(settings.repository_networks, "LICENCE_REPOSITORY_NETWORKS"))
    wire = Gateway(settings.repository_url, token, secret, poster)
    reporter = Reporter(wire, KeptClaims(database), Lines(database), book, catalogue, now, settings.repository_holders)
    return Reconciler(There(wire, now), reporter, Differences(database), now)
