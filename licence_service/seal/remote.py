"""A province's seal service: a file goes out, a sealed file comes back, slowly, perhaps twice, perhaps not at all.

The protocol, over HTTPS:

* `PUT {url}/sealings/{request_id}`, body the PDF, headers `Content-Type: application/pdf`, `Seal-Id`, `Sealing-Time`
  (RFC 3339, UTC) and `Content-Digest: sha-256=:…:` (RFC 9530 §2). Answers: `200` with the sealed PDF; `202` with
  `Retry-After` in seconds while the service works on it; `409` where the id was used for another document; `5xx`.
  Asked again with the same id and document it returns its first result and uses the seal no second time.
* `GET {url}/sealings/{request_id}`: `200` with the result made before, also one made after the client gave up;
  `202` as above; `404` where the id is not known.

What comes back is never believed: it must begin with exactly the bytes sent, add one seal of the expected
certificate as an incremental update (ISO 32000-2 §7.5.6), and pass the full examination.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

from licence_service.errors import SealUnavailable, Unavailable
from licence_service.seal import KnownSeal, Sealed
from licence_service.seal.container import in_one_form
from licence_service.seal.examination import examine

SCHEME = "remote"
PATIENCE_SECONDS = 10.0
DEFAULT_RETRY_SECONDS = 5
MAX_RETRY_SECONDS = 3600


class Answer(Protocol):
    """What the client returns for a request: the part of an HTTP response that is used here."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields; names in any case."""

    @property
    def content(self) -> bytes:
        """The whole body."""


class Client(Protocol):
    """An HTTP client with its own timeouts (see `outbound.client`); raises `Unavailable` for any trouble on the way."""

    def put(self, url: str, *, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Send `content` and return the answer."""

    def get(self, url: str) -> Answer:
        """Return the answer."""


class RemoteSeal:
    """A seal whose key lies in a province's seal service."""

    scheme = SCHEME

    def __init__(
        self,
        seal: KnownSeal,
        client: Client,
        *,
        url: str,
        trust: Sequence[bytes],
        patience_seconds: float = PATIENCE_SECONDS,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take whose seal it is, the service's address, and the roots (DER) its certificate must lead to.

        `patience_seconds` is how long `affix` asks again in all while the service answers 202.
        """
        self.seal_id = seal.seal_id
        self.certificate_sha256 = seal.certificate_sha256
        self._known = {seal.certificate_sha256: seal}
        self._client = client
        self._url = url.rstrip("/")
        self._trust = tuple(trust)
        self._patience = patience_seconds
        self._wait = wait

    def affix(self, document: bytes, *, sealed_at: datetime, request_id: str) -> Sealed:
        """Have `document` sealed (see `Seal.affix`); `Sealed.sealed_at` is what the returned signature claims.

        A result made before under this id keeps its time. Raise `SealUnavailable` where no good result came in
        time; asking again with the same id is right, and never uses the seal twice.
        """
        headers = {
            "Content-Type": "application/pdf",
            "Seal-Id": self.seal_id,
            "Sealing-Time": sealed_at.astimezone(UTC).replace(microsecond=0).isoformat(),
            "Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(document).digest()).decode()}:",
        }
        answer = self._asked(lambda: self._client.put(self._address(request_id), content=document, headers=headers))
        left = self._patience
        while answer.status_code == HTTPStatus.ACCEPTED and left > 0:
            pause = min(_retry_after(answer), left)
            self._wait(pause)
            left -= pause
            answer = self._asked(lambda: self._client.get(self._address(request_id)))
        return self._checked(answer, document)

    def recall(self, document: bytes, *, request_id: str) -> Sealed | None:
        """Return what the service made of `document` under this id before, or `None` if it knows of nothing.

        Raise `SealUnavailable` where it cannot be asked, is not ready, or holds something else.
        """
        answer = self._asked(lambda: self._client.get(self._address(request_id)))
        return None if answer.status_code == HTTPStatus.NOT_FOUND else self._checked(answer, document)

    def _address(self, request_id: str) -> str:
        return f"{self._url}/sealings/{quote(request_id, safe='')}"

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except Unavailable as trouble:
            raise SealUnavailable("the seal service cannot be reached", retry_after=trouble.retry_after) from trouble

    def _checked(self, answer: Answer, document: bytes) -> Sealed:
        """Return what came back if it is the document sent with this seal on it."""
        if answer.status_code != HTTPStatus.OK:
            raise SealUnavailable("the seal service has no result yet", retry_after=_retry_after(answer))
        sealed = in_one_form(answer.content)
        if not sealed.startswith(document):
            raise SealUnavailable("the seal service returned another document")
        finding = examine(sealed, self._trust, self._known)
        if not finding.good or finding.sealed_at is None:
            raise SealUnavailable("the seal service returned a document without a good seal")
        return Sealed(sealed, self.seal_id, self.certificate_sha256, finding.sealed_at, SCHEME)


def _retry_after(answer: Answer) -> int:
    """Return the seconds the service asks for, between one and an hour; five where it does not say."""
    text = answer.headers.get("Retry-After", "")
    return min(max(int(text), 1), MAX_RETRY_SECONDS) if text.isascii() and text.isdigit() else DEFAULT_RETRY_SECONDS
