"""Messages to services of other authorities in the envelope of their gateways (GB/T 36906 as practised): head and data, both ways signed (docs/formats.md §15).

An answer is believed only with its signature, and only for the very attempt that it answers.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from licence_service.digests import canonical
from licence_service.errors import RequestRejected
from licence_service.json_object import parse_object
from licence_service.outbound import Poster

_MOST_BYTES = 4 << 20  # of an answer
_LONGEST_CODE = 40


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that can be believed: its code and data; or, with an empty code, in a word why there is none."""

    code: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reason: str = ""


def signature_of(secret: bytes, operation: str, head: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return HMAC-SM3 in lower-case hexadecimal over canonical JSON of operation, head without `accessToken` and `signature`, and data."""
    signed = {name: value for name, value in head.items() if name not in {"accessToken", "signature"}}
    return hmac.new(secret, canonical([operation, signed, data]), "sm3").hexdigest()


@dataclass(frozen=True, slots=True)
class Gateway:
    """The way to one service."""

    url: str
    token: str = field(repr=False)
    secret: bytes = field(repr=False)
    poster: Poster

    def ask(self, operation: str, request_id: str, data: Mapping[str, Any], now: datetime) -> Reply:
        """Send one message and return its answer; no trouble on the way is raised."""
        nonce = secrets.token_hex(16)
        head: dict[str, Any] = {"requestId": request_id, "time": now.isoformat(timespec="seconds"), "nonce": nonce}
        head |= {"accessToken": self.token, "signature": signature_of(self.secret, operation, head, data)}
        headers = {"Content-Type": "application/json"}
        answered = self.poster.post(f"{self.url.rstrip('/')}/{operation}", headers, canonical({"head": head, "data": data}), _MOST_BYTES)
        return self._read(operation, nonce, answered.content) if answered.arrived else Reply("", {}, answered.reason)

    def _read(self, operation: str, nonce: str, content: bytes) -> Reply:
        try:
            said = parse_object(content)
            head, data = said["head"], said["data"]
            good = hmac.compare_digest(signature_of(self.secret, operation, head, data), str(head["signature"]))
        except (RequestRejected, KeyError, TypeError, AttributeError, ValueError):
            return Reply("", {}, "not-understood")
        if not good or head.get("nonce") != nonce or not isinstance(data, dict):
            return Reply("", {}, "not-signed")
        code = head.get("code")
        return Reply(code, data) if isinstance(code, str) and 0 < len(code) <= _LONGEST_CODE else Reply("", {}, "not-understood")
