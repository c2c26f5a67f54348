"""A whole service for a test: real templates, fonts, demo seals, a register and an archive of its own."""

import atexit
import base64
import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import fastapi.dependencies.models
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi.testclient import TestClient
from pydantic import SecretStr

from licence_service.app import served
from licence_service.catalogue import Catalogue, read_catalogue
from licence_service.demo import Moved
from licence_service.document import Fonts, Printer
from licence_service.document.press import Press
from licence_service.licence import beijing_day
from licence_service.page import Family
from licence_service.seal.demo import make_demo_keys, read_demo_departments
from licence_service.seal.examiner import Examiner
from licence_service.seal.keyring import Keyring, read_keyring
from licence_service.service import Service, build
from licence_service.settings import Settings
from licence_service.skeletons import Skeletons
from licence_service.store.clients import EVERY_TYPE, Client
from tests.parts.databases import migrated_once

if TYPE_CHECKING:
    from subprocess import Popen

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
DRIVER, VEHICLE, TRIP = "practitioner_qualification", "road_transport_certificate", "overweight_vehicle_permit"
BUSINESS = "road_transport_business_permit"
PAYLOAD_KEY = "5e" * 32
PASSPHRASE = "a passphrase for tests"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        """Start at an instant."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the instant."""
        return self.now


@cache
def own_templates() -> Catalogue:
    """Read the templates of the repository once; a catalogue is never changed."""
    return read_catalogue(ROOT / "templates")


@cache
def opened_keys(folder: Path, _seals: str) -> Keyring:
    """Open a keys folder once for what its files say; opening private keys is slow on purpose."""
    return read_keyring(folder, passphrase=PASSPHRASE.encode(), allow_demo=True)


def opened_once(folder: Path) -> Keyring | None:
    """Return the opened keys of a folder; None where a seal is elsewhere or in a token, so that each service has a way of its own to it."""
    seals = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*/seal.toml")))
    return None if "remote" in seals or "pkcs11:" in seals else opened_keys(folder, seals)


@cache
def own_fonts() -> Fonts:
    """Open the prepared fonts once; they keep the glyphs that were met."""
    return Fonts.load(Settings().fonts.expanduser())


@cache
def begun_once(keys: Path, _departments: str, now: datetime) -> tuple[bytes, dict[str, str]]:
    """Return the file of a register in which everything was put in force and the clients were added, and their tokens."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "licence.db").write_bytes(migrated_once())
        service = build(settings_for(Path(folder), keys), Clock(now), own_templates(), opened_once(keys), own_fonts())
        tokens = World(service, service.now).tokens
        with service.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        service.close()
        register = (Path(folder) / "licence.db").read_bytes()
    kept_from_now_on()
    return register, tokens


@cache
def kept_from_now_on() -> None:
    """Let the collector forget what the first service left behind: templates, faces and keys stay, and are a quarter of a million objects to look at."""
    gc.collect()
    gc.freeze()


class Nursery:
    """Started children of examiners, handed from a world that is closed to the next: starting one loads libraries for a second and more.

    A child knows nothing but its program and its setting, and each file is examined by a fork of it; where both are the same, so is the child.
    """

    def __init__(self, most: int = 4) -> None:
        """Keep so many."""
        self.most = most
        self.waiting: dict[tuple[str, bytes], Popen[bytes]] = {}

    def lend(self, examiner: Examiner) -> None:
        """Give a new examiner the child that waits for its like, as the first that it asks."""
        first = examiner._children[-1]
        first._process = first._process or self.waiting.pop((first._program, first._setting), None)

    def take_back(self, examiner: Examiner) -> None:
        """Keep the child that was asked first, if it is idle and alive; the oldest goes where there are too many."""
        first = examiner._children[-1]
        like, process = (first._program, first._setting), first._process
        if like in self.waiting or process is None or process.poll() is not None or examiner._idle.qsize() < len(examiner._children):
            return
        first._process, self.waiting[like] = None, process
        if len(self.waiting) > self.most:
            self.end(next(iter(self.waiting)))

    def end(self, like: tuple[str, bytes]) -> None:
        """End one child."""
        process = self.waiting.pop(like)
        process.kill()
        process.communicate()

    def close(self) -> None:
        """End all."""
        for like in list(self.waiting):
            self.end(like)


NURSERY = Nursery()
atexit.register(NURSERY.close)


class Lent(Examiner):
    """An examiner that is lent its first child, for services that are not built by a world."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """Take a child that waits."""
        super().__init__(*given, **named)
        NURSERY.lend(self)

    def close(self) -> None:
        """Give it back."""
        NURSERY.take_back(self)
        super().close()


class Remembered(Skeletons):
    """Skeletons whose dictionaries are made once for all services of this process: from the same come the same."""

    def dictionary(self, day: date) -> bytes:
        """Make it, or hand it out again."""
        made_of = self.made_of(day)
        if made_of not in _DICTIONARIES:
            _DICTIONARIES[made_of] = super().dictionary(day)
        return _DICTIONARIES[made_of]


_DICTIONARIES: dict[str, bytes] = {}


class Inked(Printer):
    """A printer whose presses are made once for all services of this process with the same faces and templates.

    A press is of one template, and keeps of what it printed glyphs and the meanings of labels only.
    """

    def __init__(self, fonts: Fonts, families: Mapping[str, Family]) -> None:
        """Take the presses that there are."""
        super().__init__(fonts, families)
        self.pressroom._presses = _PRESSES.setdefault(id(fonts), (fonts, {}))[1]


_PRESSES: dict[int, tuple[Fonts, dict[tuple[object, ...], Press]]] = {}  # by identity, kept alive


def sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let services that are built share their presses and dictionaries with the others of this process."""
    monkeypatch.setattr("licence_service.service.Printer", Inked)
    monkeypatch.setattr("licence_service.service.Skeletons", Remembered)


