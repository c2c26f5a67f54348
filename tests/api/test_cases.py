"""The state line of a case, for the department whose case it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licence_service.store.clients import Client
from tests.receiver import Receiver, listening
from tests.world import BUSINESS, DRIVER, NOW, World, a_world

STRANGER = "12519900MB9900048D"
CASE = "SA-2026/000123"


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    with a_world(tmp_path, demo_keys, webhook_networks="127.0.0.0/8") as opened:
        yield opened


def case(world: World, case_no: str = CASE) -> list[dict[str, Any]]:
    answer = world.http.get(f"/cases/{case_no}", headers=world.headers(DRIVER))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["issues"]
    return found


def steps(one: dict[str, Any]) -> list[str]:
    return [each["step"] for each in one["steps"]]


def seal_of(world: World) -> str:
    return world.service.keyring.departments[world.service.catalogue.samples[DRIVER].issuer].seal.seal_id


@pytest.mark.rule("AI-06")
def test_a_case_goes_from_received_to_registered_and_then_to_delivered(world: World) -> None:
    with listening(Receiver()) as receiver:
        world.http.post("/webhooks", json={"url": receiver.url()}, headers=world.headers(DRIVER))
        licence_id = world.issue(DRIVER, case_no=CASE)["licence_id"]
        (registered,) = case(world)
        world.service.courier.work()
        (delivered,) = case(world)

    assert (registered["licence_id"], registered["type"], registered["act"]) == (licence_id, DRIVER, "issue")
    assert (registered["state"], registered["waits_on"], registered["reason"]) == ("registered", None, None)
    assert steps(registered) == ["received", "approved", "sealing", "sealed", "registered"]
    assert (delivered["state"], steps(delivered)[-1]) == ("delivered", "delivered")


@pytest.mark.rule("AI-06")
def test_a_receiver_that_is_down_is_named_and_the_licence_holds_all_the_same(world: World) -> None:
    with listening(Receiver(answer=lambda _self, _got: (500, {}))) as receiver:
        world.http.post("/webhooks", json={"url": receiver.url()}, headers=world.headers(DRIVER))
        world.issue(DRIVER, case_no=CASE)
        world.service.courier.work()

    (one,) = case(world)
    assert (one["state"], one["waits_on"]) == ("registered", "receiver")


@pytest.mark.rule("AI-05")
def test_what_waits_for_a_stopped_seal_says_so_and_goes_on_afterwards(world: World) -> None:
    world.service.seal_log.order(seal_of(world), stopped=True, at=NOW, by="officer", reason="drill")
    answer = world.http.post("/licences", json=world.request(DRIVER, case_no=CASE), headers=world.headers(DRIVER, "issue-0001"))
    assert answer.status_code == 202
    (waiting,) = case(world)
    world.service.seal_log.order(seal_of(world), stopped=False, at=NOW, by="officer", reason="over")
    world.service.registrar.finish()
    (done,) = case(world)

    assert (waiting["state"], waiting["waits_on"], steps(waiting)) == ("approved", "seal", ["received", "approved"])
    assert (done["state"], done["waits_on"]) == ("registered", None)


def test_what_was_given_up_is_refused_with_its_reason(world: World) -> None:
    world.service.seal_log.order(seal_of(world), stopped=True, at=NOW, by="officer", reason="drill")
    world.http.post("/licences", json=world.request(DRIVER, case_no=CASE), headers=world.headers(DRIVER, "issue-0001"))
    reservation = world.service.reservations.by_key(world.client(DRIVER).name, "issue-0001")
    assert reservation
    world.service.reservations.abandon(reservation.reservation_id, "it can no longer be entered")

    (one,) = case(world)
    assert (one["state"], one["waits_on"], one["reason"]) == ("refused", None, "it can no longer be entered")


def test_one_case_may_have_several_licences(world: World) -> None:
    world.issue(DRIVER, case_no=CASE)
    answer = world.http.post(
        "/licences", json=world.request("taxi_driver_certificate", case_no=CASE), headers=world.headers("taxi_driver_certificate", "issue-0002")
    )
    assert answer.status_code == 201, answer.text

    assert [one["type"] for one in case(world)] == [DRIVER, "taxi_driver_certificate"]


def test_a_licence_of_a_chunk_is_found_by_its_case_too(world: World) -> None:
    world.service.chunks.issue(world.client(DRIVER), [("chunk-row-0001", world.request(DRIVER, case_no=CASE))])

    assert [one["state"] for one in case(world)] == ["registered"]


def test_another_departments_case_and_one_of_a_type_not_granted_are_as_if_they_did_not_exist(world: World) -> None:
    world.issue(DRIVER, case_no=CASE)
    world.issue(BUSINESS, "business-1", case_no=CASE)
    department = world.service.catalogue.samples[DRIVER].issuer
    narrow = world.service.clients.add(Client("narrow", department, ("ship_management_permit",), 100), NOW)
    absent = world.http.get("/cases/SA-NONE", headers=world.headers(DRIVER))

    for token in (world.tokens[STRANGER], narrow):
        answer = world.http.get(f"/cases/{CASE}", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()) == (404, absent.json())
    assert len(case(world)) == 1
    assert world.http.get(f"/cases/{CASE}").status_code == 401


@pytest.mark.parametrize("case_no", ["x" * 81, "a b", "%E7%A4%BA", "a%00"])
def test_what_is_no_case_number_is_refused_and_not_repeated(world: World, case_no: str) -> None:
    answer = world.http.get(f"/cases/{case_no}", headers=world.headers(DRIVER))

    assert answer.status_code == 422
    assert case_no not in answer.text
