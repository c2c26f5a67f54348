"""The client: one method an act, each safe to call again."""

import base64
import hashlib
import json
import random
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from licence_client.shapes import Act, Decision, Events, Issued, Receipt, Verdict

_JSON = "application/json"
_EARLY = 30.0  # seconds before its end at which a token is renewed
_LONGEST_PAUSE = 60.0
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_WAITING = 202
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
_ASSERTED = 60  # seconds that an assertion lives
_UNAUTHORISED = 401


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: where, which rule, in words."""

    path: str
    code: str
    message: str


class Refused(Exception):  # noqa: N818 - a fact
    """The service understood and says no: HTTP status, problem type (`face-rejected` …), sentence, every fault, and facts such as a rule or a task."""

    def __init__(self, status: int, said: Mapping[str, Any]) -> None:
        """Take a problem document (RFC 9457), or an error of RFC 6749."""
        self.status = status
        self.type = str(said.get("type") or said.get("error") or "refused").rpartition(":")[2]
        self.detail = str(said.get("detail") or said.get("error_description") or said.get("title") or "")
        self.faults = tuple(Fault(one["path"], one["code"], one["message"]) for one in said.get("faults", ()))
        self.facts = {name: value for name, value in said.items() if name not in {"type", "title", "status", "detail", "faults"}}
        places = "".join(f"; {one.path} {one.code}" for one in self.faults)
        super().__init__(f"{status} {self.type}: {self.detail}{places}")


class Unreachable(Exception):  # noqa: N818
    """No answer within the client's patience; calling again is right, and safe."""


