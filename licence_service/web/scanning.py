"""The quick way of a scanned code: a prepared answer goes out before any framework wakes up; all else takes the usual way.

It stands around the whole application. What it sends is what `verifying.verify_code` would send, header by header. Scans are counted,
not logged line by line: a code's address is a licence. `ScanProtocol` answers the same where the bytes arrive, before a task is made; it is
what `licence-service serve` runs under, and `Scanning` alone is right under any other server.
"""

import itertools
import secrets
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from licence_service.errors import Unavailable
from licence_service.preparing import Preparer
from licence_service.qr_token import PATH
from licence_service.web.receipting import HEADERS

_HEADERS = [*((name.lower().encode(), value.encode()) for name, value in HEADERS.items()), (b"content-type", b"application/json")]
_LINES = b"".join(b"%b: %b\r\n" % one for one in _HEADERS)
_MOST = 1200
_CARRYING = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})  # what a scan never comes with


class Scanning:
    """Answers `GET /Q/1…` from what lies ready."""

    def __init__(self, app: ASGIApp, preparer: Preparer, registry: CollectorRegistry, *, blocking: bool) -> None:
        """Wrap the application; `blocking` says that finding an answer waits for a server, and so must leave the loop."""
        self._app, self._preparer, self._blocking = app, preparer, blocking
        self._scans = 0
        self._process, self._numbers = secrets.token_hex(4).encode(), itertools.count()  # randomness for each request would cost a system call
        registry.register(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        plain = scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]
        digits = _code_asked_for(scope["path"], scope["headers"]) if plain else None
        body = await self._ready(digits) if digits else None
        if body is None:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self._told(body)})
        await send({"type": "http.response.body", "body": body})

    def at_once(self, target: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
        """Return header lines and body of the answer to a GET that carries nothing; None where none lies ready or finding it would wait."""
        digits = None if self._blocking else _code_asked_for(target, headers)
        body = self._found(digits) if digits else None
        if body is None:
            return None
        return b"%bcontent-length: %d\r\nx-request-id: %b\r\n" % (_LINES, len(body), self._counted()), body

    def _told(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """Count an answer and return its headers."""
        return [*_HEADERS, (b"content-length", b"%d" % len(body)), (b"x-request-id", self._counted())]

    def _counted(self) -> bytes:
        """Count an answer and return its id."""
        self._scans += 1
        return b"%b%08x" % (self._process, next(self._numbers))

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the figure for Prometheus."""
        yield CounterMetricFamily("licence_scans", "Scanned codes answered from what lies ready", value=self._scans)

    async def _ready(self, digits: str) -> bytes | None:
        return await run_in_threadpool(self._found, digits) if self._blocking else self._found(digits)

    def _found(self, digits: str) -> bytes | None:
        try:
            return self._preparer.answer(digits)
        except Unavailable:
            return None  # the usual way says so in words


class ScanProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 for everything, but a scan whose answer lies ready costs no task, no queue and one write."""

    _answered = False

    def on_headers_complete(self) -> None:
        """Answer here what can be answered here, in its turn on the connection."""
        found = self._at_once()
        if found is None:
            super().on_headers_complete()
            return
        self._answered = True
        closing = not self.parser.should_keep_alive()
        own = b"".join([b"%b: %b\r\n" % one for one in self.server_state.default_headers]) + (b"connection: close\r\n" if closing else b"")
        self.transport.write(b"HTTP/1.1 200 OK\r\n%b%b\r\n%b" % (own, *found))
        if closing:
            self.transport.close()

    def on_message_complete(self) -> None:
        """End an answered request as uvicorn ends its own: the next one may come, or the connection is let go of in time."""
        if not self._answered:
            super().on_message_complete()
            return
        self._answered = False
        self.on_response_complete()

    def _at_once(self) -> tuple[bytes, bytes] | None:
        """Return the answer that lies ready; None where the request is another, carries something, or others are under way before it."""
        under_way = self.pipeline or not (self.cycle is None or self.cycle.response_complete)
        if under_way or self.flow.write_paused or self.parser.get_method() != b"GET" or self.parser.get_http_version() != "1.1":
            return None
        if any(name in _CARRYING for name, _ in self.headers) or not isinstance(self.app, Scanning):
            return None
        return self.app.at_once(self.url.decode("latin-1"), self.headers)


def _code_asked_for(path: str, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the digits of a request for the JSON verdict on a code as of now; None where anything else is asked."""
    if not path.startswith(PATH) or len(path) > _MOST or not path.isascii():
        return None  # what are no digits finds nothing ready
    for name, value in headers:
        if name == b"accept" and b"html" in value:
            return None
    return path[len(PATH) :]
