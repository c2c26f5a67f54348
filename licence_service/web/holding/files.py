"""Answers that a host may ask for again: with `ETag` where nothing changed, and a file from where its download broke off (RFC 9110 §13, §14)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from licence_service.digests import sha256

_ONE_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
# It may be kept by who asked, and is asked for again each time; no browser guesses that it is something else.
PRIVATE = {"Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


def fresh(request: Request, body: Mapping[str, Any]) -> Response:
    """Return a body with its `ETag`, or 304 where the asker has it already."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {**PRIVATE, "ETag": f'"{sha256(content)[:32]}"'}
    if _had(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def file(request: Request, content: bytes, digest: str, media_type: str, more: Mapping[str, str] | None = None) -> Response:
    """Return a file, the part of it that a `Range` asks for, or 304; several ranges at once are answered with the whole, as the standard allows."""
    asked = part_of(request, len(content), digest, more)
    return Response(content[asked.first : asked.end], status_code=asked.status, media_type=media_type, headers=asked.headers)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a file is answered: its bytes from `first` up to `end`, none where there is nothing to send."""

    status: int
    first: int
    end: int
    headers: Mapping[str, str]


def part_of(request: Request, size: int, digest: str, more: Mapping[str, str] | None = None) -> Asked:
    """Say what of a file of this size and digest is asked for: all, the part that a `Range` names, or nothing."""
    headers = {**PRIVATE, "ETag": f'"{digest}"', "Accept-Ranges": "bytes", **(more or {})}
    if _had(request, headers["ETag"]):
        return Asked(304, 0, 0, headers)
    wanted = request.headers.get("range", "")
    same = request.headers.get("if-range") in {None, headers["ETag"]}
    asked = _ONE_RANGE.fullmatch(wanted) if same else None
    if asked is None or asked.group(0) == "bytes=-":
        return Asked(200, 0, size, headers)
    first, last = _within(asked.group(1), asked.group(2), size)
    if first > last:
        return Asked(416, 0, 0, {**headers, "Content-Range": f"bytes */{size}"})
    return Asked(206, first, last + 1, {**headers, "Content-Range": f"bytes {first}-{last}/{size}"})


def _within(first: str, last: str, size: int) -> tuple[int, int]:
    """Return the first and last byte of a range; without a first one, the last so many bytes."""
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else (size, size - 1)
    return int(first), min(int(last), size - 1) if last else size - 1


def _had(request: Request, tag: str) -> bool:
    """Say whether the asker names what it has, and it is this (RFC 9110 §13.1.2)."""
    named = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return tag in named or named == ["*"]
