"""Each word that a client may be let do, and each part of a grant, is needed: taken away alone, what it allows is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.admission import WORDS
from licence_service.licence import beijing_day
from licence_service.requests import ACTS
from licence_service.seal.granting import Grant
from licence_service.store.clients import EVERY_ACT, READ, SIGNAL, STICKER, STOCK, TASK, WEBHOOK, Client
from tests.api.test_deciding import ITEM, RULES, _receipts, bound
from tests.api.test_offices import OFFICES, OTHER, SHUAN, keys_with
from tests.world import BUSINESS, NOW, World, a_world, decision

HAILING = "ride_hailing_transport_certificate"
NAMED = tuple(word for word in WORDS if word != EVERY_ACT)
ASKED: dict[str, tuple[str, str, Any]] = {  # what a word lets do, beside the acts on a licence
    READ: ("GET", "/licences/{id}", None), STICKER: ("POST", "/licences/{id}/stickers", {}),
    SIGNAL: ("POST", "/licences/{id}/signals", {"source": "police", "signal": "x", "occurred_on": "2026-11-01", "external_ref": "P-1"}),
    TASK: ("GET", "/tasks", None), WEBHOOK: ("GET", "/webhooks", None), STOCK: ("GET", f"/batches/{'0' * 26}", None),
    "issue": ("POST", "/licences", {"type": HAILING, "face": {}}), "adopt": ("POST", "/licences/adopted", {"type": HAILING, "face": {}}),
}  # fmt: skip
LISTS = frozenset({TASK, WEBHOOK, STOCK})  # of all types together


def _asked(world: World, headers: dict[str, str], licence_id: str, word: str) -> tuple[int, str]:
    method, path, body = ASKED.get(word) or ("POST", "/licences/{id}/entries", {"act": word})
    answer = world.http.request(method, path.format(id=licence_id), json=body, headers={**headers, "Idempotency-Key": f"scope-{word}"})
    return answer.status_code, answer.text


def _token(world: World, client: Client, scope: str = "") -> dict[str, str]:
    secret = world.service.clients.add(client, NOW)
    form = {"grant_type": "client_credentials", "client_id": client.name, "client_secret": secret, "scope": scope}
    answer = world.http.post("/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _refused(said: tuple[int, str]) -> bool:
    """Say whether it was refused for what the caller holds; first entries say no more than that."""
    return said[0] == 403 and ("scopes hold no" in said[1] or '"detail"' not in said[1])


def test_every_word_is_asked_for_somewhere() -> None:
    assert {*ASKED, *ACTS} == {*NAMED}


@pytest.mark.parametrize("word", NAMED)
def test_without_its_word_a_client_or_token_is_refused_and_with_it_alone_not(world: World, word: str) -> None:
    licence_id = world.issue(HAILING)["licence_id"]
    others = tuple(one for one in NAMED if one != word)
    whole = Client("whole", SHUAN, ("*",), 1000)

    without = {
        "client": _token(world, replace(whole, name="lacking", acts=others)),
        "token": _token(world, whole, " ".join(f"{one}:*" for one in others)),
    }
    alone = {
        "client": _token(world, replace(whole, name="having", acts=(word,), types=(HAILING,))),
        "token": _token(world, replace(whole, name="narrow"), f"{word}:{HAILING}"),
    }
    for name, headers in without.items():
        assert _refused(said := _asked(world, headers, licence_id, word)), (name, said)
    for name, headers in alone.items():
        said = _asked(world, headers, licence_id, word)
        assert said[0] != 401, (name, said)
        assert not _refused(said), (name, said)
    if word not in LISTS:
        elsewhere = _token(world, replace(whole, name="elsewhere"), f"{word}:{BUSINESS} {word}:ride_hailing_business_permit")
        assert _asked(world, elsewhere, licence_id, word)[0] in {403, 404}


@pytest.mark.parametrize("scope", ["fly:*", "issue:no_such_type", f"fly:{HAILING}", "*:no_such_type", "Issue:*", "issue:*:*"])
def test_a_scope_that_there_is_not_is_refused_to_who_holds_all(world: World, scope: str) -> None:
    secret = world.service.clients.add(Client("whole", SHUAN, ("*",), 1000), NOW)
    form = {"grant_type": "client_credentials", "client_id": "whole", "client_secret": secret, "scope": f"read:* {scope}"}
    answer = world.http.post("/oauth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


# -- parts of a grant ----------------------------------------------------------------------------------

TODAY = date(2026, 11, 28)
NARROW = Grant(
    (HAILING,), TODAY, TODAY, unattended=True, regions=("519903",), hourly_ceiling=2, acts=("issue",), organisations=("north",)
)  # fmt: skip
OTHERWISE: dict[str, Grant] = {  # each differs in one part from a grant that allows exactly what is asked
    "types": replace(NARROW, types=(BUSINESS,)),
    "from": replace(NARROW, used_from=TODAY + timedelta(days=1), used_to=None),
    "to": replace(NARROW, used_from=TODAY - timedelta(days=9), used_to=TODAY - timedelta(days=1)),
    "unattended": replace(NARROW, unattended=False),
    "regions": replace(NARROW, regions=("519904",)),
    "acts": replace(NARROW, acts=("renew", "adopt")),
    "organisations": replace(NARROW, organisations=("south",)),
    "organisations below": replace(NARROW, organisations=("north-window",)),
    "organisations, the department itself": replace(NARROW, organisations=(SHUAN,)),
}


@pytest.fixture
def narrow(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world in which the city's department has offices."""
    with a_world(tmp_path, keys_with(tmp_path / "keys", demo_keys, OFFICES)) as world:
        yield world


