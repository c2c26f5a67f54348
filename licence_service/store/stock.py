"""Legacy stock under way: runs, their rows, what was found of each (DOMAIN §2f).

A run has a secret of its own, encrypted here; under it lie the rows. Counties, states, rules and counts are all that lies open.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import EntryConflict, NotInRegister
from licence_service.store.clients import STOCK, Client
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.parting import parts
from licence_service.store.payload import KEY_BYTES, Vault
from licence_service.store.stock_rows import (
    ADOPTED,
    LOADED,
    PASSED,
    QUARANTINED,
    REJECTED,
    RELEASING,
    SEALED,
    Blinds,
    Found,
    NewRow,
    Related,
    StockRow,
    StockRun,
)  # fmt: skip
from licence_service.store.tables_of_stock import stock_findings, stock_rows, stock_runs

_LOADERS = "stock_rows"  # the row where those who add rows wait for each other: of two files with the same rows, the second is refused
_IN_REGISTER = frozenset({SEALED, ADOPTED})
_BLINDED = (stock_rows.c.number_blind, stock_rows.c.plate_blind, stock_rows.c.vin_blind, stock_rows.c.person_blind)


class KeptStock:
    """The stock of one register."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for runs' secrets and for digests, and the clock."""
        self.database, self.vault, self.now = database, vault, now

    # -- runs ----------------------------------------------------------------------------------------

    def opened(self, client: str, department: str, slug: str, file_digest: str, loaded_by: str, content: Mapping[str, Any]) -> StockRun:
        """Return the run of this file, found again by client, type and digest, or open it; `EntryConflict` where it was opened with other content."""
        digest = self.vault.blind("stock-file", file_digest)
        mine = (stock_runs.c.client == client) & (stock_runs.c.type == slug) & (stock_runs.c.file_digest == digest)
        run_id, secret = secrets.token_hex(13), secrets.token_bytes(KEY_BYTES)
        values = {
            "run_id": run_id, "client": client, "department": department, "type": slug, "file_digest": digest, "loaded_by": loaded_by,
            "made_at": self.now(), "secret": self.vault.close_up(secret, f"stock:{run_id}"),
            "content": Vault(secret).close_json(content, "stock:content"),
        }  # fmt: skip
        found = self._found(mine)
        if found is None:
            with suppress(IntegrityError), self.database.write() as connection:  # somebody else may open it at the same moment
                connection.execute(insert(stock_runs).values(values))
            found = self._found(mine)
        if found is None or found.content != content:
            raise EntryConflict("this file is loaded already, with another mapping, other ended holders or without its pages", facts=_named(found))
        return found

    def _found(self, mine: ColumnElement[bool]) -> StockRun | None:
        with self.database.read() as connection:
            row = connection.execute(select(stock_runs).where(mine)).mappings().first()
        return self._run(row) if row is not None else None

    def get(self, run_id: str, caller: Client | None = None) -> StockRun:
        """Return a run, or raise `NotInRegister`; to a `caller` those of its department and of types whose stock it may bring: no other is opened."""
        wanted = select(stock_runs).where(stock_runs.c.run_id == run_id)
        with self.database.read() as connection:
            row = connection.execute(wanted.where(stock_runs.c.department == caller.department) if caller else wanted).mappings().first()
        if row is None or (caller and not caller.may(STOCK, row["type"])):
            raise NotInRegister("no such run")
        return self._run(row)

    def all(self, department: str | None = None) -> list[StockRun]:
        """Return every run, or those of one department, newest first."""
        wanted = select(stock_runs).order_by(stock_runs.c.id.desc())
        with self.database.read() as connection:
            rows = connection.execute(wanted.where(stock_runs.c.department == department) if department else wanted).mappings().all()
        return [self._run(row) for row in rows]

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
            for part in parts(digests):
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
                    hold(connection, _LOADERS)
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
            asked = (select(stock_rows).where(stock_rows.c.run == run.key, stock_rows.c.line.in_(part)) for part in parts(sorted(set(lines))))
            return [_row(run, row) for one in asked for row in connection.execute(one).mappings()]

    def related(self, run: StockRun, rows: Sequence[StockRow]) -> list[Related]:
        """Return the rows of this department and type, of whatever run, that share number, plate or person with one of these (ST-02).

        Rows that were rejected count no more; those that are in the register count with plate and person, their numbers are found there.
        """
        columns = (stock_rows.c.id, stock_rows.c.state, *_BLINDED)
        mine = (stock_runs.c.department == run.department) & (stock_runs.c.type == run.type) & (stock_rows.c.state != REJECTED)
        asked = select(*columns).join(stock_runs, stock_runs.c.id == stock_rows.c.run).where(mine)
        return [Related(row["id"], row["state"] in _IN_REGISTER, _read_blinds(row)) for row in self._sharing(asked, [one.blinds for one in rows])]

    def others(self, run: StockRun, blinds: Sequence[Blinds]) -> list[tuple[StockRun, list[StockRow]]]:
        """Return, by run, the rows of other runs of this department and type that passed and share number, plate or person with one of these."""
        mine = (stock_runs.c.department == run.department) & (stock_runs.c.type == run.type) & (stock_rows.c.run != run.key)
        asked = select(stock_rows, stock_runs.c.run_id).join(stock_runs, stock_runs.c.id == stock_rows.c.run)
        found = self._sharing(asked.where(mine, stock_rows.c.state == PASSED), blinds)
        runs = {run_id: self.get(run_id) for run_id in sorted({row["run_id"] for row in found})}
        return [(one, [_row(one, row) for row in found if row["run_id"] == run_id]) for run_id, one in runs.items()]

    def sharing(self, run: StockRun, blinds: Sequence[Blinds]) -> list[StockRow]:
        """Return the rows of this run that wait and share number, plate or person with one of these."""
        mine = (stock_rows.c.run == run.key) & stock_rows.c.state.in_((PASSED, QUARANTINED))
        return [_row(run, row) for row in self._sharing(select(stock_rows).where(mine), blinds)]

    def _sharing(self, asked: Select[Any], blinds: Sequence[Blinds]) -> list[RowMapping]:
        """Return what is asked of the rows that share number, plate or person with one of these, each once."""
        found: dict[int, RowMapping] = {}
        with self.database.read() as connection:
            for column, name in ((stock_rows.c.number_blind, "number"), (stock_rows.c.plate_blind, "plate"), (stock_rows.c.person_blind, "person")):
                for part in parts(sorted({value for one in blinds if (value := getattr(one, name))})):
                    found |= {row["id"]: row for row in connection.execute(asked.where(column.in_(part))).mappings()}
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
                findings += [_finding(row, one) for one in found]
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
        found = (row for part in parts(sorted(read)) for row in connection.execute(asked.where(stock_rows.c.id.in_(part))))
        return {row.id for row in found if read[row.id] == (row.state, row.attempt)}

    def claim(self, rows: Sequence[StockRow]) -> list[StockRow]:
        """Take rows that passed for a release: nobody holds, corrects or rejects them any more. Return those that nobody else moved before."""
        with self.database.write() as connection:
            still = self._still(connection, rows)
            for part in parts(sorted(still)):
                connection.execute(update(stock_rows).where(stock_rows.c.id.in_(part)).values(state=RELEASING))
        return [replace(row, state=RELEASING) for row in rows if row.key in still]

    @staticmethod
    def _forget(connection: Connection, keys: Sequence[int]) -> None:
        for part in parts(keys):
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


def _named(run: StockRun | None) -> dict[str, str]:
    return {"run": run.run_id} if run else {}


def _key(digest: str, attempt: int) -> str:
    """Return the idempotency key of a row: the same as long as it says the same, so that it never gives two licences (ST-04)."""
    return f"stock-{digest[:56]}-{attempt}"


def _finding(row: StockRow, one: Found) -> dict[str, Any]:
    return {"row": row.key, "rule": one.rule, "severity": one.severity, "path": one.path[:120], "code": one.code[:60]}


def _blinds(blinds: Blinds) -> dict[str, str | None]:
    return {"number_blind": blinds.number, "plate_blind": blinds.plate, "vin_blind": blinds.vin, "person_blind": blinds.person}


def _read_blinds(row: RowMapping) -> Blinds:
    return Blinds(*(row[column.name] for column in _BLINDED))


def _row(run: StockRun, row: RowMapping) -> StockRow:
    return StockRow(
        row["id"], row["line"], row["digest"], row["county"], row["adopting"], row["state"], row["attempt"], row["idempotency_key"],
        run.vault.open_json(row["content"], row["digest"]), _read_blinds(row),
        row["round"], row["sampled"], row["licence_id"],
    )  # fmt: skip
