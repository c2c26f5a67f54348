"""That a licence reached its holder is told to its department, with the case, so that others can ask for a rating or send a parcel (AI-12)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.licence import beijing_day
from licence_service.store.clients import Client
from licence_service.store.people import Person
from tests.api.test_events import NEIGHBOUR
from tests.api.test_offices import OFFICES, SHUAN, keys_with
from tests.host import Hosts, Somebody, hosting
from tests.receiver import Receiver, listening
from tests.world import BUSINESS, DRIVER, VEHICLE, Clock, World, a_world, decision

CHEN = Somebody("519902198506120111", "陈安途")
CLERK = Person("p" * 26, "11519900MB9900013X", "罗青石")


@pytest.fixture
def hosts(tmp_path: Path, demo_keys: Path) -> Iterator[Hosts]:
    with hosting(tmp_path, demo_keys, webhook_networks="127.0.0.0/8") as opened:
        yield opened


def arrivals(world: World, token: str, **asked: Any) -> dict[str, Any]:
    answer = world.http.get("/arrivals", params=asked, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    assert CHEN.number not in answer.text
    assert CHEN.name not in answer.text
    found: dict[str, Any] = answer.json()
    return found


def of_whom(world: World, slug: str) -> str:
    """Return the department that issues a type."""
    return world.service.catalogue.samples[slug].issuer


def of(world: World, slug: str) -> str:
    """Return its token."""
    return world.tokens[of_whom(world, slug)]


@pytest.mark.rule("AI-12")
def test_the_first_card_is_told_to_the_department_with_its_case_and_never_again(hosts: Hosts) -> None:
    world, app = hosts.world, hosts.app()
    licence_id = world.issue(DRIVER, case_no="CASE-2026/0815")["licence_id"]
    assert arrivals(world, of(world, DRIVER))["arrivals"] == []
    acting = app.acting(CHEN)
    for _ in range(2):
        assert licence_id in {*(claimed := app.claim(acting))["claimed"], *claimed["already"]}
    assert world.http.delete(f"/holder/cards/{licence_id}", headers=acting).status_code == 204
    app.claim(acting)

    page = arrivals(world, of(world, DRIVER))

    (one,) = page["arrivals"]
    assert (one["type"], one["data"]) == (
        "issuance.delivered",
        {
            "licence_id": licence_id, "certificate_type": DRIVER, "department": world.service.catalogue.samples[DRIVER].issuer,
            "case_no": "CASE-2026/0815", "how": "card",
        },
    )  # fmt: skip
    assert arrivals(world, of(world, DRIVER), after=page["next"])["arrivals"] == []


@pytest.mark.rule("AI-12")
def test_the_first_opening_with_the_delivery_code_is_an_arrival_and_a_printed_copy_is_told_with_its_number(world: World) -> None:
    issued, token = world.issue(BUSINESS), of(world, BUSINESS)
    for _ in range(2):
        assert world.http.post("/download", data={"delivery_code": issued["delivery_code"]}).status_code == 200
    for _ in range(2):
        world.service.desk_log.copy(CLERK, issued["licence_id"], world.clock())

    found = arrivals(world, token)["arrivals"]

    assert [(one["type"], one["data"].get("how"), one["data"].get("copy_no")) for one in found] == [
        ("issuance.delivered", "file", None), ("copy.printed", None, 1), ("copy.printed", None, 2),
    ]  # fmt: skip
    assert len({one["id"] for one in found}) == 3


@pytest.mark.rule("AI-12")
def test_a_file_that_could_not_be_fetched_has_not_arrived(world: World, tmp_path: Path) -> None:
    issued, token, archive = world.issue(BUSINESS), of(world, BUSINESS), Path(str(world.service.settings.archive_url).removeprefix("file:"))
    archive.rename(tmp_path / "away")
    assert world.http.post("/download", data={"delivery_code": issued["delivery_code"]}).status_code == 404
    assert arrivals(world, token)["arrivals"] == []
    (tmp_path / "away").rename(archive)
    assert world.http.post("/download", data={"delivery_code": issued["delivery_code"]}).status_code == 200
    assert [one["data"]["how"] for one in arrivals(world, token)["arrivals"]] == ["file"]


def test_who_opens_the_file_has_it_also_while_arrivals_cannot_be_written_and_the_next_opening_is_told(world: World) -> None:
    issued = world.issue(BUSINESS)
    for away, number in (("arrivals RENAME TO away", 0), ("away RENAME TO arrivals", 1)):
        with world.service.database.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {away}")
        assert world.http.post("/download", data={"delivery_code": issued["delivery_code"]}).status_code == 200
        if number:
            assert len(arrivals(world, of(world, BUSINESS))["arrivals"]) == number


@pytest.mark.rule("AI-12")
def test_a_licence_that_was_only_printed_has_arrived_too(world: World) -> None:
    licence_id = world.issue(BUSINESS)["licence_id"]
    world.service.desk_log.copy(CLERK, licence_id, world.clock())

    assert [(one["type"], one["data"].get("how")) for one in arrivals(world, of(world, BUSINESS))["arrivals"]] == [
        ("copy.printed", None), ("issuance.delivered", "copy"),
    ]  # fmt: skip


@pytest.mark.rule("AI-12")
def test_only_systems_of_the_department_that_may_read_the_type_are_told(world: World) -> None:
    department = world.service.catalogue.samples[BUSINESS].issuer
    narrow = world.service.clients.add(Client("of another type", department, (DRIVER,), 1000), world.clock())
    licence_id = world.issue(BUSINESS)["licence_id"]
    world.service.desk_log.copy(CLERK, licence_id, world.clock())

    assert arrivals(world, narrow)["arrivals"] == []
    others = [token for uscc, token in world.tokens.items() if uscc != department]
    assert others
    assert not any(arrivals(world, token)["arrivals"] for token in others)
    ours = arrivals(world, world.tokens[department])
    assert len(ours["arrivals"]) == 2
    foreign = world.http.get("/arrivals", params={"after": ours["next"]}, headers={"Authorization": f"Bearer {others[0]}"})
    assert (foreign.status_code, foreign.json()["faults"][0]["code"]) == (422, "unknown-cursor")


@pytest.mark.rule("AI-12", "LC-08")
def test_who_took_a_licence_over_hears_of_it_too_without_the_case_of_who_issued_it(world: World) -> None:
    licence_id, today = world.issue(DRIVER, case_no="CASE-1")["licence_id"], decision(beijing_day(world.clock()))
    assert world.act(DRIVER, licence_id, {"act": "transfer", "to_department": NEIGHBOUR}, "transfer-1").status_code == 201
    neighbour = {"Authorization": f"Bearer {world.tokens[NEIGHBOUR]}"}
    taken = world.http.post(
        f"/licences/{licence_id}/entries", json={"act": "accept_transfer", "decision": today}, headers={**neighbour, "Idempotency-Key": "accept-01"}
    )
    assert taken.status_code == 201, taken.text
    world.service.desk_log.copy(replace(CLERK, department=NEIGHBOUR), licence_id, world.clock())

    for token, case in ((of(world, DRIVER), "CASE-1"), (world.tokens[NEIGHBOUR], None)):
        told = [(one["type"], one["data"]["case_no"]) for one in arrivals(world, token)["arrivals"]]
        assert told == [("copy.printed", case), ("issuance.delivered", case)]

    back = {"act": "transfer", "to_department": of_whom(world, DRIVER), "decision": today}
    assert world.http.post(f"/licences/{licence_id}/entries", json=back, headers={**neighbour, "Idempotency-Key": "transfer-2"}).status_code == 201
    assert world.act(DRIVER, licence_id, {"act": "accept_transfer"}, "accept-02").status_code == 201
    assert arrivals(world, world.tokens[NEIGHBOUR])["arrivals"] == []  # it is no licence of theirs any more
    assert len(arrivals(world, of(world, DRIVER))["arrivals"]) == 2


@pytest.mark.rule("AI-12", "SE-01")
def test_a_narrowed_token_and_a_system_of_another_office_are_told_nothing(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path / "world", keys_with(tmp_path / "keys", demo_keys, OFFICES)) as world:
        city = world.service.catalogue.samples[DRIVER].issuer
        issued = world.issue(DRIVER)["licence_id"]
        assert city == SHUAN
        below = world.service.clients.add(Client("of an office", SHUAN, ("*",), 1000, office="north"), world.clock())
        world.service.desk_log.copy(CLERK, issued, world.clock())
        form = {"grant_type": "client_credentials", "client_id": f"client-{SHUAN}", "client_secret": world.tokens[SHUAN], "scope": f"read:{VEHICLE}"}
        narrow = world.http.post("/oauth/token", data=form).json()["access_token"]

        assert arrivals(world, below)["arrivals"] == arrivals(world, narrow)["arrivals"] == []
        assert len(arrivals(world, world.tokens[SHUAN])["arrivals"]) == 2


@pytest.mark.rule("AI-12")
def test_a_webhook_has_it_signed_again_until_it_takes_it_and_only_if_it_asked_for_it(hosts: Hosts) -> None:
    world, app = hosts.world, hosts.app()
    token = {"Authorization": f"Bearer {of(world, DRIVER)}"}
    messenger, clock = world.service.arrivals.messenger, world.clock
    assert isinstance(clock, Clock)
    with listening(Receiver()) as wants, listening(Receiver()) as other:
        hook = world.http.post("/webhooks", json={"url": wants.url(), "events": ["issuance.delivered"]}, headers=token).json()
        assert world.http.post("/webhooks", json={"url": other.url(), "events": ["licence.revoke"]}, headers=token).status_code == 201
        licence_id = world.issue(DRIVER, case_no="CASE-1")["licence_id"]
        app.claim(app.acting(CHEN))
        wants.answer = lambda _self, _got: (500, {})
        messenger.work()
        assert (len(wants.got), wants.taken) == (1, [])
        wants.answer = lambda _self, _got: (204, {})
        clock.now += timedelta(minutes=1)
        messenger.work()
        messenger.work()
        world.service.courier.work()

    (one,) = wants.taken
    assert one.signed_by(hook["secret"])
    assert (one.event["type"], one.event["data"]["licence_id"], one.event["data"]["case_no"]) == ("issuance.delivered", licence_id, "CASE-1")
    assert not other.taken


@pytest.mark.rule("AI-12")
def test_who_names_no_events_is_sent_all_and_nothing_goes_to_a_system_that_is_removed_or_switched_off(hosts: Hosts) -> None:
    world, clock, department = hosts.world, hosts.world.clock, of_whom(hosts.world, BUSINESS)
    assert isinstance(clock, Clock)
    with listening(Receiver()) as here, listening(Receiver()) as removed, listening(Receiver()) as off:
        for name, receiver in (("here", here), ("removed", removed), ("off", off)):
            token = world.service.clients.add(Client(name, department, ("*",), 1000), clock())
            added = world.http.post("/webhooks", json={"url": receiver.url()}, headers={"Authorization": f"Bearer {token}"})
            assert added.status_code == 201, added.text
        world.service.desk_log.copy(CLERK, world.issue(BUSINESS)["licence_id"], clock())
        world.service.clients.remove("removed", clock())
        world.service.clients.switch("off", clock(), off=True)
        messenger = world.service.arrivals.messenger
        messenger.work()
        assert [len(one.taken) for one in (here, removed, off)] == [2, 0, 0]
        assert sorted(one.event["type"] for one in here.taken) == ["copy.printed", "issuance.delivered"]
        world.service.clients.switch("off", clock(), off=False)
        clock.now += timedelta(minutes=10)
        messenger.work()
        assert [len(one.taken) for one in (here, removed, off)] == [2, 0, 2]
        assert messenger.messages.counts() == {"delivered": 4, "kept": 2, "dead": 2}  # kept: of the department's system without an address


@pytest.mark.rule("AI-12")
def test_a_host_app_cannot_ask_for_arrivals_and_hears_of_none(hosts: Hosts) -> None:
    app = hosts.app()
    assert hosts.world.http.get("/arrivals", headers=app.itself).status_code == 403
    refused = hosts.world.http.post("/webhooks", json={"url": "https://host.example.cn/", "events": ["issuance.delivered"]}, headers=app.itself)
    assert refused.status_code == 422


def test_the_case_lies_encrypted_and_stands_in_no_body_of_the_book(world: World) -> None:
    licence_id = world.issue(VEHICLE, case_no="CASE-SECRET-77")["licence_id"]
    (entry,) = world.service.book.get(licence_id).entries
    assert entry.case_no == "CASE-SECRET-77"
    with world.service.database.read() as connection:
        for table in ("entries", "payloads", "reservations", "licences"):
            assert "CASE-SECRET-77" not in str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())  # noqa: S608 - names of tables
