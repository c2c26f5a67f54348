"""The quick way of a scanned code: a prepared answer goes out before any framework wakes up; all else takes the usual way.

It stands around the whole application. What it sends is what `verifying.verify_code` would send, header by header. Scans are counted,
not logged line by line: a code's address is a licence.
"""

import itertools
import secrets
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from licence_service.errors import Unavailable
from licence_service.preparing import Preparer
from licence_service.qr_token import PATH
from licence_service.web.receipting import HEADERS

_HEADERS = [*((name.lower().encode(), value.encode()) for name, value in HEADERS.items()), (b"content-type", b"application/json")]
_MOST = 1200


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
        digits = _code_asked_for(scope)
        body = await self._ready(digits) if digits else None
        if body is None:
            await self._app(scope, receive, send)
            return
        self._scans += 1
        headers = [*_HEADERS, (b"content-length", b"%d" % len(body)), (b"x-request-id", b"%s%08x" % (self._process, next(self._numbers)))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the figure for Prometheus."""
        yield CounterMetricFamily("licence_scans", "Scanned codes answered from what lies ready", value=self._scans)

    async def _ready(self, digits: str) -> bytes | None:
        try:
            return await run_in_threadpool(self._preparer.answer, digits) if self._blocking else self._preparer.answer(digits)
        except Unavailable:
            return None  # the usual way says so in words


def _code_asked_for(scope: Scope) -> str | None:
    """Return the digits of a request for the JSON verdict on a code as of now; None where anything else is asked."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"]:
        return None
    path: str = scope["path"]
    if not path.startswith(PATH) or len(path) > _MOST or not path.isascii():
        return None  # what are no digits finds nothing ready
    for name, value in scope["headers"]:
        if name == b"accept" and b"html" in value:
            return None
    return path[len(PATH) :]
