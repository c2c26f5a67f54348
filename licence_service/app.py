"""The web application: `served(service)`, and `licence_service.app:from_environment` for uvicorn."""

import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Protocol

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from licence_service import __version__
from licence_service.asking_again import ask_again
from licence_service.errors import Refusal, Unavailable
from licence_service.follower import MOST_LINES
from licence_service.line import host_of
from licence_service.preparing import MOST_AT_ONCE
from licence_service.service import Service, build
from licence_service.settings import read_settings
from licence_service.store.failures import SETTLE_SECONDS
from licence_service.wallet import DelegationOver
from licence_service.web import (
    arrivals,
    asking,
    attesting,
    batch,
    bundled,
    cases,
    complying,
    events,
    history,
    issuing,
    lent,
    lists,
    looking,
    matching,
    notices,
    offline,
    pages,
    problems,
    reporting,
    scanning,
    showing,
    status,
    stickers,
    stock_work,
    stocks,
    tokens,
    verifying,
    watching,
    watchlists,
    webhooks,
)
from licence_service.web.desk import acting, approving, auditing, campaigns, door, finding, quarantine, sealing, tasks
from licence_service.web.desk import issuing as desk_issuing
from licence_service.web.desk.room import SignInWanted, to_sign_in
from licence_service.web.documented import document_of
from licence_service.web.holding import cards, claims, consents, deadlines, delegations, lending, staff
from licence_service.web.holding import looks as holding_looks
from licence_service.web.holding import showing as holding_showing
from licence_service.web.wallet import routes as wallet
from licence_service.web.wallet.room import NobodyThere, tell_that_it_is_over, to_door


class _Routes(Protocol):
    """A module of routes."""

    router: APIRouter


log = structlog.get_logger("licence_service")
_ROUTES: Sequence[_Routes] = (
    verifying, issuing, bundled, asking, history, attesting, tokens, watching, status, offline, events, webhooks, cases,
    looking, matching, stickers, reporting, batch, lists, watchlists, stocks, stock_work, complying, claims, cards, deadlines, delegations, staff, consents,
    notices, arrivals, showing, holding_looks, holding_showing, lent, lending,
    wallet,
    door, finding, desk_issuing, acting, tasks, sealing, quarantine, approving, campaigns, auditing,
)  # fmt: skip
# Between two scans a thread that draws or signs may hold the interpreter; at Python's own 5 ms a scan, which lets go of it several times,
# waits that long each time: at its slowest hundredth, beside issuing, twice to three times as long as with this.
_SWITCH_SECONDS = 0.0005
_BULK_SECONDS = 1.0  # how often the server looks for files of rows and for watched lists that have news
_RECONCILE_SECONDS = 60.0  # how often the server looks whether a reconciliation is due
_LIST_SECONDS = 30.0  # how often the server looks whether new status lists are due


def from_environment() -> ASGIApp:
    """Build the application from the environment; what uvicorn calls with `--factory`."""
    settings = read_settings()
    log_as_json()
    service = build(settings)
    service.database.migrate()
    service.must_be_one_law()
    return served(service)


def served(service: Service) -> ASGIApp:
    """Return what is served: the application, and in front of it the quick way of a scanned code, past every framework."""
    app = create_app(service)
    return scanning.Scanning(app, service.preparer, app.state.registry, blocking=not service.database.is_sqlite)


