"""One list of who looked at any card of a holder: a person's licences, a company's fleet (DOMAIN AU-06, SH-11)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.holding import LOOKS, READ
from licence_service.licence import beijing_day
from licence_service.store.clients import EVERY_TYPE, OFFICER, Client
from licence_service.store.people import Person
from licence_service.store.reads import SHOWN, Read
from licence_service.web.wallet.looks import A_PAGE
from tests.fleets import keep
from tests.holders import BUYER, POLICE, somebody
from tests.host import HostApp, Somebody, hosting
from tests.parts.databases import KINDS, empty_postgres
from tests.promised import Promises
from tests.purse import Purse, purse
from tests.world import DRIVER, NOW, VEHICLE, World

CLERK = Somebody("519902199001010034", "周望川")
LAST = (beijing_day(NOW) + timedelta(days=9)).isoformat()
SAID = {"by": "id", "reason": "roadside_check", "place": "示例国道三公里处", "officer": "执法007"}


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[HostApp]:
    url = empty_postgres(*map(request.getfixturevalue, ("postgres_address", "migrated_postgres"))) if request.param == "postgresql" else None
    with hosting(tmp_path, demo_keys, url) as hosts:
        yield hosts.app()


@pytest.fixture
def fleet(app: HostApp) -> list[str]:
    """A company's three vehicles, its cards, with one plate: an officer who asks for it sees them all."""
    face = app.world.request(VEHICLE)["face"]
    done = [
        app.world.issue(VEHICLE, f"issue-{place:04}", case_no=f"C-{place}", face={"license_no": f"{face['license_no'][:-3]}{place:03}"})
        for place in range(3)
    ]
    ids = [str(one["licence_id"]) for one in done]
    keep(app.world, mine(app).holder_id, ids)
    return ids


def mine(app: HostApp) -> Purse:
    return purse(app.world, somebody(app.world, VEHICLE))


def forward(world: World, **step: int) -> None:
    clock: Any = world.clock
    clock.now += timedelta(**step)


def seen(app: HostApp, licence_id: str, **step: int) -> None:
    forward(app.world, **step)
    app.world.service.shown.reads.enter(Read(app.world.clock(), licence_id, SHOWN, "public", ["plate_no"]))


def sell(app: HostApp, licence_id: str) -> None:
    template = app.world.service.catalogue.in_force(VEHICLE, beijing_day(NOW))
    sold = {"act": "correct", "face": {str(template.holder_id): BUYER.number, template.holder_name: BUYER.name}}
    answer = app.world.act(VEHICLE, licence_id, sold, f"correct-{licence_id}")
    assert answer.status_code == 201, answer.text


