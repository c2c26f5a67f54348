"""Nothing that a server or a command says beside its answers holds a token, a key, a number or a value of a face.

A sample day on a server of its own: issues, looks, verifications, webhooks, stock, refusals, commands, a database that breaks. Then everything
that came out is searched for everything that went in.
"""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from licence_service.admission import ASSERTION_TYPE, public_key
from licence_service.licence import beijing_day
from licence_service.service import utc_now
from licence_service.store.clients import OFFICER, Client
from tests.receiver import Receiver, listening
from tests.serving import free_port
from tests.stocks import PLAN, as_ndjson, clean
from tests.waiting import until
from tests.world import DRIVER, PASSPHRASE, PAYLOAD_KEY, ROOT, VEHICLE, World, a_world, decision, picture

NAMING = frozenset({"location", "content-disposition"})  # headers that name what was asked for
SHORTEST, NUMBER = 6, 10  # characters of a value that stands nowhere by chance; of a number, such as a weight: times of logs are full of shorter ones
OTHER_CITIZEN = "51990219850612013X"
WRONG = {"check_code": "0123456789AB", "name": "诸葛匿藏", "tail": "778899"}


@dataclass
class Day:
    """What went in that nobody may read elsewhere, and what came out beside the answers to who may know."""

    secrets: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)  # place, text
    answers: list[str] = field(default_factory=list)  # to who may know: here the secrets must stand
    processes: set[str] = field(default_factory=set)

    def secret(self, **named: Any) -> None:
        """Remember what is secret."""
        texts = {name: value for name, value in named.items() if isinstance(value, str)}
        self.secrets |= {name: value for name, value in texts.items() if len(value) >= (NUMBER if value.replace(".", "").isdigit() else SHORTEST)}

    def leaks(self) -> list[tuple[str, str]]:
        """Return where a secret stands: (place, name of the secret)."""
        listed = [*self.said, ("process listing", "\n".join(sorted(self.processes)))]
        return [(place, name) for place, text in listed for name, secret in self.secrets.items() if secret in text]


@dataclass
class Shop:
    """A server of its own process, and a shell beside it."""

    world: World
    day: Day
    environment: Mapping[str, str]
    address: str
    folder: Path

    def ask(self, method: str, path: str, token: str | None = None, *, wanted: int, **more: Any) -> Any:
        """Ask the server; of what is refused the whole answer, of what is not its headers may hold no secret."""
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        answer = httpx2.request(method, f"{self.address}{path}", headers=headers, timeout=60, **more)
        assert answer.status_code == wanted, (method, path, answer.status_code, answer.text[:600])
        self.day.said.append((f"headers of {path}", str([item for item in answer.headers.multi_items() if item[0].lower() not in NAMING])))
        if answer.status_code >= 400:
            self.day.said.append((f"refusal of {path}", answer.text))
        else:
            self.day.answers.append(answer.text)
        return answer

    def type(self, *words: str, wanted: int = 0, answers: bool = False) -> str:
        """Run a command in a process of its own; `answers`: its standard output is for who may know."""
        command = [sys.executable, "-m", "licence_service", *words]
        done = subprocess.run(command, env=dict(self.environment), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == wanted, (words, done.stdout[-500:], done.stderr[-1500:])
        self.day.said += [(f"stderr of {words[0]} {words[1]}", done.stderr)]
        (self.day.answers.append(done.stdout) if answers else self.day.said.append((f"stdout of {words[0]} {words[1]}", done.stdout)))
        return done.stdout

    def file(self, name: str, content: bytes | str) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)


