"""Show codes: what making and checking one costs beside its raw signature, and a thousand holders who refresh at half life.

    python -m bench.showing                 both, some two minutes
    python -m bench.showing --seconds 30    a shorter crowd; its figure is recorded by a whole run only

`show_code_over_raw`: CPU of making a code of a licence at hand (its state, the log-in, the signature) and of checking it (signature, claims, time,
log-in and card, the first checker entered with the holder's line in one durable transaction), over one plain ECDSA P-256 signature and its verification
by the same library. Not in it, since every other request about a licence has to do them too: finding and decrypting the card when a code is made;
reading the licence, seeing whether it still names the holder, and the verdict when one is scanned. HTTP is in neither.
`show_scan_over_raw` has all of that but HTTP: all that `ShowOffice.make` and `ShowOffice.scan` do. It has no floor.

The crowd: `HOLDERS` holders, each with a card, refresh codes of 60 seconds every 30 over HTTP, spread evenly, at two server processes on one SQLite
register. A code is late where it comes after the one on the screen has expired; what is printed is how long each request took. All hold the
same licence: what a request costs does not hang on which one it is.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient

from bench.issue import service_in
from bench.record import record
from licence_service import show_code
from licence_service.app import create_app
from licence_service.demo import Moved
from licence_service.digests import sha256
from licence_service.exchange import Exchange
from licence_service.holding import Holding
from licence_service.licence import beijing_day
from licence_service.seal.tokens import Purpose
from licence_service.service import Service
from licence_service.showing import Scanner
from licence_service.store.cards import Scope
from licence_service.store.clients import EVERY_TYPE, HOST, Client
from licence_service.store.holders import PERSON, Holder
from licence_service.store.reads import SHOWN, Read
from licence_service.store.showings import Scan

SLUG, HOLDERS, SECONDS, ROUNDS, OF_A_ROUND = "practitioner_qualification", 1000, 90, 7, 200
PORTS, LATE = (18111, 18112), 30.0  # seconds: what is left of the code on the screen when the next one is asked for
_ES256 = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class Scene:
    """A service with one licence, and holders who have it as a card."""

    service: Service
    licence_id: str
    holders: list[str]

    @classmethod
    def made(cls, folder: Path, count: int) -> "Scene":
        """Issue the licence and let everybody keep it."""
        service = service_in(folder)
        today, sample = beijing_day(service.now()), service.catalogue.samples[SLUG]
        moved = Moved(service.catalogue.in_force(SLUG, today), service.catalogue.kinds, sample, today)
        token = service.clients.add(Client("bench", sample.issuer, (EVERY_TYPE,), 10_000), service.now())
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "bench-show-1"}
        answer = TestClient(create_app(service)).post("/licences", json=moved.request(), headers=headers)
        assert answer.status_code == 201, answer.text
        licence_id, cards = answer.json()["licence_id"], service.holder_desk.cards
        named = cards.kept.held_by(str(cards.holder_on(service.book.get(licence_id))))
        holders = [service.holder_desk.exchange.holders.known(PERSON, f"bench-{number}", "示例", service.now()) for number in range(count)]
        for one in holders:
            cards.kept.keep(Scope(one), licence_id, named, "identity", None, one, service.now())
        return cls(service, licence_id, holders)

    def tokens(self) -> list[str]:
        """Return a host's token for every holder."""
        clients, exchange = self.service.clients, self.service.holder_desk.exchange
        found = clients.by_secret(clients.add(Client("bench-host", "91519900MB9900011F", (EVERY_TYPE,), 10_000, HOST), self.service.now()))
        assert found
        return [self._token(exchange, found[1], one) for one in self.holders]

    @staticmethod
    def _token(exchange: Exchange, credential: int, holder: str) -> str:
        said = {"kind": PERSON, "level": 3, "client_id": "bench-host", "credential": credential, "person": None, "delegation": None}
        return exchange.admission.signed(exchange._audience, sub=holder, sid=sha256(holder.encode())[:32], **said)


def micros(work: Callable[[int], object]) -> float:
    """Return the µs of CPU that a call takes in a round."""
    began = time.process_time()
    for number in range(OF_A_ROUND):
        work(number)
    return (time.process_time() - began) / OF_A_ROUND * 1e6


