"""The wallet's pages of one card keep holders apart: each route is asked by its holder, by another, by nobody, and with a form of another session."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from licence_service.web.wallet import lending, looks, showing
from tests.holders import Owner, owning
from tests.host import Somebody
from tests.purse import HTML, Purse, purse

STRANGER = Somebody("519902199001010034", "周望川")
NO_LICENCE, NO_LENDING = "0" * 20, "0" * 26
LENT = {"receiver": "蜀安示例银行股份有限公司", "purpose": "办理车辆贷款", "fields": ["person_name"], "minutes": "60", "uses": "1", "copy": "yes"}
_CARD = "/wallet/cards/{licence_id}"
ASKED: dict[tuple[str, str], dict[str, Any]] = {  # what takes something away comes last
    ("GET", f"{_CARD}/show"): {}, ("POST", f"{_CARD}/show/code"): {"audience": "anyone"}, ("GET", f"{_CARD}/lend"): {},
    ("POST", f"{_CARD}/lendings"): LENT, ("GET", f"{_CARD}/lendings"): {}, ("GET", f"{_CARD}/lendings/{{lending_id}}/copy"): {},
    ("GET", f"{_CARD}/lendings/{{lending_id}}/take-back"): {}, ("GET", f"{_CARD}/looks"): {}, ("POST", f"{_CARD}/lendings/{{lending_id}}/take-back"): {},
}  # fmt: skip
CHANGING = [route for route in ASKED if route[0] == "POST"]


@pytest.fixture
def owner(tmp_path: Path, demo_keys: Path) -> Iterator[Owner]:
    with owning(tmp_path, demo_keys) as found:
        yield found


@pytest.fixture
def mine(owner: Owner) -> Purse:
    return purse(owner.world, owner.who)


@pytest.fixture
def lending_id(owner: Owner) -> str:
    body = {**LENT, "minutes": 60, "uses": 1, "copy": True}
    answer = owner.http.post(f"/holder/cards/{owner.licence_id}/lendings", json=body, headers={**owner.headers, "Idempotency-Key": "lent-0001"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["lending_id"])


def ask(who: Purse, route: tuple[str, str], licence_id: str, lending_id: str, **changed: Any) -> Any:
    method, path = route[0], route[1].format(licence_id=licence_id, lending_id=lending_id)
    return who.get(path) if method == "GET" else who.post(path, {**ASKED[route], **changed})


def seen(answer: Any, *names: str) -> tuple[int, str]:
    """Return what can be seen of an answer, the names taken out."""
    text = answer.text
    for name in names:
        text = text.replace(name, "-")
    return answer.status_code, text


def test_every_route_of_a_card_has_a_row() -> None:
    routes = {
        (method, one.path)
        for part in (showing, lending, looks)
        for one in part.router.routes
        if isinstance(one, APIRoute) and "{licence_id}" in one.path
        for method in one.methods or ()
    }
    assert routes == set(ASKED)


def test_what_is_anothers_is_answered_as_what_there_is_not(owner: Owner, mine: Purse, lending_id: str) -> None:
    stranger, own = purse(owner.world, STRANGER), owner.licence_id
    face = {"citizen_id": STRANGER.number, "license_no": STRANGER.number, "birth_date": "1990-01-01"}
    other = owner.world.issue(owner.slug, "issue-other", case_no="OTHER", face=face)
    for route in ASKED:
        real = seen(ask(stranger, route, own, lending_id), own, lending_id)
        nothing = seen(ask(stranger, route, NO_LICENCE, NO_LENDING), NO_LICENCE, NO_LENDING)
        assert real == nothing, route
        assert real[0] == 404, route
        assert ask(mine, route, other["licence_id"], lending_id).status_code == 404, route
    listed = owner.http.get(f"/holder/cards/{own}/lendings", headers=owner.headers).json()["lendings"]
    assert [(one["lending_id"], one["standing"]) for one in listed] == [(lending_id, "living")]
    for route in ASKED:
        assert ask(mine, route, own, lending_id).status_code in {200, 201, 303}, route


def test_a_lending_is_found_under_its_own_card_only(owner: Owner, mine: Purse, lending_id: str) -> None:
    second = owner.world.issue(owner.slug, "issue-second", case_no="SECOND", face={"license_no": "5199021985061201119"})
    owner.keep(second["licence_id"])
    for route in (one for one in ASKED if "{lending_id}" in one[1]):
        assert ask(mine, route, second["licence_id"], lending_id).status_code == 404, route


@pytest.mark.parametrize("route", list(ASKED), ids=str)
def test_nobody_who_is_not_signed_in_gets_further_than_the_door(owner: Owner, lending_id: str, route: tuple[str, str]) -> None:
    path = route[1].format(licence_id=owner.licence_id, lending_id=lending_id)
    for cookie in ({}, {"Cookie": "wallet_session=guessed"}):
        answer = owner.http.request(route[0], path, data=ASKED[route] or None, headers={**HTML, **cookie}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/wallet")


@pytest.mark.parametrize("route", CHANGING, ids=str)
def test_no_form_is_taken_that_was_not_made_for_this_session(owner: Owner, mine: Purse, lending_id: str, route: tuple[str, str]) -> None:
    another = purse(owner.world, owner.who)
    for wrong in ("", "x", another.form_key):
        assert ask(mine, route, owner.licence_id, lending_id, form_key=wrong).status_code == 403, wrong
    listed = owner.http.get(f"/holder/cards/{owner.licence_id}/lendings", headers=owner.headers).json()["lendings"]
    assert [(one["lending_id"], one["standing"]) for one in listed] == [(lending_id, "living")]


@pytest.mark.parametrize("route", list(ASKED), ids=str)
def test_a_level_that_is_too_low_is_named_with_the_way_to_a_higher_one(owner: Owner, lending_id: str, route: tuple[str, str]) -> None:
    answer = ask(purse(owner.world, owner.who, level="1"), route, owner.licence_id, lending_id)
    assert answer.status_code == 403
    assert "需要身份认证等级 2 级" in answer.text
    assert 'href="/wallet/sign-in"' in answer.text
