"""Workers on many machines: chunks of bulk runs, handed out by procrastinate over PostgreSQL.

A job says no more than "look at this chunk": what is to be done, what is done and who does it stands in the register (`store.runs`), so
a job that is lost, doubled or old does no harm, and the tables of the queue may be thrown away and made again. Workers are stateless;
any number may run, and each may be killed at any time: its heart stands still, another worker notices, and the chunk is done again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from typing import Any, Protocol

import procrastinate
import psycopg
from procrastinate import exceptions, jobs
from psycopg import sql

from licence_service.errors import Misconfigured, Refusal, Unavailable

SCHEMA = "licence_queue"  # a schema of its own: the register's backups, grants and migrations do not meet it
_MADE_BY = f"procrastinate {procrastinate.__version__}"
_QUEUE, _TASK = "chunks", "carry"
_ONE_AT_A_TIME = 5_903_641_278  # any number, as long as it stays: the advisory lock of workers that start together
_OWNERS_WORK = "the queue has no tables of this release for this role; run `licence-service worker --prepare --role ROLE` as the register's owner"
_GRANTS = (
    "GRANT USAGE ON SCHEMA {0} TO {1}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {0} TO {1}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {0} TO {1}",
)
_LOG = logging.getLogger(__name__)


class Chunks(Protocol):
    """What a worker works on."""

    def carry(self, run_id: str, number: int, holder: str) -> bool:
        """Carry a chunk to its end; False where it is not for this holder to carry now."""

    def due(self) -> Sequence[tuple[str, int]]:
        """Return the chunks that workers may begin now."""

    def bereave(self, holder: str) -> None:
        """Give back what a holder had who is dead."""


@dataclass(frozen=True, slots=True)
class Beat:
    """How quickly things are noticed, in seconds."""

    heart: float = 10.0  # between two signs of life of a worker
    silence: float = 30.0  # after which a worker counts as dead
    look: float = 5.0  # between two looks for chunks that nobody was told of
    rest: float = 5.0  # of a chunk after its first trouble; as much more after each


def rest_of(beat: Beat, attempts: int) -> timedelta:
    """Return how long a chunk is left in peace after so many attempts: at most a minute."""
    return timedelta(seconds=min(60.0, beat.rest * attempts))


@dataclass(slots=True)
class Queue:
    """The queue beside a register at a libpq address."""

    address: str = field(repr=False)

    @contextmanager
    def opened(self) -> Iterator[Callable[[str, int], None]]:
        """Yield what tells the workers of a chunk; a chunk that they were told of and have not begun is told once."""
        app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(**self._connection()))
        with _translated(), app.open():

            def tell(run_id: str, number: int) -> None:
                with _translated(), suppress(exceptions.AlreadyEnqueued):
                    _task(app, run_id, number).defer(run_id=run_id, number=number)

            yield tell

    def prepare(self, role: str = "") -> None:
        """Make the tables of the queue where there are none of this release; who finds them made needs no right to make any.

        A `role` is given what a worker needs of them. Raise `Misconfigured` where they are to be made by another, or there is no such
        role, and `Unavailable`.
        """
        try:
            with _translated(), psycopg.connect(self.address, autocommit=True) as connection:
                connection.execute("SELECT pg_advisory_lock(%s)", (_ONE_AT_A_TIME,))  # given back with the connection
                if connection.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", (SCHEMA,)).fetchone() != (_MADE_BY,):
                    _make(connection)
                if role:
                    for statement in _GRANTS:
                        connection.execute(sql.SQL(statement).format(sql.Identifier(SCHEMA), sql.Identifier(role)))
                elif connection.execute("SELECT has_schema_privilege(%s, 'USAGE')", (SCHEMA,)).fetchone() != (True,):
                    raise Misconfigured(_OWNERS_WORK)
        except psycopg.errors.UndefinedObject as error:
            raise Misconfigured("PostgreSQL has no such role") from error
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.DependentObjectsStillExist) as error:
            raise Misconfigured(_OWNERS_WORK) from error

    def work(self, chunks: Chunks, beat: Beat, *, once: bool = False) -> None:
        """Carry chunks until a signal says to stop, after the chunk under way; `once`, until none waits. Raise `Unavailable`."""
        with _translated():
            asyncio.run(self._work(chunks, beat, once=once))

    async def _work(self, chunks: Chunks, beat: Beat, *, once: bool) -> None:
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(**self._connection()))
        app.task(name=_TASK, queue=_QUEUE, pass_context=True)(_carrying(chunks))
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # its traces could show values; what matters is said here
        async with app.open_async():
            await _look_after(app, chunks, beat)
            looking = asyncio.create_task(_look_always(app, chunks, beat))
            try:
                await app.run_worker_async(
                    queues=[_QUEUE], name="worker", concurrency=1, wait=not once, delete_jobs="always", fetch_job_polling_interval=beat.look,
                    abort_job_polling_interval=60.0, update_heartbeat_interval=beat.heart, stalled_worker_timeout=beat.silence,
                )  # fmt: skip
            finally:
                looking.cancel()

    def _connection(self) -> dict[str, Any]:
        options = {"options": f"-c search_path={SCHEMA}", "application_name": "licence-service worker"}
        return {"conninfo": self.address, "kwargs": options, "min_size": 1, "max_size": 4}


def _carrying(chunks: Chunks) -> Callable[..., None]:
    """Return the one task."""

    def carry(context: procrastinate.JobContext, run_id: str, number: int) -> None:
        try:
            chunks.carry(run_id, number, f"job:{context.job.id}")
        except (Refusal, Unavailable) as trouble:
            _LOG.warning("chunk %s of run %s: %s", number, run_id, trouble.slug)  # it stands in the register, too, which decides what comes next
        except Exception as trouble:  # noqa: BLE001 - the worker goes on with the next; what the trouble says could hold values
            _LOG.error("chunk %s of run %s: %s", number, run_id, type(trouble).__name__)

    return carry


def _make(connection: "psycopg.Connection[Any]") -> None:
    """Make the tables anew; what another release had there holds nothing that the register does not know."""
    schema = sql.Identifier(SCHEMA)
    with connection.transaction():
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(schema))
        connection.execute((resources.files("procrastinate.sql") / "schema.sql").read_text("utf-8").encode())
        connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(schema, sql.Literal(_MADE_BY)))


async def _look_always(app: procrastinate.App, chunks: Chunks, beat: Beat) -> None:
    while True:
        await asyncio.sleep(beat.look)
        try:
            await _look_after(app, chunks, beat)
        except (Unavailable, exceptions.ConnectorException) as trouble:
            _LOG.warning("cannot look for chunks now: %s", type(trouble).__name__)


async def _look_after(app: procrastinate.App, chunks: Chunks, beat: Beat) -> None:
    """Take from workers whose heart stands still what they had; tell of every chunk that waits and that nobody was told of."""
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(queue=_QUEUE, task_name=_TASK, seconds_since_heartbeat=beat.silence):
        await asyncio.to_thread(chunks.bereave, f"job:{job.id}")
        with suppress(exceptions.ConnectorException):  # another worker, who looked at the same time, was first
            await manager.finish_job(job, jobs.Status.FAILED, delete_job=True)
    # What the queue calls "todo" has been told and not begun.
    known = {job.queueing_lock for job in await manager.list_jobs_async(queue=_QUEUE, status=jobs.Status.TODO.value)}
    for run_id, number in await asyncio.to_thread(chunks.due):
        if _lock(run_id, number) in known:
            continue
        with suppress(exceptions.AlreadyEnqueued):
            await _task(app, run_id, number).defer_async(run_id=run_id, number=number)


def _task(app: procrastinate.App, run_id: str, number: int) -> jobs.JobDeferrer:
    return app.configure_task(_TASK, queue=_QUEUE, queueing_lock=_lock(run_id, number))


def _lock(run_id: str, number: int) -> str:
    return f"{run_id}:{number}"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (exceptions.ConnectorException, psycopg.OperationalError, psycopg.errors.UndefinedTable) as error:
        raise Unavailable("the queue cannot answer now; `licence-service worker --prepare` makes its tables") from error
