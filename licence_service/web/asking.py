"""Routes that ask the book: a licence at two clocks, a signed answer, searches by page, the entries."""

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from licence_service import entry_form
from licence_service.envelope import WORD, Reading
from licence_service.errors import Fault, RequestRejected
from licence_service.fields import Asker, Field
from licence_service.licence import LicenceState, beijing_day
from licence_service.rules import renewal_of
from licence_service.service import Service
from licence_service.store.clients import READ, Client
from licence_service.store.record import Record
from licence_service.store.searching import Criteria
from licence_service.view import view_of
from licence_service.web.access import Caller, TheService
from licence_service.web.clocks import KnownAt, ValidAt, end_of, two_clocks
from licence_service.web.issuing import Body, LicenceId
from licence_service.web.shapes import ANSWERS, ENTRIES_ANSWER, LICENCE_ANSWER, SEARCH_ANSWER, SEARCH_BODY, SIGNED_ANSWER

router = APIRouter(tags=["asking the book"], responses=ANSWERS)
MOST_A_PAGE = 100
_NAME = Field(label="栏目", type="string", disclose={}, pattern=r"[a-z][a-z0-9_]{0,59}")
_VALUE = Field(label="内容", type="string", disclose={}, max_length=200)
_DAYS = Field(label="天数", type="integer", disclose={}, minimum=0, maximum=3660)
_LIMIT = Field(label="条数", type="integer", disclose={}, minimum=1, maximum=MOST_A_PAGE)
_CURSOR = Field(label="游标", type="string", disclose={}, pattern=r"[0-9A-Z]{20}")


@router.post("/licences/search", openapi_extra=SEARCH_BODY, responses={200: SEARCH_ANSWER}, summary="Find licences, page by page")
def search(service: TheService, caller: Caller, body: Body) -> dict[str, Any]:
    """Find licences of the caller's department: by type, a value on the face, holder, state, or what falls due. Values are sent in the body only."""
    criteria, after, limit = _criteria(service, caller, body, [each for each in service.catalogue.slugs if caller.may(READ, each)])
    found, cursor = service.searching.page(criteria, beijing_day(service.now()), after=after, limit=limit)
    return {"licences": [_summary(service, one) for one in found], "after": cursor}


def _criteria(service: Service, caller: Client, body: dict[str, Any], types: list[str]) -> tuple[Criteria, str | None, int]:
    reading = Reading(body)
    reading.only(frozenset({"type", "field", "value", "holder", "state", "expiring_within_days", "due_within_days", "after", "limit"}))
    slug, name, value = reading.field("type", WORD), reading.field("field", _NAME), reading.field("value", _VALUE)
    holder, state = reading.field("holder", _VALUE), reading.one_of("state", [each.value for each in LicenceState])
    expiring, due = reading.field("expiring_within_days", _DAYS), reading.field("due_within_days", _DAYS)
    after, limit = reading.field("after", _CURSOR), reading.field("limit", _LIMIT)
    if (name is None) != (value is None):
        reading.faults.append(Fault("value" if name else "field", "missing", "`field` and `value` go together"))
    if holder and name:
        reading.faults.append(Fault("holder", "too-much", "either `holder`, or `field` and `value`"))
    if all(one is None for one in (slug, name, value, holder, state, expiring, due)):
        reading.faults.append(Fault("body", "missing", "say at least one thing to search by"))
    if slug is not None and slug not in service.catalogue.editions:
        reading.faults.append(Fault("type", "unknown-type", "no such certificate type"))
    reading.refuse_if_faulty()
    named = ("holder", str(holder)) if holder else (str(name), str(value)) if name else None
    chosen = [each for each in types if slug in {None, each}]
    wanted = LicenceState(state) if state else None
    return Criteria(caller.department, chosen, named, wanted, expiring, due, caller.offices), after, limit or MOST_A_PAGE


