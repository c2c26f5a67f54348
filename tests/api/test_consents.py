"""A company's list of persons, over HTTP: it invites, persons agree, see who looked, and withdraw (DOMAIN SH-14, M7)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from licence_service.holding import GIVEN, STAFF
from licence_service.licence import beijing_day
from licence_service.store.tables_of_lending import reads
from tests.holders import Owner, owning
from tests.host import Somebody
from tests.promised import AGREED, Promises
from tests.staffs import EMPLOYER, driver, face_of
from tests.stocks import citizen_id
from tests.world import DRIVER, NOW, VEHICLE

RIVAL = Somebody("91519900MB9900012J", "蜀安顺途物流有限公司", "company")
CLERK = Somebody("519902199001010034", "周望川")
TODAY = beijing_day(NOW)


@pytest.fixture
def owner(tmp_path: Path, demo_keys: Path) -> Iterator[Owner]:
    """A driver with one licence, whose number is the identity number."""
    with owning(tmp_path, demo_keys, failures_before_slowing=5) as found:
        yield found


def forward(owner: Owner, **step: int) -> None:
    clock: Any = owner.world.clock
    clock.now += timedelta(**step)
    owner.again()


def company(owner: Owner, who: Somebody = EMPLOYER, **more: Any) -> dict[str, str]:
    return owner.app.acting(who, **more)


def invite(owner: Owner, who: Somebody = EMPLOYER, **body: Any) -> dict[str, Any]:
    answer = owner.http.post("/holder/invitation", json=body, headers=company(owner, who))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def agree(owner: Owner, code: str, licence_id: str = "", headers: dict[str, str] | None = None, **body: Any) -> Any:
    """Let the company see a card; the HTTP answer."""
    path = f"/holder/cards/{licence_id or owner.licence_id}/consents"
    return owner.http.post(path, json={"code": code, **body}, headers=headers or owner.headers)


def agreed(owner: Owner, code: str, **body: Any) -> dict[str, Any]:
    answer = agree(owner, code, **body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def staff(owner: Owner, who: Somebody = EMPLOYER, **more: Any) -> list[dict[str, Any]]:
    answer = owner.http.get("/holder/staff", headers=company(owner, who, **more))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["staff"]
    return found


def looks(owner: Owner) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = owner.http.get(f"/holder/cards/{owner.licence_id}/looks", headers=owner.headers).json()["looks"]
    return found


def withdraw(owner: Owner, consent_id: str) -> int:
    path = f"/holder/cards/{owner.licence_id}/consents/{consent_id}/withdraw"
    return int(owner.http.post(path, headers=owner.headers).status_code)


def another(owner: Owner, who: Somebody, number: int) -> tuple[str, dict[str, str]]:
    """Let somebody else have a licence as a card; return its id and their headers."""
    licence_id = owner.world.issue(DRIVER, f"issue-{number:04}", case_no=f"CASE-{number}", face=face_of(who, number))["licence_id"]
    acting = owner.app.acting(who)
    assert owner.app.claim(acting)["claimed"] == [licence_id]
    return licence_id, acting


@pytest.mark.rule("SH-14")
def test_a_company_invites_a_driver_agrees_is_seen_reads_so_and_withdraws(owner: Owner) -> None:
    promised, face = Promises(owner.world), owner.world.request(DRIVER)["face"]
    made = promised("/holder/invitation", owner.http.post("/holder/invitation", json={}, headers=company(owner))).json()
    assert made["url"] == f"https://licence.example.cn/wallet/invited/{made['code']}"
    assert made["last_on"] == (TODAY + timedelta(days=30)).isoformat()
    assert promised("/holder/invitation", owner.http.get("/holder/invitation", headers=company(owner))).json() == {"invitation": made}

    answer = promised("/holder/invited", owner.http.post("/holder/invited", json={"code": made["code"].lower()}, headers=owner.headers)).json()
    assert answer["company"] == {"name": EMPLOYER.name, "code": EMPLOYER.number}
    assert [one["name"] for one in answer["seen"]] == ["name", "type", "number", "issuer", "state", "valid_to", "next"]
    masked = f"519{'＊' * 13}11"
    assert answer["cards"] == [{
        "licence_id": owner.licence_id, "type": answer["cards"][0]["type"], "name": face["person_name"], "number": masked, "agreed_until": None,
    }]  # fmt: skip
    assert staff(owner) == []  # opening is no consent

    one = promised("/holder/cards/{licence_id}/consents", agree(owner, made["code"])).json()
    assert (one["standing"], one["last_on"], one["company"]["name"]) == ("living", "2027-11-27", EMPLOYER.name)
    forward(owner, minutes=1)
    answer = promised("/holder/staff", owner.http.get("/holder/staff", headers=company(owner)))
    row = answer.json()["staff"][0]
    assert staff(owner, RIVAL) == []  # it was agreed to one company only
    assert (row["name"], row["number"], row["state"]["code"], row["overall"]) == (face["person_name"], masked, "in_force", "valid")
    assert (row["valid_to"], row["agreed_until"], row["issuer"]["zh"]) == ("2032-06-19", "2027-11-27", face["issuer_name"])
    assert set(row["next"]) == {"day", "title"}
    hidden = (face["citizen_id"], face["address"], face["archive_no"], owner.licence_id, owner.licence["elicence_id"], owner.licence["check_code"])
    assert not [value for value in hidden if value in answer.text]

    seen = promised("/holder/cards/{licence_id}/looks", owner.http.get(f"/holder/cards/{owner.licence_id}/looks", headers=owner.headers)).json()[
        "looks"
    ]
    assert [(look["way"], look["seen_as"], look["company"]) for look in seen] == [
        ("staff", "employer", {"name": EMPLOYER.name, "code": EMPLOYER.number})
    ]
    assert [field["name"] for field in seen[0]["fields"]] == ["person_name", "license_no", "valid_to"]

    looked = promised("/holder/staff/looks", owner.http.get("/holder/staff/looks", headers=company(owner))).json()["looks"]
    assert [(each["day"], each["licences"]) for each in looked] == [(TODAY.isoformat(), 1)]

    path = f"/holder/cards/{owner.licence_id}/consents/{one['consent_id']}/withdraw"
    for _ in range(2):
        promised("/holder/cards/{licence_id}/consents/{consent_id}/withdraw", owner.http.post(path, headers=owner.headers))
    assert staff(owner) == []
    listed = promised(
        "/holder/cards/{licence_id}/consents", owner.http.get(f"/holder/cards/{owner.licence_id}/consents", headers=owner.headers)
    ).json()
    assert [each["standing"] for each in listed["consents"]] == ["withdrawn"]
    promised("/holder/invitation", owner.http.delete("/holder/invitation", headers=company(owner)))
    assert owner.http.get("/holder/invitation", headers=company(owner)).json() == {"invitation": None}
    assert {route for route, _ in promised.seen} >= AGREED


def test_agreeing_again_prolongs_and_doubles_nothing(owner: Owner) -> None:
    code = invite(owner)["code"]
    first = agreed(owner, code, months=6)
    assert (agreed(owner, code, months=6), agreed(owner, code, months=1)) == (first, first)
    longer = agreed(owner, code, months=36)
    assert {**longer, "last_on": first["last_on"]} == first
    assert longer["last_on"] == "2029-11-27"
    assert len(staff(owner)) == 1
    assert withdraw(owner, first["consent_id"]) == 204
    again = agreed(owner, code, months=1)  # after it was withdrawn it is another
    assert again["consent_id"] != first["consent_id"]
    forward(owner, days=40)
    assert staff(owner) == []
    code = invite(owner)["code"]
    anew = agreed(owner, code)
    consents = owner.http.get(f"/holder/cards/{owner.licence_id}/consents", headers=owner.headers).json()["consents"]
    assert [(one["consent_id"], one["standing"]) for one in consents] == [
        (anew["consent_id"], "living"), (again["consent_id"], "expired"), (first["consent_id"], "withdrawn"),
    ]  # fmt: skip
    for body in ({"months": 37}, {"months": 0}, {"months": "x"}, {"more": 1}):
        assert agree(owner, code, **body).status_code == 422


def test_a_consent_is_over_after_its_last_day_and_an_invitation_too(owner: Owner) -> None:
    code = invite(owner, days=2)["code"]
    agreed(owner, code, months=1)  # through 2026-12-27
    forward(owner, days=2)
    assert len(staff(owner)) == 1
    agreed(owner, code, months=1)  # now through 2026-12-29
    forward(owner, days=1)
    assert agree(owner, code).status_code == 404
    forward(owner, days=28)  # 2026-12-29
    assert len(staff(owner)) == 1
    forward(owner, days=1)
    assert staff(owner) == []


def test_with_the_card_goes_the_consent_and_a_suspension_is_seen(owner: Owner) -> None:
    code = invite(owner)["code"]
    agreed(owner, code)
    owner.act("report_lost")
    term = {"kind": "penalty", "first": TODAY.isoformat(), "last": (TODAY + timedelta(days=9)).isoformat()}
    owner.act("suspend", effective_on=TODAY.isoformat(), suspension=term)
    row = staff(owner)[0]
    assert (row["state"]["code"], [one["code"] for one in row["flags"]], row["overall"]) == ("suspended", ["loss_reported"], "not_valid")
    owner.give_back()
    assert staff(owner) == []
    owner.keep(owner.licence_id)
    assert staff(owner) == []  # claiming it again brings no consent back
    agreed(owner, code)
    owner.act("revoke")
    assert staff(owner)[0]["state"]["code"] == "revoked"


def test_a_licence_that_names_somebody_else_since_is_seen_no_more(owner: Owner) -> None:
    first, other = driver(8), driver(10)
    licence_id, acting = another(owner, first, 8)
    assert agree(owner, invite(owner)["code"], licence_id, acting).status_code == 201
    assert [one["name"] for one in staff(owner)] == [first.name]
    named = {name: value for name, value in face_of(other, 10).items() if name != "license_no"}
    answer = owner.world.act(DRIVER, licence_id, {"act": "correct", "face": named}, "correct-0001")
    assert answer.status_code == 201, answer.text
    assert staff(owner) == []


@pytest.mark.rule("AU-06")
def test_each_day_on_which_a_company_looked_is_one_line_for_the_driver(owner: Owner) -> None:
    agreed(owner, invite(owner)["code"])
    agreed(owner, invite(owner, RIVAL)["code"])
    for _ in range(3):
        staff(owner)
    forward(owner, days=1)
    staff(owner)
    staff(owner, RIVAL)
    assert [(one["at"][:10], one["company"]["name"]) for one in looks(owner)] == [
        ("2026-11-28", EMPLOYER.name), ("2026-11-29", EMPLOYER.name), ("2026-11-29", RIVAL.name),
    ]  # fmt: skip


@pytest.mark.rule("AU-06")
def test_a_day_ends_at_midnight_in_beijing(owner: Owner) -> None:
    agreed(owner, invite(owner, days=1)["code"], months=1)
    forward(owner, hours=11, minutes=59)  # 23:59 in Beijing
    staff(owner)
    forward(owner, minutes=2)
    staff(owner)
    assert len(looks(owner)) == 2
    forward(owner, days=28, hours=23, minutes=57)  # 23:58 on the last day of the consent
    assert [one["agreed_until"] for one in staff(owner)] == ["2026-12-27"]
    forward(owner, minutes=3)
    assert staff(owner) == []


@pytest.mark.rule("SH-13")
def test_delegates_list_and_invite_as_far_as_they_were_let(owner: Owner) -> None:
    last = (TODAY + timedelta(days=9)).isoformat()

    def acting(acts: list[str], **narrowed: Any) -> tuple[dict[str, str], str]:
        body = {"number": CLERK.number, "name": CLERK.name, "role": "clerk", "acts": acts, "last_on": last, **narrowed}
        given = owner.http.post("/holder/delegations", json=body, headers=company(owner))
        assert given.status_code == 201, given.text
        delegation = given.json()["delegation_id"]
        return owner.app.acting(CLERK, delegation=delegation), delegation

    def asks(headers: dict[str, str]) -> tuple[int, int | str]:
        listed = owner.http.get("/holder/staff", headers=headers)
        return owner.http.get("/holder/invitation", headers=headers).status_code, len(
            listed.json()["staff"]
        ) if listed.status_code == 200 else "refused"

    agreed(owner, invite(owner)["code"])
    others, listing, everything = acting(sorted(GIVEN - {STAFF}))[0], acting([STAFF])[0], acting(sorted(GIVEN))
    assert (asks(others), asks(listing), asks(everything[0])) == ((403, "refused"), (200, 1), (200, 1))
    assert asks(acting(sorted(GIVEN), types=[DRIVER])[0]) == (403, 1)
    assert asks(acting(sorted(GIVEN), types=[VEHICLE])[0]) == (403, 0)
    renewed = owner.http.post("/holder/invitation", json={}, headers=everything[0])
    assert renewed.status_code == 201
    owner.http.delete(f"/holder/delegations/{everything[1]}", headers=company(owner))
    assert owner.http.get("/holder/staff", headers=everything[0]).status_code == 401  # out with the next request
    own = owner.app.acting(CLERK)
    assert asks(own) == (403, "refused")  # a person has no such list


def test_only_a_person_agrees_and_only_for_certificates_of_persons(owner: Owner) -> None:
    code, world = invite(owner)["code"], owner.world
    face = world.request(VEHICLE)["face"]
    firm = Somebody(face["uscc"], face["holder_name"], "company")
    vehicle = world.issue(VEHICLE, "issue-0002")["licence_id"]
    acting = owner.app.acting(firm)
    assert owner.app.claim(acting)["claimed"] == [vehicle]
    for licence_id, headers, status in ((vehicle, acting, 403), (owner.licence_id, acting, 404), (vehicle, owner.headers, 404)):
        assert agree(owner, code, licence_id, headers).status_code == status
    assert owner.http.post("/holder/invited", json={"code": code}, headers=acting).status_code == 403
    owner.keep(vehicle)  # whoever holds it, it names no natural person
    assert agree(owner, code, vehicle).status_code in {403, 404}
    assert [one["licence_id"] for one in owner.http.post("/holder/invited", json={"code": code}, headers=owner.headers).json()["cards"]] == [
        owner.licence_id
    ]
    weak = owner.app.acting(owner.who, "1")
    assert agree(owner, code, headers=weak).json()["type"].endswith("level-too-low")


def test_a_renewed_invitation_ends_the_old_one_and_too_many_are_refused(owner: Owner) -> None:
    codes = [invite(owner)["code"] for _ in range(3)]
    assert [agree(owner, code).status_code for code in codes] == [404, 404, 201]
    for _ in range(27):
        invite(owner)
    refused = owner.http.post("/holder/invitation", json={}, headers=company(owner))
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (429, "ceiling-reached")
    assert 0 < int(refused.json()["retry_after"]) <= 3600
    assert owner.http.post("/holder/invitation", json={"days": 91}, headers=company(owner)).status_code == 422
    owner.http.delete("/holder/invitation", headers=company(owner))
    forward(owner, hours=1, seconds=1)
    assert agree(owner, invite(owner)["code"]).status_code == 201


def test_wrong_codes_are_slowed_and_a_right_one_never_is(owner: Owner) -> None:
    code = invite(owner)["code"]
    wrong = [owner.http.post("/holder/invited", json={"code": f"{number:016d}"}, headers=owner.headers).status_code for number in range(4)]
    assert wrong == [404] * 4
    tried = [agree(owner, f"{number:016d}").status_code for number in range(4, 9)]
    assert (tried[0], tried[-1]) == (404, 429)
    assert owner.http.post("/holder/invited", json={"code": code}, headers=owner.headers).status_code == 200
    assert agree(owner, code).status_code == 201
    for bad in ("", "x" * 61, None, 5, ["a"]):
        assert owner.http.post("/holder/invited", json={"code": bad}, headers=owner.headers).status_code == 422


def test_the_list_goes_on_after_a_page(owner: Owner) -> None:
    code = invite(owner)["code"]
    agreed(owner, code)
    other = driver(8)
    second, acting = another(owner, other, 8)
    assert agree(owner, code, second, acting).status_code == 201
    first = owner.http.get("/holder/staff?limit=1", headers=company(owner)).json()
    rest = owner.http.get(f"/holder/staff?limit=1&after={first['after']}", headers=company(owner)).json()
    assert [one["name"] for page in (first, rest) for one in page["staff"]] == [owner.who.name, other.name]
    assert rest["after"] is None
    assert rest["staff"][0]["number"] == f"5199{8:015d}"  # no identity number: in full


def test_neither_an_age_nor_a_password_opens_what_was_not_agreed_to(owner: Owner) -> None:
    code, who = invite(owner)["code"], Somebody(citizen_id(12, "19631210"), "褚嘉禾")
    licence_id, acting = another(owner, who, 12)
    assert agree(owner, code, licence_id, acting).status_code == 201
    ages = [one["day"] for one in owner.http.get(f"/holder/cards/{licence_id}/deadlines", headers=acting).json()["deadlines"] if one["duty"] == "age"]
    assert ages == ["2026-12-10"]  # the driver is told of the birthday; the company of the next day after it
    (row,) = staff(owner)
    assert row["next"]["day"] > ages[0]
    assert "年龄" not in str(row)
    weak = owner.http.get("/holder/staff", headers=company(owner, level="1"))
    assert (weak.status_code, weak.json()["type"].rpartition(":")[2], weak.json()["wanted"]) == (403, "level-too-low", "2")


def test_whoever_scans_an_invitation_that_is_over_guesses_nothing(owner: Owner) -> None:
    old, new = (invite(owner)["code"] for _ in range(2))
    for _ in range(10):
        assert owner.http.post("/holder/invited", json={"code": old}, headers=owner.headers).status_code == 404
        assert agree(owner, old).status_code == 404
    assert agree(owner, new).status_code == 201


@pytest.mark.rule("AU-06")
def test_the_driver_reads_one_line_a_day_whoever_of_the_company_looked(owner: Owner) -> None:
    agreed(owner, invite(owner)["code"])
    body = {"number": CLERK.number, "name": CLERK.name, "role": "clerk", "acts": [STAFF], "last_on": TODAY.isoformat()}
    given = owner.http.post("/holder/delegations", json=body, headers=company(owner))
    assert given.status_code == 201, given.text
    for headers in (owner.app.acting(CLERK, delegation=given.json()["delegation_id"]), company(owner)):
        for _ in range(2):
            assert len(owner.http.get("/holder/staff", headers=headers).json()["staff"]) == 1
    answer = owner.http.get(f"/holder/cards/{owner.licence_id}/looks", headers=owner.headers)
    assert [one["company"]["name"] for one in answer.json()["looks"]] == [EMPLOYER.name]
    assert CLERK.name not in answer.text
    with owner.world.service.database.read() as connection:
        assert len(set(connection.execute(select(reads.c.looked_by)).scalars())) == 2


@pytest.mark.rule("AU-06")
def test_the_legal_representative_reads_which_delegate_looked_on_which_day_and_nobody_else_does(owner: Owner) -> None:
    agreed(owner, invite(owner)["code"])
    body = {"number": CLERK.number, "name": CLERK.name, "role": "manager", "acts": sorted(GIVEN), "last_on": str(TODAY + timedelta(days=2))}
    given = owner.http.post("/holder/delegations", json=body, headers=company(owner)).json()["delegation_id"]

    def who() -> dict[str, str]:
        return owner.app.acting(CLERK, delegation=given)

    def looks(headers: dict[str, str], after: int = 0) -> Any:
        return owner.http.get(f"/holder/staff/looks?limit=1&after={after}", headers=headers)

    assert looks(company(owner)).json() == {"looks": [], "after": None}
    for headers in (company(owner), who(), who()):
        assert owner.http.get("/holder/staff", headers=headers).status_code == 200
    owner.world.clock.now += timedelta(days=1)  # type: ignore[attr-defined]
    assert owner.http.get("/holder/staff", headers=who()).status_code == 200
    pages = [looks(company(owner), after).json() for after in range(3)]
    assert [one["after"] for one in pages] == [1, 2, None]
    lines = [one["looks"][0] for one in pages]
    assert lines[0] == {"day": str(TODAY + timedelta(days=1)), "by": CLERK.name, "licences": 1}
    assert {(one["day"], one["by"]) for one in lines[1:]} == {(str(TODAY), CLERK.name), (str(TODAY), None)}
    owner.again()
    assert [looks(headers).status_code for headers in (who(), owner.headers)] == [403, 403]
    assert owner.who.name not in str(pages)
