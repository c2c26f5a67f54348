"""What a form of somebody who is signed in sent: texts and files, believed only with the key of their session."""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Request
from starlette.datastructures import UploadFile

from licence_service.errors import Fault, NotGranted, RequestRejected, WrongMediaType
from licence_service.web import filled
from licence_service.web.body import media_type

MOST_SENT, _MOST_FIELDS = 3_000_000, 6000  # bytes and parts of a form: photographs, and the longest table
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sent: texts by name, each as often as it came, and files."""

    texts: Mapping[str, list[str]] = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)

    def text(self, name: str, most: int = 2000) -> str:
        """Return a text without the blanks around it, empty where there is none; `RequestRejected` for one beyond its limit."""
        value = self.texts.get(name, [""])[-1]
        if len(value) > most:
            raise RequestRejected(faults=[Fault(name, "too-long", f"a text of at most {most} characters is wanted here")])
        return value.strip()

    def request_key(self, of: str) -> str:
        """Return the key of the request that the form was made for, under the name of who made the form; a new one where it is not of ours."""
        key = self.text("key", 64)
        return f"{of}-{key if _KEY.fullmatch(key) else secrets.token_hex(16)}"


async def read_sent(request: Request, form_key: str) -> Sent:
    """Read a form; `NotGranted` where it does not carry the key of this session: another site made it (CSRF)."""
    if media_type(request) not in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        raise WrongMediaType("the body is a form")
    await filled.keep_body(request, MOST_SENT)
    texts: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    async with filled.parts(request, files=20, fields=_MOST_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = await value.read()
            else:
                texts.setdefault(name, []).append(value)
    key = texts.get("form_key", [""])[-1]
    if not hmac.compare_digest(key.encode(), form_key.encode()):
        raise NotGranted("this form was not made for this session")
    return Sent(texts, files)