@router.get("/licences/{licence_id}", responses={200: LICENCE_ANSWER}, summary="Read a licence, on any day, as known at any time")
def read(service: TheService, caller: Caller, licence_id: LicenceId, valid_at: ValidAt = None, known_at: KnownAt = None) -> dict[str, Any]:
    """Return the licence as a clerk sees it, with all its versions; for a day gone by, also what was known at the end of that day (AU-01)."""
    day, instant = two_clocks(valid_at, known_at, service.now())
    record = service.registrar.visible(caller, licence_id)
    licence = record.at(day, instant if known_at else None)
    template = service.catalogue.edition(record.type, licence.current.edition)
    department = service.keyring.department_of(licence.issuer or record.department)
    view = view_of(licence, template, service.catalogue.kinds, department, record.type, licence.current.version, Asker.CLERK)
    window = renewal_of(service.law.packs(instant), record.type, day, template.term)
    until = window.renewable_until(licence.valid_to) if licence.valid_to else None
    versions = [
        {
            "version": one.version, "elicence_id": one.elicence_id, "reason": one.reason.value, "copy_no": one.copy_no,
            "state": licence.version_state(one), "document_sha256": one.document.sha256,
            "document_url": f"/licences/{licence_id}/versions/{one.version}/document",
        }
        for one in licence.versions
    ]  # fmt: skip
    clocks = {"valid_at": day.isoformat(), "known_at": instant.isoformat(timespec="microseconds"), "as_known_then": _then(record, day, service.now())}
    return {**view, **clocks, "renewable_until": until.isoformat() if until else None, "head": licence.head, "versions": versions}


def _then(record: Record, day: date, now: datetime) -> dict[str, Any] | None:
    """Return the state on a day gone by as it was known at the end of that day: reliance is judged by it (AU-01, RULINGS 10)."""
    if day >= beijing_day(now):
        return None
    end = end_of(day)
    licence = record.on(day, end)
    return {"known_at": end.isoformat(timespec="microseconds"), "state": licence.state.value if licence else None}


@router.get("/licences/{licence_id}/answer", responses={200: SIGNED_ANSWER}, summary="A signed answer", response_class=Response)
def answer(service: TheService, caller: Caller, licence_id: LicenceId, valid_at: ValidAt = None, known_at: KnownAt = None) -> Response:
    """Return what the book says, signed, on a closed head: asked again with the same two clocks, the same to the byte."""
    day, instant = two_clocks(valid_at, known_at, service.now())
    if known_at == beijing_day(service.now()).isoformat():
        raise RequestRejected(faults=[Fault("known_at", "day-not-over", "an answer about the end of today cannot stay the same; name an instant")])
    record = service.registrar.visible(caller, licence_id)
    return Response(
        service.answers.signed(record, day, instant if known_at else None), media_type="application/cose", headers={"Cache-Control": "no-store"}
    )


@router.get("/licences/{licence_id}/entries", responses={200: ENTRIES_ANSWER}, summary="Read the entries of a licence")
def entries(service: TheService, caller: Caller, licence_id: LicenceId) -> dict[str, Any]:
    """Return every entry as it was hashed, oldest first."""
    record = service.registrar.visible(caller, licence_id)
    listed = [{**entry_form.body_of(one), "sha256": one.digest.sha256, "sm3": one.digest.sm3} for one in record.entries if one.digest]
    return {"licence_id": licence_id, "entries": listed}


def _summary(service: Service, record: Record) -> dict[str, Any]:
    licence = record.at(beijing_day(service.now()))
    template = service.catalogue.edition(record.type, licence.current.edition)
    return {
        "licence_id": record.licence_id, "elicence_id": licence.current.elicence_id, "type": record.type, "state": licence.state.value,
        "number": licence.current.face.get(template.number.field), "version": licence.current.version,
        "valid_to": licence.valid_to.isoformat() if licence.valid_to else None,
    }  # fmt: skip
