"""Seals with latency: how near signing lanes come to lanes ÷ latency, what failures and stalls cost, and where a real token is full.

    python -m bench.lanes

`lanes_over_latency`: signatures a second over lanes ÷ latency, the least of all pairs of an artificial latency and a number of lanes; 1 is
what cannot be surpassed, and the peer is the same key called in a loop, which shows what the machine's sleep takes of it. `lanes_lost`:
messages that were left without their own signature, or had another's, or shared one, in runs where signings fail and hang at random; 0 or
wrong. The curves of a token in software (SoftHSM) show with how many lanes it is full: signatures come from the product's own lanes, each
checked with the certificate's key.

`chunk_over_latency`: the same through the product, `chunks.issue` with the parts of a chunk printed while others are signed: signatures a
second from the first to the last of a chunk over lanes ÷ latency, where the lanes take longer than the printing.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from bench.record import machine, record
from licence_service.errors import SealUnavailable
from licence_service.seal.ecdsa import der_signature
from licence_service.seal.lanes import Lanes
from licence_service.seal.pades import LocalSeal
from licence_service.seal.pkcs11 import lanes_of
from tests import soft_hsm
from tests.journeys.test_chunks import rows
from tests.slow_keys import SlowKey, is_over
from tests.world import DRIVER, PASSPHRASE, World, a_world, make_keys

LATENCIES, COUNTS, ROUNDS = (0.005, 0.05), (1, 2, 4, 8, 16), 7
SECONDS, WARM = 0.8, 4  # of each measurement; signatures for each lane before it, so that all are open
MESSAGES, RUNS, PATIENCE = 3_000, 10, 0.25
CHUNK, CHUNK_LANES = 800, ((8, 0.05), (1, 0.005))  # two parts; lanes and latency: 5 ms a signature is longer than a page takes
TOKEN_ROUNDS, TOKEN_SIGNATURES = 7, 600


def rate(lanes: Lanes, count: int, name: str) -> float:
    """Return signatures a second over so many messages never seen before."""
    list(lanes.each(f"{name} warm {number}".encode() for number in range(WARM * lanes.count)))
    began = time.perf_counter()
    made = sum(1 for _ in lanes.each(f"{name} {number}".encode() for number in range(count)))
    assert made == count
    return count / (time.perf_counter() - began)


def called(key: SlowKey, count: int) -> float:
    """Return signatures a second of a key that is called in a loop: what this machine's clock and its load leave of the latency."""
    lane = key.open()
    began = time.perf_counter()
    for number in range(count):
        lane.sign(b"%d" % number)
    return count / (time.perf_counter() - began)


def latencies() -> None:
    """Print the table of artificial latencies and record its least ratio."""
    print("artificial key: signatures/s over lanes ÷ latency, median of the rounds (worst)")
    ratios: dict[tuple[float, int], list[float]] = {(latency, count): [] for latency in LATENCIES for count in COUNTS}
    bare: dict[float, list[float]] = {latency: [] for latency in LATENCIES}
    for number in range(ROUNDS):
        for latency, found in bare.items():
            found.append(called(SlowKey(latency), int(SECONDS / latency)) * latency)
        for (latency, count), found in ratios.items():
            most = count / latency
            found.append(rate(Lanes(SlowKey(latency).open, count), max(count * 8, int(most * SECONDS)), f"{number}") / most)
    for latency in LATENCIES:
        row = [f"{count:>2} lanes {statistics.median(ratios[latency, count]):.3f} ({min(ratios[latency, count]):.3f})" for count in COUNTS]
        print(f"  {latency * 1000:>3.0f} ms: {', '.join(row)}; called in a loop without lanes {statistics.median(bare[latency]):.3f}")
    least = min(map(statistics.median, ratios.values()))
    worst = min(map(min, ratios.values()))
    loop = min(map(statistics.median, bare.values()))
    record("lanes_over_latency", least, better="higher", ours=least, peer=loop, unit="of lanes ÷ latency", worst=worst, rounds=ROUNDS)


class Timed(SlowKey):
    """A key that remembers when its first signature was asked for and when its last was there."""

    first, last = 0.0, 0.0

    def sign(self, message: bytes) -> bytes:
        """See `SlowKey.sign`."""
        self.first = self.first or time.perf_counter()
        made = super().sign(message)
        self.last = time.perf_counter()
        return made