def asked(app: HostApp, who: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = Promises(app.world)("/holder/looks", app.world.http.get("/holder/looks", params=query, headers=who))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def lines(found: dict[str, Any]) -> list[str]:
    return [one["licence"]["licence_id"] for one in found["looks"]]


@pytest.mark.rule("AU-06")
def test_who_looked_at_any_card_is_one_list_newest_first_each_line_with_its_licence(app: HostApp, fleet: list[str]) -> None:
    who = app.acting(somebody(app.world, VEHICLE))
    for place in (0, 2, 1, 0):
        seen(app, fleet[place], minutes=1)
    found = asked(app, who)
    assert lines(found) == [fleet[0], fleet[1], fleet[2], fleet[0]]
    assert found["after"] is None
    of_one = app.get(f"/cards/{fleet[1]}/looks", who).json()["looks"][0]
    card = app.get(f"/cards/{fleet[1]}", who).json()
    about = {"licence_id": fleet[1], "type": {"name": VEHICLE, "zh": card["type"]["zh"], "en": card["type"]["en"]}, "number": card["number"]}
    assert found["looks"][1] == {**of_one, "licence": about}


@pytest.mark.rule("AU-06")
def test_one_look_at_several_cards_and_all_that_is_of_one_instant_stand_once_on_some_page(app: HostApp, fleet: list[str]) -> None:
    service, who = app.world.service, app.acting(somebody(app.world, VEHICLE))
    police = {"Authorization": f"Bearer {service.clients.add(Client('police', POLICE, (EVERY_TYPE,), 1000, OFFICER), NOW)}"}
    clerk = Person("p" * 26, service.catalogue.samples[VEHICLE].issuer, "罗青石")
    value = app.world.request(VEHICLE)["face"]["plate_no"]
    assert app.world.http.post("/officer/look", json={**SAID, "by": "plate", "value": value}, headers=police).status_code == 200
    for licence_id in fleet:
        seen(app, licence_id)
        service.desk_log.write(clerk, "opened", licence_id, app.world.clock())
    whole = asked(app, who)["looks"]
    assert sorted(one["way"] for one in whole) == ["desk"] * 3 + ["looked"] * 3 + ["shown"] * 3
    pages, after = list[dict[str, Any]](), ""
    while after is not None:
        found = asked(app, who, limit=1, after=after)
        pages, after = pages + found["looks"], found["after"]
    assert pages == whole
    assert asked(app, who, after="nonsense")["looks"] == whole


@pytest.mark.rule("AU-06")
def test_of_others_and_from_before_a_vehicle_was_theirs_nothing_is_told(app: HostApp, fleet: list[str]) -> None:
    driver = app.world.issue(DRIVER, "issue-driver")["licence_id"]
    keep(app.world, purse(app.world, somebody(app.world, DRIVER)).holder_id, [driver])
    for licence_id in (driver, *fleet):
        seen(app, licence_id, minutes=1)
    sell(app, fleet[0])
    buyer, seller = app.acting(BUYER), app.acting(somebody(app.world, VEHICLE))
    assert lines(asked(app, buyer)) == []
    assert lines(asked(app, seller)) == [fleet[2], fleet[1]]
    keep(app.world, purse(app.world, BUYER).holder_id, [fleet[0]])
    assert lines(asked(app, buyer)) == []
    seen(app, fleet[0], minutes=1)
    assert lines(asked(app, buyer)) == [fleet[0]]
    assert lines(asked(app, seller)) == [fleet[2], fleet[1]]
    assert lines(asked(app, app.acting(somebody(app.world, DRIVER)))) == [driver]


@pytest.mark.rule("SH-13")
def test_a_delegate_reads_of_what_was_delegated_and_only_where_that_was_given(app: HostApp, fleet: list[str]) -> None:
    company = app.acting(somebody(app.world, VEHICLE))
    for licence_id in fleet:
        seen(app, licence_id, minutes=1)

    def clerk(*acts: str) -> dict[str, str]:
        body = {"number": CLERK.number, "name": CLERK.name, "role": "clerk", "acts": acts, "last_on": LAST, "licences": fleet[:2]}
        given = app.world.http.post("/holder/delegations", json=body, headers=company)
        return app.acting(CLERK, delegation=given.json()["delegation_id"])

    assert lines(asked(app, clerk(READ, LOOKS))) == [fleet[1], fleet[0]]
    refused = app.get("/looks", clerk(READ))
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (403, "not-granted")


def test_what_is_not_told_fills_no_page_and_hides_no_line_behind_it_and_no_cursor_says_when_it_was(app: HostApp, fleet: list[str]) -> None:
    sell(app, fleet[1])
    seen(app, fleet[1], minutes=1)
    for _ in range(A_PAGE):
        seen(app, fleet[0], minutes=1)
    forward(app.world, minutes=1)
    sell(app, fleet[0])
    keep(app.world, purse(app.world, BUYER).holder_id, fleet[:2])
    who = app.acting(BUYER)
    assert lines(asked(app, who, limit=5)) == [fleet[1]]
    found = asked(app, who, limit=1)
    assert (lines(found), found["after"]) == ([fleet[1]], None)


@pytest.mark.rule("AU-06")
def test_the_wallet_shows_the_list_and_leads_to_each_licence_and_back(app: HostApp, fleet: list[str]) -> None:
    assert "还没有人看过" in mine(app).get("/wallet/looks").text
    for place in range(A_PAGE + 2):
        seen(app, fleet[place % 2], minutes=1)
    one = mine(app)
    assert 'href="/wallet/looks">谁看过' in one.get("/wallet").text
    text = one.get("/wallet/looks").text
    assert re.findall(r'href="/wallet/cards/(\w+)/looks"', text) == [fleet[1], fleet[0]] * (A_PAGE // 2)
    older = re.search(r'href="(/wallet/looks\?after=[^"]+)"', text)
    assert older
    further = one.get(older[1]).text
    assert re.findall(r'href="/wallet/cards/(\w+)/looks"', further) == [fleet[1], fleet[0]]
    assert 'href="/wallet/looks">最近的' in further
    assert 'href="/wallet/looks">全部证照' in one.get(f"/wallet/cards/{fleet[0]}/looks").text
