"""No form and no address breaks the wallet: whatever is sent is answered with a page or a clear refusal, never as a bug."""

import socket
import time
from dataclasses import asdict
from urllib.parse import urlencode

import pytest

from licence_service.app import served
from tests.api.test_wallet_apart import ASKED, LENT, LISTS, Scene, scene
from tests.serving import serving
from tests.waiting import until

__all__ = ["scene"]
WORST = ("\x00", "²", "9" * 400)
EVIL = (
    *WORST, "", "-1", "1e9", "é" * 2500, "😀", "<script>", "%s%n", "9999-12-31", "0000-00-00", "\r\nSet-Cookie: a=b",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
)  # fmt: skip
FIELDS = {
    "claim": ("by", "value", "delivery_code", "type", "region", "after"),
    "fleet": ("type", "state", "within", "text", "by", "page"),
    "files": ("what", "chosen", "type", "state", "within", "text", "by"),
    "delegations": ("name", "number", "role", "acts", "types", "first_on", "last_on"),
    "act-for": ("delegation",), "lendings": (*LENT, "client", "key"), "code": ("audience",),
}  # fmt: skip
QUERIES = {"wallet": "after", "files": "what", "show": "audience", "looks": "after", "lendings": "page"}


def test_no_field_of_a_form_breaks_the_wallet(scene: Scene) -> None:
    forms = {route[1].rpartition("/")[2]: route for route in ASKED if route[0] == "POST"}
    for name, fields in FIELDS.items():
        route = forms[name]
        sent = [dict.fromkeys(fields, evil) for evil in EVIL] + [{field: evil} for field in fields for evil in WORST]
        for one in sent:
            assert scene.ask(scene.mine, route, scene.real, **one).status_code < 500, (route, one)


def test_nothing_in_an_address_breaks_the_wallet(scene: Scene) -> None:
    for path in (path for method, path in (*ASKED, *LISTS) if method == "GET" and path.rpartition("/")[2] in QUERIES):
        for evil in EVIL:
            query = urlencode({QUERIES[path.rpartition("/")[2]]: evil, "by-itself": evil})
            assert scene.mine.get(f"{path.format(**asdict(scene.real))}?{query}").status_code < 500, (path, evil)
    for evil in ("x", "0" * 200, "%00", "..%2f..%2fdesk", "%ED%A0%80", "%F0%9F%98%80"):
        for path in (path for _, path in ASKED if "{" in path):
            name = path.partition("{")[2].partition("}")[0]
            assert scene.mine.get(path.format(**{**asdict(scene.real), name: evil})).status_code in {404, 405, 422}, (path, evil)


def test_who_goes_away_in_the_middle_of_a_form_has_met_no_bug(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    said, path = list[str](), f"/wallet/cards/{scene.real.licence_id}/show/code"
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nCookie: wallet_session={scene.mine.token}\r\nContent-Length: 999\r\n"
    with serving(served(scene.owner.world.service)) as port:
        with socket.create_connection(("127.0.0.1", port)) as phone:
            phone.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\nform_key=".encode())
            time.sleep(0.2)

        def logged() -> bool:
            said.extend(capfd.readouterr())
            return "/show/code" in "".join(said)

        until(logged)
    assert "status=400" in "".join(said)
    assert "bug" not in "".join(said)