@contextmanager
def watched(day: Day) -> Iterator[None]:
    """Look at the command line and the environment of every child of this process that the day begins, and theirs, all the time.

    What other tests left running (a resource tracker of multiprocessing) stands with the environment of those tests, where keys are named.
    """
    stop, before = threading.Event(), frozenset(psutil.Process().children())

    def begun() -> Iterator[psutil.Process]:
        for child in frozenset(psutil.Process().children()) - before:
            yield child
            with suppress(psutil.Error):
                yield from child.children(recursive=True)

    def watch() -> None:
        while not stop.wait(0.1):
            for one in begun():
                with suppress(psutil.Error):
                    day.processes.add("\n".join([*one.cmdline(), *(f"{name}={value}" for name, value in one.environ().items())]))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def shop(tmp_path: Path, demo_keys: Path) -> Iterator[Shop]:
    """The server under its logs, with its secrets in files that only their owner reads."""
    day, log, files = Day(), tmp_path / "server.log", {}
    day.secret(passphrase=PASSPHRASE, payload_key=PAYLOAD_KEY)
    for name, value in (("LICENCE_SEAL_PASSPHRASE_FILE", PASSPHRASE), ("LICENCE_PAYLOAD_KEY_FILE", PAYLOAD_KEY)):
        files[name] = tmp_path / name.lower()
        files[name].write_text(value)
        files[name].chmod(0o600)
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LICENCE_FONTS", "LC_ALL"}},
        **{name: str(path) for name, path in files.items()}, "PYTHONPATH": str(ROOT), "COLUMNS": "200",
        "LICENCE_DATABASE_URL": f"sqlite:///{tmp_path}/licence.db", "LICENCE_ARCHIVE_URL": f"file:{tmp_path}/archive",
        "LICENCE_KEYS": str(demo_keys), "LICENCE_TEMPLATES": str(ROOT / "templates"), "LICENCE_ALLOW_DEMO_KEYS": "1",
        "LICENCE_PUBLIC_URL": f"http://127.0.0.1:{port}", "LICENCE_WEBHOOK_NETWORKS": "127.0.0.0/8", "LICENCE_WEBHOOK_SECONDS": "0.2",
    }  # fmt: skip
    with (
        a_world(tmp_path, demo_keys, now=utc_now()) as world, log.open("w") as written, watched(day),
        subprocess.Popen(
            [sys.executable, "-m", "licence_service", "serve", "--port", str(port)], env=environment, cwd=ROOT, stdout=written, stderr=written
        ) as server,
    ):  # fmt: skip
        made = Shop(world, day, environment, f"http://127.0.0.1:{port}", tmp_path)
        try:
            until(lambda: _ready(made.address, server))
            yield made
        finally:
            server.terminate()
            server.wait(30)
            day.said.append(("server.log", log.read_text("utf-8")))
    assert '"event": "bug"' in day.said[-1][1]
    assert any("\nserve\n" in listed for listed in day.processes)
    assert not day.leaks()


