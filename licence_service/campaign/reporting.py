"""What a campaign did, for people and for programs: counts, and licence ids with what became of each. No holder, no number."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from licence_service.store.campaigns import Campaign, Campaigns, Row
from licence_service.store.sealed import LooseUse

OPEN = "open"
LEFT = "still_under_lost_seal"


@dataclass(frozen=True, slots=True)
class Report:
    """`head` says which campaign this is and who stands for it; `counts` how often the rehearsal and the run came to what.

    `rows` are read anew each time they are gone through; they hold nothing in memory.
    """

    head: Mapping[str, Any]
    counts: tuple[Mapping[str, Any], ...]
    rows: Iterable[Mapping[str, Any]] = field(repr=False)

    def number(self, rehearsed: str, outcome: str | None = None) -> int:
        """Return how many licences the rehearsal left so, and, where it is given, how many of them ended so."""
        return sum(int(one["licences"]) for one in self.counts if one["rehearsed"] == rehearsed and outcome in (None, one["outcome"]))


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a campaign, as the report says them."""

    store: Campaigns
    campaign: Campaign

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Read them from the first on."""
        return (_row(one, self.campaign.public["act"]) for one in self.store.rows(self.campaign))


def report_of(store: Campaigns, campaign: Campaign, loose: Iterable[LooseUse] | None = None, left: int | None = None) -> Report:
    """Return the report of a campaign as it stands.

    Of a re-seal, `loose` are the uses of the seal that led to no document of the book; of one that was run, `left` is how many genuine
    licences have a current document under the lost seal still.
    """
    plan = campaign.public
    counts = tuple(
        {"rehearsed": rehearsed, "outcome": outcome or (OPEN if rehearsed == plan["act"] else ""), "licences": number}
        for rehearsed, outcome, number in store.counts(campaign)
    )
    head = {
        "campaign_id": campaign.campaign_id,
        "state": campaign.state,
        "title": plan["title"],
        "act": plan["act"],
        "departments": plan["departments"],
        "types": plan["types"],
        "select": plan["select"],
        "decision": plan["decision"],
        "effective_on": plan["effective_on"],
        "end": plan.get("end"),
        "plan_digest": campaign.digest,
        "planned_by": campaign.planned_by,
        "planned_at": campaign.planned_at.isoformat(),
        "approved_by": campaign.approved_by,
        "approved_at": campaign.approved_at.isoformat() if campaign.approved_at else None,
        "exclusions": [_exclusion(one, counts) for one in plan.get("exclusions", [])],
    }
    if loose is not None:
        head["dead"] = [_loose(one) for one in loose]
    if left is not None:
        head[LEFT] = left
    return Report(head, counts, _Rows(store, campaign))


def _loose(one: LooseUse) -> dict[str, Any]:
    said = {"at": one.at.isoformat(), "event": one.event, "type": one.type, "reservation_id": one.reservation_id}
    return said | {"sealed_sha256": one.sealed_sha256}


def _exclusion(one: Mapping[str, Any], counts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Say how many values a list had and how many licences it left out: a list that meets nobody is worth a look."""
    met = sum(int(each["licences"]) for each in counts if each["rehearsed"] == f"excluded:{one['id']}")
    listed = {"listed": one["listed"]["count"]} if "listed" in one else {}
    return {"id": one["id"], "zh": one["zh"], "en": one["en"], **listed, "licences": met}


def _row(row: Row, act: str) -> dict[str, Any]:
    outcome = row.outcome or (OPEN if row.rehearsed == act else "")
    return {"licence_id": row.licence_id, "rehearsed": row.rehearsed, "outcome": outcome, "sequence": row.sequence}


def written(report: Report) -> Iterator[str]:
    """Yield the report as JSON text, a row a line, so that millions of rows never lie in memory."""
    head = json.dumps({**report.head, "counts": list(report.counts)}, ensure_ascii=False, indent=1)
    yield head.removesuffix("\n}") + ',\n "rows": ['
    between = "\n"
    for row in report.rows:
        yield between + "  " + json.dumps(row, ensure_ascii=False)
        between = ",\n"
    yield "\n ]\n}\n"
