"""One card in the wallet: what it says, its file, a print of it, giving it back; and nothing of anybody else's."""

import base64
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from licence_service.digests import sha256
from licence_service.licence import beijing_day
from tests.api.test_issuing import adopt, adoption, sealed_elsewhere
from tests.fleets import keep
from tests.holders import somebody
from tests.host import Somebody
from tests.ics import read
from tests.purse import CLIENT, HTML, Purse, purse
from tests.world import DRIVER, VEHICLE, World, a_world

OTHER = Somebody("519902199001010034", "周望川")
PARTS = ("", "/photos/photo", "/document", "/print", "/give-back")


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    with a_world(tmp_path, demo_keys, identity_issuer="http://127.0.0.1:9", wallet_client_id=CLIENT) as opened:
        yield opened


def kept(world: World, slug: str = DRIVER, level: str = "3") -> tuple[Purse, str]:
    """Let the holder of a new licence into the wallet, with the licence as a card."""
    licence_id = world.issue(slug)["licence_id"]
    mine = purse(world, somebody(world, slug), level)
    keep(world, mine.holder_id, [licence_id])
    return mine, licence_id


def suspend(world: World, slug: str, licence_id: str) -> None:
    day = beijing_day(world.clock())
    suspension = {"kind": "penalty", "first": day.isoformat(), "last": (day + timedelta(days=9)).isoformat()}
    body = {"act": "suspend", "effective_on": day.isoformat(), "suspension": suspension}
    assert world.act(slug, licence_id, body, "suspend-01").status_code == 201


