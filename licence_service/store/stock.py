"""Legacy stock under way: runs, their rows, what was found of each (DOMAIN §2f).

A run has a secret of its own, encrypted here; under it lie the rows. Counties, states, rules and counts are all that lies open.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import EntryConflict, NotInRegister
from licence_service.store.database import Database
from licence_service.store.payload import KEY_BYTES, Vault
from licence_service.store.tables_of_stock import stock_findings, stock_rows, stock_runs

LOADED, PASSED, RELEASING, QUARANTINED = "loaded", "passed", "releasing", "quarantined"
REJECTED, SEALED, ADOPTED = "rejected", "sealed", "adopted"
STATES = (LOADED, PASSED, RELEASING, QUARANTINED, REJECTED, SEALED, ADOPTED)
_AT_ONCE = 400  # values in one condition


@dataclass(frozen=True, slots=True)
class StockRun:
    """A run as it was opened. `content`: its mapping, the columns that nothing is taken from, ended holders; `counts`: of the whole file, once loaded."""

    key: int = field(repr=False)
    run_id: str
    client: str
    department: str
    type: str
    loaded_by: str
    made_at: datetime
    loaded_at: datetime | None
    vault: Vault = field(repr=False, compare=False)
    content: Mapping[str, Any] = field(repr=False)
    counts: Mapping[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Blinds:
    """What rows are met by, blinded; None where a row has no such value."""

    number: str | None
    plate: str | None
    vin: str | None
    person: str | None


@dataclass(frozen=True, slots=True)
class StockRow:
    """A row. `content` is what it says, of a released one what became of it."""

    key: int = field(repr=False)
    line: int
    digest: str = field(repr=False)
    county: str
    adopting: bool
    state: str
    attempt: int
    idempotency_key: str
    content: Mapping[str, Any] = field(repr=False)
    blinds: Blinds = field(repr=False)
    round: int | None
    sampled: bool
    licence_id: str | None


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row that was read."""

    line: int
    digest: str = field(repr=False)
    county: str
    content: Mapping[str, Any] = field(repr=False)
    blinds: Blinds = field(repr=False)
    adopting: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found, as it is kept: no value, no suggestion."""

    rule: str
    severity: str
    path: str
    code: str


class KeptStock:
    """The stock of one register."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for runs' secrets and for digests, and the clock."""
        self.database, self.vault, self.now = database, vault, now

    # -- runs ----------------------------------------------------------------------------------------

    def opened(self, client: str, department: str, slug: str, file_digest: str, loaded_by: str, content: Mapping[str, Any]) -> StockRun:
        """Return the run of this file, found again by client, type and digest, or open it."""
        digest = self.vault.blind("stock-file", file_digest)
        mine = (stock_runs.c.client == client) & (stock_runs.c.type == slug) & (stock_runs.c.file_digest == digest)
        with self.database.write() as connection:
            found = connection.execute(select(stock_runs).where(mine)).mappings().first()
            if found is None:
                run_id, secret = secrets.token_hex(13), secrets.token_bytes(KEY_BYTES)
                values = {
                    "run_id": run_id, "client": client, "department": department, "type": slug, "file_digest": digest, "loaded_by": loaded_by,
                    "made_at": self.now(), "secret": self.vault.close_up(secret, f"stock:{run_id}"),
                    "content": Vault(secret).close_json(content, "stock:content"),
                }  # fmt: skip
                connection.execute(insert(stock_runs).values(values))
                found = connection.execute(select(stock_runs).where(stock_runs.c.run_id == run_id)).mappings().one()
        return self._run(found)

    def get(self, run_id: str) -> StockRun:
        """Return a run, or raise `NotInRegister`."""
        with self.database.read() as connection:
            row = connection.execute(select(stock_runs).where(stock_runs.c.run_id == run_id)).mappings().first()
        if row is None:
            raise NotInRegister("no such run")
        return self._run(row)

    def all(self) -> list[StockRun]:
        """Return every run, newest first."""
        with self.database.read() as connection:
            return [self._run(row) for row in connection.execute(select(stock_runs).order_by(stock_runs.c.id.desc())).mappings()]

    def loaded(self, run: StockRun, counts: Mapping[str, Any]) -> StockRun:
        """Write down that every row of the file is kept, and what was counted on the way."""
        sealed = run.vault.close_json(counts, "stock:counts")
        with self.database.write() as connection:
            connection.execute(update(stock_runs).where(stock_runs.c.id == run.key).values(loaded_at=self.now(), counts=sealed))
        return self.get(run.run_id)

    # -- rows ----------------------------------------------------------------------------------------

    def known(self, digests: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Return by digest the rows that are kept already: (key of the run, line)."""
        found: dict[str, tuple[int, int]] = {}
        asked = select(stock_rows.c.digest, stock_rows.c.run, stock_rows.c.line)
        with self.database.read() as connection:
            for part in _parts(digests):
                found |= {row.digest: (row.run, row.line) for row in connection.execute(asked.where(stock_rows.c.digest.in_(part)))}
        return found

    def add(self, run: StockRun, rows: Sequence[NewRow]) -> None:
        """Keep rows that are new, all or none of them; `EntryConflict` where somebody else loads the same ones."""
        values = [
            {
                "run": run.key, "line": row.line, "digest": row.digest, "county": row.county, "adopting": row.adopting, "state": LOADED,
                "attempt": 0, "idempotency_key": _key(row.digest, 0), "content": run.vault.close_json(row.content, row.digest),
                **_blinds(row.blinds), "sampled": False,
            }
            for row in rows
        ]  # fmt: skip
        try:
            with self.database.write() as connection:
                if values:
                    connection.execute(insert(stock_rows), values)
        except IntegrityError as error:
            raise EntryConflict("another command loads the same rows") from error

    def rows(
        self, run: StockRun, *states: str, after: int = 0, limit: int = 500, county: str | None = None, share: tuple[int, int] = (0, 1)
    ) -> list[StockRow]:
        """Return the next rows of a run in these states, all where none is named, in order of their keys. `share`: (which, of how many)."""
        wanted = select(stock_rows).where(stock_rows.c.run == run.key, stock_rows.c.id > after)
        wanted = wanted.where(stock_rows.c.state.in_(states)) if states else wanted
        wanted = wanted.where(stock_rows.c.county == county) if county else wanted
        wanted = wanted.where(stock_rows.c.id % share[1] == share[0]) if share[1] > 1 else wanted
        with self.database.read() as connection:
            return [_row(run, row) for row in connection.execute(wanted.order_by(stock_rows.c.id).limit(limit)).mappings()]

    def each(self, run: StockRun, *states: str, county: str | None = None) -> Iterator[list[StockRow]]:
        """Yield the rows of a run in these states part by part."""
        after = 0
        while part := self.rows(run, *states, after=after, county=county):
            yield part
            after = part[-1].key

    def lines(self, run: StockRun, lines: Sequence[int]) -> list[StockRow]:
        """Return the rows that stand on these lines of the file."""
        with self.database.read() as connection:
            asked = (select(stock_rows).where(stock_rows.c.run == run.key, stock_rows.c.line.in_(part)) for part in _parts(sorted(set(lines))))
            return [_row(run, row) for one in asked for row in connection.execute(one).mappings()]

    def related(self, run: StockRun, rows: Sequence[StockRow]) -> list[tuple[int, Blinds]]:
        """Return (key, blinds) of the rows of this department and type, of whatever run, that share number, plate or person with one of these.

        Rows that were rejected count no more; those that are in the register already are found there.
        """
        columns = (stock_rows.c.number_blind, stock_rows.c.plate_blind, stock_rows.c.person_blind)
        mine = (stock_runs.c.department == run.department) & (stock_runs.c.type == run.type) & stock_rows.c.state.in_((LOADED, PASSED, RELEASING, QUARANTINED))
        asked = select(stock_rows.c.id, *columns, stock_rows.c.vin_blind).join(stock_runs, stock_runs.c.id == stock_rows.c.run).where(mine)
        found: dict[int, Blinds] = {}
        with self.database.read() as connection:
            for column, name in zip(columns, ("number", "plate", "person"), strict=True):
                values = sorted({value for row in rows if (value := getattr(row.blinds, name))})
                for part in _parts(values):
                    for row in connection.execute(asked.where(column.in_(part))):
                        found[row.id] = Blinds(row.number_blind, row.plate_blind, row.vin_blind, row.person_blind)
        return list(found.items())

    def sharing(self, run: StockRun, blinds: Sequence[Blinds]) -> list[StockRow]:
        """Return the rows of this run that wait and share number, plate or person with one of these."""
        found: dict[int, StockRow] = {}
        for column, name in ((stock_rows.c.number_blind, "number"), (stock_rows.c.plate_blind, "plate"), (stock_rows.c.person_blind, "person")):
            values = sorted({value for one in blinds if (value := getattr(one, name))})
            with self.database.read() as connection:
                for part in _parts(values):
                    asked = select(stock_rows).where(stock_rows.c.run == run.key, column.in_(part), stock_rows.c.state.in_((PASSED, QUARANTINED)))
                    found |= {row["id"]: _row(run, row) for row in connection.execute(asked).mappings()}
        return list(found.values())

    # -- what was found, and what became of rows ------------------------------------------------------

    def judge(self, run: StockRun, judged: Sequence[tuple[StockRow, Mapping[str, Any], Sequence[Found]]]) -> set[int]:
        """Write down what was found of rows: blocked ones lie in quarantine, the others passed, or go on being released.

        What was found of them before is gone. Return the keys of the rows that stood still where they were read; of the others nothing is written.
        """
        states, findings = [], []
        with self.database.write() as connection:
            still = self._still(connection, [row for row, *_ in judged])
            for row, content, found in judged:
                if row.key not in still:
                    continue
                free = row.state if row.state == RELEASING else PASSED
                state = QUARANTINED if any(one.severity == "block" for one in found) else free
                changed = state != row.state
                values = {"content": run.vault.close_json(content, row.digest), "state": state}
                states.append({"key": row.key, **values, "round": None if changed else row.round, "sampled": row.sampled and not changed})
                findings += [
                    {"row": row.key, "rule": one.rule, "severity": one.severity, "path": one.path[:120], "code": one.code[:60]} for one in found
                ]  # fmt: skip
            if states:
                connection.execute(update(stock_rows).where(stock_rows.c.id == bindparam("key")), states)
                self._forget(connection, sorted(still))
            if findings:
                connection.execute(insert(stock_findings), findings)
        return still

    @staticmethod
    def _still(connection: Connection, rows: Sequence[StockRow]) -> set[int]:
        """Return the keys of the rows that stand where they were read, and keep them there to the end of the transaction."""
        read = {row.key: (row.state, row.attempt) for row in rows}
        asked = select(stock_rows.c.id, stock_rows.c.state, stock_rows.c.attempt).order_by(stock_rows.c.id).with_for_update()
        found = (row for part in _parts(sorted(read)) for row in connection.execute(asked.where(stock_rows.c.id.in_(part))))
        return {row.id for row in found if read[row.id] == (row.state, row.attempt)}

    def claim(self, rows: Sequence[StockRow]) -> list[StockRow]:
        """Take rows that passed for a release: nobody holds, corrects or rejects them any more. Return those that nobody else moved before."""
        with self.database.write() as connection:
            still = self._still(connection, rows)
            for part in _parts(sorted(still)):
                connection.execute(update(stock_rows).where(stock_rows.c.id.in_(part)).values(state=RELEASING))
        return [replace(row, state=RELEASING) for row in rows if row.key in still]

    @staticmethod
    def _forget(connection: Connection, keys: Sequence[int]) -> None:
        for part in _parts(keys):
            connection.execute(delete(stock_findings).where(stock_findings.c.row.in_(part)))

    def put_back(self, run: StockRun, row: StockRow, content: Mapping[str, Any], blinds: Blinds) -> bool:
        """Put a corrected row back to be judged anew, under a key of its own; False where it does not lie in quarantine any more."""
        values = {
            "content": run.vault.close_json(content, row.digest), "state": LOADED, "attempt": row.attempt + 1, "round": None, "sampled": False,
            "idempotency_key": _key(row.digest, row.attempt + 1), **_blinds(blinds),
        }  # fmt: skip
        mine = (stock_rows.c.id == row.key) & (stock_rows.c.state == QUARANTINED) & (stock_rows.c.attempt == row.attempt)
        with self.database.write() as connection:
            return connection.execute(update(stock_rows).where(mine).values(values)).rowcount == 1

    def settle(
        self, run: StockRun, settled: Sequence[tuple[StockRow, str, Mapping[str, Any], str | None]], by: str | None = None
    ) -> set[int]:  # fmt: skip
        """Write down what became of rows for good; return the keys of those that stood still where they were read, the others stay."""
        now = self.now()
        with self.database.write() as connection:
            still = self._still(connection, [row for row, *_ in settled])
            values = [
                {
                    "key": row.key, "state": state, "content": run.vault.close_json(content, row.digest), "licence_id": licence_id,
                    "settled_at": now, "settled_by": by,
                }
                for row, state, content, licence_id in settled if row.key in still
            ]  # fmt: skip
            if values:
                connection.execute(update(stock_rows).where(stock_rows.c.id == bindparam("key")), values)
        return still

    def _run(self, row: RowMapping) -> StockRun:
        vault = Vault(self.vault.open(row["secret"], f"stock:{row['run_id']}"))
        counts = vault.open_json(row["counts"], "stock:counts") if row["counts"] is not None else None
        return StockRun(
            row["id"], row["run_id"], row["client"], row["department"], row["type"], row["loaded_by"], row["made_at"], row["loaded_at"], vault,
            vault.open_json(row["content"], "stock:content"), counts,
        )  # fmt: skip


def _key(digest: str, attempt: int) -> str:
    """Return the idempotency key of a row: the same as long as it says the same, so that it never gives two licences (ST-04)."""
    return f"stock-{digest[:56]}-{attempt}"


def _blinds(blinds: Blinds) -> dict[str, str | None]:
    return {"number_blind": blinds.number, "plate_blind": blinds.plate, "vin_blind": blinds.vin, "person_blind": blinds.person}


def _row(run: StockRun, row: RowMapping) -> StockRow:
    return StockRow(
        row["id"], row["line"], row["digest"], row["county"], row["adopting"], row["state"], row["attempt"], row["idempotency_key"],
        run.vault.open_json(row["content"], row["digest"]), Blinds(row["number_blind"], row["plate_blind"], row["vin_blind"], row["person_blind"]),
        row["round"], row["sampled"], row["licence_id"],
    )  # fmt: skip


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