def chunk() -> None:
    """Record how near the lanes come to lanes ÷ latency while a chunk is printed beside them."""
    ratios: dict[tuple[int, float], list[float]] = {pair: [] for pair in CHUNK_LANES}
    with TemporaryDirectory() as folder:
        keys = make_keys(Path(folder) / "keys")
        with a_world(Path(folder) / "register", keys) as world:
            given = iter(rows(world, count=(ROUNDS + 1) * CHUNK * len(ratios)))
            for _ in range(ROUNDS + 1):
                for (count, latency), found in ratios.items():
                    key = timed(world, keys, count, latency)
                    world.service.chunks.issue(world.client(DRIVER), list(islice(given, CHUNK)))
                    assert key.whole == CHUNK
                    found.append(CHUNK / (key.last - key.first) / (count / latency))
    ratios = {pair: found[1:] for pair, found in ratios.items()}  # the first prepares presses and dictionary
    for (count, latency), found in ratios.items():
        print(f"a chunk of {CHUNK}, lanes: {count}, {latency * 1000:.0f} ms: {statistics.median(found):.3f} of lanes ÷ latency ({min(found):.3f})")
    least = min(map(statistics.median, ratios.values()))
    worst = min(map(min, ratios.values()))
    record("chunk_over_latency", least, better="higher", ours=least, peer=1.0, unit="of lanes ÷ latency", worst=worst, rounds=ROUNDS)


def timed(world: World, keys: Path, count: int, latency: float) -> Timed:
    """Put a key that takes its time, with fresh lanes, in the place of the drivers' department's own."""
    department = world.service.keyring.departments[world.client(DRIVER).department]
    folder = keys / department.uscc
    private = load_pem_private_key((folder / "seal.key.pem").read_bytes(), PASSPHRASE.encode())
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    key = Timed(latency, sign_with=partial(der_signature, private))
    chain = [one.public_bytes(Encoding.DER) for one in load_pem_x509_certificates((folder / "certificate.pem").read_bytes())]
    seal = LocalSeal(department.seal.seal_id, "pades-p256", Lanes(key.open, count), chain)
    assert isinstance(world.service.keyring.departments, dict)
    world.service.keyring.departments[department.uscc] = replace(department, seal=seal)
    return key


def losses() -> None:
    """Let signings fail and hang, and count what became of the messages."""
    lost, failures, stalls, ended, late, doubled = 0, 0, 0, 0, 0, 0
    for seed in range(RUNS):
        key = SlowKey(0.002, spread=0.5, failing=0.05, stalling=0.005, stall=3 * PATIENCE, seed=seed)
        lanes = Lanes(key.open, 8, patience_seconds=PATIENCE)
        messages = [b"%d/%d" % (seed, number) for number in range(MESSAGES)]
        while True:
            try:
                signatures = list(lanes.each(messages))
                break
            except SealUnavailable:  # the caller comes again, and what was made is remembered
                ended += 1
        lost += MESSAGES - len(set(signatures)) + sum(not is_over(one, message) for one, message in zip(signatures, messages, strict=True))
        failures, stalls, late = failures + key.failures, stalls + key.stalls, late + key.whole - MESSAGES
        doubled += sum(times > 1 for times in key.made.values())
    print(
        f"{RUNS} runs of {MESSAGES:,} messages: {failures} failures, {stalls} stalls, {ended} runs ended and gone on with, {late} signatures came late for "
        f"{doubled} messages and were never used, {lost} lost"
    )
    record("lanes_lost", lost, better="lower", ours=lost, peer=None, unit="messages", worst=lost, rounds=RUNS)


def curve(name: str, make: Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]) -> None:
    """Print signatures a second of a key in SoftHSM against lanes, and record the most."""
    key = make()
    uri, rates = soft_hsm.keep(key), {count: list[float]() for count in COUNTS}
    all_lanes = {count: lanes_of(uri, soft_hsm.access(), key.public_key(), count) for count in COUNTS}
    for number in range(TOKEN_ROUNDS):
        for count, lanes in all_lanes.items():
            rates[count].append(rate(lanes, TOKEN_SIGNATURES, f"{name} {number}"))
    for lanes in all_lanes.values():
        lanes.close()
    medians = {count: statistics.median(found) for count, found in rates.items()}
    print(f"SoftHSM, {name}: " + ", ".join(f"{count} lanes {medians[count]:,.0f}/s ({min(rates[count]):,.0f})" for count in COUNTS))
    best = max(COUNTS, key=medians.__getitem__)
    record(
        f"softhsm_{name}_per_second", medians[best], better="higher", ours=medians[best], peer=medians[1], unit="signatures/s",
        worst=min(rates[best]), rounds=TOKEN_ROUNDS,
    )  # fmt: skip


def run() -> None:
    """Measure all four."""
    print(machine())
    latencies()
    chunk()
    losses()
    curve("p256", lambda: ec.generate_private_key(ec.SECP256R1()))
    curve("rsa2048", lambda: rsa.generate_private_key(65537, 2048))


if __name__ == "__main__":
    run()