def built(*given: Any) -> Service:
    """Build such a service; see `build`."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        sharing(monkeypatch)
        return build(*given)


def as_it_lies(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return by what a changed folder is told from one that is as it was: place, time and size of every file."""
    found = ((path, path.stat()) for path in folder.rglob("*"))
    return tuple(sorted((str(path), state.st_mtime_ns, state.st_size) for path, state in found))


_load = Fonts.load  # the reading itself, whatever stands in its place while commands run
_fonts = cache(lambda folder, _lies: _load(folder))
_catalogues = cache(lambda folder, _lies: read_catalogue(folder))
_keyrings = cache(lambda folder, _lies, **how: read_keyring(folder, **how))


def reading_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands that run in this process one after another read a folder again only where a file in it changed, and share the examiners' children.

    What was read correctly is handed out again; every refusal is the reading's own.
    """

    def keyring(folder: Path, *, remote_client: Any = None, **how: Any) -> Keyring:
        elsewhere = any("remote" in path.read_text("utf-8") for path in folder.glob("*/seal.toml"))
        return read_keyring(folder, remote_client=remote_client, **how) if elsewhere else _keyrings(folder, as_it_lies(folder), **how)

    for module in ("service", "cli.templates"):
        monkeypatch.setattr(f"licence_service.{module}.read_catalogue", lambda folder: _catalogues(folder, as_it_lies(folder)))
    monkeypatch.setattr("licence_service.service.read_keyring", keyring)
    sharing(monkeypatch)
    for module in ("service", "cli.examining"):
        monkeypatch.setattr(f"licence_service.{module}.Examiner", Lent)
    monkeypatch.setattr(Fonts, "load", lambda folder: _fonts(folder, as_it_lies(folder)))


def examiners(service: Service) -> tuple[Examiner, Examiner]:
    """Return the two examiners of a service: of our own files and of strangers'."""
    return service.examiner, service.uploads.presenter.examiner


def forget_routes() -> None:
    """Let go of closed services: FastAPI remembers the functions of 4,096 routes, and each holds its whole service."""
    for remembering in vars(fastapi.dependencies.models).values():
        if hasattr(remembering, "cache_clear"):
            remembering.cache_clear()


def settings_for(folder: Path, keys: Path, database_url: str | None = None, **more: Any) -> Settings:
    """Return settings for a service that lives in `folder`."""
    told: dict[str, Any] = {
        "public_url": "https://licence.example.cn", "worker_seconds": 0.0, "archive_url": f"file:{folder}/archive", "templates": ROOT / "templates", **more
    }  # fmt: skip
    return Settings(
        database_url=SecretStr(database_url or f"sqlite:///{folder}/licence.db"), keys=keys, seal_passphrase=SecretStr(PASSPHRASE),
        payload_key=SecretStr(PAYLOAD_KEY), allow_demo_keys=True, **told,
    )  # fmt: skip


def make_keys(folder: Path) -> Path:
    """Make the demo PKI of the samples' organs."""
    make_demo_keys(
        folder,
        read_demo_departments(ROOT / "keys" / "demo.toml"),
        passphrase=PASSPHRASE.encode(),
        now=NOW,
        not_before=datetime(2020, 1, 1, tzinfo=UTC),
    )
    return folder


