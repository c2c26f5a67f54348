"""Scans over a real connection: what is answered where the bytes arrive is what the application says, in its turn, and all else goes its way."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.serving import serving
from tests.world import DRIVER, World, a_world

KEEP_ALIVE = 1
Connect = Callable[[], "Line"]
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass
class Line:
    """One connection."""

    socket: socket.socket
    kept: bytes = b""

    def send(self, *requests: bytes) -> None:
        """Send requests as they are."""
        self.socket.sendall(b"".join(requests))

    def answer(self, *, head: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Return the next answer: status, headers, body."""
        while b"\r\n\r\n" not in self.kept:
            self._more()
        lines, _, self.kept = self.kept.partition(b"\r\n\r\n")
        length = 0 if head else int(_LENGTH.search(lines + b"\r\n")[1])  # type: ignore[index]
        while len(self.kept) < length:
            self._more()
        body, self.kept = self.kept[:length], self.kept[length:]
        first, *rest = lines.decode().split("\r\n")
        return int(first.split()[1]), {name.lower(): value for name, value in (one.split(": ", 1) for one in rest)}, body

    def closed(self) -> bool:
        """Say whether the server closed the connection, waiting for it."""
        return self.kept == b"" and self.socket.recv(1) == b""

    def _more(self) -> None:
        came = self.socket.recv(65536)
        assert came, "the server closed the connection"
        self.kept += came


@dataclass
class Place:
    """A server with one licence whose answer lies ready."""

    world: World
    port: int
    path: str

    def scan(self, more: str = "", *, path: str | None = None, method: str = "GET", version: str = "1.1") -> bytes:
        """Return the bytes of a request."""
        return f"{method} {path or self.path} HTTP/{version}\r\nHost: x\r\n{more}\r\n".encode()

    def scans(self) -> float:
        """Return how many scans were answered from what lies ready."""
        return float(re.search(r"^licence_scans_total (\S+)", self.world.http.get("/metrics").text, re.MULTILINE)[1])  # type: ignore[index]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Place]:
    """Serve as `licence-service serve` does."""
    with a_world(tmp_path_factory.mktemp("scans"), demo_keys) as world:
        path = "/Q/1" + str(world.issue(DRIVER)["verify_url"]).rpartition("/Q/1")[2]
        while world.service.preparer.work():
            pass
        with serving(world.http.app, proxy_headers=False, server_header=False, timeout_keep_alive=KEEP_ALIVE) as port:
            yield Place(world, port, path)


@pytest.fixture
def connect(place: Place) -> Iterator[Connect]:
    """Return a function that opens a connection."""
    with ExitStack() as stack:
        yield lambda: Line(stack.enter_context(socket.create_connection(("127.0.0.1", place.port), timeout=20)))


def steady(body: bytes) -> dict[str, Any]:
    return {name: value for name, value in json.loads(body).items() if name not in {"checked_at", "known_at", "sources"}}


def test_a_scan_is_answered_where_it_arrives_as_the_application_answers_it(place: Place, connect: Connect) -> None:
    line, before, usual = connect(), place.scans(), place.world.http.get(place.path)
    for number in range(3):  # one after the other on one connection
        line.send(place.scan())
        status, headers, body = line.answer()
        assert status == 200
        assert steady(body) == steady(usual.content)
        assert {name: value for name, value in headers.items() if name not in {"date", "x-request-id"}} == {
            name: value for name, value in usual.headers.items() if name != "x-request-id"
        } | {"content-length": str(len(body))}
        assert place.scans() == before + 2 + number  # the usual one is one too


def test_requests_sent_at_once_are_answered_in_their_order(place: Place, connect: Connect) -> None:
    line = connect()
    other = place.scan(path="/healthz")
    line.send(place.scan(), other, place.scan(), other, place.scan("Accept: text/html\r\n"), place.scan())

    kinds = [line.answer() for _ in range(6)]

    assert [status for status, _, _ in kinds] == [200] * 6
    assert [headers["content-type"].partition(";")[0] for _, headers, _ in kinds] == [*["application/json"] * 4, "text/html", "application/json"]
    assert [b"overall" in body for _, _, body in kinds] == [True, False, True, False, False, True]


def test_a_request_that_comes_byte_by_byte_is_one(place: Place, connect: Connect) -> None:
    line = connect()
    for byte in place.scan():
        line.send(bytes([byte]))
    status, _, body = line.answer()

    assert (status, json.loads(body)["overall"]) == (200, "valid")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"version": "1.0"}, 200), ({"more": "Content-Length: 0\r\n"}, 200), ({"more": "Expect: 100-continue\r\n"}, 200),
        ({"method": "POST", "more": "Content-Length: 0\r\n"}, 405), ({"path": "/Q/1?valid_at=2020-01-01"}, 404), ({"path": "/Q/1abc"}, 422),
        ({"path": "/Q/1" + "9" * 300}, 200), ({"path": "/Q/1" + "9" * 1300}, 422), ({"path": "/nowhere"}, 404),
    ],
)  # fmt: skip
def test_all_else_goes_the_usual_way(place: Place, connect: Connect, given: dict[str, str], status: int) -> None:
    line = connect()
    line.send(place.scan(**given))

    assert line.answer()[0] == status


def test_a_head_of_a_scan_is_refused_as_ever(place: Place, connect: Connect) -> None:
    line = connect()
    line.send(place.scan(method="HEAD"))

    assert line.answer(head=True)[0] == 405


def test_who_wants_to_leave_is_let_go_and_who_stays_silent_too(place: Place, connect: Connect) -> None:
    leaving = connect()
    leaving.send(place.scan("Connection: close\r\n"))
    assert leaving.answer()[1]["connection"] == "close"
    assert leaving.closed()

    silent = connect()
    began = time.monotonic()  # before the server's own watch begins
    silent.send(place.scan())
    assert silent.answer()[0] == 200
    assert silent.closed()
    assert time.monotonic() - began > KEEP_ALIVE / 2


def test_a_post_with_a_body_after_a_scan_is_read_whole(place: Place, connect: Connect) -> None:
    line = connect()
    body = json.dumps({"number": "1", "check_code": "x"}).encode()
    line.send(place.scan(), place.scan(f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n", path="/verify", method="POST"), body)

    assert line.answer()[0] == 200
    status, _, said = line.answer()
    assert (status, json.loads(said)["overall"]) == (200, "not_valid")