def _ready(address: str, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None
    with suppress(httpx2.HTTPError):
        return httpx2.get(f"{address}/readyz").status_code == 200
    return False


def _token(shop: Shop, client: Client) -> str:
    """Let a client in by its own signature, and return its access token."""
    key = ECKey.generate_key("P-256")
    world = shop.world
    world.service.clients.add_with_key(client, public_key(key.as_pem(private=False)), world.service.now())
    now = int(utc_now().timestamp())
    claims = {"iss": client.name, "sub": client.name, "aud": f"{shop.address}/oauth/token", "exp": now + 300, "iat": now, "jti": f"j-{client.name}"}
    said = jwt.encode({"alg": "ES256"}, claims, key)
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": said}
    token = str(shop.ask("POST", "/oauth/token", wanted=200, data=form).json()["access_token"])
    shop.ask("POST", "/oauth/token", wanted=401, data=form)  # a second time
    shop.day.secret(
        **{f"assertion of {client.name}": said, f"token of {client.name}": token, f"key of {client.name}": str(key.as_dict(private=True)["d"])}
    )
    return token


def _issued(shop: Shop, token: str, slug: str, number: int, **changed: Any) -> dict[str, Any]:
    day = shop.day
    request = shop.world.request(slug, case_no=f"SECRET-{number}", **changed)
    if slug == DRIVER:
        request["photos"] = {"photo": picture()}
    answer = shop.ask("POST", "/licences", token, wanted=201, json=request, headers={"Idempotency-Key": f"secret-{number:04}"}).json()
    template = shop.world.service.catalogue.editions[slug][-1]
    open_to_all = {template.issuer_field, *(name for name, one in template.fields.items() if one.type in {"date", "enum"})}
    day.secret(
        **{f"{slug} {name}": str(value) for name, value in request["face"].items() if name not in open_to_all and isinstance(value, str)},
        **{f"{slug} {name}": answer[name] for name in ("check_code", "delivery_code", "number", "licence_id", "elicence_id")},
        **{f"{slug} code": answer["verify_url"].rpartition("/Q/1")[2]},
    )
    found: dict[str, Any] = answer
    return found


def _at_the_counter(shop: Shop, token: str, officers: str, receiver: Receiver) -> Callable[[], None]:
    """Issue, read, search, look, show, be refused; return what is asked when the message has come, some seconds later."""
    ask, day = shop.ask, shop.day
    hook = ask("POST", "/webhooks", token, wanted=201, json={"url": receiver.url()}).json()
    day.secret(webhook=hook["secret"])
    driver = _issued(shop, token, DRIVER, 1)
    vehicle = _issued(shop, shop.world.tokens[shop.world.service.catalogue.samples[VEHICLE].issuer], VEHICLE, 2)
    path, face = f"/licences/{driver['licence_id']}", shop.world.request(DRIVER)["face"]
    for part in ("", "/entries", "/history", "/looks", "/versions/1/document"):
        ask("GET", f"{path}{part}", token, wanted=200)
    body = {"act": "replace", "reason": "lost", "decision": decision(beijing_day(utc_now()))}
    ask("POST", f"{path}/entries", token, wanted=201, json=body, headers={"Idempotency-Key": "secret-replace"})
    content = ask("POST", "/download", wanted=200, json={"delivery_code": driver["delivery_code"]}).content
    for value in (driver["number"], OTHER_CITIZEN):
        ask("POST", "/licences/search", token, wanted=200, json={"field": "number", "value": value})
        ask("POST", "/licences/search", token, wanted=200, json={"holder": value})
    look = {"by": "id", "value": face["citizen_id"], "reason": "roadside_check", "place": "示例国道三公里处", "officer": "执法007"}
    ask("POST", "/officer/look", officers, wanted=200, json=look)
    ask("POST", "/officer/look", officers, wanted=422, json={**look, "reason": OTHER_CITIZEN})
    for one in (driver, vehicle):
        ask("POST", "/verify", wanted=200, json={"number": one["number"], "check_code": one["check_code"]})
        ask("POST", "/verify", wanted=200, json={"number": one["number"], "check_code": WRONG["check_code"]})
        ask("POST", "/verify/match", wanted=200, json={"number": one["number"], "check_code": one["check_code"], "name": WRONG["name"]})
        ask("GET", f"/Q/1{one['verify_url'].rpartition('/Q/1')[2]}", wanted=200)
    for file in (content, content[:-700]):
        ask("POST", "/verify/document", wanted=200, content=file, headers={"Content-Type": "application/pdf"})
    wrong = shop.world.request(
        DRIVER, face={"citizen_id": OTHER_CITIZEN, "person_name": "甲\u202e乙", "address": "匿藏街七十七号院"}, case_no="SECRET-9"
    )
    day.secret(wrong_citizen=OTHER_CITIZEN, wrong_address="匿藏街七十七号院", wrong_name=WRONG["name"], wrong_code=WRONG["check_code"])
    ask("POST", "/licences", token, wanted=422, json=wrong, headers={"Idempotency-Key": "secret-wrong"})
    ask("GET", path, "lst_" + "x" * 43, wanted=401)
    ask("GET", path, officers, wanted=403)
    day.secret(foreign_token="lst_" + "x" * 43)

    def later() -> None:
        until(lambda: receiver.taken and shop.world.service.heads.last())
        ask("GET", f"{path}/answer", token, wanted=200)
        ask("GET", f"/webhooks/{hook['webhook_id']}/deliveries", token, wanted=200)

    return later


def _stock(shop: Shop, token: str) -> None:
    """Load a file of an old system with a row that is wrong, and with one that is not of its shape."""
    rows = [{**clean(number), "照片": base64.b64encode(b"no picture").decode()} for number in (7, 8, 9)]
    shop.day.secret(**{f"stock {name} {at}": row[name] for at, row in enumerate(rows) for name in ("身份证号", "住址", "证号")})
    form = {"map": PLAN, "type": DRIVER, "by": "装载人甲"}
    run = shop.ask("POST", "/batches", token, wanted=201, data=form, files={"file": ("stock", as_ndjson(rows))}).json()["run"]
    shop.day.said.append(("report of stock", shop.ask("GET", f"/batches/{run}/report", token, wanted=200).text))
    shop.ask("GET", f"/batches/{run}/quarantine", token, wanted=200)
    shop.ask("POST", "/batches", token, wanted=422, data=form, files={"file": ("stock", json.dumps(rows[0]).encode() * 2)})
    shop.type("batch", "report", run)


def _at_a_shell(shop: Shop, client: str) -> None:
    """Type what operators type."""
    made = shop.type("clients", "add", "typed", "--department", shop.world.client(DRIVER).department, "--json", answers=True)
    shop.day.secret(typed=json.loads(made)["token"])
    request = shop.world.request(DRIVER, case_no="SHELL-1", face={"citizen_id": "519902198506120111", "license_no": "5199002611000000991"})
    done = json.loads(
        shop.type("issue", shop.file("one.json", json.dumps(request)), "--client", client, "--key", "shell-00001", "--json", answers=True)
    )
    shop.day.secret(shell_number=done["number"], shell_delivery=done["delivery_code"], shell_check=done["check_code"], shell_id=done["licence_id"])
    rows = [
        {"key": f"many-{at:04}", "request": {**request, "case_no": f"MANY-{at}", "face": {**request["face"], "citizen_id": OTHER_CITIZEN}}}
        for at in (1, 2)
    ]
    many = shop.file("rows.ndjson", "".join(json.dumps(one) + "\n" for one in rows))
    shop.type("issue-many", many, "--client", client, "--results", str(shop.folder / "results.ndjson"), wanted=1)
    for words in (("clients", "list"), ("seal", "log"), ("webhooks", "list")):
        shop.type(*words)
    shop.type("audit", "--json")


def _broken(shop: Shop, token: str) -> None:
    """Spoil the book under the server, so that what is asked ends in a bug whose trace is logged; then take a table away."""
    licence_id = shop.ask("POST", "/licences/search", token, wanted=200, json={"type": DRIVER}).json()["licences"][0]["licence_id"]
    with sqlite3.connect(shop.folder / "licence.db", timeout=30) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entries'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE entries SET body = replace(body, '\"act\"', '\"tca\"')")
    shop.ask("GET", f"/licences/{licence_id}", token, wanted=500)
    shop.ask("POST", "/licences/search", token, wanted=500, json={"type": DRIVER})
    with sqlite3.connect(shop.folder / "licence.db", timeout=30) as connection:
        connection.execute("ALTER TABLE lookups RENAME TO lookups_elsewhere")
    shop.ask("POST", "/licences/search", token, wanted=503, json={"field": "number", "value": OTHER_CITIZEN})


def test_no_output_of_a_day_holds_what_is_secret(shop: Shop) -> None:
    issuer = shop.world.service.catalogue.samples[DRIVER].issuer
    token = _token(shop, Client("approval-by-key", issuer, ("*",), 1000))
    officers = _token(shop, Client("officers-by-key", issuer, ("*",), 1000, OFFICER))
    shop.day.secret(**{f"secret of {uscc}": one for uscc, one in shop.world.tokens.items()})
    failing = iter([503])  # tried again after five seconds
    with listening(Receiver(answer=lambda _receiver, _got: (next(failing, 204), {}))) as receiver:
        later = _at_the_counter(shop, token, officers, receiver)
        _stock(shop, token)
        _at_a_shell(shop, "approval-by-key")
        later()
    shop.day.said.append(("metrics", shop.ask("GET", "/metrics", wanted=200).text))
    _broken(shop, token)

    answered = "\n".join(shop.day.answers)
    shown = {name for name, secret in shop.day.secrets.items() if secret in answered}
    assert len(shown) > 25  # the same search finds them where they belong
    assert len(shop.day.secrets) > 50
    assert len(shop.day.said) > 60
    assert sum("licence_service" in one for one in shop.day.processes) > 8  # the server, its children, commands
