"""Routes for checking without network: the trust bundle with its deltas, and the static page that uses it."""

import html
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path as FilePath
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from licence_service.digests import sha256
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.parcels import SCANNER
from licence_service.reasons import REASONS
from licence_service.service import Service
from licence_service.web.access import TheService
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape
from licence_service.wording import QUESTIONS, RESULTS

router = APIRouter(tags=["offline"], responses={status: ANSWERS[status] for status in (404, 422, 503)})
PAGES = "html/offline"
_HOST = b"{official_host}"  # stands in the page for our own
# The one page with scripts: its own only, and the WebAssembly of the code reader; it asks nobody but this server.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "worker-src 'self'; manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()", "Cache-Control": "no-cache",
}  # fmt: skip
_TYPES = {
    ".js": "text/javascript",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_JOSE = "application/jose"
_BUNDLE = {"description": "A compact JWS", "content": {_JOSE: {"schema": TEXT}}}
_KEY = answer("The key by which bundles are signed", shape({"book": TEXT, "kid": TEXT, "public_key": TEXT}))
Since = Annotated[str, Query(max_length=40, description="The `as_of` of the bundle that the device has.")]
Nonce = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{22}$", description="Sixteen random bytes in base64url, drawn for this question.")]
_BUNDLE_AGE = {"Cache-Control": "public, max-age=60", "X-Content-Type-Options": "nosniff"}


@router.get("/offline/bundle", response_class=Response, responses={200: _BUNDLE}, summary="The trust bundle")
def bundle(request: Request, service: TheService) -> Response:
    """Return issuers, code keys, types, rule packs and all status lists in one signed file, for devices that must check without network."""
    return _tagged(request, service.publisher.bundle())


@router.get("/offline/bundle/delta", response_class=Response, responses={200: _BUNDLE}, summary="What changed since a trust bundle")
def delta(request: Request, service: TheService, since: Since) -> Response:
    """Return what turns an earlier bundle into the newest one; 404 where its lists are no longer kept: then the whole one is wanted."""
    try:
        instant = datetime.fromisoformat(since.replace(" ", "+"))  # a plus sign in an address arrives as a space
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise RequestRejected(faults=[Fault("since", "not-an-instant", "the as_of of a bundle is wanted here")])
    return _tagged(request, service.publisher.delta(instant))


@router.get("/offline/keeper", responses={200: _KEY}, summary="The key by which bundles and status lists are signed")
def keeper(service: TheService) -> JSONResponse:
    """Return the public key of the register's keeper: an uncompressed point of P-256 in base64url."""
    return JSONResponse(service.publisher.keeper_key(), headers={"Cache-Control": "no-cache"})


@router.get("/offline/time", response_class=Response, responses={200: _BUNDLE}, summary="What time it is, signed")
def time(service: TheService, nonce: Nonce) -> Response:
    """Return the server's instant, signed for this question alone, so that a device finds out by how much its clock is wrong (SH-05)."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(service.publisher.time(nonce), media_type=_JOSE, headers=headers)


@router.get("/offline", include_in_schema=False)
def without_slash() -> Response:
    """Lead to the page: its scope as an installed application is the folder."""
    return RedirectResponse("/offline/", status_code=308)


@router.get("/offline/{name:path}", include_in_schema=False)
def file(service: TheService, name: Annotated[str, Path(max_length=80)]) -> Response:
    """Return a file of the static page; the code reader comes from the folder that set-up filled."""
    if name in _MADE:
        return _answered(_TYPES[FilePath(name).suffix], _MADE[name]())
    if name.startswith("zxing/"):
        found = SCANNER.found(service.settings.fonts.expanduser(), name.removeprefix("zxing/"))
        if found is None:
            raise NotInRegister("the code reader is not installed on this server")
        return _answered(_TYPES[FilePath(name).suffix], found)
    held = _files().get(name or "index.html")
    if held is None:
        raise NotInRegister("there is no such page")
    if name in {"", "index.html"}:
        held = held.replace(_HOST, _official(service))
    return _answered(_TYPES[FilePath(name or "index.html").suffix], held)


def _official(service: Service) -> bytes:
    """Return our host as it stands on the page before any bundle is there, also without network."""
    return html.escape(urlsplit(service.settings.public_url).hostname or "").encode()


def _answered(media_type: str, content: bytes) -> Response:
    return Response(content, media_type=media_type, headers={**_HEADERS, "ETag": f'"{sha256(content)[:32]}"'})


@cache
def _files() -> dict[str, bytes]:
    """Return every file of the page by its name."""
    folder = resources.files("licence_service.web").joinpath(PAGES)
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}


@cache
def _words() -> bytes:
    """Return what codes, questions and results are called in both languages."""
    said = {"reasons": REASONS, "questions": QUESTIONS, "results": RESULTS}
    told = {name: {code: {"zh": zh, "en": en} for code, (zh, en) in words.items()} for name, words in said.items()}
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()


def _icon() -> bytes:
    """Return the icon of the installed page: the shape of a good verdict, on the ground of the mast."""
    return (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="#1b4b63"/>'
        b'<circle cx="32" cy="32" r="24" fill="#fff"/><path d="m20 33 9 9 16-19" fill="none" stroke="#1b4b63" stroke-width="6"/></svg>'
    )


_MADE: Mapping[str, Callable[[], bytes]] = {"words.json": _words, "icon.svg": _icon}


def _tagged(request: Request, text: str) -> Response:
    headers = {**_BUNDLE_AGE, "ETag": f'"{sha256(text.encode("ascii"))[:32]}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(text, media_type=_JOSE, headers=headers)
