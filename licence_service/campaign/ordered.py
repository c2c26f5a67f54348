"""Campaigns by order of people at the desk: the server rehearses and runs them, and goes on where a process died."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from licence_service.campaign.running import Runner
from licence_service.errors import Fault, Refusal, RequestRejected, Unavailable
from licence_service.store.campaign_orders import LEASE, REHEARSE, RUN, CampaignOrders, Order
from licence_service.store.campaigns import APPROVED, PLANNED, REHEARSED, RUNNING, Campaign

_STATES = {REHEARSE: (PLANNED, REHEARSED), RUN: (APPROVED, RUNNING)}
_SAID = timedelta(minutes=1)  # between two words that an order is being carried
_LATER = timedelta(minutes=1)  # what cannot be had now is asked for again


@dataclass(frozen=True, slots=True)
class Ordered:
    """Takes orders about campaigns, and carries them."""

    runner: Runner
    orders: CampaignOrders
    now: Callable[[], datetime] = field(repr=False)

    def order(self, campaign: Campaign, what: str, by: str) -> None:
        """Order a campaign to be rehearsed or run; `RequestRejected` where it is not its turn, or one order about it is being carried out."""
        if campaign.state not in _STATES[what]:
            said = f"a campaign can be ordered to {what} only while it is {' or '.join(_STATES[what])}"
            raise RequestRejected(said, faults=[Fault("campaign", "not-its-turn", said)])
        self.orders.give(campaign, what, by, self.now())

    def work(self) -> int:
        """Carry every order that nobody carries; return how many were taken up."""
        taken = 0
        while order := self.orders.claim(self.now()):
            self._carry(order)
            taken += 1
        return taken

    def _carry(self, order: Order) -> None:
        last = self.now()

        def step(_licence: str) -> None:
            nonlocal last
            if self.now() - last >= _SAID:
                last = self.now()
                self.orders.keep(order, last + LEASE)

        carry = self.runner.rehearse if order.what == REHEARSE else self.runner.run
        try:
            carry(order.campaign_id, step)
        except Unavailable as held:
            self.orders.wait(order, self.now() + _LATER, held.slug)
        except Refusal as refused:
            self.orders.end(order, self.now(), refused.slug)
        else:
            self.orders.end(order, self.now())
