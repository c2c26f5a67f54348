"""The plan of a re-seal campaign (DOMAIN SE-06, M13): made by the command from a seal, an instant and a decision, kept like any plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from licence_service.envelope import Reading
from licence_service.errors import Fault
from licence_service.licence import Act, Decision, beijing_day
from licence_service.line import Line
from licence_service.seal import KnownSeal
from licence_service.seal.keyring import Keyring

TITLE = {"zh": "印章密钥失密后重新签章", "en": "Re-seal after a lost key"}


@dataclass(frozen=True, slots=True)
class SealPlan:
    """Licences whose current document was sealed by this seal and recorded at or after `since`; `every`: whenever it was recorded."""

    act: Act
    departments: tuple[str, ...]
    types: tuple[str, ...]
    decision: Decision
    seal: KnownSeal
    since: datetime
    every: bool


def resealing(line: Line, seal_id: str, since: datetime, decision: Mapping[str, Any], *, every: bool) -> dict[str, Any]:
    """Return what such a plan says, as it is kept; `decision` as of any act."""
    seal = line.keyring.seal_named(seal_id)
    return {
        "act": Act.RESEAL.value,
        "title": TITLE,
        "departments": [seal.department],
        "types": sorted(line.catalogue.editions),
        "select": chosen(seal_id, since, every=every),
        "decision": dict(decision),
        "effective_on": decision.get("decided_on"),
    }


def chosen(seal_id: str, since: datetime, *, every: bool) -> dict[str, Any]:
    """Return how a plan says which licences it means; the same instant in another zone gives the same."""
    return {"seal": seal_id, "since": since.astimezone(UTC).isoformat(timespec="microseconds"), "all": every}


def is_resealing(said: Mapping[str, Any]) -> bool:
    """Say whether this is a plan to re-seal."""
    return said.get("act") == Act.RESEAL.value


def seal_plan_of(said: Mapping[str, Any], keyring: Keyring) -> SealPlan:
    """Read such a plan; raise `RequestRejected` with every fault of its decision."""
    reading = Reading(said)
    decision = reading.decision()
    reading.refuse_if_faulty()
    meant = said["select"]
    seal = keyring.seal_named(meant["seal"])
    return SealPlan(
        Act.RESEAL, tuple(said["departments"]), tuple(said["types"]), decision, seal, datetime.fromisoformat(meant["since"]), bool(meant["all"])
    )


def seal_faults(line: Line, plan: SealPlan) -> Iterator[Fault]:
    """Yield what keeps a plan from being carried out: a decision to come, or no other seal to re-seal with."""
    if plan.decision.decided_on > beijing_day(line.now()):
        yield Fault("decision.decided_on", "in-the-future", "the decision must have been taken")
    if line.keyring.departments[plan.seal.department].seal.seal_id == plan.seal.seal_id:
        message = "this is the department's seal of today: put a new one into the keys folder and this one under retired_seals, then call again"
        yield Fault("seal", "still-in-use", message)
