"""The state line of a case, for the department whose case it is."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.licence import beijing_day
from licence_service.service import told_of_steps
from licence_service.store.clients import Client
from tests.api.test_deciding import HAILING, ITEM, RULES
from tests.api.test_deciding import _receipts as receipts
from tests.api.test_isolation_work import Watch, Work
from tests.api.test_offices import OFFICES, SHUAN, headers_of, keys_with
from tests.promised import Promises
from tests.receiver import Receiver, listening
from tests.world import BUSINESS, DRIVER, NOW, Clock, World, a_world, decision

STRANGER = "12519900MB9900048D"
CASE = "SA-2026/000123"
LONG_AGO = (NOW - timedelta(days=300)).isoformat()


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
    assert steps(registered) == ["received", "checking", "approved", "rendering", "sealing", "sealed", "registered"]
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

    assert (waiting["state"], waiting["waits_on"], waiting["reason"]) == ("approved", "seal", "seal-stopped")
    assert steps(waiting) == ["received", "checking", "approved"]
    assert (done["state"], done["waits_on"]) == ("registered", None)


def test_while_a_page_is_drawn_the_case_is_rendering_and_then_sealing(world: World) -> None:
    seen: dict[str, tuple[str, str]] = {}

    def step(name: str) -> None:
        world.clock.now += timedelta(seconds=1)  # type: ignore[attr-defined]
        (one,) = case(world)
        seen[name] = (one["state"], one["waits_on"])

    told_of_steps(world.service, step).registrar.issue(world.client(DRIVER), "issue-0001", world.request(DRIVER, case_no=CASE))
    assert {name: seen[name] for name in ("draw", "request-seal", "seal", "append")} == {
        "draw": ("rendering", "worker"), "request-seal": ("rendering", "worker"), "seal": ("sealing", "worker"), "append": ("sealed", "worker"),
    }  # fmt: skip
    (done,) = case(world)
    at = {one["step"]: one["at"] for one in done["steps"]}
    assert at["rendering"] < at["sealing"] < at["sealed"] < at["registered"]


@pytest.mark.rule("AI-05")
def test_what_is_sealed_after_a_wait_was_rendered_when_it_was_carried_again(world: World) -> None:
    world.service.seal_log.order(seal_of(world), stopped=True, at=NOW, by="officer", reason="drill")
    world.http.post("/licences", json=world.request(DRIVER, case_no=CASE), headers=world.headers(DRIVER, "issue-0001"))
    later(world, 60)
    world.service.seal_log.order(seal_of(world), stopped=False, at=world.clock(), by="officer", reason="over")
    carried: list[tuple[str, str, str | None]] = []

    def step(name: str) -> None:
        (one,) = case(world)
        carried.extend([(one["state"], one["waits_on"], one["reason"])] if name == "draw" else [])

    assert told_of_steps(world.service, step).registrar.finish() == 1
    assert carried == [("rendering", "worker", None)], "what stood in the way is over"

    (done,) = case(world)
    at = {one["step"]: one["at"] for one in done["steps"]}
    assert (at["received"], at["approved"]) == (NOW.isoformat(timespec="milliseconds"),) * 2
    assert at["rendering"] == (NOW + timedelta(hours=1)).isoformat(timespec="milliseconds")


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


# -- cases of which nothing came ---------------------------------------------------------------------


def later(world: World, minutes: int = 1) -> None:
    assert isinstance(world.clock, Clock)
    world.clock.now += timedelta(minutes=minutes)


def undecided(world: World, key: str, **changed: Any) -> Any:
    """Send a case that no person decided."""
    said = decision(beijing_day(world.clock()), unattended=RULES)
    del said["officer"]
    body = world.request(HAILING, **{"case_no": CASE, "decision": said, "service_item_code": ITEM, "receipts": receipts(), **changed})
    body["receipts"] = [{"case_no": body["case_no"], "type": HAILING, **one} for one in body["receipts"]]
    return world.http.post("/licences", json=body, headers=world.headers(HAILING, key))


def lines(world: World, case_no: str, headers: dict[str, str] | None = None) -> Any:
    answer = world.http.get(f"/cases/{case_no}", headers=headers or world.headers(HAILING))
    assert answer.status_code == 200, answer.text
    return answer.json()["issues"]


@pytest.mark.rule("AI-02", "AI-04")
def test_a_case_that_was_refused_says_why_in_codes_and_goes_on_from_there_when_it_is_put_right(world: World) -> None:
    refused = undecided(world, "machine-0001", receipts=receipts("fail"))
    again = undecided(world, "machine-0001", receipts=receipts("fail"))
    assert [one.status_code for one in (refused, again)] == [409, 409]
    (line,) = lines(world, CASE)
    assert (line["licence_id"], line["type"], line["act"], line["state"], line["waits_on"], line["reason"]) == (
        None, HAILING, "issue", "refused", None, "check-failed",
    )  # fmt: skip
    at = NOW.isoformat(timespec="milliseconds")
    assert line["steps"] == [
        {"step": "received", "at": at}, {"step": "checking", "at": at},
        {"step": "refused", "at": at, "codes": ["check-failed", "AI-04", "receipts.police_vehicle fail"]},
    ]  # fmt: skip

    later(world)
    assert undecided(world, "machine-0002", service_item_code="00000000000000000").status_code == 403
    later(world)
    conflict = undecided(world, "machine-0003", receipts=receipts("conflict"))
    (waiting,) = lines(world, CASE)
    assert (waiting["state"], waiting["waits_on"], waiting["reason"]) == ("needs_clerk", "clerk", "needs-clerk")
    assert [one.get("codes", [None])[0] for one in waiting["steps"]] == [None, None, "check-failed", "not-granted", None, "needs-clerk"]
    world.service.tasks.close(world.client(HAILING).department, conflict.json()["task_id"], "clerk")
    assert lines(world, CASE)[0]["waits_on"] is None  # the clerk is done with it

    later(world)
    issued = undecided(world, "machine-0004")
    assert issued.status_code == 201, issued.text
    (done,) = lines(world, CASE)
    assert (done["licence_id"], done["state"], done["reason"]) == (issued.json()["licence_id"], "registered", None)
    assert steps(done) == [
        "received", "checking", "refused", "refused", "checking", "needs_clerk", "approved", "rendering", "sealing", "sealed", "registered",
    ]  # fmt: skip
    assert [one["at"] for one in done["steps"]] == sorted(one["at"] for one in done["steps"])
    later(world)
    assert undecided(world, "machine-0005", receipts=receipts("fail")).status_code == 409
    assert lines(world, CASE) == [done]  # what comes behind it is about another request


@pytest.mark.rule("AI-03", "AI-04", "AI-05")
def test_every_refusal_that_decides_a_case_has_its_line(world: World) -> None:
    said = {"whitelist": undecided(world, "whitelist-1", case_no="whitelist", service_item_code="00000000000000000")}
    old = [{**one, "asked_at": LONG_AGO, "answered_at": LONG_AGO} for one in receipts()]
    said["silent"] = undecided(world, "silent-01", case_no="silent", receipts=old)
    world.issue(DRIVER, case_no="first")
    number = {"face": {"license_no": world.request(DRIVER)["face"]["license_no"]}}
    said["number"] = world.http.post("/licences", json=world.request(DRIVER, case_no="number", **number), headers=world.headers(DRIVER, "number-01"))
    said["key"] = world.http.post("/licences", json=world.request(DRIVER, case_no="key"), headers=world.headers(DRIVER, "number-02"))
    said["key"] = world.http.post("/licences", json=world.request(DRIVER, case_no="key"), headers=world.headers(DRIVER, "issue-0001"))
    department = world.client(HAILING).department
    few = {"Authorization": f"Bearer {world.service.clients.add(Client('few', department, ('*',), 0), NOW)}", "Idempotency-Key": "ceiling-1"}
    said["ceiling"] = world.http.post("/licences", json=world.request(HAILING, case_no="ceiling"), headers=few)

    found = {name: lines(world, name, world.headers(HAILING if name not in {"number", "key"} else DRIVER))[0] for name in said}
    assert {name: (answer.status_code, found[name]["state"], found[name]["reason"]) for name, answer in said.items()} == {
        "whitelist": (403, "refused", "not-granted"), "silent": (503, "checking", "source-silent"), "number": (409, "refused", "number-taken"),
        "key": (409, "refused", "key-reused"), "ceiling": (429, "refused", "ceiling-reached"),
    }  # fmt: skip
    assert (found["whitelist"]["steps"][-1]["codes"], found["silent"]["waits_on"]) == (["not-granted", "AI-03"], "source")

    unjudged = {
        "face": undecided(world, "no-face-01", case_no="face", face={"plate_no": None}),
        "body": undecided(world, "no-body-01", case_no="body", decision={}),
        "type": world.http.post(
            "/licences", json={**world.request(HAILING, case_no="type"), "type": "no_such_type"}, headers=world.headers(HAILING, "no-type-1")
        ),
    }
    for name, answer in unjudged.items():
        assert answer.status_code in {404, 422}, answer.text
        assert world.http.get(f"/cases/{name}", headers=world.headers(HAILING)).status_code == 404


def review(world: World, body: dict[str, Any], case_no: str = CASE, headers: dict[str, str] | None = None) -> Any:
    return world.http.post(f"/cases/{case_no}/review", json=body, headers=headers or world.headers(HAILING))


@pytest.mark.rule("AI-03")
def test_whoever_was_refused_or_issued_to_by_a_machine_may_ask_for_a_person(world: World) -> None:
    promised = Promises(world)
    route = "/cases/{case_no}/review"
    assert undecided(world, "machine-0001", receipts=receipts("fail")).status_code == 409
    later(world)
    asked = promised(route, review(world, {"type": HAILING}))
    assert asked.status_code == 201, asked.text
    assert review(world, {"type": HAILING}).json() == asked.json()  # the same task while it is open
    (line,) = lines(world, CASE)
    assert (line["state"], line["waits_on"], line["reason"]) == ("needs_clerk", "clerk", "review-asked")
    assert [one.get("codes", [None])[0] for one in line["steps"]] == [None, None, "check-failed", "review-asked"]
    department = world.client(HAILING).department
    ((_, task),) = world.service.tasks.of(department)
    assert (task.task_id, task.kind, task.content) == (asked.json()["task_id"], "human_review", {"rule": "AI-03", "case_no": CASE, "type": HAILING})
    world.service.tasks.close(department, task.task_id, "clerk")
    assert lines(world, CASE)[0]["waits_on"] is None

    later(world)
    licence_id = undecided(world, "machine-0002").json()["licence_id"]
    assert review(world, {"type": HAILING}).status_code == 404  # nothing of the case is refused any more
    of_licence = review(world, {"type": HAILING, "licence_id": licence_id})
    assert (of_licence.status_code, of_licence.json() == asked.json()) == (201, False)
    ((_, about),) = world.service.tasks.of(department, licence_id=licence_id)
    assert (about.task_id, lines(world, CASE)[0]["state"]) == (of_licence.json()["task_id"], "registered")  # it holds meanwhile

    other = world.issue(HAILING, case_no="ANOTHER", face={"license_no": "川交运管许可蜀字519900020777号"})["licence_id"]
    absent = promised(route, review(world, {"type": HAILING}, "SA-NONE"))
    assert absent.status_code == 404
    for body in ({"type": HAILING, "licence_id": other}, {"type": DRIVER, "licence_id": licence_id}, {"type": "no_such_type"}):
        assert review(world, body).json() == absent.json(), body
    stranger = {"Authorization": f"Bearer {world.tokens[STRANGER]}"}
    assert review(world, {"type": HAILING, "licence_id": licence_id}, headers=stranger).json() == absent.json()
    reader = {"Authorization": f"Bearer {world.service.clients.add(Client('reader', department, ('*',), 9, acts=('read',)), NOW)}"}
    assert promised(route, review(world, {"type": HAILING, "licence_id": licence_id}, headers=reader)).status_code == 403
    wrong = promised(route, review(world, {"licence_id": "short", "why": 1}))
    assert (wrong.status_code, {one["path"] for one in wrong.json()["faults"]}) == (422, {"type", "licence_id", "body"})
    assert len(world.service.tasks.of(department)) == 1


@pytest.mark.rule("SE-01")
def test_what_was_refused_is_told_to_its_own_department_and_office_only_and_costs_a_stranger_what_nothing_costs(
    tmp_path: Path, demo_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_world(tmp_path / "world", keys_with(tmp_path / "keys", demo_keys, OFFICES)) as world:
        north = headers_of(world, "north")
        world.service.clients.add(Client("narrow", SHUAN, ("ship_management_permit",), 100), NOW)
        body = world.request(HAILING, case_no=CASE, region="519903", service_item_code="00000000000000000", receipts=[])
        body["decision"] = {**{name: one for name, one in body["decision"].items() if name != "officer"}, "unattended": RULES}
        refused = world.http.post("/licences", json=body, headers={**north, "Idempotency-Key": "machine-0001"})
        assert refused.status_code == 403, refused.text
        watch = Watch(world, monkeypatch)
        absent: tuple[int, Any, Work]
        own, others = (north, headers_of(world, None)), (headers_of(world, "south"), {"Authorization": f"Bearer {world.tokens[STRANGER]}"})

        def asked(headers: dict[str, str], case_no: str) -> tuple[int, Any, Work]:
            with watch.watching() as work:
                answer = world.http.get(f"/cases/{case_no}", headers=headers)
            return answer.status_code, answer.json(), work

        for headers in others:
            asked(headers, "SA-NONE")
            absent = asked(headers, "SA-NONE")
            assert asked(headers, CASE) == absent
            assert absent[0] == 404
        for headers in own:
            status, told, work = asked(headers, CASE)
            assert (status, [one["state"] for one in told["issues"]]) == (200, ["refused"])
            assert work.opened > absent[2].opened


def test_a_row_of_a_chunk_and_a_request_of_a_bundle_that_were_refused_have_their_lines(world: World) -> None:
    said = {**world.request(HAILING)["decision"], "unattended": RULES}
    del said["officer"]
    rows = [
        (f"chunk-row-{number:04}", world.request(HAILING, case_no=f"ROW-{number}", decision=said, service_item_code="0" * 17)) for number in range(3)
    ]
    world.service.chunks.issue(world.client(HAILING), [*rows, rows[0]])
    bundle = {"bundle_no": "YJS-1", "issues": [world.request(HAILING, case_no="BUNDLED", decision=said, service_item_code="0" * 17)]}
    world.http.post("/licences/bundle", json=bundle, headers=world.headers(HAILING, "bundle-0001"))

    for case_no in ("ROW-0", "ROW-1", "ROW-2", "BUNDLED"):
        assert [(one["state"], one["reason"]) for one in lines(world, case_no)] == [("refused", "not-granted")]
