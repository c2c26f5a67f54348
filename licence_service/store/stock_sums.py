"""Sums over legacy stock: rows by county and state, findings by rule, samples, and what the book has of them (ST-05, ST-06)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from licence_service.errors import Fault, RequestRejected
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.parting import parts
from licence_service.store.stock_rows import ADOPTED, PASSED, SEALED, StockRun
from licence_service.store.tables import licences, reservations
from licence_service.store.tables_of_stock import stock_findings, stock_rows, stock_runs, stock_samples

_DRAWING = "stock_samples"  # the row where those who draw wait for each other


@dataclass(frozen=True, slots=True)
class Sample:
    """One drawing of a county: `size` rows of `population`, released only once another person signed it off."""

    county: str
    round: int
    population: int
    size: int
    drawn_at: datetime
    signed_at: datetime | None
    signed_by: str | None


class StockSums:
    """Counts, and samples."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def states(self, run: StockRun) -> dict[str, dict[str, int]]:
        """Return rows by county and state."""
        asked = select(stock_rows.c.county, stock_rows.c.state, func.count()).where(stock_rows.c.run == run.key)
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for county, state, count in connection.execute(asked.group_by(stock_rows.c.county, stock_rows.c.state)):
                found.setdefault(county, {})[state] = int(count)
        return found

    def by_type(self, department: str) -> dict[str, dict[str, int]]:
        """Return the rows of all of a department's runs by type and state."""
        groups = (stock_runs.c.type, stock_rows.c.state)
        asked = select(*groups, func.count()).join(stock_runs, stock_runs.c.id == stock_rows.c.run).where(stock_runs.c.department == department)
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for slug, state, count in connection.execute(asked.group_by(*groups)):
                found.setdefault(slug, {})[state] = int(count)
        return found

    def in_register(self, department: str) -> dict[str, int]:
        """Return by type how many licences the register has of which a department is the issuer of record."""
        own = or_(licences.c.issuer == department, licences.c.issuer.is_(None) & (licences.c.department == department))
        asked = select(licences.c.type, func.count()).where(own)
        with self._database.read() as connection:
            return {slug: int(count) for slug, count in connection.execute(asked.group_by(licences.c.type))}

    def rules(self, run: StockRun) -> list[tuple[str, str, str, int]]:
        """Return (rule, severity, county, rows) of what was found."""
        groups = (stock_findings.c.rule, stock_findings.c.severity, stock_rows.c.county)
        asked = select(*groups, func.count(stock_findings.c.row.distinct())).join(stock_rows, stock_rows.c.id == stock_findings.c.row)
        with self._database.read() as connection:
            rows = connection.execute(asked.where(stock_rows.c.run == run.key).group_by(*groups).order_by(*groups))
            return [(rule, severity, county, int(count)) for rule, severity, county, count in rows]

    def in_book(self, run: StockRun) -> dict[str, int]:
        """Return by county how many different licences of the book are named by rows that are said to be sealed or adopted.

        A licence counts where its type, department and first entry's reservation are those of the row: the book is asked, not the row believed.
        """
        joined = stock_rows.join(licences, licences.c.licence_id == stock_rows.c.licence_id).join(reservations, _mine(run))
        right = (licences.c.type == run.type) & (reservations.c.licence_id == licences.c.licence_id) & (reservations.c.state == "entered")
        asked = select(stock_rows.c.county, func.count(licences.c.id.distinct())).select_from(joined)
        said = stock_rows.c.state.in_((SEALED, ADOPTED))
        with self._database.read() as connection:
            rows = connection.execute(asked.where(stock_rows.c.run == run.key, said, right).group_by(stock_rows.c.county))
            return {county: int(count) for county, count in rows}

    def not_noted(self, run: StockRun) -> dict[str, int]:
        """Return by county how many rows are entered in the book and not marked so here: whoever released them was killed; the next release notes them."""
        asked = select(stock_rows.c.county, func.count()).select_from(stock_rows.join(reservations, _mine(run)))
        open_ones = stock_rows.c.state.not_in((SEALED, ADOPTED))
        with self._database.read() as connection:
            entered = (stock_rows.c.run == run.key) & open_ones & (reservations.c.state == "entered")
            return {county: int(count) for county, count in connection.execute(asked.where(entered).group_by(stock_rows.c.county))}

    # -- samples -------------------------------------------------------------------------------------

    def undrawn(self, run: StockRun) -> dict[str, list[tuple[int, str]]]:
        """Return by county (key, digest) of the rows that passed and were in no drawing yet."""
        asked = select(stock_rows.c.county, stock_rows.c.id, stock_rows.c.digest).where(stock_rows.c.run == run.key)
        found: dict[str, list[tuple[int, str]]] = {}
        with self._database.read() as connection:
            for row in connection.execute(asked.where(stock_rows.c.state == PASSED, stock_rows.c.round.is_(None)).order_by(stock_rows.c.id)):
                found.setdefault(row.county, []).append((row.id, row.digest))
        return found

    def draw(self, run: StockRun, county: str, population: Sequence[int], sample: Sequence[int], now: datetime) -> None:
        """Write a drawing down: all rows of the county that passed and were in none, and those that were drawn; not where another drew them meanwhile."""
        mine = (stock_samples.c.run == run.key) & (stock_samples.c.county == county)
        with self._database.write() as connection:
            hold(connection, _DRAWING)
            # Taken in the order of their keys, as whoever judges, releases or settles rows takes them (`KeptStock`).
            undrawn = select(stock_rows.c.id).where(stock_rows.c.round.is_(None)).order_by(stock_rows.c.id).with_for_update()
            held = (connection.execute(undrawn.where(stock_rows.c.id.in_(part))).all() for part in parts(sorted(population)))
            if sum(map(len, held)) < len(population):
                return
            last = connection.execute(select(func.max(stock_samples.c.round)).where(mine)).scalar_one() or 0
            values = {"run": run.key, "county": county, "round": last + 1, "population": len(population), "size": len(sample), "drawn_at": now}
            connection.execute(insert(stock_samples).values(values))
            for keys, told in ((population, {"round": last + 1}), (sample, {"sampled": True})):
                for part in parts(keys):
                    these = stock_rows.c.id.in_(part)
                    connection.execute(update(stock_rows).where(these).values(told))

    def samples(self, run: StockRun) -> list[Sample]:
        """Return every drawing of a run."""
        asked = select(stock_samples).where(stock_samples.c.run == run.key).order_by(stock_samples.c.county, stock_samples.c.round)
        with self._database.read() as connection:
            return [
                Sample(row["county"], row["round"], row["population"], row["size"], row["drawn_at"], row["signed_at"], row["signed_by"])
                for row in connection.execute(asked).mappings()
            ]

    def sign(self, run: StockRun, county: str, by: str, now: datetime, up_to: int | None = None) -> int:
        """Sign off what was drawn of a county and not signed yet, up to a drawing where one is named; return how many drawings that were.

        Where several wait and none is named nothing is signed: `RequestRejected`, since nobody signs what was drawn after they looked.
        """
        mine = and_(stock_samples.c.run == run.key, stock_samples.c.county == county, stock_samples.c.signed_at.is_(None))
        with self._database.write() as connection:
            hold(connection, _DRAWING)
            waiting = connection.execute(select(stock_samples.c.round).where(mine)).scalars().all()
            if up_to is None and len(waiting) > 1:
                raise RequestRejected(
                    faults=[Fault("round", "missing", f"several drawings wait: name the last one that was looked at, of {sorted(waiting)}")]
                )
            meant = [each for each in waiting if up_to is None or each <= up_to]
            signed = update(stock_samples).where(mine, stock_samples.c.round.in_(meant))
            return connection.execute(signed.values(signed_at=now, signed_by=by)).rowcount

    def released(self, run: StockRun) -> Mapping[str, frozenset[int]]:
        """Return by county the drawings that were signed off: their rows may be released."""
        found: dict[str, set[int]] = {}
        for one in self.samples(run):
            if one.signed_at is not None:
                found.setdefault(one.county, set()).add(one.round)
        return {county: frozenset(rounds) for county, rounds in found.items()}


def _mine(run: StockRun) -> ColumnElement[bool]:
    return and_(reservations.c.client == run.client, reservations.c.idempotency_key == stock_rows.c.idempotency_key)
