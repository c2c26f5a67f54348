"""The whole issue line with a department whose seal lies in a province's seal service, which misbehaves on demand."""

import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.digests import sha256
from licence_service.seal.examination import examine
from licence_service.seal.remote import RemoteSeal
from licence_service.store.reservations import LEASE
from tests.journeys.conftest import Killed
from tests.journeys.test_crash import STEPS, Dying, uses_are_accounted_for
from tests.parts.databases import at_once
from tests.seal_service import SealService
from tests.waiting import until
from tests.world import NOW, ROOT, TRIP, World, a_world, begun_once, decision, opened_keys

TIMEOUT = 60.0  # what is to succeed has the time for it on a busy machine too


@dataclass
class Remote:
    """A world whose trip permits are sealed elsewhere, and the service that does it."""

    world: World
    service: SealService
    keys: Path

    @property
    def seal(self) -> RemoteSeal:
        """The seal as the line has it."""
        return next(one.seal for one in self.world.service.keyring.departments.values() if isinstance(one.seal, RemoteSeal))

    def issue(self, key: str = "remote-001") -> Any:  # the HTTP answer
        """Ask for a trip permit."""
        return self.world.http.post("/licences", json=self.world.request(TRIP), headers=self.world.headers(TRIP, key))

    def dying(self, killed: Killed, folder: Path) -> Dying:
        """Return the same work in a process that dies."""
        return Dying(killed, self.world, folder, self.keys, {"seal_timeout_seconds": TIMEOUT})

    def events(self) -> list[str]:
        """Return what the seal-use log says, in order."""
        assert not list(self.world.service.seal_log.breaks())
        return [str(use["event"]) for use in self.world.service.seal_log.uses()]

    def entered(self) -> bytes:
        """Return the one entered document, having checked that it is the one thing the service sealed under its id, and once."""
        (licence_id,) = self.world.service.book.all_ids()
        (entry,) = self.world.service.book.get(licence_id).entries
        assert entry.version
        content = self.world.service.archive.get(entry.version.document.sha256)
        (last,) = [use for use in self.world.service.seal_log.uses() if use["sealed_sha256"] == sha256(content)]
        request_id = str(last["reservation_id"])
        assert self.service.uses[request_id] == 1
        assert self.service.result(request_id) == content
        keyring = self.world.service.keyring
        finding = examine(content, keyring.trust_roots, keyring.known_seals)
        assert finding.good
        assert finding.seal_id == self.service.seal.seal_id
        return content


@pytest.fixture
def remote(tmp_path: Path, demo_keys: Path) -> Iterator[Remote]:
    """A keys folder in which one department's private seal key is gone and an address stands in its place."""
    keys = tmp_path / "keys"
    shutil.copytree(demo_keys, keys)
    uscc = tomllib.loads((ROOT / "templates" / TRIP / "sample.toml").read_text("utf-8"))["issuer"]
    opened = opened_keys(demo_keys, "")
    seal = opened.departments[uscc].seal
    register, tokens = begun_once(demo_keys, str(opened.departments), NOW)
    (tmp_path / "licence.db").write_bytes(register)
    with SealService(seal) as service:
        told = keys / uscc / "seal.toml"
        text = re.sub(r'scheme = "[^"]+"\nkey = "[^"]+"', f'scheme = "remote"\nurl = "{service.url}"', told.read_text("utf-8"))
        told.write_text(text, "utf-8")
        (keys / uscc / "seal.key.pem").unlink()
        with a_world(tmp_path, keys, tokens=dict(tokens), seal_timeout_seconds=TIMEOUT) as world:
            world.service.must_be_one_law()
            assert isinstance(world.service.keyring.departments[uscc].seal, RemoteSeal)
            yield Remote(world, service, keys)


def test_a_licence_is_sealed_by_the_provinces_service_and_verified_here(remote: Remote) -> None:
    answer = remote.issue()
    assert answer.status_code == 201, answer.text
    content = remote.entered()
    issued = answer.json()
    downloaded = remote.world.http.post("/download", json={"delivery_code": issued["delivery_code"]}).content
    assert downloaded == content
    verdict = remote.world.http.post("/verify/document", content=content, headers={"Content-Type": "application/pdf"}).json()
    assert verdict["overall"] == "valid"
    assert remote.events() == ["requested", "done"]


