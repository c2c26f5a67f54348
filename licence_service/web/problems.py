"""Refusals → `application/problem+json` (RFC 9457), or a page for a person at a browser. The one table from facts to HTTP."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from licence_service import errors
from licence_service.errors import Refusal, Unavailable
from licence_service.web import pages
from licence_service.web.desk import refusing
from licence_service.web.wallet import refusing as wallet_refusing

STATUS: Mapping[type[Exception], int] = {
    errors.Refusal: 400,
    errors.TemplateRejected: 422,
    errors.UnknownType: 404,
    errors.FaceRejected: 422,
    errors.RequestRejected: 422,
    errors.TransitionRefused: 409,
    errors.EntryConflict: 409,
    errors.KeyReused: 409,
    errors.NumberTaken: 409,
    errors.PageDisagrees: 422,
    errors.TypeRetired: 409,
    errors.NotInForce: 409,
    errors.ReportConsumed: 409,
    errors.SignatureWrong: 422,
    errors.NotInRegister: 404,
    errors.AccessRefused: 401,
    errors.CheckFailed: 409,
    errors.NeedsClerk: 409,
    errors.NotGranted: 403,
    errors.LevelTooLow: 403,
    errors.TokenRefused: 400,
    errors.CeilingReached: 429,
    errors.TooManyFailures: 429,
    errors.BodyTooLarge: 413,
    errors.WrongMediaType: 415,
    errors.Unavailable: 503,
    errors.SourceSilent: 503,
    errors.SealUnavailable: 503,
    errors.SealStopped: 503,
    errors.SealBraked: 503,
    errors.ArchiveUnavailable: 503,
}
MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:licence-service:problem:"


def problem(
    request: Request,
    status: int,
    slug: str,
    title: str,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401 - JSON values
) -> Response:
    """Return a problem document; `detail` never repeats what the caller sent."""
    headers = {**(headers or {}), "Cache-Control": "no-store", "Vary": "Accept"}
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    if status in {429, 503}:
        headers["Retry-After"] = str(more.get("retry_after", 60))
    if pages.wants_html(request):
        path, faults = request.url.path, more.get("faults", ())
        if pages.is_desk(path):
            shown = refusing.around(request, status) if slug != "bug" else {}  # after a bug nothing more is asked of the register
            return pages.desk_refusal(status, slug, title, faults, headers, shown)
        if pages.is_wallet(path):
            shown = wallet_refusing.around(request) if slug != "bug" else {}
            asked: dict[str, Any] = {name: more[name] for name in ("level", "wanted") if name in more}
            return pages.wallet_refusal(status, slug, title, faults, headers, {**shown, **asked})
        return pages.refusal(path, status, slug, title, faults, headers)
    return JSONResponse(_document(status, slug, title, detail, **more), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _document(status: int, slug: str, title: str, detail: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    return {"type": _TYPE + slug, "title": title, "status": status, **({"detail": detail} if detail and detail != title else {}), **more}


def document_of(error: Refusal | Unavailable) -> dict[str, Any]:
    """Return the problem document of a refusal that is a part of an answer."""
    return _document(_status(error), error.slug, error.title, error.detail, **_more(error))


def _status(error: Refusal | Unavailable) -> int:
    """Return the status of a refusal, or of the one that it is a kind of."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _more(error: Refusal | Unavailable) -> dict[str, Any]:
    """Return what a problem says besides: its facts and every fault, or when to come again."""
    if isinstance(error, Unavailable):
        return {"retry_after": error.retry_after}
    faults = [{"path": fault.path, "code": fault.code, "message": fault.message} for fault in error.faults]
    after = {"retry_after": error.retry_after} if isinstance(error, errors.CeilingReached) and error.retry_after else {}
    return {**error.facts, **after, **({"faults": faults} if faults else {})}


def refused(request: Request, error: Exception) -> Response:
    """Answer a refusal with all its faults."""
    assert isinstance(error, Refusal)  # noqa: S101 - registered for refusals
    return problem(request, _status(error), error.slug, error.title, error.detail, **_more(error))


def unavailable(request: Request, error: Exception) -> Response:
    """Answer that the service cannot say now."""
    assert isinstance(error, Unavailable)  # noqa: S101
    return problem(request, _status(error), error.slug, error.title, error.detail, **_more(error))


_HTTP = {404: ("no-such-address", "There is nothing at this address"), 405: ("wrong-method", "This address does not take this method")}


def http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework itself refuses."""
    assert isinstance(error, HTTPException)  # noqa: S101
    slug, title = _HTTP.get(error.status_code, ("request-rejected", "The request is not of the documented shape"))
    return problem(request, error.status_code, slug, title, headers=error.headers)


def not_of_shape(request: Request, error: Exception) -> Response:
    """Answer faults in path, query or header that the framework found; values are never echoed."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [
        {"path": ".".join(str(part) for part in one["loc"]), "code": one["type"], "message": "not of the documented shape"} for one in error.errors()
    ]
    return problem(request, 422, "request-rejected", "The request is not of the documented shape", faults=faults)


def gone(_request: Request, _error: Exception) -> Response:
    """Answer nobody: who asked went away before the whole body was here, as a phone does that leaves the network; nothing was done, and no bug is met."""
    return Response(status_code=400)


def bug(request: Request, _error: Exception) -> Response:
    """Answer a bug without any detail but the request's id, by which the log tells more."""
    return problem(request, 500, "bug", "Something went wrong on our side", request_id=getattr(request.state, "request_id", ""))
