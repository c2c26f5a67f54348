"""What the operator sees: one structured log line a request, metrics, health. No personal data in any of them."""

import math
import secrets
import time
import traceback
from collections.abc import Iterator
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from licence_service.document.press.room import Pressroom
from licence_service.errors import Unavailable
from licence_service.service import Service
from licence_service.web import problems
from licence_service.web.access import TheService
from licence_service.web.shapes import ANSWERS, plain_answer, shape

router = APIRouter(tags=["operation"])
log = structlog.get_logger("licence_service")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Watching:
    """Gives each request an id, measures it, and logs route, status and time: never an address with values in it."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        """Wrap the application."""
        self._app = app
        self._count = Counter("licence_requests_total", "Requests by route and status", ["method", "route", "status"], registry=registry)
        self._time = Histogram("licence_request_seconds", "Seconds by route", ["route"], registry=registry, buckets=_BUCKETS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, started, status, begun = secrets.token_hex(8), time.perf_counter(), 500, False
        scope.setdefault("state", {})["request_id"] = request_id

        async def watched(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as bug:
            # The operator gets the trace: places in the code, no messages, since those may repeat what a request held.
            log.error("bug", request_id=request_id, route=_route(scope), kind=type(bug).__name__, trace=places_of(bug))  # noqa: TRY400 - see above
            if begun:
                raise
            await problems.bug(Request(scope), bug)(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - started
            method = scope["method"] if scope["method"] in _METHODS else "other"  # callers must not invent series of figures
            self._count.labels(method, _route(scope), status).inc()
            self._time.labels(_route(scope)).observe(seconds)
            log.info("request", request_id=request_id, method=method, route=_route(scope), status=status, ms=round(seconds * 1000, 1))


def places_of(bug: BaseException) -> list[str]:
    """Return where in the code it happened, the innermost place last."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(bug.__traceback__)]


def _route(scope: Scope) -> str:
    """Return the route's pattern, never the address itself."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "unknown"))


@router.get("/healthz", responses={200: plain_answer("It is", shape({"status": {"const": "alive"}}))}, summary="Is the process alive?")
def alive() -> dict[str, str]:
    """Answer as long as the process can."""
    return {"status": "alive"}


@router.get(
    "/readyz", responses={200: plain_answer("They can", shape({"status": {"const": "ready"}})), 503: ANSWERS[503]}, summary="Can requests be served?"
)
def ready(service: TheService) -> Response:
    """Answer once database and archive do."""
    service.ready()
    return JSONResponse({"status": "ready"})


class PressCounts:
    """What the presses printed, and what they left to others, counted since the process began."""

    def __init__(self, pressroom: Pressroom) -> None:
        """Take the presses."""
        self._pressroom = pressroom

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the figures for Prometheus."""
        family = CounterMetricFamily(
            "licence_pages", "Files by what made or read them: pressed, handed over, read by the slow reader", labels=["what", "why"]
        )
        for said, count in dict(self._pressroom.counts).items():
            what, _, why = said.partition(": ")
            family.add_metric([what, why], count)
        yield family


def metrics(app: FastAPI, registry: CollectorRegistry, service: Service) -> None:
    """Offer the figures for Prometheus; how far the signed heads are behind the book is looked up when they are fetched."""
    uncovered = Gauge("licence_uncovered_lines", "Lines of the book that no signed head covers yet", registry=registry)
    registry.register(PressCounts(service.printer.pressroom))
    read = Gauge(
        "licence_foreign_readings", "Documents of single acts chosen for foreign readers, by what they found, of the whole register", ["state"],
        registry=registry,
    )  # fmt: skip
    behind = Gauge("licence_head_lag_seconds", "Age of the oldest line that no signed head covers", registry=registry)

    @app.get("/metrics", include_in_schema=False)
    def figures() -> Response:
        try:
            lag, looked = service.follower.lag(), service.foreign_reading.kept.counts()
        except Unavailable:
            read.clear()
            uncovered.set(math.nan)
            behind.set(math.nan)
        else:
            uncovered.set(lag.lines)
            behind.set(lag.seconds)
            for state, count in looked.items():
                read.labels(state).set(count)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
