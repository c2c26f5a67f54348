"""The seal at the desk: stopped and started by its officer, its log read by officer and auditor (SE-03)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse, Response

from licence_service.duties import Right
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.seal.department import Department
from licence_service.store.clients import PERSON
from licence_service.web.desk.room import HOME, Desk, TheForm, having, in_beijing

router = APIRouter(prefix=HOME, include_in_schema=False)
Officer = Annotated[Desk, Depends(having(Right.STOP_SEAL))]
Reader = Annotated[Desk, Depends(having(Right.STOP_SEAL, Right.READ_SEAL_LOG))]
_LINES = 50


@router.get("/seal")
def seal(desk: Reader, before: Annotated[int | None, Query(ge=1, le=2**53)] = None) -> Response:
    """Show the department's seal, the orders about it, and its uses, newest first; to people of an office the uses that it asked for."""
    service, department = desk.service, _department(desk)
    seal_id = department.seal.seal_id
    uses = (
        service.seal_log.newest(_seals(desk, department), offices=desk.person.offices, before=before, limit=_LINES)
        if desk.may(Right.READ_SEAL_LOG)
        else []
    )
    desk.log("seal_log", seal_id)
    lines = [(in_beijing(datetime.fromisoformat(str(one["at"]))), one) for _, one in uses]
    return desk.page(
        "seal.html", seal_id=seal_id, stopped=service.seal_log.stopped(seal_id),
        orders=[] if desk.person.office else service.seal_log.orders(seal_id), in_beijing=in_beijing, uses=lines,
        named=lambda by: service.people.named(by.removeprefix(PERSON)), more=uses[-1][0] if len(uses) == _LINES else None,
        titles={slug: editions[-1].title for slug, editions in service.catalogue.editions.items()},
    )  # fmt: skip


@router.post("/seal")
def order(desk: Officer, form: TheForm) -> Response:
    """Stop the seal at once, or start it again; the order stays on record with its reason."""
    wanted, reason = form.text("order", 10), form.text("reason", 500)
    if wanted not in {"stop", "start"} or not reason or not reason.isprintable():
        raise RequestRejected(faults=[Fault("reason", "missing", "say why, and whether to stop or to start")])
    service, seal_id = desk.service, _department(desk).seal.seal_id
    service.seal_log.order(seal_id, stopped=wanted == "stop", at=service.now(), by=desk.caller.name, reason=reason)
    return RedirectResponse(f"{HOME}/seal", status_code=303)


def _department(desk: Desk) -> Department:
    department = desk.service.keyring.departments.get(desk.person.department)
    if department is None:
        raise NotInRegister("the department has no seal")
    return department


def _seals(desk: Desk, department: Department) -> frozenset[str]:
    """Return the ids of every seal that the department uses or used."""
    known = (one.seal_id for one in desk.service.keyring.known_seals.values() if one.department == department.uscc)
    return frozenset({department.seal.seal_id, *known})
