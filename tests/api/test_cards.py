"""A holder's cards through a host app: what is shown, asked for again, downloaded, and who looked."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.digests import sha256
from licence_service.licence import beijing_day
from licence_service.store.clients import OFFICER, Client
from tests.host import HostApp, Hosts, Somebody, hosting
from tests.promised import Promises
from tests.world import DRIVER, NOW, VEHICLE

CHEN, OTHER = Somebody("519902198506120111", "陈安途"), Somebody("519902199001010034", "周望川")
CASE = "案〔2026〕7号"


@pytest.fixture
def hosts(tmp_path: Path, demo_keys: Path) -> Iterator[Hosts]:
    with hosting(tmp_path, demo_keys) as opened:
        yield opened


@pytest.fixture
def app(hosts: Hosts) -> HostApp:
    return hosts.app()


@pytest.fixture
def made(app: HostApp) -> dict[str, Any]:
    """A driver's licence, claimed by its holder."""
    issued = app.world.issue(DRIVER)
    assert app.claim(app.acting(CHEN))["claimed"] == [issued["licence_id"]]
    return issued


def test_a_card_says_its_state_in_words_its_term_and_what_to_do_next(app: HostApp, made: dict[str, Any]) -> None:
    chen, conforms = app.acting(CHEN), Promises(app.world)
    listed = conforms("/holder/cards", app.get("/cards", chen)).json()["cards"][0]
    card = conforms("/holder/cards/{licence_id}", app.get(f"/cards/{made['licence_id']}", chen)).json()

    assert {name: card[name] for name in listed} == listed
    assert (card["state"]["zh"], card["state"]["en"], card["overall"]) == ("在有效期内", "In force", "valid")
    assert (card["number"], card["holder"]) == (made["number"], CHEN.name)
    assert [one["version"] for one in card["versions"]] == [1]
    assert card["waits"] == []
    renewal = next(one for one in card["next"] if one["duty"] == "renewal")
    assert (renewal["day"], renewal["do"]["en"], renewal["by"]["en"]) == (card["valid_to"], f"Apply for renewal by {card['valid_to']}", "the holder")
    assert [one["day"] for one in card["next"]] == sorted(one["day"] for one in card["next"])
    assert card["next"] == app.get(f"/cards/{made['licence_id']}/deadlines", chen).json()["deadlines"]
    jpeg = app.world.http.get(card["photos"]["photo"], headers=chen)
    assert (jpeg.status_code, jpeg.headers["content-type"], jpeg.content[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert app.get(f"/cards/{made['licence_id']}/photos/person_name", chen).status_code == 404


def test_a_suspended_and_an_expired_card_say_so(app: HostApp, made: dict[str, Any]) -> None:
    first = beijing_day(app.world.clock())
    suspension = {"kind": "penalty", "first": first.isoformat(), "last": (first + timedelta(days=9)).isoformat()}
    suspended = app.world.act(
        DRIVER, made["licence_id"], {"act": "suspend", "effective_on": first.isoformat(), "suspension": suspension}, "suspend-01"
    )
    assert suspended.status_code == 201, suspended.text
    card = app.get(f"/cards/{made['licence_id']}", app.acting(CHEN)).json()
    assert (card["state"]["zh"], card["overall"]) == ("暂扣", "not_valid")
    assert {"suspension"} <= {one["duty"] for one in card["next"]}
    app.world.clock.now = NOW + timedelta(days=365 * 7)  # type: ignore[attr-defined]
    card = app.get(f"/cards/{made['licence_id']}", app.acting(CHEN)).json()
    assert card["state"]["en"] == "Expired"
    assert card["next"] == []  # nothing is due of a right that is over for good


def test_what_did_not_change_is_not_sent_again(app: HostApp, made: dict[str, Any]) -> None:
    chen, where = app.acting(CHEN), f"/cards/{made['licence_id']}"
    for path in ("/cards", where, f"{where}/document", f"{where}/photos/photo"):
        first = app.get(path, chen)
        again = app.get(path, app.acting(CHEN), if_none_match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b""), path
        assert again.headers["etag"] == first.headers["etag"]
        assert app.get(path, chen, if_none_match='"other", W/' + first.headers["etag"]).status_code == 304
        assert app.get(path, chen, if_none_match='"other"').status_code == 200
    tag = app.get(where, chen).headers["etag"]
    assert app.world.act(DRIVER, made["licence_id"], {"act": "report_lost"}, "lost-0001").status_code == 201
    changed = app.get(where, chen, if_none_match=tag)
    assert changed.status_code == 200
    assert [one["code"] for one in changed.json()["flags"]] == ["loss_reported"]


def test_the_sealed_file_verifies_and_goes_on_where_a_download_broke_off(app: HostApp, made: dict[str, Any]) -> None:
    chen, where = app.acting(CHEN), f"/cards/{made['licence_id']}/document"
    whole = app.get(where, chen)
    assert (whole.status_code, whole.headers["content-type"], whole.headers["accept-ranges"]) == (200, "application/pdf", "bytes")
    assert "no-cache" in whole.headers["cache-control"]
    assert "private" in whole.headers["cache-control"]
    verdict = app.world.http.post("/verify/document", content=whole.content, headers={"Content-Type": "application/pdf"})
    assert verdict.json()["overall"] == "valid"
    card = app.get(f"/cards/{made['licence_id']}", chen).json()
    assert card["document"]["sha256"] == sha256(whole.content)

    tag, size, got = whole.headers["etag"], len(whole.content), io.BytesIO()
    while got.tell() < size:
        part = app.get(where, app.acting(CHEN), range=f"bytes={got.tell()}-{got.tell() + 9999}", if_range=tag)
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {got.tell()}-{min(size, got.tell() + 10000) - 1}/{size}"
        got.write(part.content)
    assert got.getvalue() == whole.content
    assert app.get(where, chen, range=f"bytes={size - 5}-").content == whole.content[-5:]
    assert app.get(where, chen, range="bytes=-5").content == whole.content[-5:]
    assert app.get(where, chen, range="bytes=0-9", if_range='"older"').status_code == 200
    for beyond in (f"bytes={size}-", "bytes=9-3", "bytes=-0"):
        answer = app.get(where, chen, range=beyond)
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}"), beyond
    for odd in ("bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=" + "9" * 40 + "-", ""):
        assert app.get(where, chen, range=odd).content == whole.content, odd


def test_the_past_of_a_card_is_told_as_to_its_holder(app: HostApp, made: dict[str, Any]) -> None:
    past = Promises(app.world)("/holder/cards/{licence_id}/history", app.get(f"/cards/{made['licence_id']}/history", app.acting(CHEN))).json()
    assert [one["act"]["en"] for one in past["history"]] == ["Issued"]
    assert past["licence"]["holder"] == CHEN.name


@pytest.mark.rule("XR-08")
def test_a_card_says_which_step_waits_and_for_whom(app: HostApp, made: dict[str, Any]) -> None:
    home = app.world.client(DRIVER).department
    app.world.service.tasks.open(home, "conflict", made["licence_id"], {"rule": "XR-03", "values": {}})
    other = next(code for code in sorted(app.world.service.keyring.departments) if code != home)
    away = app.world.act(DRIVER, made["licence_id"], {"act": "transfer", "to_department": other}, "transfer-1")
    assert away.status_code == 201, away.text
    card = Promises(app.world)("/holder/cards/{licence_id}", app.get(f"/cards/{made['licence_id']}", app.acting(CHEN))).json()
    told = {one["step"]["code"]: one["waits_for"] for one in card["waits"]}
    assert set(told) == {"clerk", "transfer"}
    assert told["clerk"]["zh"] == app.world.service.keyring.departments[home].name
    assert told["transfer"]["en"] == app.world.service.keyring.departments[other].name_en
    transfer = next(one for one in card["waits"] if one["step"]["code"] == "transfer")
    assert (transfer["since"], transfer["about"]["zh"]) == (beijing_day(app.world.clock()).isoformat(), "转籍转出")


@pytest.mark.rule("XR-08")
def test_what_waits_is_named_by_what_it_waits_for_and_what_a_clerk_is_only_told_is_no_wait(app: HostApp, made: dict[str, Any]) -> None:
    home, tasks = app.world.client(DRIVER).department, app.world.service.tasks
    for kind in ("source_unavailable", "unknown_station", "assertion", "underlying_right", "reviewed_elsewhere"):
        tasks.open(home, kind, made["licence_id"], {"rule": kind})
    card = app.get(f"/cards/{made['licence_id']}", app.acting(CHEN)).json()
    assert [one["step"]["code"] for one in card["waits"]] == ["source", "station", "acceptance", "clerk"]
    assert {one["waits_for"]["code"] for one in card["waits"]} == {home}
    assert all(one["since"] and one["step"]["zh"] and one["step"]["en"] for one in card["waits"])


# -- who looked ------------------------------------------------------------------------------------


def looking(app: HostApp, value: str, **more: Any) -> None:
    """Let an officer look."""
    clients = app.world.service.clients
    secret = clients.add(Client(f"officers-{len(clients.all())}", "11519900MB9900013X", ("*",), 100, OFFICER), app.world.clock())
    body = {"by": "number", "value": value, "reason": "roadside_check", "place": "G5京昆高速K12", "officer": "警01", **more}
    answer = app.world.http.post("/officer/look", json=body, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200, answer.text


@pytest.mark.rule("AU-06")
@pytest.mark.rule("SH-11")
def test_the_holder_sees_who_looked_when_where_why_and_at_which_fields(app: HostApp, made: dict[str, Any]) -> None:
    app.world.clock.now = NOW + timedelta(minutes=1)  # type: ignore[attr-defined]
    looking(app, made["number"])
    looking(app, made["number"], reason="accident")
    looking(app, made["number"], case_no=CASE)
    answer = Promises(app.world)("/holder/cards/{licence_id}/looks", app.get(f"/cards/{made['licence_id']}/looks", app.acting(CHEN)))
    plain, reasoned, sealed = answer.json()["looks"]

    assert (plain["organ"]["zh"], plain["place"], plain["officer"]) == ("示例省交通运输厅", "G5京昆高速K12", "警01")
    assert plain["reason"] == {"code": "roadside_check", "zh": "路检路查", "en": "Roadside check"}
    seen, more = ({one["name"] for one in said["fields"]} for said in (plain, reasoned))
    assert "person_name" in seen
    assert seen < more  # an accident opens the address too
    known = {"at": plain["at"], "sealed_by_case": True, "way": "looked", "seen_as": "officer"}
    assert {name: value for name, value in sealed.items() if value is not None} == known
    assert CASE not in answer.text


# -- who may ----------------------------------------------------------------------------------------


def test_whoever_does_not_act_for_the_holder_is_not_known_or_finds_nothing(app: HostApp, made: dict[str, Any]) -> None:
    world, own = app.world, app.get(f"/cards/{made['licence_id']}", app.acting(CHEN))
    assert own.status_code == 200
    for headers in ({}, {"Authorization": f"Bearer {app.secret}"}, world.headers(DRIVER), {"Authorization": "Bearer x.y.z"}):
        for path in ("/cards", f"/cards/{made['licence_id']}", "/delegations"):
            answer = app.get(path, headers)
            assert answer.status_code == 401, path
    other = app.acting(OTHER)
    for part in ("", "/document", "/history", "/looks", "/photos/photo"):
        real, nothing = (app.get(f"/cards/{one}{part}", other) for one in (made["licence_id"], "0" * 20))
        assert (real.status_code, real.json()) == (nothing.status_code, nothing.json())


def test_an_unclaimed_licence_of_ones_own_is_no_card_until_it_is_claimed(app: HostApp) -> None:
    issued = app.world.issue(VEHICLE)
    face = app.world.request(VEHICLE)["face"]
    acting = app.acting(Somebody(face["uscc"], face["holder_name"], "company"))
    assert app.get(f"/cards/{issued['licence_id']}", acting).status_code == 404
    app.claim(acting)
    assert app.get(f"/cards/{issued['licence_id']}", acting).status_code == 200
    assert app.get("/cards?limit=1", acting).json()["after"] is None
    for query in ("limit=0", "limit=101", "after=-1", "after=x"):
        assert app.get(f"/cards?{query}", acting).status_code == 422


def test_a_low_level_reads_and_downloads_nothing(app: HostApp, made: dict[str, Any]) -> None:
    weak = app.acting(CHEN, "1")
    assert app.get(f"/cards/{made['licence_id']}", weak).status_code == 200
    for part in ("document", "looks"):
        refused = app.get(f"/cards/{made['licence_id']}/{part}", weak)
        assert (refused.status_code, refused.json()["wanted"]) == (403, "2")
