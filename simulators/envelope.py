"""What all simulated systems have in common: the signed envelope of gateways, a small server, and faults that follow from a seed."""

import hashlib
import hmac
import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

FAILS, HANGS_UP, SILENT_AFTER, SLOW = "fails", "hangs_up", "silent_after", "slow"
PASSING = (FAILS, HANGS_UP, SILENT_AFTER, SLOW)  # the sender notices, and tries again
WINDOW = timedelta(minutes=10)


def written(value: object) -> bytes:
    """Return canonical JSON; enough of RFC 8785 for what goes over this wire: keys in ASCII, whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sm3(content: bytes) -> str:
    """Return SM3 in hexadecimal."""
    return hashlib.new("sm3", content).hexdigest()


@dataclass
class Envelope:
    """Who may ask, and how messages are signed, both ways. `rate` is the share of messages that one of `faults` strikes."""

    token: str
    secret: bytes
    seed: int = 0
    rate: float = 0.0
    faults: tuple[str, ...] = PASSING
    silence: float = 12.0  # seconds for which it says nothing
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    done: list[tuple[str, str]] = field(default_factory=list)  # fault, message id
    lock: threading.RLock = field(default_factory=threading.RLock)
    _attempts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def fault(self, message_id: str, possible: Callable[[int], tuple[str, ...]], hidden: str = "") -> str:
        """Return the fault that strikes this attempt, or nothing; never a third time. `hidden` is what of the id is another each time."""
        self._attempts[message_id] += 1
        attempt = self._attempts[message_id]
        chance = random.Random(f"{self.seed}/{message_id.replace(hidden, '') if hidden else message_id}/{attempt}")
        if not possible(attempt) or attempt > 2 or chance.random() >= self.rate:
            return ""
        fault = chance.choice(possible(attempt))
        self.done.append((fault, message_id))
        return fault

    def signature(self, operation: str, head: Mapping[str, Any], data: Mapping[str, Any]) -> str:
        """Return HMAC-SM3 over operation, head and data."""
        signed = {name: value for name, value in head.items() if name not in {"accessToken", "signature"}}
        return hmac.new(self.secret, written([operation, signed, data]), "sm3").hexdigest()

    def comes_from_a_sender(self, operation: str, head: dict[str, Any], data: dict[str, Any]) -> bool:
        """Say whether token, signature and time are good."""
        good = hmac.compare_digest(str(head.get("accessToken")), self.token)
        signed = hmac.compare_digest(str(head.get("signature")), self.signature(operation, head, data))
        return good and signed and abs(datetime.fromisoformat(head["time"]) - self.clock()) <= WINDOW

    def signed(self, operation: str, head: Mapping[str, Any], code: str, data: dict[str, Any]) -> dict[str, Any]:
        """Return an answer."""
        said = {"requestId": head.get("requestId"), "nonce": head.get("nonce"), "time": self.clock().isoformat(timespec="seconds"), "code": code}
        return {"head": {**said, "signature": self.signature(operation, said, data)}, "data": data}


class System(Protocol):
    """What is served."""

    silence: float

    def answer(self, path: str, said: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        """Return the fault on the way, and the whole answer; None where a failure comes first."""

    def shown(self) -> dict[str, list[Any]]:
        """Return what `GET` shows of it, by path."""


def _handler(system: System) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fault, answer = system.answer(self.path, said)
            if fault == SLOW:
                time.sleep(0.2)
            if fault == SILENT_AFTER:
                time.sleep(system.silence)
            if fault in {HANGS_UP, SILENT_AFTER}:
                self.close_connection = True
            elif answer is None:
                self.send_error(500)
            else:
                self._send(answer)

        def do_GET(self) -> None:
            found = system.shown().get(self.path)
            if found is None:
                self.send_error(404)
            else:
                self._send(found)

        def _send(self, value: object) -> None:
            content = written(value)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_said: Any) -> None:  # noqa: ANN401
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_of: Any) -> None:  # noqa: ANN401
        """A sender that hung up is no trouble here."""


@contextmanager
def listening(system: System, port: int = 0) -> Iterator[str]:
    """Let a system listen on this machine; yield its address."""
    server = _Server(("127.0.0.1", port), _handler(system))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/elssp/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serve(system: System, port: int, name: str, begun: Callable[[str], None] = lambda _url: None) -> None:
    """Serve until Ctrl-C; `begun` is told of the address."""
    with listening(system, port) as url:
        begun(url)
        print(f"{name} at {url}", flush=True)  # noqa: T201 - this is the output
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
