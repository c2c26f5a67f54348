"""Several licences of one matter (一件事) in one request: each stands in law for itself, and partial success is said plainly (DOMAIN AI-08)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from licence_service import requests
from licence_service.chunk_rows import Outcome, told
from licence_service.confirming import OnDecision, asked_ahead, first_on
from licence_service.envelope import Reading
from licence_service.errors import Fault, NotGranted, Refusal, RequestRejected, Unavailable
from licence_service.licence import Act
from licence_service.preflight import first_draft, granted
from licence_service.registrar import Registrar
from licence_service.requests import BUNDLE_NO, is_key
from licence_service.store.clients import Client
from licence_service.store.source_waits import whose_of

MOST = 20  # licences of one matter
_KEYS = frozenset({"bundle_no", "issues"})


@dataclass(frozen=True, slots=True)
class Bundled:
    """What became of each request of a bundle, in their order."""

    bundle_no: str
    outcomes: tuple[Outcome, ...]


def issue_bundle(registrar: Registrar, caller: Client, key: str, body: Mapping[str, Any]) -> Bundled:
    """Issue each licence of a bundle by itself, as `Registrar.issue` does with its request and a key of its own.

    `key` again with the same requests returns the same licences, and carries on what was not issued. One that is refused does not
    stand in the way of the others. Raise `NotGranted` where the caller's scopes hold no issuing, `RequestRejected` where the bundle
    itself is not of its shape: then none is begun.
    """
    if not caller.may_somewhere(Act.ISSUE):
        raise NotGranted("the caller's scopes hold no issue")
    bundle_no, issues = _read(key, body)
    rows = [(f"{key}/{at}", {**one, "bundle_no": bundle_no}) for at, one in enumerate(issues)]
    registrar = _asked_ahead(replace(registrar, line=registrar.line.in_a_round()), caller, rows)
    outcomes = [told(lambda own=own, one=one: registrar.issue(caller, own, one)) for own, one in rows]  # type: ignore[misc]
    return Bundled(bundle_no, tuple(outcomes))


def _asked_ahead(registrar: Registrar, caller: Client, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> Registrar:
    """Ask about the decisions of a bundle together (AI-02); what is refused before its decision matters, or was begun before, is left for its own turn."""
    line = registrar.line
    if line.connectors is None:
        return registrar
    acts: list[OnDecision] = []
    for key, body in rows:
        with suppress(Refusal, Unavailable):
            if line.reservations.by_key(caller.name, key) is None:
                request = requests.read_issue(body)
                template, department = granted(line, caller, request, body)
                draft = first_draft(line, caller, template, department, request, Act.ISSUE, placed=False, asked=False)
                acts.append(first_on(caller.organisation, draft, request.case_no))
    return replace(registrar, line=asked_ahead(line, whose_of(caller), acts))


def _read(key: str, body: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    reading = Reading(body)
    reading.only(_KEYS)
    bundle_no, issues = reading.field("bundle_no", BUNDLE_NO, required=True), body.get("issues")
    if not is_key(f"{key}/{MOST}"):
        reading.faults.append(Fault("Idempotency-Key", "wrong-length", "with a bundle it is three characters shorter"))
    if not isinstance(issues, list) or not 1 <= len(issues) <= MOST:
        reading.faults.append(Fault("issues", "wrong-length", f"1 to {MOST} requests are wanted here"))
        issues = []
    for at, one in enumerate(issues):
        if not isinstance(one, dict):
            reading.faults.append(Fault(f"issues.{at}", "not-an-object", "the body of an issue is wanted here"))
        elif one in issues[:at]:  # it would be counted as a second licence, and be the first one again (AI-01)
            reading.faults.append(Fault(f"issues.{at}", "twice", "each licence once"))
        elif one.get("bundle_no", bundle_no) != bundle_no:
            reading.faults.append(Fault(f"issues.{at}.bundle_no", "at-odds", "it is named once, for all of them"))
    if reading.faults:
        raise RequestRejected(faults=reading.faults)
    return bundle_no or "", issues
