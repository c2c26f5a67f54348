"""How long to leave a silent receiver alone."""

from dataclasses import dataclass
from datetime import timedelta

_SPREAD = 0.2  # of a pause, to both sides, so that what failed together is not tried together
_MOST_STEPS = 10  # beyond which no pause grows; a count of failures has no bound


@dataclass(frozen=True, slots=True)
class Pauses:
    """Pauses in seconds: the first, how many times as long each next one is, and the longest."""

    first: float
    growth: int
    longest: float

    def after(self, failures: int, chance: float = 0.5) -> timedelta:
        """Return the pause after so many failures in a row, from 1; `chance` from 0 to 1 spreads it, and the middle leaves it as it is."""
        plain = min(self.first * self.growth ** min(failures - 1, _MOST_STEPS), self.longest)
        return timedelta(seconds=plain * (1 - _SPREAD + 2 * _SPREAD * chance))