def test_a_service_that_answers_later_is_waited_for(remote: Remote) -> None:
    remote.service.mode = "slow"
    assert remote.issue().status_code == 201
    remote.entered()
    assert remote.events() == ["requested", "done"]


@pytest.mark.parametrize("finisher", ["retry", "worker"])
def test_a_service_that_fails_leaves_the_issue_reserved_and_a_later_one_finishes_it(remote: Remote, finisher: str) -> None:
    remote.service.mode = "fail"
    first = remote.issue()
    assert first.status_code == 202
    assert int(first.headers["retry-after"]) >= 1
    where = first.headers["location"]
    assert remote.world.http.get(where, headers=remote.world.headers(TRIP)).status_code == 202
    assert remote.world.service.book.all_ids() == []
    (line,) = remote.world.http.get(f"/cases/{remote.world.request(TRIP)['case_no']}", headers=remote.world.headers(TRIP)).json()["issues"]
    assert (line["state"], line["waits_on"], line["reason"]) == ("sealing", "seal", "seal-unavailable")
    assert not remote.service.uses
    assert remote.issue().status_code == 202
    remote.service.mode = "ok"
    if finisher == "worker":
        assert remote.world.service.registrar.finish() == 1
    again = remote.issue()
    assert again.status_code == 201
    assert again.json()["licence_id"] == first.json()["licence_id"]
    assert remote.world.http.get(where, headers=remote.world.headers(TRIP)).json() == again.json()
    remote.entered()
    assert remote.events() == ["requested", "failed", "requested", "failed", "requested", "done"]


@pytest.mark.parametrize("mode", ["late", "fail-after"])
@pytest.mark.parametrize("finisher", ["retry", "worker"])
def test_what_was_sealed_after_the_line_gave_up_is_what_is_entered_in_the_end(remote: Remote, mode: str, finisher: str) -> None:
    remote.service.mode = mode
    remote.seal._client.timeout = 0.5 if mode == "late" else TIMEOUT  # type: ignore[attr-defined]  # as the client for the outside has it
    first = remote.issue()
    assert first.status_code == 202
    remote.seal._client.timeout = TIMEOUT  # type: ignore[attr-defined]
    until(lambda: remote.service.uses and remote.service.result(next(iter(remote.service.uses))))
    ((request_id, used),) = remote.service.uses.items()
    made = remote.service.result(request_id)
    assert used == 1
    remote.service.mode = "ok"
    if finisher == "worker":
        assert remote.world.service.registrar.finish() == 1
    assert remote.issue().status_code == 201
    assert remote.entered() == made
    assert remote.events() == ["requested", "failed", "requested", "done"]


def test_a_result_made_in_vain_is_found_by_asking_for_it(remote: Remote) -> None:
    """The seal's own question, by which a late result is known without sending the page again."""
    remote.service.mode = "fail-after"
    remote.issue()
    (request_id,) = remote.service.uses
    made = remote.service.result(request_id) or b""
    remote.service.mode = "ok"
    assert remote.issue().status_code == 201
    content = remote.entered()
    asked = remote.service.questions[request_id]
    recalled = remote.seal.recall(made, request_id=request_id)
    assert recalled is not None
    assert recalled.document == made == content
    assert remote.service.questions[request_id] == asked


def test_twins_that_both_reach_the_service_get_one_sealing(remote: Remote) -> None:
    """The service answers twice: a second carrier asks under the same id, gets the first result, and one of them enters it."""
    body, client, registrar = remote.world.request(TRIP), remote.world.client(TRIP), remote.world.service.registrar
    remote.service.mode = "fail"
    registrar.issue(client, "remote-001", body)
    remote.service.mode = "ok"
    reservation = registrar.line.reservations.by_key(client.name, "remote-001")
    assert reservation
    answers = at_once([lambda: registrar.line.carry(reservation)] * 2)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1, answers
    (licence_id,) = remote.world.service.book.all_ids()
    (entry,) = remote.world.service.book.get(licence_id).entries
    assert entry.version
    assert remote.service.uses == {reservation.reservation_id: 1}
    assert remote.service.result(reservation.reservation_id) == remote.world.service.archive.get(entry.version.document.sha256)
    digests = {use["sealed_sha256"] for use in remote.world.service.seal_log.uses() if use["event"] == "done"}
    assert digests == {entry.version.document.sha256}


