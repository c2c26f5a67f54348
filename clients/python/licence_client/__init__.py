"""A client of licence_service for approval systems."""

from licence_client.calling import Fault, LicenceClient, Refused, Unreachable, Waiting
from licence_client.shapes import Act, Decision, Event, Events, Issued, Receipt, Verdict
from licence_client.webhooks import WebhookRejected, verify_webhook

__all__ = [
    "Act", "Decision", "Event", "Events", "Fault", "Issued", "LicenceClient", "Receipt", "Refused", "Unreachable", "Verdict", "Waiting", "WebhookRejected",
    "verify_webhook",
]  # fmt: skip
