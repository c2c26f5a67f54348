"""One holder with another's ids in path, query, body, header and cookie: as if they did not exist. The operations come from the OpenAPI document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.exchange import GRANT, JWT
from licence_service.licence import beijing_day
from licence_service.store.payload import Vault
from tests import staffs
from tests.host import HostApp, Somebody, hosting
from tests.world import DRIVER, NOW, VEHICLE

CHEN, OTHER = Somebody("519902198506120111", "陈安途"), Somebody("519902199001010034", "周望川")
NOTHING = {
    "licence_id": "0" * 20,
    "delegation_id": "0" * 26,
    "lending_id": "0" * 26,
    "consent_id": "0" * 26,
    "holder_id": "0" * 26,
    "elicence_id": "1.2.156",
    "field": "photo",
    "driver_id": "0" * 20,
    "code": "0" * 16,
}
LENT = {"receiver": "蜀安示例银行股份有限公司", "purpose": "办理车辆贷款", "fields": ["plate_no"], "minutes": 60, "copy": True}
KEY = {"Idempotency-Key": "holders-apart"}
UNREAD = frozenset({415, 422})  # of a body that is refused before anything is looked up
LOUD = frozenset({"x-request-id", "date"})


@dataclass
class Two:
    """Two companies; the first has a card and a delegation."""

    app: HostApp
    first: Somebody
    second: Somebody
    ids: Mapping[str, str]

    def told(self, method: str, path: str, ids: Mapping[str, str], **more: Any) -> tuple[Any, ...]:
        """Ask as the second, and return what can be seen of the answer, the ids taken out."""
        headers = {**self.app.acting(self.second), **KEY, **more.pop("headers", {})}
        named = {**ids, "licence_id": ids["driver_id"]} if "/consents" in path else ids
        answer = self.app.world.http.request(method, path.format(**named), headers=headers, **more)
        text, seen = answer.text, {name: value for name, value in answer.headers.items() if name not in LOUD}
        for name, value in ids.items():
            text = text.replace(value, f"<{name}>")
        return answer.status_code, text, seen


@pytest.fixture
def two(tmp_path: Path, demo_keys: Path) -> Iterator[Two]:
    with hosting(tmp_path, demo_keys, failures_before_slowing=100_000) as hosts:
        app = hosts.app()
        face = app.world.request(VEHICLE)["face"]
        first, second = Somebody(face["uscc"], face["holder_name"], "company"), Somebody("91519902MA99011003", "蜀安江川航运有限公司", "company")
        made, acting = app.world.issue(VEHICLE), app.acting(first)
        assert app.claim(acting)["claimed"] == [made["licence_id"]]
        last = (beijing_day(NOW) + timedelta(days=9)).isoformat()
        body = {"number": OTHER.number, "name": OTHER.name, "role": "clerk", "acts": ["read"], "last_on": last}
        given = app.world.http.post("/holder/delegations", json=body, headers=acting).json()
        holder = app.exchanged(first).json()["holder"]
        lent = app.world.http.post(f"/holder/cards/{made['licence_id']}/lendings", json=LENT, headers={**acting, **KEY}).json()
        people, (driver_id,) = staffs.issued(app.world, 1)
        code = app.world.http.post("/holder/invitation", json={}, headers=acting).json()["code"]
        agreed = {"driver_id": driver_id, "code": code, "consent_id": staffs.agreed(app.world, code, people[0], driver_id)}
        ids = {**made, **agreed, "delegation_id": given["delegation_id"], "lending_id": lent["lending_id"], "holder_id": holder, "field": "photo"}
        yield Two(app, first, second, {name: str(ids[name]) for name in NOTHING})


def operations(two: Two) -> list[tuple[str, str]]:
    """Return every operation of a holder."""
    paths = two.app.world.http.get("/openapi.json").json()["paths"]
    return [(method, path) for path, those in paths.items() for method in those if path.startswith("/holder")]


def test_ids_of_another_holder_are_as_if_they_did_not_exist_wherever_they_stand(two: Two) -> None:
    everywhere = operations(two)
    assert len(everywhere) >= 10
    last = (beijing_day(NOW) + timedelta(days=9)).isoformat()
    giving = {"number": CHEN.number, "name": CHEN.name, "role": "clerk", "acts": ["read"], "last_on": last}
    for method, path in everywhere:
        for ids_of in (  # what is sent beside the path
            lambda _ids: {},
            lambda ids: {"params": {"licence_id": ids["licence_id"], "holder": ids["holder_id"], "delegation": ids["delegation_id"]}},
            lambda ids: {"headers": {f"X-{name.replace('_', '-')}": value for name, value in ids.items()}},
            lambda ids: {"headers": {"Cookie": f"holder_session={ids['holder_id']}; session={ids['licence_id']}"}},
            lambda ids: {"json": {"licence_id": ids["licence_id"], "holder_id": ids["holder_id"]}},
            lambda ids: {"json": {"by": "number", "value": ids["elicence_id"], "delivery_code": ids["licence_id"][:16]}},
            lambda ids: {"json": {**giving, "licences": [ids["licence_id"]]}},
            lambda ids: {"json": {"code": ids["code"]}},
        ):
            if method in {"get", "delete"} and "json" in ids_of(NOTHING):
                continue
            real, nothing = (two.told(method, path, ids, **ids_of(ids)) for ids in (two.ids, NOTHING))
            assert real == nothing, (method, path)
            assert real[0] < 500
            assert "{licence_id}" not in path or real[0] == 404 or (method == "post" and real[0] in UNREAD), (method, path, real)
    own = two.app.acting(two.first)
    assert two.app.get(f"/cards/{two.ids['licence_id']}", own).status_code == 200  # it is all still there
    assert two.app.get("/delegations", own).json()["given"][0]["state"] == "living"
    assert [one["consent_id"] for one in two.app.get("/staff", own).json()["staff"]] == [two.ids["consent_id"]]


def test_what_an_exchange_says_beside_the_assertion_makes_nobody_another(two: Two) -> None:
    app = two.app
    plain = app.exchanged(two.second).json()["holder"]
    for more in (
        {"holder": two.ids["holder_id"]},
        {"sub": two.ids["holder_id"]},
        {"audience": two.ids["holder_id"]},
        {"resource": two.ids["licence_id"]},
    ):
        form = {"grant_type": GRANT, "subject_token": app.assertion(two.second), "subject_token_type": JWT, **more}
        answer = app.world.http.post("/oauth/token", data=form, auth=(app.name, app.secret))
        assert answer.json()["holder"] == plain
    stolen = app.exchanged(CHEN, delegation=two.ids["delegation_id"])
    none = app.exchanged(CHEN, delegation="0" * 26)
    assert (stolen.status_code, stolen.json()) == (none.status_code, none.json()) == (400, stolen.json())


def test_the_same_statements_are_run_and_nothing_is_opened_for_anothers_card(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    vault = type(two.app.world.service.holder_desk.cards.kept._vault)
    opens = vault.open

    def noting(self: Vault, sealed: bytes, row: str) -> bytes:
        opened.append(row)
        return opens(self, sealed, row)

    monkeypatch.setattr(vault, "open", noting)
    headers = two.app.acting(two.second)
    for part in ("", "/document", "/history", "/looks", "/photos/photo"):
        for licence_id in (two.ids["licence_id"], NOTHING["licence_id"]):
            opened.clear()
            assert two.app.get(f"/cards/{licence_id}{part}", headers).status_code == 404
            assert opened == [], (part, licence_id)


def test_a_persons_licence_stays_theirs_whatever_is_printed_on_it(two: Two) -> None:
    app, made = two.app, two.app.world.issue(DRIVER, "issue-0009")
    app.claim(app.acting(CHEN))
    thief = app.acting(OTHER)
    for value in (made["number"], made["elicence_id"], CHEN.number, made["licence_id"]):
        for code in (made["check_code"], made["licence_id"][:16], made["verify_url"][-16:]):
            assert app.claim(thief, by="number", value=value, delivery_code=code)["claimed"] == []
    for method, path in operations(two):
        if "{licence_id}" in path:
            asked = path.format(**{**NOTHING, "licence_id": made["licence_id"]})
            body: dict[str, Any] | None = {} if method == "post" else None
            assert app.world.http.request(method, asked, headers={**thief, **KEY}, json=body).status_code == 404, path