class Waiting(Exception):  # noqa: N818
    """The act is received and not sealed yet, for the reason `waits_for`; calling again later gives its result."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        """Take the answer."""
        self.licence_id, self.waits_for = str(said.get("licence_id")), str(said.get("waits_for"))
        super().__init__(f"waiting: {self.waits_for}")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(self.content)
        except ValueError:
            return {}


class LicenceClient:
    """Calls a licence_service for one client. Give each thread its own."""

    def __init__(
        self, url: str, client: str, *, secret: str = "", sign: Callable[[Mapping[str, Any]], str] | None = None, audience: str = "",
        scope: str | None = None, patience: float = 120.0, timeout: float = 30.0,
    ) -> None:  # fmt: skip
        """Take the service's address, the client's name, its secret or what signs for it, what tokens are narrowed to, how many seconds a call may try.

        `sign` returns the JWT of some claims under the client's private key (`private_key_jwt`, RFC 7523), with whatever library or module holds it.
        They are for `audience`, the token endpoint as the service names it, where that is not the one at `url`; what a server says of itself is not asked.
        """
        if bool(secret) == (sign is not None):
            raise ValueError("a client has either a secret or what signs for it")
        self._url, self._client, self._secret, self._sign, self._scope = url.rstrip("/"), client, secret, sign, scope
        self._patience, self._timeout = patience, timeout
        self._token, self._until = "", 0.0
        self._audience = audience or f"{self._url}/oauth/token"

    # -- acts ------------------------------------------------------------------------------------------

    def issue(
        self, type: str, case_no: str, decision: Decision, face: Mapping[str, Any], *, photos: Mapping[str, bytes] | None = None,  # noqa: A002 - the key's name
        receipts: Sequence[Receipt] = (), key: str | None = None, **more: Any,  # noqa: ANN401 - JSON
    ) -> Issued:  # fmt: skip
        """Issue a licence; `photos` are JPEGs by field, `more` further keys such as `service_item_code`. Without a `key` one is made of the request."""
        body = {"type": type, "case_no": case_no, "decision": decision.body(), "face": dict(face), **more}
        if photos:
            body["photos"] = {name: base64.b64encode(jpeg).decode() for name, jpeg in photos.items()}
        if receipts:
            body["receipts"] = [one.body() for one in receipts]
        return Issued.of(self._entered("/licences", body, key))

    def act(self, licence_id: str, act: str, decision: Decision, *, key: str | None = None, **more: Any) -> Act:  # noqa: ANN401 - JSON
        """Enter any act on a licence, such as `suspend` with `suspension={"kind": "measure", "first": "2026-11-20"}`."""
        return Act.of(self._entered(f"/licences/{_quoted(licence_id)}/entries", {"act": act, "decision": decision.body(), **more}, key))

    def preview(self, type: str, face: Mapping[str, Any]) -> bytes:  # noqa: A002 - the key's name
        """Return a watermarked PDF; nothing is written."""
        return self._called("POST", f"/templates/{_quoted(type)}/preview", {"face": dict(face)}).content

    # -- asking ----------------------------------------------------------------------------------------

    def licence(self, licence_id: str, *, valid_at: str | None = None, known_at: str | None = None) -> dict[str, Any]:
        """Return a licence on a day, as known at an instant."""
        asked = {name: value for name, value in (("valid_at", valid_at), ("known_at", known_at)) if value}
        return self._read(f"/licences/{_quoted(licence_id)}", asked)

    def search(self, **criteria: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
        """Yield what is found, page after page; `type`, `holder`, `state`, or `field` with `value`."""
        after: str | None = None
        while True:
            page = self._called("POST", "/licences/search", {**criteria, **({"after": after} if after else {})}).json
            yield from page["licences"]
            after = page.get("after")
            if not after:
                return

    def document(self, licence_id: str, version: int) -> bytes:
        """Return the sealed PDF of a version."""
        return self._called("GET", f"/licences/{_quoted(licence_id)}/versions/{version}/document").content

    def case(self, case_no: str) -> list[dict[str, Any]]:
        """Return how each licence of a case stands and on whom it waits, also of which nothing came; a refused step says why in `codes`."""
        issues: list[dict[str, Any]] = self._read(f"/cases/{_quoted(case_no)}")["issues"]
        return issues

    def template(self, type: str) -> dict[str, Any]:  # noqa: A002 - the key's name
        """Return the JSON Schema of a type's face, and a fictional sample."""
        return self._read(f"/templates/{_quoted(type)}")

    def verify(self, pdf: bytes) -> Verdict:
        """Verify a file, as anybody may."""
        said = self._called("POST", "/verify/document", pdf, kind="application/pdf", public=True).json
        return Verdict(said["overall"], said["answers"], said.get("licence"))

    def events(self, after: str | None = None) -> Events:
        """Return the events beyond a cursor, to be gone through. Keep its `cursor` once you have kept them, and go on with that later.

        An answer may have none although more is to come, behind a long stretch of what is others': call again, its `cursor` always goes on.
        """
        return Events(lambda cursor: self._read("/events", {"after": cursor} if cursor else {}), after)

    def arrivals(self, after: str | None = None) -> tuple[list[dict[str, Any]], str]:
        """Return the next events that licences reached their holders and copies were printed, and the cursor to go on with once you have kept them."""
        page = self._read("/arrivals", {"after": after} if after else {})
        return page["arrivals"], page["next"]

    # -- inside ----------------------------------------------------------------------------------------

    def _read(self, path: str, asked: Mapping[str, str] | None = None) -> dict[str, Any]:
        query = f"?{urllib.parse.urlencode(asked)}" if asked else ""
        said: dict[str, Any] = self._called("GET", path + query).json
        return said

    def _entered(self, path: str, body: Mapping[str, Any], key: str | None) -> Mapping[str, Any]:
        """Send an act until it is entered, refused, or patience ends; the same body has the same key."""
        key = key or hashlib.sha256(json.dumps([path, body], sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        deadline = time.monotonic() + self._patience
        while True:
            answer = self._called("POST", path, body, key=key)
            if answer.status != _WAITING:
                said: Mapping[str, Any] = answer.json
                return said
            pause = _pause(answer, 0)
            if time.monotonic() + pause > deadline:
                raise Waiting(answer.json)
            time.sleep(pause)

    def _called(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, *, key: str | None = None, kind: str = _JSON, public: bool = False,
    ) -> _Answer:  # fmt: skip
        content = json.dumps(body, ensure_ascii=False).encode() if isinstance(body, Mapping) else body
        renewed = False
        while True:
            headers = {"Content-Type": kind} if content is not None else {}
            if key:
                headers["Idempotency-Key"] = key
            if not public:
                headers["Authorization"] = f"Bearer {self._bearer()}"
            answer = self._patiently(method, self._url + path, content, headers)
            if answer.status == _UNAUTHORISED and not public and not renewed:
                self._until, renewed = 0.0, True  # the token ended on the way, or the service has another key
                continue
            if answer.status >= 400:  # noqa: PLR2004
                raise Refused(answer.status, answer.json)
            return answer

    def _bearer(self) -> str:
        """Return an access token that lives, a new one where the last is about to end."""
        if time.monotonic() >= self._until:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            if self._secret:
                pair = ":".join(urllib.parse.quote_plus(part) for part in (self._client, self._secret))
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            answer = self._patiently("POST", f"{self._url}/oauth/token", self._form, headers)
            if answer.status >= 400:  # noqa: PLR2004
                raise Refused(answer.status, answer.json)
            said = answer.json
            self._token, self._until = said["access_token"], time.monotonic() + said["expires_in"] - _EARLY
        return self._token

    def _form(self) -> bytes:
        """Return the request for a token, made anew each time: an assertion is good for one."""
        form = {"grant_type": "client_credentials", **({"scope": self._scope} if self._scope else {})}
        if self._sign:
            now = int(time.time())
            said = {
                "iss": self._client,
                "sub": self._client,
                "aud": self._audience,
                "iat": now,
                "exp": now + _ASSERTED,
                "jti": secrets.token_hex(16),
            }
            form |= {"client_assertion_type": _JWT_BEARER, "client_assertion": self._sign(said)}
        return urllib.parse.urlencode(form).encode()

    def _patiently(self, method: str, url: str, content: bytes | Callable[[], bytes] | None, headers: Mapping[str, str]) -> _Answer:
        """Send once and again, while nothing answers or the answer says to come again."""
        deadline = time.monotonic() + self._patience
        for attempt in range(1_000_000):
            try:
                answer = self._once(method, url, content() if callable(content) else content, headers)
            except (OSError, HTTPException) as trouble:
                pause = _pause(None, attempt)
                if time.monotonic() + pause > deadline:
                    raise Unreachable("no answer from the service") from trouble
            else:
                pause = _pause(answer, attempt)
                if answer.status not in _TRY_AGAIN or time.monotonic() + pause > deadline:
                    return answer
            time.sleep(pause)
        raise Unreachable("no answer from the service")

    def _once(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> _Answer:
        request = urllib.request.Request(url, data=content, headers={"Accept": _JSON, **headers}, method=method)  # noqa: S310 - the service's own address
        try:
            with _OPENER.open(request, timeout=self._timeout) as answered:
                return _Answer(answered.status, dict(answered.headers), answered.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return _Answer(refused.code, dict(refused.headers), refused.read())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes to the service's own address, nowhere else."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:  # noqa: ANN401 - the library's own
        """Follow nothing."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _pause(answer: _Answer | None, attempt: int) -> float:
    """Return the seconds to wait: what the answer asks for, else growing with chance, so that clients do not come back together."""
    asked = answer.headers.get("Retry-After", "") if answer else ""
    growing = min(_LONGEST_PAUSE, 0.5 * 2 ** min(attempt, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return float(asked) if asked.isdecimal() else growing


def _quoted(part: str) -> str:
    return urllib.parse.quote(part, safe="")
