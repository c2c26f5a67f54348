"""Several licences of one matter (一件事) in one request: `POST /licences/bundle` (DOMAIN AI-08)."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from licence_service.bundled import MOST, issue_bundle
from licence_service.carrying import Done, Waiting
from licence_service.chunk_rows import Outcome
from licence_service.web.access import Caller, IdempotencyKey, TheService
from licence_service.web.body import json_body
from licence_service.web.issuing import done, waiting
from licence_service.web.problems import document_of
from licence_service.web.shapes import ANSWERS, BUNDLE_BODY, DONE, PROBLEM, WAITING, answer, shape

MOST_BYTES = 8_000_000
router = APIRouter(tags=["approval systems"], responses=ANSWERS)
Body = Annotated[dict[str, Any], Depends(json_body(MOST_BYTES))]
_COUNT = {"type": "integer", "minimum": 0, "maximum": MOST}
_ONE = shape(
    {"outcome": {"enum": ["issued", "waiting", "refused"]}, "licence": DONE, "waiting": WAITING, "problem": PROBLEM},
    ("licence", "waiting", "problem"),
)
_BUNDLE = answer(
    "What became of each request, in their order, also where it was refused",
    shape({
        "bundle_no": {"type": "string"}, "state": {"enum": ["complete", "partial", "refused"]}, "issued": _COUNT, "waiting": _COUNT, "refused": _COUNT,
        "said": shape({"zh": {"type": "string"}, "en": {"type": "string"}}), "issues": {"type": "array", "items": _ONE, "maxItems": MOST},
    }),
)  # fmt: skip


@router.post("/licences/bundle", responses={200: _BUNDLE}, openapi_extra=BUNDLE_BODY, summary="Issue the licences of one matter (一件事)")
def issue(service: TheService, caller: Caller, key: IdempotencyKey, body: Body) -> Response:
    """Issue each licence by itself, as `POST /licences` would; one that is refused does not stand in the way of the others.

    The same key with the same requests returns the same licences, and carries on what was not issued.
    """
    bundled = issue_bundle(service.registrar, caller, key, body)
    counts = Counter(_outcome(one) for one in bundled.outcomes)
    answered = {
        "bundle_no": bundled.bundle_no, "state": _state(counts), **{name: counts[name] for name in ("issued", "waiting", "refused")},
        "said": _said(counts), "issues": [_one(one) for one in bundled.outcomes],
    }  # fmt: skip
    return JSONResponse(answered, headers={"Cache-Control": "no-store"})


def _outcome(one: Outcome) -> str:
    return "issued" if isinstance(one, Done) else "waiting" if isinstance(one, Waiting) else "refused"


def _one(one: Outcome) -> Mapping[str, Any]:
    if isinstance(one, Done):
        return {"outcome": "issued", "licence": done(one)}
    if isinstance(one, Waiting):
        return {"outcome": "waiting", "waiting": waiting(one)}
    return {"outcome": "refused", "problem": document_of(one)}


def _state(counts: Mapping[str, int]) -> str:
    """Say whether all licences are there, some, or none will come."""
    whole = sum(counts.values())
    return "complete" if counts["issued"] == whole else "refused" if counts["refused"] == whole else "partial"


def _said(counts: Mapping[str, int]) -> Mapping[str, str]:
    """Return what a person is told."""
    whole, issued, waits, refused = sum(counts.values()), counts["issued"], counts["waiting"], counts["refused"]
    zh = [f"本次申请 {whole} 张证照，已签发 {issued} 张", *([f"{waits} 张待签章"] if waits else []), *([f"{refused} 张未签发"] if refused else [])]
    en = [
        f"{issued} of {whole} licences issued",
        *([f"{waits} waiting for the seal"] if waits else []),
        *([f"{refused} not issued"] if refused else []),
    ]
    return {"zh": "，".join(zh) + "。", "en": "; ".join(en) + "."}