def test_a_card_says_its_state_its_days_what_to_do_what_it_holds_and_its_past(world: World) -> None:
    mine, licence_id = kept(world)
    answer = mine.get(f"/wallet/cards/{licence_id}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    page = answer.text
    face = world.request(DRIVER)["face"]
    for said in ("在有效期内", "接下来", "换证期限", "办理", face["person_name"], face["citizen_id"], "时间轴", "登记经过", "颁发", "第 1 版"):
        assert said in page, said
    assert f'src="/wallet/cards/{licence_id}/photos/photo"' in page
    for way in ("show", "lend", "document", "print", "looks", "give-back"):
        assert f'href="/wallet/cards/{licence_id}/{way}"' in page, way
    jpeg = mine.get(f"/wallet/cards/{licence_id}/photos/photo")
    assert (jpeg.headers["content-type"], jpeg.content[:2]) == ("image/jpeg", b"\xff\xd8")


def test_every_way_from_a_card_leads_somewhere(world: World) -> None:
    mine, licence_id = kept(world)
    ways = set(re.findall(r'href="(/wallet[^"]*)"', mine.get(f"/wallet/cards/{licence_id}").text))
    assert len([one for one in ways if licence_id in one]) == 8
    assert {one: mine.get(one).status_code for one in ways} == dict.fromkeys(ways, 200)


@pytest.mark.rule("XR-08")
def test_what_waits_is_told_with_whom_it_waits_for(world: World) -> None:
    mine, licence_id = kept(world)
    other = next(code for code in sorted(world.service.keyring.departments) if code != world.client(DRIVER).department)
    assert world.act(DRIVER, licence_id, {"act": "transfer", "to_department": other}, "transfer-1").status_code == 201
    page = mine.get(f"/wallet/cards/{licence_id}").text
    assert "等待转入地机关接收" in page
    assert f"<strong>{world.service.keyring.departments[other].name}</strong>" in page


def test_states_differ_in_word_and_shape_and_not_by_colour_alone(world: World) -> None:
    mine, licence_id = kept(world, VEHICLE)

    def seen() -> tuple[str, str]:
        page = mine.get(f"/wallet/cards/{licence_id}").text
        band = page[page.index('<section class="band') :]
        word, shape = re.search(r"<h1>(\S+)", band), re.search(r'<svg viewBox="0 0 64 64" aria-hidden="true">\s*(<[^>]*>)', band)
        assert word
        assert shape
        return word[1], shape[1]

    found = [seen()]
    suspend(world, VEHICLE, licence_id)
    found.append(seen())
    assert [word for word, _ in found] == ["在有效期内", "暂扣"]
    assert len({shape for _, shape in found}) == 2
    assert "暂扣届满" in mine.get(f"/wallet/cards/{licence_id}").text
    assert world.act(VEHICLE, licence_id, {"act": "revoke"}, "revoke-0001").status_code == 201
    assert seen()[0] == "已吊销"
    assert "接下来" not in mine.get(f"/wallet/cards/{licence_id}").text  # nothing is due of a right that is over


def test_the_file_is_the_sealed_one_and_goes_on_where_a_download_broke_off(world: World) -> None:
    mine, licence_id = kept(world)
    where = f"/wallet/cards/{licence_id}/document"
    whole = mine.get(where)
    version = world.service.book.get(licence_id).entries[0].version
    assert version
    assert sha256(whole.content) == version.document.sha256
    assert f'filename="{licence_id}-001.pdf"' in whole.headers["content-disposition"]
    assert mine.get(where, **{"If-None-Match": whole.headers["etag"]}).status_code == 304
    rest = mine.get(where, **{"Range": "bytes=5000-", "If-Range": whole.headers["etag"]})
    assert (rest.status_code, whole.content[:5000] + rest.content) == (206, whole.content)
    verdict = world.http.post("/verify/document", content=whole.content, headers={"Content-Type": "application/pdf"})
    assert verdict.json()["overall"] == "valid"


def test_a_print_shows_the_sealed_pages_and_says_that_it_is_no_original_its_state_and_where_to_verify(world: World) -> None:
    mine, licence_id = kept(world, VEHICLE)
    suspend(world, VEHICLE, licence_id)
    page = mine.get(f"/wallet/cards/{licence_id}/print").text
    pictures = [Image.open(io.BytesIO(base64.b64decode(one))) for one in re.findall(r"data:image/png;base64,([^\"]+)", page)]
    assert len(pictures) == 2
    assert min(one.width for one in pictures) > 1000
    assert page.count("打印件　非原件") == page.count('class="code"') == len(pictures)
    assert "打印时状态：<strong>暂扣</strong>" in page
    assert "licence.example.cn" in page


def test_a_file_that_was_sealed_elsewhere_is_not_drawn(world: World) -> None:
    answer = adopt(world, VEHICLE, adoption(world, VEHICLE, sealed_elsewhere(world, VEHICLE)))
    assert answer.status_code == 201, answer.text
    licence_id, mine = answer.json()["licence_id"], purse(world, somebody(world, VEHICLE))
    keep(world, mine.holder_id, [licence_id])
    page = mine.get(f"/wallet/cards/{licence_id}").text
    assert f"/wallet/cards/{licence_id}/document" in page
    assert f"/wallet/cards/{licence_id}/print" not in page
    assert mine.get(f"/wallet/cards/{licence_id}/print").status_code == 403
    assert mine.get(f"/wallet/cards/{licence_id}/document").status_code == 200


def test_giving_back_asks_first_and_is_over_then(world: World) -> None:
    mine, licence_id = kept(world)
    where = f"/wallet/cards/{licence_id}"
    assert "确认移出" in mine.get(f"{where}/give-back").text
    assert mine.get(where).status_code == 200
    assert world.http.post(f"{where}/give-back", data={"a": "b"}, headers=mine.cookie).status_code == 403  # no key of this session
    assert world.http.post(f"{where}/give-back", data={"form_key": "x"}, headers=mine.cookie).status_code == 403
    assert mine.get(where).status_code == 200
    answer = mine.post(f"{where}/give-back")
    assert (answer.status_code, answer.headers["location"]) == (303, "/wallet")
    for part in PARTS:
        assert mine.get(f"{where}{part}").status_code == 404, part
    assert world.service.book.get(licence_id)


def test_the_days_of_all_cards_are_a_calendar_file(world: World) -> None:
    mine, _ = kept(world)
    answer = mine.get("/wallet/deadlines.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    events = read(answer.content).within
    assert {one.name for one in events} == {"VEVENT"}
    assert any("换证期限" in one.said["SUMMARY"] for one in events)


def test_anothers_card_is_answered_as_one_that_does_not_exist(world: World) -> None:
    _, licence_id = kept(world)
    other = purse(world, OTHER)

    def said(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.text

    for part in PARTS:
        real, nothing = (other.get(f"/wallet/cards/{one}{part}") for one in (licence_id, "0" * 20))
        assert said(real) == said(nothing), part
        assert real.status_code == 404
    real, nothing = (other.post(f"/wallet/cards/{one}/give-back") for one in (licence_id, "0" * 20))
    assert said(real) == said(nothing)
    for odd in ("x", "0" * 200, "%00", "..%2f..%2fdesk"):
        assert other.get(f"/wallet/cards/{odd}").status_code in {404, 422}, odd


def test_whoever_is_not_signed_in_is_led_to_the_door(world: World) -> None:
    _, licence_id = kept(world)
    world.http.cookies.clear()
    for path in (*(f"/wallet/cards/{licence_id}{part}" for part in PARTS), "/wallet/deadlines.ics"):
        answer = world.http.get(path, headers=HTML, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/wallet"), path


def test_a_level_that_is_too_low_reads_and_is_told_what_a_download_wants(world: World) -> None:
    weak, licence_id = kept(world, level="1")
    assert weak.get(f"/wallet/cards/{licence_id}").status_code == 200
    for part in ("/document", "/print", "/give-back"):
        answer = weak.get(f"/wallet/cards/{licence_id}{part}")
        assert answer.status_code == 403, part
        assert "需要身份认证等级 2 级" in answer.text
