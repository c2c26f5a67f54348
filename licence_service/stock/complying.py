"""How much of a department's stock complies, by type, against the line of 95 % (DOMAIN §2f): stock runs beside the register.

Both rates are of the same whole: what is in the register, what waits to be released, what is judged not yet, what is quarantined. A row that
was rejected for good is no licence, and counts nowhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from licence_service.store.stock_rows import LOADED, PASSED, QUARANTINED, RELEASING

LINE = Fraction(95, 100)


@dataclass(frozen=True, slots=True)
class Compliance:
    """Licences and rows of one type: `in_register`, `ready` (judged without a block), `unjudged`, `quarantined`."""

    type: str
    in_register: int
    ready: int
    unjudged: int
    quarantined: int

    @property
    def whole(self) -> int:
        """Return how many there are."""
        return self.in_register + self.ready + self.unjudged + self.quarantined

    @property
    def compliance(self) -> Fraction:
        """Return the part whose data comply (数据合规率)."""
        return Fraction(self.in_register + self.ready, self.whole)

    @property
    def collection(self) -> Fraction:
        """Return the part that is in the register (归集率)."""
        return Fraction(self.in_register, self.whole)

    @property
    def reached(self) -> bool:
        """Say whether both rates reach the line."""
        return min(self.compliance, self.collection) >= LINE


def complying(in_register: Mapping[str, int], rows: Mapping[str, Mapping[str, int]], types: Iterable[str]) -> Iterator[Compliance]:
    """Yield the types of which there is anything, in the given order. `rows` are by type and state."""
    for slug in types:
        states = rows.get(slug, {})
        ready = states.get(PASSED, 0) + states.get(RELEASING, 0)
        one = Compliance(slug, in_register.get(slug, 0), ready, states.get(LOADED, 0), states.get(QUARANTINED, 0))
        if one.whole:
            yield one
