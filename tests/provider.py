"""OpenID providers for tests: the real mock in a process of its own, and one of ours that says what a test tells it to."""

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from licence_service.duties import Role
from licence_service.licence import beijing_day
from tests.serving import free_port
from tests.waiting import until
from tests.world import World, a_world

ORGAN, OTHER = "11519900MB9900021Q", "11519900MB9900013X"


@contextmanager
def running_provider(*people: Mapping[str, str]) -> Iterator[str]:
    """Run `oidc-provider-mock` on a free port, which says of these people what stands in their claims; its address."""
    port = free_port()
    program = subprocess.Popen(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "oidc_provider_mock",
            "--port",
            str(port),
            "--require-nonce",
            *(word for one in people for word in ("--user-claims", json.dumps(one))),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    issuer = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(f"{issuer}/.well-known/openid-configuration", program))
        yield issuer
    finally:
        program.terminate()
        program.wait(timeout=20)


def _answers(address: str, program: "subprocess.Popen[bytes]") -> bool:
    assert program.poll() is None
    with suppress(OSError):  # of which `URLError` is one
        urllib.request.urlopen(address, timeout=10).close()
        return True
    return False


@pytest.fixture(scope="session")
def provider() -> Iterator[str]:
    """The mock, once a session."""
    with running_provider() as issuer:
        yield issuer


@contextmanager
def desk_world(folder: Path, keys: Path, issuer: str, desk_url: str = "http://testserver", **more: Any) -> Iterator[World]:
    """A world whose desk signs people in at a provider; its clock begins now, since the provider's own runs."""
    with a_world(
        folder, keys, now=datetime.now(UTC), openid_issuer=issuer, desk_url=desk_url, openid_client_secret=SecretStr("one of ours"), **more
    ) as world:
        yield world


def person(world: World, subject: str, *roles: Role, department: str = ORGAN, name: str = "罗青石") -> str:
    """Add a person; return their id."""
    now, people = world.clock(), world.service.people
    person_id = people.add(world.service.settings.openid_issuer, subject, name, department, "operator", now)
    for role in roles:
        people.give(person_id, role, beijing_day(now), None, "operator", now)
    return person_id


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: Any) -> None:
        return None


def authorised(address: str, subject: str) -> str:
    """Sign in at the mock as somebody; return where it sends the browser back to."""
    opener = urllib.request.build_opener(_Stay)
    with pytest.raises(urllib.error.HTTPError) as answer:
        opener.open(urllib.request.Request(address, data=urlencode({"sub": subject}).encode(), method="POST"), timeout=20)
    place = str(answer.value.headers["Location"])
    answer.value.close()
    return place


def sign_in(world: World, subject: str) -> Any:
    """Walk through the door; return the answer to coming back."""
    world.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    left = world.http.get("/desk/sign-in", follow_redirects=False)
    assert left.status_code == 303, left.text
    return come_back(world, authorised(left.headers["location"], subject))


def come_back(world: World, address: str) -> Any:
    """Follow the provider's redirect."""
    parts = urlsplit(address)
    return world.http.get(f"{parts.path}?{parts.query}", follow_redirects=False, headers={"Accept": "text/html"})


@cache
def _own_key() -> RSAKey:
    """Return a forger's key, made once: looking for primes is a tenth of a second, more than many a test has to do."""
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@dataclass
class Forger:
    """A provider that signs whatever a test tells it to."""

    key: RSAKey = field(default_factory=_own_key)
    issuer: str = ""
    client: str = "licence-desk"
    token: Callable[["Forger", str], Any] = lambda forger, nonce: forger.signed(nonce)
    said: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    nonce: str = ""
    keys: dict[str, Any] | None = None  # what it says its keys are, where that is not the truth

    def claims(self, nonce: str, /, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        whole = {"iss": self.issuer, "aud": self.client, "sub": "u-17", "iat": now, "exp": now + 300, "nonce": nonce, **changed}
        return {name: value for name, value in whole.items() if value is not None}

    def signed(self, nonce: str, /, key: Any = None, alg: str = "RS256", **changed: Any) -> str:
        return jwt.encode({"alg": alg, "kid": self.key.kid}, self.claims(nonce, **changed), key or self.key, algorithms=[alg])

    def answer(self, path: str, form: Mapping[str, list[str]]) -> Any:
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks"}
            return {"issuer": self.issuer, **{name: self.issuer + place for name, place in places.items()}, **self.said}
        if path == "/jwks":
            return {"keys": [self.key.as_dict(private=False)]} if self.keys is None else self.keys
        self.asked.append(dict(form))
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.token(self, self.nonce)}


@contextmanager
def forging() -> Iterator[Forger]:
    """Serve a forger on a free port."""
    forger = Forger()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.told(forger.answer(urlsplit(self.path).path, {}))

        def do_POST(self) -> None:
            self.told(forger.answer(self.path, parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())))

        def told(self, value: Any) -> None:
            content = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_given: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forger.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield forger
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)