def _granting(world: World, *grants: Grant, uscc: str = SHUAN) -> None:
    """Put a department's grants in force in the place of those it had."""
    departments: Any = world.service.keyring.departments
    departments[uscc] = replace(departments[uscc], grants=grants)
    world.service.put_in_force("提议人甲", "确认人乙")


def _issued(world: World, headers: dict[str, str], number: int) -> Any:
    said = decision(beijing_day(NOW), unattended=RULES)
    del said["officer"]
    body = world.request(
        HAILING, decision=said, service_item_code=ITEM, receipts=_receipts(), region="519903", case_no=f"G-{number}",
        face={"license_no": f"川交运管许可蜀字51990002{number:04}号"},
    )  # fmt: skip
    return world.http.post("/licences", json=bound(body), headers={**headers, "Idempotency-Key": f"granted-{number:03}"})


@pytest.mark.rule("SE-01", "LC-16", "AI-03")
@pytest.mark.parametrize("part", OTHERWISE)
def test_a_seal_is_used_under_a_grant_that_allows_every_part_of_what_is_asked(narrow: World, part: str) -> None:
    headers = _token(narrow, Client("northern", SHUAN, ("*",), 1000, office="north"))
    _granting(narrow, OTHERWISE[part])
    assert _issued(narrow, headers, 1).status_code == 403, part
    if part == "unattended":  # no two grants add up to a wider one
        _granting(narrow, OTHERWISE[part], replace(NARROW, regions=("519904",)))
        assert _issued(narrow, headers, 2).status_code == 403
    _granting(narrow, NARROW)
    assert _issued(narrow, headers, 3).status_code == 201, part


@pytest.mark.rule("SE-01", "AI-05")
def test_the_ceiling_of_a_grant_holds_for_its_region_and_organisation_and_each_counts_for_itself(narrow: World) -> None:
    headers = _token(narrow, Client("northern", SHUAN, ("*",), 1000, office="north"))
    elsewhere = replace(NARROW, regions=("519904",), hourly_ceiling=None)  # more generous, for another region
    _granting(narrow, NARROW, elsewhere)
    assert [_issued(narrow, headers, number).status_code for number in range(3)] == [201, 201, 202]
    _granting(narrow, replace(NARROW, hourly_ceiling=9), elsewhere)
    assert _issued(narrow, headers, 3).status_code == 201
    _granting(narrow, NARROW, replace(NARROW, organisations=("north", "south"), hourly_ceiling=3))
    assert [_issued(narrow, headers, number).status_code for number in range(4, 8)] == [201, 201, 201, 202]  # under the most generous, from nothing


@pytest.mark.rule("SE-01")
def test_a_grant_is_of_one_seal(narrow: World) -> None:
    headers = _token(narrow, Client("northern", SHUAN, ("*",), 1000, office="north"))
    _granting(narrow)
    _granting(narrow, replace(NARROW, organisations=("*",)), uscc=OTHER)  # the seal of another department
    assert _issued(narrow, headers, 1).status_code == 403


@pytest.mark.rule("EN-12")
def test_a_grant_that_two_people_did_not_put_in_force_allows_nothing(narrow: World) -> None:
    headers = _token(narrow, Client("northern", SHUAN, ("*",), 1000, office="north"))
    departments: Any = narrow.service.keyring.departments
    departments[SHUAN] = replace(departments[SHUAN], grants=(NARROW,))
    assert _issued(narrow, headers, 1).json()["type"].endswith("not-in-force")
