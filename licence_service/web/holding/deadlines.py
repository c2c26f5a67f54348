"""A holder's deadlines: of one card, of all as a calendar file, and what they were told of (DOMAIN M18)."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from licence_service.calendar_file import MEDIA_TYPE, DayEvent, calendar
from licence_service.deadlines import Deadline
from licence_service.digests import sha256
from licence_service.fields import Asker, disclose
from licence_service.holding import READ, Holding
from licence_service.licence import beijing_day
from licence_service.line import host_of
from licence_service.service import Service
from licence_service.store.notices import Notice
from licence_service.store.record import Record
from licence_service.web.access import TheService
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.holding.files import file, fresh
from licence_service.web.holding.shapes import ANSWERS, DEADLINE, NOT_CHANGED, TOLD_OF
from licence_service.web.holding.telling import due, licence_of
from licence_service.web.issuing import LicenceId
from licence_service.web.private import PRIVATE
from licence_service.web.shapes import TEXT, answer, shape

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
MOST_A_PAGE, _AT_ONCE = 200, 500
_NAME = "证照期限"
_DEADLINES = shape({"licence_id": TEXT, "deadlines": {"type": "array", "items": DEADLINE}})
_NOTICE = shape({"notice_id": TEXT, "licence_id": TEXT, "certificate_type": TEXT, "told_at": TEXT, **TOLD_OF})
_NOTICES = shape({"notices": {"type": "array", "items": _NOTICE}, "before": {"type": ["integer", "null"]}})
_OF_A_CARD = answer("The days, the soonest first", _DEADLINES)
_TOLD = answer("What the holder was told, the newest first, and the number to go on before", _NOTICES)
_CALENDAR: dict[int | str, dict[str, Any]] = {
    200: {"description": "A calendar file (RFC 5545)", "content": {MEDIA_TYPE: {"schema": TEXT}}},
    304: NOT_CHANGED,
}
Before = Annotated[int | None, Query(ge=1, le=2**53, description="The `before` of an earlier page.")]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="Most of one answer.")]


@router.get("/cards/{licence_id}/deadlines", responses={200: _OF_A_CARD, 304: NOT_CHANGED}, summary="The deadlines of a card")
def deadlines(request: Request, service: TheService, holding: TheHolding, licence_id: LicenceId) -> Response:
    """Return every day that the holder must know: what it is, what to do, who does it, and when the holder is told of it once.

    A deadline is known by duty, what it is about, and day. Days follow from the law in force today; a renewal, a review or a change of the law
    moves them.
    """
    record = service.holder_desk.cards.card(holding, licence_id)
    found = service.reminders.reminding.deadlines([record])[record.licence_id]
    return fresh(request, {"licence_id": licence_id, "deadlines": [due(one) for one in found]})


@router.get("/deadlines.ics", responses=_CALENDAR, summary="All deadlines as a calendar file", response_class=Response)
def calendar_file(request: Request, service: TheService, holding: TheHolding) -> Response:
    """Return the days ahead of all cards as whole days with alarms. Each keeps its UID: a calendar that has it already puts the new one in its place."""
    desk = service.holder_desk.cards
    desk.demand(holding, READ)
    content = calendar(_NAME, _events(service, holding))
    return file(request, content, sha256(content), f"{MEDIA_TYPE}; charset=utf-8", {"Content-Disposition": 'attachment; filename="deadlines.ics"'})


@router.get("/notices", responses={200: _TOLD}, summary="What the holder was told")
def told(service: TheService, holding: TheHolding, before: Before = None, limit: Limit = 50) -> Response:
    """Return the notices that were sent about licences that are cards now, each once."""
    service.holder_desk.cards.demand(holding, READ)
    found = service.reminders.reminding.notices.of(holding.scope, before, limit)
    more = found[-1].key if len(found) == limit else None
    return JSONResponse({"notices": [_notice(one) for one in found], "before": more}, headers=PRIVATE)


def _events(service: Service, holding: Holding) -> Iterator[DayEvent]:
    desk, reminding, today, after = service.holder_desk.cards, service.reminders.reminding, beijing_day(service.now()), 0
    while True:
        cards, more = desk.kept.all(holding.scope, after=after, limit=_AT_ONCE)
        records = [one.record for one in cards if desk.still_theirs(one)]
        found = reminding.deadlines(records)
        yield from (_event(service, holding, record, one) for record in records for one in found[record.licence_id] if one.day >= today)
        if more is None:
            return
        after = more


def _event(service: Service, holding: Holding, record: Record, one: Deadline) -> DayEvent:
    licence, template = licence_of(service, record)
    seen = disclose(template.fields, licence.current.face, Asker.HOLDER)
    names = [name for name, declared in template.fields.items() if name == template.number.field or declared.type == "plate"]
    which = " ".join(str(seen[name]) for name in names if name in seen)
    uid = f"{service.reminders.reminding.notices.notice_id(holding.holder.holder_id, record.licence_id, one.identity)}@{host_of(service.settings.public_url)}"
    description = "\n".join(
        line for line in (f"{one.do.zh}（{one.by.zh}）", f"{one.do.en} ({one.by.en})", f"{template.title.en} {which}") if line.strip("（） ()")
    )
    alarm = (one.day - one.tell_on).days if one.tell_on else None
    stamped = licence.entries[-1].recorded_at or service.now()
    return DayEvent(uid, one.day, stamped, f"{one.title.zh} · {template.title.zh} {which}", description, max(alarm, 0) if alarm is not None else None)


def _notice(one: Notice) -> dict[str, Any]:
    said = one.content
    words = {name: {"zh": said[f"{name}_zh"], "en": said[f"{name}_en"]} for name in ("title", "do", "by")}
    told_at = one.settled_at.isoformat(timespec="seconds") if one.settled_at else ""
    return {
        "notice_id": one.notice_id, "licence_id": one.licence_id, "certificate_type": one.type, "told_at": told_at,
        "duty": said["duty"], "about": said["about"], "day": said["day"], **words,
    }  # fmt: skip
