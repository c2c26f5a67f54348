"""Issuing at the desk: a form made of the template, a live preview, and the licence (AI-02, AI-10)."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from licence_service.carrying import Done, Waiting
from licence_service.duties import Right
from licence_service.errors import FaceRejected, Fault, Misconfigured, NotGranted, Refusal, RequestRejected, SourceSilent
from licence_service.identifiers import grouped
from licence_service.licence import Act, beijing_day
from licence_service.template import Template
from licence_service.web.desk import controls, previewing
from licence_service.web.desk.controls import Control
from licence_service.web.desk.room import HOME, Desk, TheForm, having
from licence_service.web.desk_words import DESK_REFUSALS, DESK_WAITS
from licence_service.web.issuing import TypeName
from licence_service.web.sent import Sent

router = APIRouter(prefix=HOME, include_in_schema=False)
Issuer = Annotated[Desk, Depends(having(Right.ENTER))]


@router.get("/issue")
def types(desk: Issuer) -> Response:
    """Show the types that the department may issue today."""
    today = beijing_day(desk.service.now())
    listed = [desk.service.catalogue.in_force(slug, today) for slug in desk.service.catalogue.slugs]
    mine = [one for one in listed if _may_issue(desk, one.slug, today) and not (one.retired_from and one.retired_from <= today)]
    return desk.page("types.html", types=sorted(mine, key=lambda one: one.index))


@router.get("/issue/{slug}")
def form(desk: Issuer, slug: TypeName) -> Response:
    """Show the empty form of a type."""
    template = _template(desk, slug)
    today = beijing_day(desk.service.now()).isoformat()
    decision = {"organ": desk.organ, "decided_on": today, "officer": desk.person.name, "legal_basis": next(iter(template.legal_basis), "")}
    face = {template.issuer_field: desk.organ, template.issued_field: today, template.term.start: today}
    body = {"case_no": "", "decision": decision, "face": face, "photos": {}}
    return _form(desk, template, body, secrets.token_hex(16), ())


@router.post("/issue/{slug}")
def issue(desk: Issuer, form: TheForm, slug: TypeName) -> Response:
    """Issue what was typed, or show it as a preview; what is wrong is said at its field, and nothing that was typed is lost."""
    template = _template(desk, slug)
    body, key = _body(template, form), form.request_key("desk")
    if form.text("do") == "preview":
        return _form(desk, template, body, key, (), drawn=previewing.of_issue(desk, template, body))
    try:
        outcome = desk.service.registrar.issue(desk.caller, key, body)
    except (FaceRejected, RequestRejected) as refusal:
        return _form(desk, template, body, key, refusal.faults, refusal)
    except (Refusal, SourceSilent) as refusal:
        return _form(desk, template, body, key, (), refusal)
    return entered(desk, outcome)


@router.post("/preview/{slug}")
def live(desk: Issuer, form: TheForm, slug: TypeName) -> Response:
    """Return the preview alone, for the page that asks while somebody types."""
    template = _template(desk, slug)
    pages, wrong = previewing.of_issue(desk, template, _body(template, form))
    return desk.page("preview.html", pages=pages, wrong=wrong)


@router.get("/reservations/{reservation_id}")
def how_far(desk: Issuer, reservation_id: Annotated[str, Path(pattern=r"^[0-9a-f]{26}$")]) -> Response:
    """Show how an act under way stands, and its codes once it is entered; to whoever began it."""
    outcome = desk.service.registrar.reservation(desk.caller, reservation_id)
    if isinstance(outcome, Done) and desk.person.office:
        desk.service.registrar.visible(desk.caller, outcome.licence_id)  # who moved to another office left what the first one issued behind
    return entered(desk, outcome)


def _may_issue(desk: Desk, slug: str, today: date) -> bool:
    """Say whether a grant lets whom this person stands for issue the type: that a sub-office may is not enough."""
    department = desk.service.keyring.departments.get(desk.person.department)
    return department is not None and department.may_seal(slug, today, act=Act.ISSUE, by=desk.caller.organisation)


def _template(desk: Desk, slug: str) -> Template:
    """Return the edition in force; a type that the department may not issue is as if it did not exist here."""
    today = beijing_day(desk.service.now())
    template = desk.service.catalogue.in_force(slug, today)
    if not _may_issue(desk, slug, today):
        raise NotGranted("the department does not issue this type")
    return template


def _body(template: Template, form: Sent) -> dict[str, Any]:
    said = {name: text for name in ("case_no", "region", "parent") if (text := form.text(name, 200))}
    return {
        "type": template.slug, **said, "decision": controls.decision(form), "face": controls.raw(template.fields, form),
        "photos": controls.photos(template.fields, form),
    }  # fmt: skip


def _form(
    desk: Desk, template: Template, body: Mapping[str, Any], key: str, faults: Sequence[Fault], refusal: Refusal | SourceSilent | None = None,
    drawn: previewing.Drawn | None = None,
) -> Response:  # fmt: skip
    """Draw the form with what was typed and what is wrong with it."""
    parts = controls.groups(template, template.fields, body["face"], body["photos"], faults)
    case = Control(
        "case_no", "text", "办件编号", "Case number", body.get("case_no", ""), required=True, most=80, faults=controls.said_of(faults, "case_no")
    )
    decision = [case, *_where(desk, template, body, faults), *controls.decision_controls(body["decision"], faults)]
    shown = [*decision, *(one for part in parts for one in part.controls)]
    status = code_of(faults, refusal)
    return desk.page(
        "issue.html", status, script=True, template=template, groups=parts, decision=decision, key=key.removeprefix("desk-"), drawn=drawn,
        others=controls.elsewhere(faults, shown), count=len(faults), refusal=said(refusal),
    )  # fmt: skip


_OF_REGIONS = ("授权某市，即含其所辖区县", "a grant for a city covers its counties")


def _where(desk: Desk, template: Template, body: Mapping[str, Any], faults: Sequence[Fault]) -> list[Control]:
    """Return the controls of what only some types and grants have: the region that is meant (LC-16), the licence that this one hangs on (LC-13)."""
    today, department = beijing_day(desk.service.now()), desk.service.keyring.departments[desk.person.department]
    named, of_office = _region_names(desk), desk.person.office is not None
    regions = department.regions_for(template.slug, today, desk.caller.organisation, named)
    found = []
    if len(regions) > 1 or not (of_office or regions == (department.region,)):
        options = [(code, f"{code} {named[code]}" if code in named else code) for code in regions]
        needed, wrong = of_office or department.region not in regions, controls.said_of(faults, "region")
        found.append(
            Control("region", "select", "行政区划", "Region", body.get("region", ""), needed, hint=_OF_REGIONS, options=options, faults=wrong)
        )
    if template.parent:
        label = template.fields[template.parent.field].label
        wrong = controls.said_of(faults, "parent")
        hint = (f"不填即按“{label}”查找本机关的证照", "empty: found by its number on the face, of the own department")
        found.append(
            Control(
                "parent", "text", "所依附的证照（登记编号）", "Licence that it hangs on", body.get("parent", ""), hint=hint, most=20, faults=wrong
            )
        )
    return found


def _region_names(desk: Desk) -> Mapping[str, str]:
    """Return the names of the regions that there are, of which the rules of legacy stock hold some; none without such rules: an issue needs none."""
    try:
        return {code: one.name for code, one in desk.service.stock().office.knowledge.regions.items() if one.into is None}
    except Misconfigured:
        return {}


def said(refusal: Refusal | SourceSilent | None) -> tuple[str, str] | None:
    """Return the words of a refusal: Chinese, and its own English."""
    return (DESK_REFUSALS.get(refusal.slug, "无法办理"), refusal.detail) if refusal else None


def code_of(faults: Sequence[Fault], refusal: Refusal | SourceSilent | None) -> int:
    """Return the status of a form that is shown again."""
    if isinstance(refusal, SourceSilent):
        return 503
    return 422 if faults else 409 if refusal else 200


def entered(desk: Desk, outcome: Done | Waiting) -> Response:
    """Show what was entered, with the codes of its document, or on what it waits."""
    if isinstance(outcome, Waiting):
        return desk.page("waiting.html", 202, outcome=outcome, why=DESK_WAITS.get(outcome.waits_for, ("正在签章", "its turn to be sealed")))
    return desk.page("entered.html", 201, done=outcome, grouped=grouped)
