"""What people ordered of campaigns at the desk. As `tables`, and on the same metadata."""

from sqlalchemy import Column, ForeignKey, Index, String, Table

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

campaign_orders = Table(
    "campaign_orders", metadata,
    Column("id", Key, primary_key=True),
    Column("campaign", Key, ForeignKey("campaigns.id", name="fk_campaign_orders_campaign"), nullable=False),
    Column("what", String(10), nullable=False),  # rehearse, run
    Column("ordered_by", String(80), nullable=False),
    Column("ordered_at", Instant, nullable=False),
    Column("carried_until", Instant, nullable=False),  # whoever carries it pushes it forward; after it, another goes on
    Column("ended_at", Instant),
    Column("trouble", String(60)),  # what it waits for, or in the end was refused for: the name of a refusal
    Index("ix_campaign_orders_campaign", "campaign"),
    Index("ix_campaign_orders_ended_at", "ended_at"),
)  # fmt: skip
