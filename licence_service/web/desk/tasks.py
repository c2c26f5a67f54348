"""What waits for a clerk, at the desk: conflicts with both values, cases that a rule set left to a person, silent sources, signals (AI-04, XR-03)."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import RedirectResponse, Response

from licence_service.cases import REVIEW
from licence_service.duties import Right
from licence_service.requests import OBJECTION
from licence_service.store.tasks import Task
from licence_service.template import Template
from licence_service.waiting import TASK as LEFT
from licence_service.web.desk.room import HOME, Desk, TheForm, having, in_beijing
from licence_service.web.desk_words import fault_words

router = APIRouter(prefix=f"{HOME}/tasks", include_in_schema=False)
Clerk = Annotated[Desk, Depends(having(Right.TASKS))]
_A_PAGE = 20
KINDS: Mapping[str, tuple[str, str]] = {
    LEFT: ("自动办理转人工", "Left to a person by a rule set"), REVIEW: ("申请人工复核", "Human review asked for"),
    "conflict": ("信息不一致", "Values that conflict"),
    "assertion": ("机构申报待受理", "Asserted by a body"), "underlying_right": ("所依据的资格有变", "An underlying right ended"),
    "source_unavailable": ("核查来源未答复", "A source did not answer"), "unknown_station": ("检验机构未登记", "An unknown station"),
    "reviewed_elsewhere": ("异地已办理审验", "Reviewed by another county"), OBJECTION: ("存量转换异议", "An objection to a conversion"),
}  # fmt: skip
_WORDS: Mapping[str, tuple[str, str]] = {
    "case_no": ("办件编号", "Case"), "type": ("证照类型", "Type"), "why": ("原因", "Why"), "rule": ("依据规则", "Rule"), "office": ("办事机构", "Office"),
    "source": ("来源", "Source"), "sources": ("来源", "Sources"), "signal": ("信号", "Signal"), "occurred_on": ("发生日期", "On"),
    "external_ref": ("凭证编号", "Reference"), "asserter": ("申报机构", "Body"), "station": ("检验机构", "Station"), "report_no": ("报告编号", "Report"),
    "accepting_org": ("受理机关", "Accepted by"), "text": ("内容", "Text"), "first": ("先到的内容", "What came first"),
    "second": ("后到的内容", "What came second"), "values": ("两处内容", "Both values"),
}  # fmt: skip
_FOUND: Mapping[str, str] = {  # what a source said, or a rule set
    "fail": "核查不通过", "conflict": "结果不一致", "unavailable": "未答复", "outside-limits": "超出自动办理的限度",
}  # fmt: skip
_BOTH: Mapping[str, str] = {"register": "登记为", "asserted": "申报为", "subject": "标的号码", "plate": "号牌"}


@router.get("")
def waiting(desk: Clerk, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
    """Show the open tasks of the department, or of the office, oldest first."""
    found = desk.service.tasks.of(desk.person.department, offices=desk.person.offices, after=after, limit=_A_PAGE)
    desk.log("tasks", desk.person.department)
    return desk.page("tasks.html", tasks=[_shown(desk, one) for _, one in found], more=found[-1][0] if len(found) == _A_PAGE else None)


@router.post("/{task_id}/close")
def close(desk: Clerk, _form: TheForm, task_id: Annotated[str, Path(pattern=r"^[0-9a-f]{26}$")]) -> Response:
    """Close a task; what was decided about it is an act of its own."""
    desk.service.tasks.close(desk.person.department, task_id, desk.caller.name, offices=desk.person.offices)
    return RedirectResponse(f"{HOME}/tasks", status_code=303)


def _shown(desk: Desk, task: Task) -> dict[str, Any]:
    """Return a task for the page; its licence is named where this person may open it."""
    said = {**task.content}
    if (slug := str(said.get("type"))) in desk.service.catalogue.editions:
        template = desk.service.catalogue.editions[slug][-1]
        said |= {"type": template.title.zh, "why": _why(template, str(said["why"]))} if "why" in said else {"type": template.title.zh}
    return {
        "id": task.task_id, "words": KINDS.get(task.kind, (task.kind, task.kind.replace("_", " "))), "at": in_beijing(task.opened_at),
        "licence_id": task.licence_id if task.licence_id and desk.visible(task.licence_id) else None,
        "said": [(*_WORDS.get(name, (name, name.replace("_", " "))), _text(value)) for name, value in said.items()],
    }  # fmt: skip


def _why(template: Template, said: str) -> str:
    """Return why a case was left to a person, `receipts.SOURCE CODE` or `face.FIELD CODE` each, in words; the code stands behind."""
    pairs = (one.partition(" ") for one in said.split(", "))
    return "；".join(f"{_named(template, path)}：{_FOUND.get(code) or fault_words(code)}（{code}）" for path, _, code in pairs)


def _named(template: Template, path: str) -> str:
    """Return a field's label, or the name of a source."""
    name = path.partition(".")[2]
    return template.fields[name].label if path.startswith("face.") and name in template.fields else name or path


def _text(value: object) -> str:
    """Return a value as it is read: what two said of one thing, or sources said, in words; anything else as it stands."""
    if isinstance(value, Mapping) and value and all(isinstance(one, str) and one in _FOUND for one in value.values()):
        return "；".join(f"{name}：{_FOUND[one]}（{one}）" for name, one in value.items())
    if isinstance(value, Mapping) and value and all(isinstance(one, Mapping) and one.keys() == {"register", "asserted"} for one in value.values()):
        return "；".join(f"{_BOTH.get(name, name)}：" + "，".join(f"{_BOTH[who]} {text}" for who, text in one.items()) for name, one in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
