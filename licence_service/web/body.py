"""The one reader of bodies: their size, their type, then JSON (`json_object`)."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request

from licence_service.errors import BodyTooLarge, WrongMediaType
from licence_service.json_object import parse_object

MOST_JSON = 2_000_000
_MOST_DIGITS = 18  # of a length that is worth reading; Python refuses to read thousands of digits


async def read_bytes(request: Request, most: int) -> bytes:
    """Return the body; `BodyTooLarge` as soon as it is over the limit, whatever its header promised."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > _MOST_DIGITS or int(declared) > most):
        raise BodyTooLarge(f"at most {most} bytes")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise BodyTooLarge(f"at most {most} bytes")
    return bytes(content)


def json_body(most: int = MOST_JSON) -> Callable[[Request], Awaitable[dict[str, Any]]]:
    """Return a dependency that reads one JSON object of at most `most` bytes."""

    async def read(request: Request) -> dict[str, Any]:
        if media_type(request) != "application/json":
            raise WrongMediaType("the body is application/json")
        return parse_object(await read_bytes(request, most))

    return read


def media_type(request: Request) -> str:
    """Return the media type without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
