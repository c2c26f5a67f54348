"""The alarm of a seal: an hour with far more uses than any of the weeks before stops it until an officer has looked (AI-05).

Counted are uses that were let through, by the hour: what an alarm held back does not become the usual, and is not counted twice when it comes again.
What two people approved as a whole, a campaign or the release of a stock, is not counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from licence_service.digests import sha256
from licence_service.store.counting import count_up_by, counted, raise_to
from licence_service.store.tables import counters

LOOKED_BACK = timedelta(days=28)  # four of each day of the week
_AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Watch:
    """When a seal is stopped: over `times` as many uses in an hour as in the busiest of four weeks, though never for `least` or fewer."""

    seal_id: str
    times: int
    least: int


def alarm(connection: Connection, watch: Watch, uses: int, at: datetime) -> str | None:
    """Count so many uses to their hour, or count none and return why the seal must be stopped.

    It is raised where the limit is passed, and again each time the hour's uses have doubled since: what an officer has looked at goes on.
    """
    hour = _hour(watch.seal_id, at)
    now = count_up_by(connection, hour, uses) + uses - 1
    if now <= watch.least:
        return None
    usual = connection.execute(select(func.max(counters.c.value)).where(counters.c.name.in_(list(_hours_before(watch.seal_id, at))))).scalar() or 0
    looked_at = f"{hour}:looked-at"
    if now <= max(watch.least, watch.times * usual, 2 * (counted(connection, looked_at) or 0)):
        return None
    count_up_by(connection, hour, -uses)
    raise_to(connection, looked_at, now)
    return f"alarm: {now} uses in this hour; the busiest of the last {LOOKED_BACK.days} days had {usual}"


def _hour(seal_id: str, at: datetime) -> str:
    return f"alarm:{sha256(seal_id.encode())[:16]}:{int(at.timestamp()) // 3600}"


def _hours_before(seal_id: str, at: datetime) -> Iterator[str]:
    return (_hour(seal_id, at - number * _AN_HOUR) for number in range(1, LOOKED_BACK // _AN_HOUR + 1))