def test_a_carrier_whose_lease_ran_out_under_a_slow_seal_still_answers_with_the_licence(remote: Remote) -> None:
    registrar, client, body = remote.world.service.registrar, remote.world.client(TRIP), remote.world.request(TRIP)
    remote.service.mode = "late"

    def overtake() -> Any:
        until(lambda: remote.service.questions)
        remote.world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
        remote.service.mode = "ok"
        try:
            return registrar.finish()
        finally:
            remote.service.let.set()

    slow, finished = at_once([lambda: registrar.issue(client, "remote-001", body), overtake])
    assert finished == 1, finished
    (licence_id,) = remote.world.service.book.all_ids()
    assert getattr(slow, "licence_id", slow) == licence_id
    assert set(remote.service.uses.values()) == {1}


@pytest.mark.parametrize("mode", ["other", "unsealed"])
def test_what_is_not_the_sealed_page_is_never_entered(remote: Remote, mode: str) -> None:
    remote.service.mode = mode
    assert remote.issue().status_code == 202
    assert remote.world.service.book.all_ids() == []
    remote.service.mode = "ok"
    assert remote.world.service.registrar.finish() == 1
    remote.entered()


@pytest.mark.parametrize("step", [pytest.param(step, marks=() if step in {"seal", "sealed"} else pytest.mark.long) for step in STEPS])
@pytest.mark.parametrize("finisher", ["retry", pytest.param("worker", marks=pytest.mark.long)])
def test_an_issue_killed_at_any_step_ends_as_one_licence_with_one_sealing(
    remote: Remote, killed: Killed, tmp_path: Path, step: str, finisher: str
) -> None:
    body = remote.world.request(TRIP)
    remote.dying(killed, tmp_path).before(step, body)
    assert remote.world.service.book.all_ids() == []
    remote.world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    if finisher == "worker":
        assert remote.world.service.registrar.finish() == 1
    assert remote.issue("crash-0001").status_code == 201
    (licence_id,) = remote.world.service.book.all_ids()
    (entry,) = remote.world.service.book.get(licence_id).entries
    assert entry.version
    assert set(remote.service.uses.values()) == {1}
    assert list(remote.service.uses) == [remote.world.service.seal_log.uses()[0]["reservation_id"]]
    assert remote.world.service.archive.get(entry.version.document.sha256) == remote.service.result(next(iter(remote.service.uses)))
    uses_are_accounted_for(remote.world)


@pytest.mark.parametrize("step", [pytest.param(step, marks=() if step == "archive" else pytest.mark.long) for step in STEPS])
def test_a_change_killed_at_any_step_ends_as_exactly_one_version_with_one_sealing(remote: Remote, killed: Killed, tmp_path: Path, step: str) -> None:
    issued = remote.issue().json()
    body = {"act": "change", "decision": decision(remote.world.clock().date()), "face": {"goods_name": "变压器本体（不可解体）"}}
    remote.dying(killed, tmp_path).before(step, body, issued["licence_id"])
    assert len(remote.world.service.book.get(issued["licence_id"]).entries) == 1
    remote.world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    assert remote.world.service.registrar.finish() == 1
    entries = remote.world.service.book.get(issued["licence_id"]).entries
    assert [entry.act.value for entry in entries] == ["issue", "change"]
    assert sorted(remote.service.uses.values()) == [1, 1]
    assert entries[1].version
    content = remote.world.service.archive.get(entries[1].version.document.sha256)
    assert content in [remote.service.result(request_id) for request_id in remote.service.uses]
    done = [use for use in remote.world.service.seal_log.uses() if use["event"] == "done"]
    assert {use["sealed_sha256"] for use in done[1:]} == {sha256(content)}
