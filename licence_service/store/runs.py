"""Bulk runs under way: which rows of a file belong to which chunk, who carries a chunk, what became of its rows (docs/formats.md §13).

Rows and results are encrypted under a secret of the run's own (`Run.vault`), which lies encrypted here and is erased when the run is
collected: then nothing can be read any more, wherever a copy lies. Names of clients, counts and instants are all that lies open.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import EntryConflict, NotInRegister, Unavailable
from licence_service.store.database import Database
from licence_service.store.payload import KEY_BYTES, Vault
from licence_service.store.tables_of_runs import run_chunks, runs

OPEN, COLLECTED = "open", "collected"
WAITING, UNDER_WAY, DONE, STOPPED = "waiting", "under way", "done", "stopped"
LEASE = timedelta(minutes=15)  # the last resort: a holder's death is noticed by who started it, or by its heart that stands still
RENEWED = timedelta(minutes=1)  # a holder that lives pushes its lease forward no more often
MOST_ATTEMPTS = 12
WORN_OUT = "attempts"  # the reason why a chunk stops that was begun so often and never ended
_PATIENT = MOST_ATTEMPTS // 2  # what could not be had for a while wears nothing out, however often it was asked for

_LEFT = run_chunks.c.state.in_((WAITING, UNDER_WAY))


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was opened: rows `first` to `total` of a file, counted from 1 over rows that are not empty. No vault: it is collected."""

    key: int = field(repr=False)
    run_id: str
    client: str
    first: int
    total: int
    chunk: int
    state: str
    on_workers: bool
    made_at: datetime
    rows_digest: str = field(repr=False)
    vault: Vault | None = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RunChunk:
    """A chunk of a run: `count` rows from row `first` on."""

    run: Run
    number: int
    first: int
    count: int
    state: str
    attempts: int
    reason: str | None
    holder: str | None = field(repr=False)
    rows_object: str | None = field(repr=False)
    rows_digest: str = field(repr=False)
    refused: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is: chunks by state; rows of chunks that are done, and how many of those were refused; the next row to be put in a chunk."""

    chunks: dict[str, int]
    done: int
    refused: int
    next_row: int


class KeptRuns:
    """The runs of one register."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for runs' secrets and for digests, and the clock."""
        self._database, self._vault, self._now = database, vault, now

    # -- runs ----------------------------------------------------------------------------------------

    def digest(self, what: str, sha256: str) -> str:
        """Return the keyed digest of rows or results: a plain one would let a guess at a single row be tried."""
        return self._vault.blind(f"run-{what}", sha256)

    def found(self, client: str, rows_digest: str, told: int) -> Run | None:
        """Return the open run of these rows that begins behind the first `told` of them or before; None where there is none."""
        mine = (runs.c.client == client) & (runs.c.rows_digest == rows_digest) & (runs.c.state == OPEN) & (runs.c.first <= told + 1)
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(mine).order_by(runs.c.id.desc()).limit(1)).mappings().first()
        return self._run(row) if row else None

    def open(self, client: str, rows_digest: str, told: int, total: int, chunk: int) -> Run:
        """Open a run of the rows behind the first `told`; its secret is drawn now."""
        run_id = secrets.token_hex(13)
        values = {
            "run_id": run_id, "client": client, "rows_digest": rows_digest, "first": told + 1, "total": total, "chunk": chunk, "state": OPEN,
            "on_workers": False, "made_at": self._now(), "secret": self._vault.close_up(secrets.token_bytes(KEY_BYTES), f"run:{run_id}"),
        }  # fmt: skip
        with self._database.write() as connection:
            connection.execute(insert(runs).values(values))
        return self.get(run_id)

    def get(self, run_id: str) -> Run:
        """Return a run, or raise `NotInRegister`."""
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == run_id)).mappings().first()
        if row is None:
            raise NotInRegister("no such run")
        return self._run(row)

    def all(self) -> list[Run]:
        """Return every run, newest first."""
        with self._database.read() as connection:
            return [self._run(row) for row in connection.execute(select(runs).order_by(runs.c.id.desc())).mappings()]

    def standing(self, run: Run) -> Standing:
        """Return how far a run is."""
        mine = run_chunks.c.run == run.key
        asked = select(run_chunks.c.state, func.count(), func.sum(run_chunks.c.count), func.sum(run_chunks.c.refused), func.max(_END))
        with self._database.read() as connection:
            found = connection.execute(asked.where(mine).group_by(run_chunks.c.state)).all()
        done = next(((int(rows), int(refused or 0)) for state, _, rows, refused, _ in found if state == DONE), (0, 0))
        return Standing({state: int(number) for state, number, *_ in found}, *done, max((int(row[-1]) for row in found), default=run.first))

    def begin(self, run: Run, *, on_workers: bool) -> None:
        """Go on with a run: chunks that were stopped wait again, and those that a command of this machine held, since only one carries on."""
        mine = run_chunks.c.run == run.key
        again = {"state": WAITING, "not_before": None, "attempts": 0, "holder": None}
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.id == run.key).values(on_workers=on_workers))
            connection.execute(update(run_chunks).where(mine, run_chunks.c.state == STOPPED).values(again))
            held = (run_chunks.c.state == UNDER_WAY) & run_chunks.c.holder.startswith("command:")
            connection.execute(update(run_chunks).where(mine, held).values(again))

    def collect(self, run: Run) -> None:
        """Forget what rows and results said, and the secret that opens every copy of them."""
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.id == run.key).values(state=COLLECTED, collected_at=self._now(), secret=None))
            connection.execute(update(run_chunks).where(run_chunks.c.run == run.key).values(results_object=None, rows_object=None))

    # -- chunks --------------------------------------------------------------------------------------

    def add(self, run: Run, number: int, first: int, count: int, rows_object: str, rows_digest: str) -> None:
        """Add the next chunk, whose rows are kept already; `EntryConflict` where another command added it."""
        values = {
            "run": run.key, "number": number, "first": first, "count": count, "state": WAITING, "attempts": 0, "rows_object": rows_object,
            "rows_digest": rows_digest,
        }  # fmt: skip
        try:
            with self._database.write() as connection:
                connection.execute(insert(run_chunks).values(values))
        except IntegrityError as error:
            raise EntryConflict("another command goes on with this run") from error

    def claim(self, run_id: str, number: int, holder: str) -> RunChunk | None:
        """Take a chunk for oneself; None where another has it, it is done or stopped, or rests after trouble."""
        now = self._now()
        with self._database.write() as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == run_id, runs.c.state == OPEN)).mappings().first()
            if row is None:
                return None
            mine = and_(run_chunks.c.run == row["id"], run_chunks.c.number == number, _LEFT, _free(now))
            worn = update(run_chunks).where(mine, run_chunks.c.attempts >= MOST_ATTEMPTS).values(state=STOPPED, reason=WORN_OUT, holder=None)
            connection.execute(worn)
            values = {"state": UNDER_WAY, "holder": holder, "not_before": now + LEASE, "attempts": run_chunks.c.attempts + 1, "reason": None}
            taken = connection.execute(update(run_chunks).where(mine).values(values).returning(*run_chunks.c)).mappings().first()
        return _chunk(self._run(row), taken) if taken else None

    def keeper(self, chunk: RunChunk) -> Callable[[], None]:
        """Return what the holder of a chunk calls as often as it likes while it goes on: its lease begins anew, at most once a minute.

        Nothing happens where the chunk is another's by now, and where the register cannot answer: then the lease ends as it was.
        """
        last = self._now()

        def keep() -> None:
            nonlocal last
            now = self._now()
            if now - last >= RENEWED:
                last = now
                with suppress(Unavailable):  # a lease that ends too early costs work, never licences
                    self._held(chunk, {"not_before": now + LEASE})

        return keep

    def chunk(self, run: Run, number: int) -> RunChunk | None:
        """Return a chunk; None where there is none of this number yet."""
        with self._database.read() as connection:
            row = connection.execute(select(run_chunks).where(_of(run, number))).mappings().first()
        return _chunk(run, row) if row else None

    def behind(self, run: Run, row: int) -> int:
        """Return the number of the first chunk that has rows beyond `row`; the number of the next one where none has."""
        asked = select(func.count()).where(run_chunks.c.run == run.key, row + 1 >= _END)
        with self._database.read() as connection:
            return int(connection.execute(asked).scalar_one())

    def troubled(self, run: Run) -> list[RunChunk]:
        """Return the chunks that are not done and met trouble."""
        wanted = select(run_chunks).where(run_chunks.c.run == run.key, run_chunks.c.state != DONE, run_chunks.c.reason.is_not(None))
        with self._database.read() as connection:
            return [_chunk(run, row) for row in connection.execute(wanted.order_by(run_chunks.c.number)).mappings()]

    def done(self, chunk: RunChunk, results_object: str, results_digest: str, refused: int) -> bool:
        """Write down that the results are kept; False where another, who carried it too, was first: then his stay."""
        values = {
            "state": DONE, "results_object": results_object, "results_digest": results_digest, "refused": refused, "rows_object": None,
            "done_at": self._now(), "not_before": None, "reason": None,
        }  # fmt: skip
        with self._database.write() as connection:
            still = select(runs.c.id).where(runs.c.id == chunk.run.key, runs.c.state == OPEN).exists()  # nothing is kept for one that was collected
            written = update(run_chunks).where(_of(chunk.run, chunk.number), run_chunks.c.state != DONE, still).values(values)
            return connection.execute(written).rowcount == 1

    def let_go(self, chunk: RunChunk, reason: str, rest: timedelta, *, worn: bool = False) -> None:
        """Leave a chunk for another attempt, by anybody, after a rest; `worn` where this attempt counts among those that it may have."""
        attempts = chunk.attempts if worn else min(chunk.attempts, _PATIENT)
        values = {"state": WAITING, "reason": reason, "not_before": self._now() + rest, "holder": None, "attempts": attempts}
        self._held(chunk, values)

    def stop(self, chunk: RunChunk, reason: str) -> None:
        """Leave a chunk until somebody calls for the run again."""
        self._held(chunk, {"state": STOPPED, "reason": reason, "not_before": None, "holder": None})

    def _held(self, chunk: RunChunk, values: dict[str, Any]) -> None:
        """Change a chunk as long as its holder has it."""
        mine = (run_chunks.c.holder == chunk.holder) & (run_chunks.c.state == UNDER_WAY)
        with self._database.write() as connection:
            connection.execute(update(run_chunks).where(_of(chunk.run, chunk.number), mine).values(values))

    def bereave(self, holder: str) -> None:
        """Give back what a holder had who is dead."""
        held = (run_chunks.c.holder == holder) & (run_chunks.c.state == UNDER_WAY)
        theirs = select(runs.c.id).where(runs.c.id.in_(select(run_chunks.c.run).where(held))).order_by(runs.c.id)
        with self._database.write() as connection:
            connection.execute(theirs.with_for_update(key_share=True))  # whoever changes several chunks of a run holds the run first
            connection.execute(update(run_chunks).where(held).values(state=WAITING, not_before=None, holder=None))

    def results(self, run: Run, number: int) -> tuple[str, str] | None:
        """Return the name of a chunk's results and their keyed digest; None where it is not done, or the run was collected."""
        asked = select(run_chunks.c.results_object, run_chunks.c.results_digest)
        with self._database.read() as connection:
            row = connection.execute(asked.where(_of(run, number), run_chunks.c.results_object.is_not(None))).first()
        return (row.results_object, row.results_digest) if row else None

    def due(self) -> list[tuple[str, int]]:
        """Return (run, chunk) of what workers may begin now, in order."""
        asked = select(runs.c.run_id, run_chunks.c.number).join(run_chunks, run_chunks.c.run == runs.c.id)
        wanted = asked.where(runs.c.state == OPEN, runs.c.on_workers, _LEFT, _free(self._now()))
        with self._database.read() as connection:
            return [(row.run_id, row.number) for row in connection.execute(wanted.order_by(runs.c.id, run_chunks.c.number))]

    def _run(self, row: RowMapping) -> Run:
        secret = row["secret"]
        vault = Vault(self._vault.open(secret, f"run:{row['run_id']}")) if secret is not None else None
        return Run(
            row["id"], row["run_id"], row["client"], row["first"], row["total"], row["chunk"], row["state"], row["on_workers"], row["made_at"],
            row["rows_digest"], vault,
        )  # fmt: skip


_END = run_chunks.c.first + run_chunks.c.count


def _free(now: datetime) -> Any:  # noqa: ANN401 - a condition
    return or_(run_chunks.c.not_before.is_(None), run_chunks.c.not_before <= now)


def _of(run: Run, number: int) -> Any:  # noqa: ANN401 - a condition
    return and_(run_chunks.c.run == run.key, run_chunks.c.number == number)


def _chunk(run: Run, row: RowMapping) -> RunChunk:
    return RunChunk(
        run, row["number"], row["first"], row["count"], row["state"], row["attempts"], row["reason"], row["holder"], row["rows_object"],
        row["rows_digest"], row["refused"],
    )  # fmt: skip
