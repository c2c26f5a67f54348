"""Events: what is told of an entry to the systems that may know of it, by the feed and by webhooks alike (docs/events.md).

The book itself is the ordered log; an event is one of its entries, read. The object follows the payload convention of Standard Webhooks
(`type`, `timestamp`, `data`); it never holds a value of a face, a fact of an endorsement or a person.
"""

from collections.abc import Mapping
from typing import Any

from licence_service.digests import canonical
from licence_service.licence import Act

PREFIX = "licence."
NOTICE = "notice.due"  # no entry: a deadline that a holder is told of, for the host app through which the card was claimed
# No entries either, for the systems of the department that issued (AI-12): a licence came to its holder, a copy of one was printed.
ARRIVALS = DELIVERED, PRINTED = "issuance.delivered", "copy.printed"
TYPES = tuple(f"{PREFIX}{act.value}" for act in Act)


def event_of(body: Mapping[str, Any], certificate_type: str, department: str) -> dict[str, Any]:
    """Return the event of an entry.

    `body` is its public body (`entry_form.body_of`), `certificate_type` the type's name, `department` the issuer of record after it.
    """
    data: dict[str, Any] = {
        "licence_id": body["licence_id"],
        "sequence": body["sequence"],
        "act": body["act"],
        "certificate_type": certificate_type,
        "department": department,
        "effective_on": body["effective_on"],
        "recorded_only": body["recorded_only"],
    }
    if version := body["version"]:
        data |= {"version": version["version"], "elicence_id": version["elicence_id"]}
    return {
        "id": event_id(body["licence_id"], body["sequence"]),
        "type": PREFIX + body["act"],
        "timestamp": body["recorded_at"],
        "data": data,
    }


def event_id(licence_id: str, sequence: int) -> str:
    """Return the id of an entry's event: the same whenever, however often and to whomever it is told."""
    return f"{licence_id}-{sequence}"


def payload(event: Mapping[str, Any]) -> bytes:
    """Return the bytes that are sent and signed: canonical JSON (RFC 8785)."""
    return canonical(event)
