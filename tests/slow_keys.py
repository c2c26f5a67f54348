"""Keys that take their time, fail in passing and hang, as keys in hardware modules do; for tests and benches of signing lanes."""

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from licence_service.errors import SealUnavailable
from licence_service.seal.lanes import Passing

DIGEST = 32


@dataclass
class SlowKey:
    """A key whose lanes answer after `latency` seconds, give or take the share `spread` of it.

    Of signings the share `failing` fails in passing and the share `stalling` takes `stall` seconds. While `gone` is set, none works;
    while `hanging` is set, those that begin wait for its end. No two signatures are alike, as with ECDSA, unless `sign_with` makes them.
    """

    latency: float = 0.0
    spread: float = 0.0
    failing: float = 0.0
    stalling: float = 0.0
    stall: float = 1.0
    seed: int = 0
    sign_with: Callable[[bytes], bytes] | None = None
    gone: bool = False
    hanging: bool = False
    made: Counter[bytes] = field(default_factory=Counter)  # signatures by message, also those that nobody waited for any more
    whole: int = 0  # all of them
    most: int = 0  # signings at once
    opened: int = 0
    closed: int = 0
    failures: int = 0
    stalls: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begin its chances."""
        self.dice = random.Random(self.seed)

    def open(self) -> "SlowLane":
        """Open a lane."""
        with self._lock:
            self.opened += 1
        return SlowLane(self)

    def sign(self, message: bytes) -> bytes:
        """Sign, or whatever else chance wants; the latency is counted from here."""
        began = time.monotonic()
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            chance, wait = self.dice.random(), self.latency * (1 + self.spread * self.dice.uniform(-1, 1))
            fails, stalls = chance < self.failing, self.failing <= chance < self.failing + self.stalling
            self.failures, self.stalls = self.failures + fails, self.stalls + stalls
        try:
            while self.hanging:
                time.sleep(0.01)
            time.sleep(max(0.0, began + (self.stall if stalls else wait) - time.monotonic()))
            if self.gone:
                raise SealUnavailable("the key is gone")
            if fails:
                raise Passing("it failed in passing")
            with self._lock:
                self.made[message] += 1
                self.whole += 1
                if self.sign_with:
                    return self.sign_with(message)
                return hashlib.sha256(message).digest() + self.whole.to_bytes(8)
        finally:
            with self._lock:
                self._now -= 1


class SlowLane:
    """One lane; two threads in it at once are an error."""

    def __init__(self, key: SlowKey) -> None:
        """Take the key."""
        self._key, self._busy, self._open = key, threading.Lock(), True

    def sign(self, message: bytes) -> bytes:
        """See `Lane.sign`."""
        assert self._open, "a closed lane was used"
        assert self._busy.acquire(blocking=False), "two threads in one lane"
        try:
            return self._key.sign(message)
        finally:
            self._busy.release()

    def close(self) -> None:
        """See `Lane.close`."""
        assert self._open, "a lane was closed twice"
        self._open = False
        self._key.closed += 1


def is_over(signature: bytes, message: bytes) -> bool:
    """Say whether a signature is one over this message."""
    return signature[:DIGEST] == hashlib.sha256(message).digest()
