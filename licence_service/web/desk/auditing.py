"""Who of the department read, searched and printed what, for its auditor; reading this is a line itself (AU-06)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from licence_service.duties import Right
from licence_service.store.desk_log import OF_A_LICENCE
from licence_service.web.desk.room import HOME, Desk, having, in_beijing
from licence_service.web.desk_words import DONE

router = APIRouter(prefix=HOME, include_in_schema=False)
Auditor = Annotated[Desk, Depends(having(Right.READ_DESK_LOG))]
_LINES = 50


@router.get("/log")
def log(desk: Auditor, before: Annotated[int | None, Query(ge=1, le=2**53)] = None) -> Response:
    """Show the lines of the department, or of the office, newest first."""
    lines = desk.service.desk_log.newest(desk.person.department, offices=desk.person.offices, before=before, limit=_LINES)
    desk.log("desk_log", desk.person.department)
    rows = [
        {
            "at": in_beijing(one.at), "who": desk.service.people.named(one.person_id), "done": DONE.get(one.done, (one.done, one.done)),
            "subject": one.subject, "copy_no": one.copy_no, "licence": one.done in OF_A_LICENCE,
        }
        for one in lines
    ]  # fmt: skip
    return desk.page("log.html", lines=rows, more=lines[-1].place if len(lines) == _LINES else None)