@cache
def loop(_process: int) -> BlockingPortal:
    """Start the event loop in which all services of this process answer; without it each request starts one, with threads of its own."""
    started = start_blocking_portal()
    atexit.register(started.__exit__, None, None, None)
    return started.__enter__()


@dataclass
class World:
    """A service, its HTTP interface, and the tokens of one client per department."""

    service: Service
    clock: Callable[[], datetime]
    tokens: dict[str, str] = field(default_factory=dict)  # those of an earlier start, or made now
    http: TestClient = field(init=False)

    def __post_init__(self) -> None:
        """Put everything in force, add the clients and open the interface, where a register does not come with all that."""
        if not self.tokens:
            self.service.database.migrate()
        if not self.service.foundations.lines():
            self.service.put_in_force("提议人甲", "确认人乙")
        self.tokens = self.tokens or {
            uscc: self.service.clients.add(Client(f"client-{uscc}", uscc, (EVERY_TYPE,), 100_000), NOW) for uscc in self.service.keyring.departments
        }
        self.http = TestClient(served(self.service), raise_server_exceptions=False)
        self.http.portal = loop(os.getpid())

    def moved(self, slug: str) -> Moved:
        """Return a sample with its dates moved to the world's day."""
        today = beijing_day(self.clock())
        catalogue = self.service.catalogue
        return Moved(catalogue.in_force(slug, today), catalogue.kinds, catalogue.samples[slug], today)

    def client(self, slug: str) -> Client:
        """Return the client of the sample's department."""
        uscc = self.service.catalogue.samples[slug].issuer
        return Client(f"client-{uscc}", uscc, (EVERY_TYPE,), 100_000)

    def headers(self, slug: str, key: str | None = None) -> dict[str, str]:
        """Return the headers of the sample's department."""
        bearer = {"Authorization": f"Bearer {self.tokens[self.service.catalogue.samples[slug].issuer]}"}
        return {**bearer, "Idempotency-Key": key} if key else bearer

    def request(self, slug: str, **changed: Any) -> dict[str, Any]:
        """Return a valid issue request; `face` changes single fields (None takes one away), anything else the envelope."""
        request = self.moved(slug).request()
        face = {**request["face"], **changed.pop("face", {})}
        return {**request, **changed, "face": {name: value for name, value in face.items() if value is not None}}

    def issue(self, slug: str, key: str = "issue-0001", **changed: Any) -> dict[str, Any]:
        """Issue and return the answer."""
        answer = self.http.post("/licences", json=self.request(slug, **changed), headers=self.headers(slug, key))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def act(self, slug: str, licence_id: str, body: Mapping[str, Any], key: str) -> Any:  # the HTTP answer
        """Enter an act and return the HTTP answer."""
        whole = {"decision": decision(beijing_day(self.clock())), **body}
        return self.http.post(f"/licences/{licence_id}/entries", json=whole, headers=self.headers(slug, key))


def decision(day: date, **changed: Any) -> dict[str, Any]:
    """Return a decision of that day."""
    return {
        "number": "示许〔2026〕001号", "organ": "示例机关", "decided_on": day.isoformat(), "legal_basis": "示例条例第一条", "officer": "许可科01", **changed,
    }  # fmt: skip


@pytest.fixture(scope="session")
def demo_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo PKI, made once a session."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@contextmanager
def a_world(
    folder: Path, keys: Path, database_url: str | None = None, tokens: dict[str, str] | None = None, *, now: datetime = NOW, **more: Any
) -> Iterator[World]:
    """Open a world and close it again; one that was there before is given its `tokens`."""
    clock = Clock(now)
    ready, opened = None if "templates" in more else own_templates(), opened_once(keys)
    if ready and opened and database_url is None and not (folder / "licence.db").exists():
        file, known = begun_once(keys, str(opened.departments), now.replace(minute=0, second=0, microsecond=0))
        tokens = dict(known)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "licence.db").write_bytes(file)
    service = built(settings_for(folder, keys, database_url, **more), clock, ready, opened, None if "fonts" in more else own_fonts())
    for examiner in examiners(service):
        NURSERY.lend(examiner)
    try:
        yield World(service, clock, tokens or {})
    finally:
        for examiner in examiners(service):
            NURSERY.take_back(examiner)
        service.close()
        forget_routes()


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A whole service on SQLite and a folder."""
    with a_world(tmp_path, demo_keys) as opened:
        yield opened


def picture() -> str:
    """Return a small correct JPEG as base64."""
    from licence_service.document.standin import person

    return base64.b64encode(person()).decode()


def dumped(body: Any) -> bytes:
    """Return JSON bytes as a client sends them."""
    return json.dumps(body, ensure_ascii=False).encode()
