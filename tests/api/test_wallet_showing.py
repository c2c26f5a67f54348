"""Showing in the wallet: the page with the code, the next code at half life, and what cannot be shown (DOMAIN §2d, SH-07, LC-12)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from licence_service.licence import beijing_day
from licence_service.store.tables import photos
from tests.holders import Owner, owning
from tests.host import Somebody
from tests.purse import Purse, purse
from tests.screens import on_screen
from tests.world import BUSINESS, DRIVER, VEHICLE

JSON = {"Accept": "application/json"}
UNSHOWN = "port_operation_permit"


@pytest.fixture
def owner(tmp_path: Path, demo_keys: Path) -> Iterator[Owner]:
    with owning(tmp_path, demo_keys) as found:
        yield found


@pytest.fixture
def mine(owner: Owner) -> Purse:
    return purse(owner.world, owner.who)


def forward(owner: Owner, **step: int) -> None:
    clock: Any = owner.world.clock
    clock.now += timedelta(**step)


def show(owner: Owner, one: Purse, query: str = "?audience=anyone") -> Any:
    return one.get(f"/wallet/cards/{owner.licence_id}/show{query}")


def code(owner: Owner, one: Purse, audience: str = "anyone", **headers: str) -> Any:
    return one.post(f"/wallet/cards/{owner.licence_id}/show/code", {"audience": audience}, **{**JSON, **headers})


def digits_on(said: dict[str, Any]) -> dict[str, str]:
    """Return what a camera reads from the drawn code, as `Owner.scan` takes it."""
    return {"digits": on_screen(said["side"], said["path"]).partition("/D/1")[2]}


def drawn_on(page: str) -> dict[str, Any]:
    """Return the code that stands in a page without scripts."""
    side, path = re.search(r'data-part="svg" viewBox="0 0 (\d+) ', page), re.search(r'data-part="path" d="([^"]+)"', page)
    assert side
    assert path
    return {"side": int(side[1]), "path": path[1]}


# -- what is shown -----------------------------------------------------------------------------------


@pytest.mark.rule("SH-07")
@pytest.mark.parametrize(("audience", "seen_as", "name"), [("anyone", "public", "陈＊＊"), ("passenger", "passenger", "陈师傅")])
def test_the_code_on_the_page_is_scanned_as_the_holder_chose_and_names_whom_the_audience_may_know(
    owner: Owner, mine: Purse, audience: str, seen_as: str, name: str
) -> None:
    answer = show(owner, mine, f"?audience={audience}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    scanned = owner.scan(digits_on(drawn_on(answer.text)))
    assert (scanned["answer"], scanned["seen_as"], scanned["overall"]) == ("shown", seen_as, "valid")
    assert name in answer.text
    assert "在有效期内" in answer.text
    assert "data:image/jpeg;base64," in answer.text
    face = owner.world.request(DRIVER)["face"]
    for hidden in (face["person_name"], face["citizen_id"], face["license_no"]):
        assert hidden not in answer.text


def test_whom_it_is_shown_to_is_asked_only_where_they_see_something_else(owner: Owner, mine: Purse) -> None:
    asked = show(owner, mine, "")
    assert "出示给谁" in asked.text
    assert "data-part" not in asked.text
    assert show(owner, mine, "?audience=officer").status_code == 422


def test_a_type_that_everybody_sees_alike_is_shown_at_once(tmp_path: Path, demo_keys: Path) -> None:
    with owning(tmp_path, demo_keys, slug=BUSINESS) as company:
        page = show(company, purse(company.world, company.who), "").text
        assert company.scan(digits_on(drawn_on(page)))["answer"] == "shown"
        assert "改为出示给" not in page


def test_the_picture_of_a_vehicle_is_shown_with_it(tmp_path: Path, demo_keys: Path) -> None:
    with owning(tmp_path, demo_keys, slug=VEHICLE) as company:
        assert "data:image/jpeg;base64," in show(company, purse(company.world, company.who)).text


def test_a_licence_whose_photograph_is_not_kept_any_more_is_shown_without_it(owner: Owner, mine: Purse) -> None:
    with owner.world.service.database.write() as connection:
        connection.execute(delete(photos))
    page = show(owner, mine)
    assert page.status_code == 200
    assert "data:image/jpeg" not in page.text
    assert owner.scan(digits_on(drawn_on(page.text)))["answer"] == "shown"


# -- the next one ------------------------------------------------------------------------------------


@pytest.mark.rule("SH-07")
def test_the_next_code_comes_at_half_life_in_seconds_from_now_and_the_last_one_lives_on(owner: Owner, mine: Purse) -> None:
    first = code(owner, mine).json()
    assert (first["refresh_in"], first["expires_in"], first["life"], first["clock"]) == (30.0, 60.0, 60, "12:00:00")
    assert (first["made_at"], first["expires_at"]) == ("2026-11-28T04:00:00+00:00", "2026-11-28T04:01:00+00:00")
    assert first["state"] == {"code": "in_force", "zh": "在有效期内", "en": "In force", "shape": "valid"}
    forward(owner, seconds=30, milliseconds=250)
    second = code(owner, mine).json()
    assert (second["refresh_in"], second["expires_in"]) == (29.75, 59.75)
    assert digits_on(second) != digits_on(first)
    forward(owner, seconds=29)
    assert [owner.scan(digits_on(one))["answer"] for one in (first, second)] == ["shown", "shown"]
    forward(owner, seconds=1)
    assert [owner.scan(digits_on(one))["answer"] for one in (first, second)] == ["expired_code", "shown"]


def test_the_next_code_is_for_whom_the_page_says(owner: Owner, mine: Purse) -> None:
    assert owner.scan(digits_on(code(owner, mine, "passenger").json()))["seen_as"] == "passenger"
    wrong = code(owner, mine, "officer")
    assert (wrong.status_code, wrong.json()["faults"][0]["path"]) == (422, "audience")


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(owner: Owner, mine: Purse) -> None:
    path = f"/wallet/cards/{owner.licence_id}/show/code"
    statuses = []
    for _ in range(3):
        forward(owner, minutes=9)
        statuses.append(mine.post(f"{path}?by-itself", {"audience": "anyone"}, **JSON).status_code)
    assert statuses == [200, 200, 303]
    held = purse(owner.world, owner.who)
    for _ in range(3):
        forward(owner, minutes=9)
        assert held.post(path, {"audience": "anyone"}, **JSON).status_code == 200


def test_signing_out_ends_the_code_that_is_on_the_screen(owner: Owner, mine: Purse) -> None:
    made = code(owner, mine).json()
    assert mine.post("/wallet/sign-out").status_code == 200
    assert owner.scan(digits_on(made))["answer"] == "log_in_over"


def test_neither_the_page_nor_its_preview_enters_anything_and_only_a_form_gets_the_next_code(owner: Owner, mine: Purse) -> None:
    path = f"/wallet/cards/{owner.licence_id}/show/code"
    assert mine.get(path).status_code == 405
    for _ in range(5):
        assert show(owner, mine).status_code == 200
    assert "还没有人看过" in mine.get(f"/wallet/cards/{owner.licence_id}/looks").text


# -- what is not shown -------------------------------------------------------------------------------


@pytest.mark.rule("LC-12")
def test_what_is_reported_lost_is_not_shown_and_the_page_says_why_and_what_to_do(owner: Owner, mine: Purse) -> None:
    owner.act("report_lost")
    for query in ("", "?audience=anyone"):
        page = show(owner, mine, query)
        assert page.status_code == 409
        for said in ("已挂失，不能亮证", "解除挂失", "补证", "您的资格仍然有效"):
            assert said in page.text
        assert "data-part" not in page.text
    assert (code(owner, mine).status_code, code(owner, mine).json()["rule"]) == (409, "LC-12")


def test_what_is_suspended_is_shown_and_says_so_first(owner: Owner, mine: Purse) -> None:
    today = beijing_day(owner.world.clock())
    last = (today + timedelta(days=9)).isoformat()
    owner.act("suspend", suspension={"kind": "penalty", "first": today.isoformat(), "last": last})
    page = show(owner, mine).text
    assert re.search(r'<header class="stands not_valid">.*<strong>暂扣</strong>', page, re.DOTALL)
    assert last in page
    assert code(owner, mine).json()["state"]["code"] == "suspended"
    assert owner.scan(digits_on(drawn_on(page)))["overall"] == "not_valid"


def test_a_type_without_show_codes_is_lent_or_carried_instead(tmp_path: Path, demo_keys: Path) -> None:
    with owning(tmp_path, demo_keys, slug=UNSHOWN) as company:
        page = show(company, purse(company.world, company.who))
        assert page.status_code == 409
        assert "这种证照不用亮证码出示" in page.text


@pytest.mark.rule("SH-13")
def test_a_clerk_shows_what_was_delegated_to_be_shown(tmp_path: Path, demo_keys: Path) -> None:
    clerk = Somebody("519902199001010034", "周望川")
    with owning(tmp_path, demo_keys, slug=BUSINESS) as company:
        last = (beijing_day(company.world.clock()) + timedelta(days=9)).isoformat()
        statuses = []
        for acts in (["read"], ["read", "show"]):
            body = {"number": clerk.number, "name": clerk.name, "role": "clerk", "acts": acts, "last_on": last}
            given = company.http.post("/holder/delegations", json=body, headers=company.headers)
            assert given.status_code == 201, given.text
            acting = purse(company.world, clerk)
            assert acting.post("/wallet/act-for", {"delegation": given.json()["delegation_id"]}).status_code == 303
            statuses.append((show(company, acting).status_code, code(company, acting).status_code))
        assert statuses == [(403, 403), (200, 200)]
