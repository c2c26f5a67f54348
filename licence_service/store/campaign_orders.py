"""Orders that people give at the desk about campaigns, to rehearse one and to run it; the server carries them, one process each at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, insert, select, update

from licence_service.errors import Fault, RequestRejected
from licence_service.store.campaigns import Campaign
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.tables import campaigns
from licence_service.store.tables_of_orders import campaign_orders as orders

REHEARSE, RUN = "rehearse", "run"
LEASE = timedelta(minutes=5)  # who carries an order says so again each minute; one whose process died is taken up by another
_WRITERS = "campaign_orders"


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `trouble` names the refusal that it waits for, or that ended it; `ended_at` is None while it is to be carried."""

    key: int
    campaign_id: str
    what: str
    ordered_by: str
    ordered_at: datetime
    ended_at: datetime | None
    trouble: str | None


_OF = select(orders, campaigns.c.campaign_id).join(campaigns, campaigns.c.id == orders.c.campaign)


class CampaignOrders:
    """The orders of all campaigns; only ever added to, and ended."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def give(self, campaign: Campaign, what: str, by: str, now: datetime) -> None:
        """Give an order; `RequestRejected` while another about the same campaign is not ended."""
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            if connection.execute(_open(campaign)).first():
                raise _under_way()
            row = {"campaign": campaign.key, "what": what, "ordered_by": by, "ordered_at": now, "carried_until": now}
            connection.execute(insert(orders).values(row))

    def must_be_idle(self, campaign: Campaign) -> None:
        """Refuse with `RequestRejected` while an order about a campaign is not ended."""
        with self._database.read() as connection:
            if connection.execute(_open(campaign)).first():
                raise _under_way()

    def claim(self, now: datetime) -> Order | None:
        """Take the oldest order that nobody carries; None where there is none."""
        with self._database.read() as connection:
            free = orders.c.ended_at.is_(None) & (orders.c.carried_until <= now)
            if connection.execute(select(orders.c.id).where(free).limit(1)).first() is None:
                return None
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            row = connection.execute(_OF.where(free).order_by(orders.c.id).limit(1)).first()
            if row:
                connection.execute(update(orders).where(orders.c.id == row.id).values(carried_until=now + LEASE))
        return _order(row) if row else None

    def keep(self, order: Order, until: datetime) -> None:
        """Hold an order up to an instant: it is being carried, and waits for nothing any more."""
        self._change(order, carried_until=until, trouble=None)

    def wait(self, order: Order, until: datetime, trouble: str) -> None:
        """Put an order off: what it needs cannot be had now."""
        self._change(order, carried_until=until, trouble=trouble)

    def end(self, order: Order, now: datetime, trouble: str | None = None) -> None:
        """End an order; with what it was refused for, where it was."""
        self._change(order, ended_at=now, trouble=trouble)

    def newest(self, campaign: Campaign) -> Order | None:
        """Return the last order about a campaign."""
        with self._database.read() as connection:
            row = connection.execute(_OF.where(orders.c.campaign == campaign.key).order_by(orders.c.id.desc()).limit(1)).first()
        return _order(row) if row else None

    def _change(self, order: Order, **values: Any) -> None:  # noqa: ANN401 - columns
        with self._database.write() as connection:
            connection.execute(update(orders).where(orders.c.id == order.key, orders.c.ended_at.is_(None)).values(values))


def _open(campaign: Campaign) -> Select[Any]:
    return select(orders.c.id).where(orders.c.campaign == campaign.key, orders.c.ended_at.is_(None))


def _under_way() -> RequestRejected:
    return RequestRejected(faults=[Fault("campaign", "under-way", "an order about this campaign is being carried out")])


def _order(row: Row[Any]) -> Order:
    return Order(row.id, row.campaign_id, row.what, row.ordered_by, row.ordered_at, row.ended_at, row.trouble)
