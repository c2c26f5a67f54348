"""The alarm of a seal: an hour with far more uses than any of the weeks before stops it until an officer has looked (AI-05).

Counted are uses that were asked for, by the hour. What two people approved as a whole, a campaign or the release of a stock, is not counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from licence_service.digests import sha256
from licence_service.store.counting import count_up_by
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
    """Count so many uses to their hour, and return why the seal must be stopped; None where all is as usual.

    It is raised once where the limit is passed, and again each time the hour's uses have doubled since: what an officer has looked at goes on.
    """
    now = count_up_by(connection, _hour(watch.seal_id, at), uses) + uses - 1
    if now <= watch.least:
        return None
    usual = connection.execute(select(func.max(counters.c.value)).where(counters.c.name.in_(list(_hours_before(watch.seal_id, at))))).scalar() or 0
    limit = max(watch.least, watch.times * usual)
    if _doublings(now, limit) == _doublings(now - uses, limit):
        return None
    return f"alarm: {now} uses in this hour; the busiest of the last {LOOKED_BACK.days} days had {usual}"


def _doublings(uses: int, limit: int) -> int:
    """Return 0 up to the limit, 1 up to twice as many, 2 up to four times as many, and so on."""
    return max(-(-uses // limit) - 1, 0).bit_length()


def _hour(seal_id: str, at: datetime) -> str:
    return f"alarm:{sha256(seal_id.encode())[:16]}:{int(at.timestamp()) // 3600}"


def _hours_before(seal_id: str, at: datetime) -> Iterator[str]:
    return (_hour(seal_id, at - number * _AN_HOUR) for number in range(1, LOOKED_BACK // _AN_HOUR + 1))
