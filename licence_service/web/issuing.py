"""Routes for approval systems: issue, adopt, act, read, search, templates."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse, Response

from licence_service.carrying import Done, Waiting
from licence_service.digests import sha256
from licence_service.errors import NotInRegister
from licence_service.licence import beijing_day
from licence_service.preview import preview
from licence_service.schema import face_schema
from licence_service.service import Service
from licence_service.web.access import Caller, IdempotencyKey, TheService
from licence_service.web.body import json_body
from licence_service.web.shapes import (
    ACT_BODY,
    ADOPT_BODY,
    ANSWERS,
    DONE_ANSWER,
    ENTERED,
    ISSUE_BODY,
    PREVIEW_BODY,
    SEALED_FILE,
    TEMPLATE_ANSWER,
    TEMPLATES_ANSWER,
    WAITING_ANSWER,
)

MOST_ADOPTED = 8_000_000
router = APIRouter(tags=["approval systems"], responses=ANSWERS)
LicenceId = Annotated[str, Path(pattern=r"^[0-9A-Z]{20}$", description="The licence's id: 20 upper-case letters and digits.")]
TypeName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{2,78}$", description="The name of a certificate type.")]
Number = Annotated[int, Path(ge=1, le=999, description="The number of a version.")]
Body = Annotated[dict[str, Any], Depends(json_body())]
LargeBody = Annotated[dict[str, Any], Depends(json_body(MOST_ADOPTED))]


@router.post("/licences", status_code=201, responses=ENTERED, openapi_extra=ISSUE_BODY, summary="Issue a licence")
def issue(service: TheService, caller: Caller, key: IdempotencyKey, body: Body) -> Response:
    """Check, reserve, draw, seal, archive and enter a licence. The same key with the same content returns the same licence."""
    return written(service.registrar.issue(caller, key, body))


@router.post("/licences/adopted", status_code=201, responses=ENTERED, openapi_extra=ADOPT_BODY, summary="Adopt a licence sealed elsewhere")
def adopt(service: TheService, caller: Caller, key: IdempotencyKey, body: LargeBody) -> Response:
    """Take over a licence with its identifier and its sealed file, both kept verbatim."""
    return written(service.registrar.adopt(caller, key, body))


@router.get(
    "/licences/{licence_id}/versions/{number}/document", responses={200: SEALED_FILE}, summary="Download a sealed document", response_class=Response
)
def document(service: TheService, caller: Caller, licence_id: LicenceId, number: Number) -> Response:
    """Return the sealed bytes of any version; an old one says in a header that it is superseded."""
    record = service.registrar.visible(caller, licence_id)
    licence = record.at(beijing_day(service.now()))
    version = next((one for one in licence.versions if one.version == number), None)
    if version is None:
        raise NotInRegister
    return sealed_file(service, version.document.sha256, licence_id, number, current=version is licence.current)


def sealed_file(service: Service, digest: str, licence_id: str, number: int, *, current: bool) -> Response:
    """Return an archived document as a download."""
    headers = {
        "Content-Disposition": f'attachment; filename="{licence_id}-{number:03d}.pdf"',
        "Cache-Control": "no-store",
        "ETag": f'"{digest}"',
        "Licence-Version-State": "current" if current else "superseded",
    }
    return Response(service.archive.get(digest), media_type="application/pdf", headers=headers)


@router.get("/reservations/{reservation_id}", responses={200: DONE_ANSWER, 202: WAITING_ANSWER}, summary="Ask how an act under way stands")
def reservation(service: TheService, caller: Caller, reservation_id: Annotated[str, Path(pattern=r"^[0-9a-f]{26}$")]) -> Response:
    """Return the result of an act that was answered with 202, once it is there."""
    return written(service.registrar.reservation(caller, reservation_id), read=True)


@router.post("/licences/{licence_id}/entries", status_code=201, responses=ENTERED, openapi_extra=ACT_BODY, summary="Enter an act")
def act(service: TheService, caller: Caller, key: IdempotencyKey, licence_id: LicenceId, body: Body) -> Response:
    """Enter any act of DOMAIN §2a and §2b; docs/lifecycle.md says which is allowed when."""
    return written(service.registrar.act(caller, key, licence_id, body))


@router.get("/templates", responses={200: TEMPLATES_ANSWER}, summary="List certificate types")
def templates(service: TheService) -> dict[str, Any]:
    """Return every certificate type in force today."""
    today = beijing_day(service.now())
    listed = [service.catalogue.in_force(slug, today) for slug in service.catalogue.slugs]
    return {
        "templates": [
            {"type": one.slug, "edition": one.edition, "zh": one.title.zh, "en": one.title.en, "holder": one.holder, "acts": list(one.acts),
             "endorsements": list(one.endorsements)}
            for one in listed
        ]
    }  # fmt: skip


@router.get("/templates/{slug}", responses={200: TEMPLATE_ANSWER}, summary="Read a certificate type")
def template(service: TheService, slug: TypeName) -> dict[str, Any]:
    """Return the JSON Schema of the face and a fictional sample."""
    found = service.catalogue.in_force(slug, beijing_day(service.now()))
    sample = service.catalogue.samples[slug]
    return {
        "type": slug, "edition": found.edition, "sha256": found.digest, "zh": found.title.zh, "en": found.title.en,
        "face_schema": face_schema(found), "photos": [name for name, one in found.fields.items() if one.type == "image"],
        "sample": {"face": dict(sample.face)},
    }  # fmt: skip


@router.post("/templates/{slug}/preview", responses={200: SEALED_FILE}, openapi_extra=PREVIEW_BODY, summary="Preview a page", response_class=Response)
def preview_page(service: TheService, caller: Caller, slug: TypeName, body: Body) -> Response:
    """Return a watermarked, unsealed PDF without any live code (AI-10)."""
    content = preview(service.catalogue, service.keyring, service.printer, service.settings.public_url, caller, slug, body, service.now())
    return Response(content, media_type="application/pdf", headers={"Cache-Control": "no-store", "ETag": f'"{sha256(content)}"'})


def written(outcome: Done | Waiting, *, read: bool = False) -> Response:
    """Answer an act: 201 with what was entered, or 202 with where to ask."""
    if isinstance(outcome, Waiting):
        headers = {"Location": _where(outcome), "Retry-After": str(outcome.retry_after), "Cache-Control": "no-store"}
        return JSONResponse(waiting(outcome), status_code=202, headers=headers)
    return JSONResponse(done(outcome), status_code=200 if read else 201, headers={"Cache-Control": "no-store"})


def _where(outcome: Waiting) -> str:
    return f"/reservations/{outcome.reservation_id}"


def waiting(outcome: Waiting) -> Mapping[str, Any]:
    """Return the answer to an act whose seal cannot be had now."""
    return {"state": "sealing", "licence_id": outcome.licence_id, "reservation_url": _where(outcome), "waits_for": outcome.waits_for}


def done(done: Done) -> Mapping[str, Any]:
    """Return the answer to an act; codes only where a document was made."""
    answer: dict[str, Any] = {"licence_id": done.licence_id, "sequence": done.sequence, "act": done.act, "recorded_at": done.recorded_at.isoformat()}
    if done.endorsement_ids:
        answer["endorsement_ids"] = list(done.endorsement_ids)
    if done.version is None:
        return answer
    return {
        **answer, "elicence_id": done.elicence_id, "number": done.number, "version": done.version, "check_code": done.check_code,
        "delivery_code": done.delivery_code, "verify_url": done.verify_url,
        "document_url": f"/licences/{done.licence_id}/versions/{done.version}/document",
    }  # fmt: skip
