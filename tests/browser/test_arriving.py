"""What the tests of pages rely on: after a click the page that it led to is there whole."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.conftest import Room


class _Slow(BaseHTTPRequestHandler):
    """A page whose heading comes a while after its first bytes."""

    def do_GET(self) -> None:
        """Answer the form at once, and what it leads to in two halves."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if self.path == "/":
            self.wfile.write(b"<form action=/next><button>go</button></form>")
            return
        self.wfile.write(b"<!doctype html><p>first")
        self.wfile.flush()
        time.sleep(0.3)
        self.wfile.write(b"<h1>second</h1>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def slow() -> Iterator[str]:
    """The address of a slow server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_after_a_click_the_page_that_it_led_to_is_there_whole(room: Room, slow: str) -> None:
    page = room(slow).new_page()
    page.goto("/")
    page.get_by_role("button").click()
    assert page.locator("h1").count() == 1
    page.goto("/")
    page.get_by_role("button").press("Enter")
    assert page.locator("h1").count() == 1
