"""The sum proof (ST-05): imported = sealed + adopted + quarantined + rejected, per county and type, and what waits in between.

Three counts that come from different places must agree: what the pass over the file counted, the rows by their states, and the book.
"""

from dataclasses import dataclass

from licence_service.store.stock_rows import ADOPTED, LOADED, PASSED, QUARANTINED, REJECTED, RELEASING, SEALED, StockRun
from licence_service.store.stock_sums import StockSums


@dataclass(frozen=True, slots=True)
class CountyProof:
    """The sums of one county. `waiting`: judged or not, not released; `in_book`: licences that the book has of its rows."""

    county: str
    imported: int
    sealed: int
    adopted: int
    quarantined: int
    rejected: int
    waiting: int
    in_book: int
    not_noted: int

    @property
    def holds(self) -> bool:
        """Say whether file, rows and book agree."""
        told = self.sealed + self.adopted
        return self.imported == told + self.quarantined + self.rejected + self.waiting and told == self.in_book and not self.not_noted


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof of a run. `holds` says that nothing is lost or doubled, `closed` that nothing waits any more."""

    type: str
    counties: tuple[CountyProof, ...]
    loaded: bool

    @property
    def holds(self) -> bool:
        """Say whether every county's sums agree, over a file that was read to its end."""
        return self.loaded and all(one.holds for one in self.counties)

    @property
    def closed(self) -> bool:
        """Say whether every row found its end: imported = sealed + adopted + quarantined + rejected."""
        return self.holds and not any(one.waiting for one in self.counties)


def proof(run: StockRun, sums: StockSums) -> Proof:
    """Count."""
    counts = run.counts or {}
    imported, states, book, late = counts.get("imported", {}), sums.states(run), sums.in_book(run), sums.not_noted(run)
    counties = tuple(
        CountyProof(
            county, imported.get(county, 0), one.get(SEALED, 0), one.get(ADOPTED, 0), one.get(QUARANTINED, 0), one.get(REJECTED, 0),
            one.get(PASSED, 0) + one.get(RELEASING, 0) + one.get(LOADED, 0), book.get(county, 0), late.get(county, 0),
        )
        for county in sorted(imported.keys() | states.keys())
        for one in [states.get(county, {})]
    )  # fmt: skip
    return Proof(run.type, counties, run.counts is not None)
