"""A province's seal service that misbehaves on demand, on loopback: slow, failing, duplicate, late.

It keeps the protocol of `licence_service.seal.remote` and counts every use of its seal by request id. The modes:

* `ok`: seals at once;
* `slow`: answers 202 and has the result a moment later;
* `never`: answers 202 whenever it is asked;
* `fail`: answers 500 and has sealed nothing;
* `fail-after`: has sealed, and answers 500;
* `late`: seals, but answers only when it is `let` (the result waits for a second question);
* `other`: returns another document; `unsealed`: returns the document as it came.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from licence_service.seal import Seal


@dataclass
class SealService:
    """Serves `seal` at `url` within a `with` block; set `mode` at any time."""

    seal: Seal
    mode: str = "ok"
    let: threading.Event = field(default_factory=threading.Event)
    uses: Counter[str] = field(default_factory=Counter)
    questions: Counter[str] = field(default_factory=Counter)
    _results: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        service = self

        class Handler(_Handler):
            """Answers for this service."""

        Handler.service = service
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def sealed(self, request_id: str, document: bytes, sealed_at: datetime) -> bytes | None:
        """Seal once per id; `None` where the id came with another document before."""
        with self._lock:
            if request_id not in self._results:
                self.uses[request_id] += 1
                result = self.seal.affix(document, sealed_at=sealed_at, request_id=request_id).document
                self._results[request_id] = (document, result)
            first, result = self._results[request_id]
            return result if first == document else None

    def result(self, request_id: str) -> bytes | None:
        """Return what was made before."""
        with self._lock:
            return self._results[request_id][1] if request_id in self._results else None


class _Handler(BaseHTTPRequestHandler):
    service: SealService
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        service, request_id = self.service, self.path.rpartition("/")[2]
        service.questions[request_id] += 1
        document = self.rfile.read(int(self.headers["Content-Length"]))
        mode = service.mode
        if mode == "fail":
            return self._answer(500)
        result = service.sealed(request_id, document, datetime.fromisoformat(self.headers["Sealing-Time"]))
        if result is None:
            return self._answer(409)
        if mode == "late":
            service.let.wait()
        if mode == "fail-after":
            return self._answer(500)
        if mode in {"slow", "never"}:
            return self._answer(202)
        if mode == "other":
            return self._answer(200, b"%PDF-1.7 another " + result)
        return self._answer(200, document if mode == "unsealed" else result)

    def do_GET(self) -> None:
        if self.service.mode == "never":
            return self._answer(202)
        result = self.service.result(self.path.rpartition("/")[2])
        if result is None:
            return self._answer(404)
        return self._answer(200, result)

    def _answer(self, status: int, body: bytes = b"") -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 202:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            # The client gave up; that is what the mode `late` is for.
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""
