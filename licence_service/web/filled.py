"""What people filled in: single texts of a form or of a small JSON object, each with its limit; a fault names the place, never the value."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException

from licence_service.errors import Fault, RequestRejected, WrongMediaType
from licence_service.json_object import parse_object
from licence_service.web.body import media_type, read_bytes

MOST_FORM = 10_000  # bytes of a few texts
_JSON, _POSTED = "application/json", "application/x-www-form-urlencoded"


def form_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that is JSON, or a form that a page without scripts posts."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in (_JSON, _POSTED)}}}


async def small_form(request: Request) -> dict[str, Any]:
    """Read a few texts, from JSON or from a form that a page without scripts posts."""
    kind = media_type(request)
    if kind == _JSON:
        return parse_object(await read_bytes(request, MOST_FORM))
    if kind == _POSTED:
        await keep_body(request, MOST_FORM)
        return dict(await request.form())
    raise WrongMediaType(f"the body is {_JSON} or {_POSTED}")


async def keep_body(request: Request, most: int) -> None:
    """Read the body within its limit and keep it, so that the form parser finds it."""
    request._body = await read_bytes(request, most)  # noqa: SLF001 - Starlette reads its forms from here


@asynccontextmanager
async def parts(request: Request, *, files: int, fields: int) -> AsyncIterator[FormData]:
    """Open a form of texts and files; `RequestRejected` for one that cannot be read, or whose charset makes what no text can hold."""
    try:
        form = await request.form(max_files=files, max_fields=fields)
        for name, value in form.multi_items():
            (name + value if isinstance(value, str) else name).encode()
    except (MultiPartException, ValueError) as error:
        raise RequestRejected(faults=[Fault("body", "not-a-form", "the form cannot be read")]) from error
    try:
        yield form
    finally:
        await form.close()


Form = Annotated[dict[str, Any], Depends(small_form)]


def text(form: Mapping[str, Any], name: str, most: int) -> str:
    """Return a text that must be there: 1 to `most` characters without the blanks around it."""
    found = optional(form, name, most)
    if found is None:
        raise RequestRejected(faults=[Fault(name, "missing", f"a text of 1 to {most} characters is wanted here")])
    return found


def optional(form: Mapping[str, Any], name: str, most: int) -> str | None:
    """Return a text that may be absent or empty."""
    value = form.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value.strip()) > most:
        raise RequestRejected(faults=[Fault(name, "wrong-length", f"a text of at most {most} characters is wanted here")])
    return value.strip() or None
