"""A photo of a licence, with everything that is printed on it, does not obtain the original."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from licence_service.document import reading
from tests.host import Hosts, Somebody, hosting
from tests.world import DRIVER, VEHICLE

THIEF = Somebody("519902199001010034", "周望川")
JPEG, PDF = b"\xff\xd8\xff", b"%PDF"
NAMES = (f"photographed-{number}" for number in count())


@pytest.fixture
def hosts(tmp_path: Path, demo_keys: Path) -> Iterator[Hosts]:
    with hosting(tmp_path, demo_keys, failures_before_slowing=1_000_000) as opened:
        yield opened


def on_paper(hosts: Hosts, slug: str) -> tuple[dict[str, Any], list[str], bytes]:
    """Return a licence, every word that its pages and codes say, and the photo."""
    made = hosts.world.issue(slug, f"issue-{slug[:20]}")
    original = hosts.world.http.post("/download", json={"delivery_code": made["delivery_code"]}).content
    lines = [line for page in reading.text(original) for line in page.split("\n")] + reading.codes(original)
    words = {
        word.strip("：:，。（）()") for line in lines for word in (line, *line.split(), *re.split(r"[:：/]", line), re.sub(r"[^0-9A-Z]", "", line))
    }
    return made, sorted(word for word in words if word), reading.pngs(original, 150)[0]


def tries(hosts: Hosts, said: str, thief: dict[str, str]) -> Iterator[Any]:
    """Say a word to everything that gives a file, a page or a card to who knows one."""
    http = hosts.world.http
    yield http.post("/download", json={"delivery_code": said})
    yield http.post("/lent", json={"code": said, "receiver": THIEF.name})
    yield http.post("/lent", json={"code": "A" * 16, "receiver": said})
    for way in ("number", "plate"):
        yield http.post("/holder/claims", json={"by": way, "value": said[:120], "delivery_code": said[:60]}, headers=thief)
    if said.isascii() and said.isalnum():
        for path in (
            f"/holder/cards/{said}/document",
            f"/holder/cards/{said}/photos/vehicle_photo",
            f"/licences/{said}/document",
            f"/holder/cards/{said}",
        ):
            yield http.get(path, headers=thief)
        yield http.post(f"/holder/cards/{said}/lendings", headers={**thief, "Idempotency-Key": next(NAMES)}, json={
            "receiver": THIEF.name, "purpose": "x", "fields": ["valid_to"], "minutes": 60, "copy": True,
        })  # fmt: skip
        yield http.post(f"/holder/cards/{said}/show-codes", headers=thief, json={})


@pytest.mark.rule("SH-15")
@pytest.mark.parametrize("slug", [DRIVER, pytest.param(VEHICLE, marks=pytest.mark.long)])
def test_whoever_photographed_a_licence_does_not_get_it(hosts: Hosts, slug: str) -> None:
    made, words, photo = on_paper(hosts, slug)
    assert any(len(word) > 3 and word in made["check_code"] for word in words)  # it was read, in one piece or in two lines
    assert any(word.upper().startswith("HTTPS://") for word in words)  # the code on paper too
    thief = hosts.app().acting(THIEF)
    for said in [*words, made["licence_id"], made["elicence_id"], made["check_code"], made["number"]]:
        for answer in tries(hosts, said, thief):
            assert not answer.content.startswith((PDF, JPEG)), (said, answer.request.url.path)
            assert answer.status_code in {200, 401, 403, 404, 405, 413, 422}, (said, answer.request.url.path, answer.status_code)
            if answer.status_code == 200:  # a claim that was understood, and came to nothing
                assert (answer.request.url.path, answer.json()["claimed"]) == ("/holder/claims", [])
    assert hosts.world.http.get("/holder/cards", headers=thief).json()["cards"] == []

    answer = hosts.world.http.post("/verify/document", content=photo, headers={"Content-Type": "image/png"})
    assert answer.status_code == 200
    assert not re.search(r"data:|JVBER|/9j/", answer.text)  # neither file nor picture comes back with the verdict
