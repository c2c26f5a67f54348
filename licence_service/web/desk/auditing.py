"""Who of the department read, searched and printed what, for its auditor; reading this is a line itself (AU-06)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from licence_service.duties import Right
from licence_service.web.desk.room import HOME, Desk, having, in_beijing

router = APIRouter(prefix=HOME, include_in_schema=False)
Auditor = Annotated[Desk, Depends(having(Right.READ_DESK_LOG))]
_LINES = 50
DONE = {
    "opened": ("查看证照", "opened a licence"), "history": ("查看历史", "read a history"), "document": ("下载文件", "downloaded a document"),
    "copy": ("打印副本", "printed a copy"), "searched": ("查找", "searched"), "seal_log": ("查看印章与日志", "read the seal and its log"),
    "tasks": ("查看待办事项", "read the tasks"), "quarantine": ("查看隔离行", "read quarantined rows"), "desk_log": ("查看查阅记录", "read this log"),
}  # fmt: skip


@router.get("/log")
def log(desk: Auditor, before: Annotated[int | None, Query(ge=1, le=2**53)] = None) -> Response:
    """Show the lines of the department, or of the office, newest first."""
    lines = desk.service.desk_log.newest(desk.person.department, offices=desk.person.offices, before=before, limit=_LINES)
    desk.log("desk_log", desk.person.department)
    rows = [
        {
            "at": in_beijing(one.at), "who": desk.service.people.named(one.person_id), "done": DONE.get(one.done, (one.done, one.done)),
            "subject": one.subject, "copy_no": one.copy_no, "licence": one.done in {"opened", "history", "document", "copy"},
        }
        for one in lines
    ]  # fmt: skip
    return desk.page("log.html", lines=rows, more=lines[-1].place if len(lines) == _LINES else None)
