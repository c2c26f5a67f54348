"""Companies let managers and clerks act for them: scope, time, ended at once, each under their own identity (SH-13)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.holding import GIVEN
from licence_service.licence import beijing_day
from tests.host import HostApp, Somebody, hosting
from tests.promised import Promises
from tests.world import NOW, VEHICLE, Clock

CLERK, OTHER = Somebody("519902199001010034", "周望川"), Somebody("519902198506120111", "陈安途")
LAST = beijing_day(NOW) + timedelta(days=9)


@pytest.fixture
def app(tmp_path: Path, demo_keys: Path) -> Iterator[HostApp]:
    with hosting(tmp_path, demo_keys) as hosts:
        yield hosts.app()


@pytest.fixture
def company(app: HostApp) -> Somebody:
    """A company with two vehicles as cards."""
    face = app.world.request(VEHICLE)["face"]
    one = Somebody(face["uscc"], face["holder_name"], "company")
    for number in range(2):
        app.world.issue(VEHICLE, f"issue-{number:04}", case_no=f"C-{number}", face={"license_no": f"{face['license_no'][:-3]}{number:03}"})
    assert len(app.claim(app.acting(one))["claimed"]) == 2
    return one


def ids(app: HostApp, acting: dict[str, str]) -> list[str]:
    answer = app.get("/cards", acting)
    assert answer.status_code == 200, answer.text
    return [one["licence_id"] for one in answer.json()["cards"]]


def give(app: HostApp, company: Somebody, **changed: Any) -> Any:
    body = {"number": CLERK.number, "name": CLERK.name, "role": "clerk", "acts": ["read"], "last_on": LAST.isoformat(), **changed}
    said = {name: value for name, value in body.items() if value is not None}
    return app.world.http.post("/holder/delegations", json=said, headers=app.acting(company))


def given(app: HostApp, company: Somebody, **changed: Any) -> str:
    answer = Promises(app.world)("/holder/delegations", give(app, company, **changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["delegation_id"])


@pytest.mark.rule("SH-13")
def test_a_clerk_sees_and_does_what_was_delegated_and_nothing_else(app: HostApp, company: Somebody) -> None:
    first, second = ids(app, app.acting(company))
    clerk = app.acting(CLERK, delegation=given(app, company, licences=[first]))

    assert ids(app, clerk) == [first]
    assert app.get(f"/cards/{first}", clerk).status_code == 200
    assert app.get(f"/cards/{second}", clerk).status_code == 404
    for part in ("document", "looks"):
        refused = app.get(f"/cards/{first}/{part}", clerk)
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (403, "not-granted")
    assert app.world.http.post("/holder/claims", json={}, headers=clerk).status_code == 403
    assert app.world.http.delete(f"/holder/cards/{first}", headers=clerk).status_code == 403
    giving = {"number": OTHER.number, "name": OTHER.name, "role": "clerk", "acts": ["read"], "last_on": LAST.isoformat()}
    assert app.world.http.post("/holder/delegations", json=giving, headers=clerk).status_code == 403  # nobody delegates further
    assert ids(app, app.acting(CLERK)) == []  # as themselves they have nothing


def test_a_manager_with_everything_downloads_and_sees_who_looked(app: HostApp, company: Somebody) -> None:
    first, _ = ids(app, app.acting(company))
    manager = app.acting(CLERK, delegation=given(app, company, role="manager", acts=sorted(GIVEN)))
    assert app.get(f"/cards/{first}/document", manager).headers["content-type"] == "application/pdf"
    assert app.get(f"/cards/{first}/looks", manager).json()["looks"] == []
    assert app.claim(manager)["claimed"] == []


def test_types_narrow_a_delegation(app: HostApp, company: Somebody) -> None:
    other = next(slug for slug in app.world.service.catalogue.slugs if slug != VEHICLE)
    assert ids(app, app.acting(CLERK, delegation=given(app, company, types=[other]))) == []
    assert len(ids(app, app.acting(CLERK, delegation=given(app, company, types=[VEHICLE])))) == 2


@pytest.mark.rule("SH-13")
def test_a_delegation_that_is_ended_is_over_with_the_next_request(app: HostApp, company: Somebody) -> None:
    delegation = given(app, company)
    clerk = app.acting(CLERK, delegation=delegation)
    assert len(ids(app, clerk)) == 2
    where = f"/holder/delegations/{delegation}"
    assert app.world.http.delete(where, headers=app.acting(CLERK)).status_code == 403  # a person ends none
    ended = Promises(app.world)("/holder/delegations/{delegation_id}", app.world.http.delete(where, headers=app.acting(company)))
    assert ended.json()["state"] == "ended"
    assert app.get("/cards", clerk).status_code == 401
    assert app.exchanged(CLERK, delegation=delegation).status_code == 400
    assert app.get("/delegations", app.acting(company)).json()["given"][0]["ended_at"]


@pytest.mark.rule("SH-13")
def test_with_a_delegation_the_codes_that_were_shown_under_it_are_over_and_no_others(app: HostApp, company: Somebody) -> None:
    http, licence_id = app.world.http, ids(app, app.acting(company))[0]

    def code(headers: dict[str, str]) -> str:
        answer = http.post(f"/holder/cards/{licence_id}/show-codes", json={"seconds": 300}, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["digits"])

    def scanned(digits: str) -> str:
        return str(http.post(f"/D/1{digits}", json={"checker": "c" * 16}).json()["answer"])

    def acting(role: str = "clerk") -> tuple[str, dict[str, str]]:
        delegation = given(app, company, acts=["show"], role=role)
        return delegation, app.acting(CLERK, delegation=delegation, sid="one-log-in")

    (first, clerk), (_, both) = acting(), acting("manager")
    codes = [code(clerk), code(both), code(app.acting(company))]
    assert [scanned(one) for one in codes] == ["shown"] * 3
    assert http.delete(f"/holder/delegations/{first}", headers=app.acting(company)).status_code == 200
    assert [scanned(one) for one in codes] == ["log_in_over", "shown", "shown"]
    assert scanned(code(acting()[1])) == "shown"  # who is let act again shows again


@pytest.mark.rule("SH-13")
def test_a_delegation_outlives_who_gave_it_and_says_so_while_their_own_token_is_over(app: HostApp, company: Somebody) -> None:
    first, second = ({"agent_number": one.number, "agent_name": one.name} for one in (OTHER, Somebody("519902197001010012", "何清河")))
    leading = replace(company, more=first)
    former, delegation = app.acting(leading), given(app, leading)
    clerk = app.acting(CLERK, delegation=delegation)

    def told() -> tuple[str, bool]:
        (one,) = Promises(app.world)("/holder/delegations", app.get("/delegations", app.acting(CLERK))).json()["held"]
        return one["given_by"], one["by_former"]

    assert told() == (OTHER.name, False)
    assert app.get("/cards", former).status_code == 200
    boss = app.acting(replace(company, more=second))
    assert app.get("/cards", former).status_code == 401
    assert told() == (OTHER.name, True)
    assert len(ids(app, clerk)) == len(ids(app, boss)) == 2
    assert given(app, replace(company, more=second)) != delegation  # the same from who speaks now is theirs
    app.acting(company)  # where nobody is named, nothing is known to have changed
    assert app.get("/cards", boss).status_code == 200


@pytest.mark.rule("SH-13")
def test_a_delegation_that_is_given_twice_is_one_and_is_ended_as_one(app: HostApp, company: Somebody) -> None:
    delegation = given(app, company, types=[VEHICLE])
    assert given(app, company, types=[VEHICLE]) == delegation
    others = [given(app, company, **{"types": [VEHICLE], **changed}) for changed in ({"types": None}, {"acts": ["show"]}, {"role": "manager"})]
    assert len({delegation, *others}) == 4
    clerk = app.acting(CLERK, delegation=delegation)
    assert app.world.http.delete(f"/holder/delegations/{delegation}", headers=app.acting(company)).status_code == 200
    assert app.get("/cards", clerk).status_code == 401
    again = given(app, company, types=[VEHICLE])
    assert again != delegation  # what was ended stays ended
    assert len(ids(app, app.acting(CLERK, delegation=again))) == 2


def test_a_delegation_holds_from_its_first_to_its_last_day(app: HostApp, company: Somebody) -> None:
    clock, first = app.world.clock, beijing_day(NOW) + timedelta(days=2)
    assert isinstance(clock, Clock)
    delegation = given(app, company, first_on=first.isoformat())
    for days, status in ((0, 400), (2, 200), (9, 200), (10, 400)):
        clock.now = NOW + timedelta(days=days)
        assert app.exchanged(CLERK, delegation=delegation).status_code == status, days


def test_only_who_it_was_given_to_uses_it_by_number_and_name(app: HostApp, company: Somebody) -> None:
    delegation = given(app, company)
    for who in (OTHER, Somebody(CLERK.number, "周望舒"), Somebody(OTHER.number, CLERK.name), company):
        answer = app.exchanged(who, delegation=delegation)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    held = app.get("/delegations", app.acting(CLERK)).json()
    assert [one["delegation_id"] for one in held["held"]] == [delegation]
    assert (held["held"][0]["company"], held["given"]) == (company.name, [])
    assert CLERK.number not in str(held)
    mistyped = Somebody(CLERK.number, "周望舒")  # whose number it is, where the company typed a wrong one
    assert app.get("/delegations", app.acting(mistyped)).json()["held"] == []


def test_what_a_company_writes_changes_no_name_that_the_identity_service_said(app: HostApp, company: Somebody) -> None:
    clerk = app.exchanged(CLERK).json()["holder"]
    given(app, company, name="改名")
    assert app.world.service.holder_desk.exchange.holders.identity(clerk) == (CLERK.number, CLERK.name)


def test_a_person_delegates_nothing_and_a_low_level_neither(app: HostApp, company: Somebody) -> None:
    assert give(app, OTHER).status_code == 403
    weak = app.acting(company, "2")
    body = {"number": CLERK.number, "name": CLERK.name, "role": "clerk", "acts": ["read"], "last_on": LAST.isoformat()}
    refused = app.world.http.post("/holder/delegations", json=body, headers=weak)
    assert (refused.status_code, refused.json()["wanted"]) == (403, "3")


WRONG: list[dict[str, Any]] = [
    {"number": None}, {"number": "519902199001010035"}, {"name": ""}, {"name": "x" * 200}, {"role": "owner"}, {"acts": []}, {"acts": None},
    {"acts": ["delegate"]}, {"acts": "read"}, {"acts": [["read"]]}, {"types": ["no_such_type"]}, {"types": []}, {"licences": ["0" * 20]},
    {"licences": "x"}, {"licences": [7]}, {"last_on": None}, {"last_on": ""}, {"last_on": "soon"}, {"last_on": "2020-01-01"}, {"last_on": "2040-01-01"},
    {"first_on": "2030-01-01", "last_on": "2029-12-31"}, {"first_on": 7}, {"office": "x"},
]  # fmt: skip


def test_a_delegation_of_another_shape_is_refused_with_its_faults(app: HostApp, company: Somebody) -> None:
    for changed in WRONG:
        answer = give(app, company, **changed)
        assert answer.status_code == 422, (changed, answer.text)
        assert answer.json()["faults"], changed
    assert app.get("/delegations", app.acting(company)).json()["given"] == []