def cost(scene: Scene) -> None:
    """Measure and record what a code costs."""
    service, office = scene.service, scene.service.shown.office
    holding = Holding(Holder(scene.holders[0], PERSON, 3), "a-log-in", None)
    key = service.keyring.department_of(service.book.get(scene.licence_id).department).signers[Purpose.LICENCE].key
    card = service.holder_desk.cards.card(holding, scene.licence_id, "show")
    public, payload = key.public_key(), show_code.pack(office.make(holding, scene.licence_id).facts)

    def check(digits: str, number: int) -> None:
        opened = office._opened(digits)
        assert opened
        facts, now = opened[0], service.now()
        assert office._standing(facts, now)[0] == "shown"
        scan = Scan(facts.nonce, sha256(f"checker-{number}".encode()), now, facts.expires_at)
        assert office.showings.scanned(scan, now, Read(now, facts.licence_id, SHOWN, "public", ("person_name",))) == "first"

    def a_round() -> tuple[float, ...]:
        made: list[str] = []
        again: list[str] = []
        return (
            micros(lambda _: public.verify(key.sign(payload, _ES256), payload, _ES256)),
            micros(lambda _: made.append(office.code(card, holding, show_code.ANYONE, show_code.LIFE).digits)),
            micros(lambda one: check(made[one], one)),
            micros(lambda _: again.append(office.make(holding, scene.licence_id).digits)),
            micros(lambda one: office.scan(again[one], Scanner(f"checker-{one:010d}"))),
        )

    rounds = [a_round() for _ in range(ROUNDS + 1)][1:]  # the first one warms
    raw, *each = (statistics.median(column) for column in zip(*rounds, strict=True))
    said = "making {:.0f}, checking {:.0f}; with the card {:.0f}, with the verdict {:.0f} µs of CPU".format(*each)
    print(f"raw signature and verification {raw:.0f} µs; {said}")
    for name, ours in (("show_code_over_raw", lambda one: one[1] + one[2]), ("show_scan_over_raw", lambda one: one[3] + one[4])):
        ratios = [ours(one) / one[0] for one in rounds]
        middle = statistics.median(ours(one) for one in rounds)
        record(name, statistics.median(ratios), better="lower", ours=middle, peer=raw, unit="µs CPU", worst=max(ratios), rounds=len(ratios))


def crowd(scene: Scene, seconds: int) -> None:
    """Let everybody refresh at half life, and print how long the requests took."""
    tokens, lock, took, late = scene.tokens(), threading.Lock(), [], []
    every = show_code.LIFE / 2

    def refresh(holder: int, due: float) -> None:
        port = PORTS[holder % len(PORTS)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)  # a phone's own
        headers = {"Authorization": f"Bearer {tokens[holder]}", "Content-Type": "application/json"}
        connection.request("POST", f"/holder/cards/{scene.licence_id}/show-codes", body="{}", headers=headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        assert answer.status == 201, said
        with lock:
            took.append(time.monotonic() - due)
            if took[-1] > LATE:
                late.append(holder)

    with ThreadPoolExecutor(32) as pool:
        start, ahead = time.monotonic() + 1, []
        for turn in range(int(len(tokens) * seconds / every)):
            due = start + turn * every / len(tokens)
            time.sleep(max(0.0, due - time.monotonic()))
            ahead.append(pool.submit(refresh, turn % len(tokens), due))
        for one in ahead:
            one.result()
    took.sort()
    p50, p99 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
    print(f"{len(took)} codes for {len(tokens)} holders in {seconds} s; late: {len(late)}")
    print(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, slowest {took[-1] * 1000:.0f} ms")
    if seconds >= SECONDS:
        record("show_codes_late", len(late), better="lower", ours=p99, peer=None, unit="ms at p99", worst=took[-1] * 1000, rounds=len(took))


def run(seconds: int = SECONDS) -> None:
    """Make the register, measure, serve and let the crowd come."""
    folder = Path(tempfile.mkdtemp(prefix="licence-showing-"))
    scene = Scene.made(folder, HOLDERS)
    cost(scene)
    with ExitStack() as stack:
        for port in PORTS:
            command = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--no-access-log"]
            process = subprocess.Popen([*command, "--factory", "bench.served:ours"], env={**os.environ, "BENCH_FOLDER": str(folder)})
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        for port in PORTS:
            _wait(port)
        crowd(scene, seconds)
    scene.service.close()


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("a server did not start")


if __name__ == "__main__":
    given = argparse.ArgumentParser(prog="python -m bench.showing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seconds", type=int, default=SECONDS, help="how long the crowd refreshes")
    run(given.parse_args().seconds)