def create_app(service: Service) -> FastAPI:
    """Put routes, refusals and watching around a service."""
    app = FastAPI(
        title="licence_service", version=__version__, lifespan=_lifespan, docs_url="/docs", redoc_url=None,
        description="Issues sealed electronic licences (电子证照) and lets anyone verify them.",
    )  # fmt: skip
    app.state.service = service
    pages.name_host(host_of(service.settings.public_url))
    registry = app.state.registry = CollectorRegistry()
    app.add_middleware(watching.Watching, registry=registry)
    for part in _ROUTES:  # as they were made when their modules were read; including a router makes each route anew at the first request
        app.router.routes.extend(part.router.routes)
    watching.metrics(app, registry, service)

    @app.get("/components.css", include_in_schema=False)
    def components() -> Response:
        content = pages.components(service.settings.fonts.expanduser())
        return Response(content, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @app.get("/desk.js", include_in_schema=False)
    def desk_script() -> Response:
        return Response(pages.script("desk.js"), media_type="text/javascript", headers={"Cache-Control": "max-age=3600"})

    @app.get("/wallet.css", include_in_schema=False)
    def wallet_style() -> Response:
        return Response(pages.script("wallet.css"), media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @app.get("/style.css", include_in_schema=False)
    def style() -> Response:
        return Response(pages.style(), media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    app.openapi = document_of(app)  # type: ignore[method-assign]  # as FastAPI has it extended
    app.add_exception_handler(Refusal, problems.refused)
    app.add_exception_handler(SignInWanted, to_sign_in)
    app.add_exception_handler(NobodyThere, to_door)
    app.add_exception_handler(DelegationOver, tell_that_it_is_over)
    app.add_exception_handler(Unavailable, problems.unavailable)
    app.add_exception_handler(HTTPException, problems.http_error)
    app.add_exception_handler(RequestValidationError, problems.not_of_shape)
    app.add_exception_handler(ClientDisconnect, problems.gone)
    app.add_exception_handler(Exception, problems.bug)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Finish what an earlier process left, and sign heads over the book, every few seconds; give everything back at the end."""
    service: Service = app.state.service
    sys.setswitchinterval(_SWITCH_SECONDS)
    service.uploads.presenter.examiner.start()  # before the first visitor waits for it
    stop = threading.Event()
    works = (
        ("finishing", service.settings.worker_seconds, _finish),
        ("sources", service.settings.worker_seconds if service.registrar.line.connectors else 0, _ask_again),
        ("foreign reader", service.settings.worker_seconds, _look_again),
        ("heads", service.settings.head_seconds, _follow),
        ("preparing", service.settings.head_seconds, _prepare),
        ("failures", SETTLE_SECONDS, _settle),
        ("webhooks", service.settings.webhook_seconds, _deliver),
        ("arrivals", service.settings.webhook_seconds, _tell),
        ("notices", service.settings.notice_seconds, _remind),
        ("repository", service.settings.repository_seconds if service.repository else 0, _report),
        ("reconciliation", _RECONCILE_SECONDS if service.repository and service.settings.repository_seconds > 0 else 0, _reconcile),
        ("bulk", _BULK_SECONDS if service.settings.head_seconds > 0 else 0, _check_in_bulk),
        ("campaigns", _BULK_SECONDS if service.settings.head_seconds > 0 else 0, _carry_campaigns),
        ("status lists", _LIST_SECONDS if service.settings.head_seconds > 0 else 0, _list),
    )
    workers = [
        threading.Thread(target=_again_and_again, args=(name, service, work, seconds, stop), name=name, daemon=True)
        for name, seconds, work in works
        if seconds > 0
    ]
    for worker in workers:
        worker.start()
    yield
    stop.set()
    for worker in workers:
        worker.join(timeout=10)
    service.close()


def _again_and_again(name: str, service: Service, work: Callable[[Service], None], seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds):
        try:
            work(service)
        except (Unavailable, Refusal) as trouble:
            log.warning(name, trouble=trouble.slug)
        except Exception as bug:  # noqa: BLE001 - one bad row must not end the signing of heads for the life of the process; what it was is logged
            log.error("bug", work=name, kind=type(bug).__name__, trace=watching.places_of(bug))  # noqa: TRY400 - a message may hold personal data


def _finish(service: Service) -> None:
    if finished := service.registrar.finish():
        log.info("finished", reservations=finished)


def _ask_again(service: Service) -> None:
    if repeated := ask_again(service.registrar, service.clients):
        log.info("asked again", requests=repeated)


def _look_again(service: Service) -> None:
    service.foreign_reading.work()


def _settle(service: Service) -> None:
    service.failures.settle(service.now())


def _follow(service: Service) -> None:
    while service.follower.follow() >= MOST_LINES:
        pass  # a book that was filled at once is caught up with at once


def _prepare(service: Service) -> None:
    while service.preparer.work() >= MOST_AT_ONCE:
        pass


def _check_in_bulk(service: Service) -> None:
    service.desk.work()


def _carry_campaigns(service: Service) -> None:
    campaigns.ordered(service).work()


def _deliver(service: Service) -> None:
    """Begin what waits; nothing here waits for a receiver."""
    for one in service.courier.start():
        one.add_done_callback(_said_if_it_failed)


def _tell(service: Service) -> None:
    service.arrivals.messenger.work()


def _remind(service: Service) -> None:
    while service.reminders.reminding.work():
        pass
    service.reminders.messenger.work()


def _said_if_it_failed(one: Future[int]) -> None:
    if not one.cancelled() and (trouble := one.exception()):
        log.warning("webhooks", trouble=type(trouble).__name__)


def _report(service: Service) -> None:
    if service.repository:
        service.repository.reporter.work()


def _reconcile(service: Service) -> None:
    if service.repository and service.repository.due():
        run = service.repository.reconcile()
        log.info("reconciled", entries=run.entries, found=run.found, ended=run.ended, open=run.open)


def _list(service: Service) -> None:
    service.status_lists.refresh()


def log_only_trouble() -> None:
    """Leave the lines of single requests out, where a person watches progress instead."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def log_as_json() -> None:
    """Write one JSON object a line to standard error; uvicorn's own access log, which holds addresses, stays off."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("uvicorn.access").disabled = True
