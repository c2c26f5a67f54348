"""The re-seal campaign (DOMAIN SE-06, M13): what is meant, what is left, who says so, and what a kill leaves behind."""

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service import continuing
from licence_service.campaign import LEFT, written
from licence_service.carrying import Done
from licence_service.continuing import Continuing, Later
from licence_service.envelope import Reading
from licence_service.errors import NotInForce, NotInRegister, PageDisagrees, RequestRejected, SealUnavailable
from licence_service.licence import Act, Entry, beijing_day
from licence_service.requests import ActRequest
from licence_service.store.appending import Appended, Appendings
from licence_service.store.campaigns import DONE, Share
from licence_service.store.payload import Vault
from tests.journeys.lost_key import (
    AFTER,
    BEFORE,
    CONFIRMER,
    FOUND,
    MARKER,
    REASON,
    SINCE,
    Case,
    Renewed,
    acts,
    all_done,
    current,
    issued,
    marked,
    outcomes,
    planned,
    rows,
    seal_of,
    told,
)
from tests.journeys.test_chunks import Blind
from tests.parts.databases import empty_postgres
from tests.world import (
    BUSINESS,
    DRIVER,
    World,
    decision,
)

Killed = Callable[..., None]
RUN = FOUND + timedelta(minutes=5)
COUNT = 4
REPLACE: dict[str, Any] = {"act": "replace", "reason": "lost"}


@pytest.fixture(params=["sqlite", "postgresql"])
def case(request: pytest.FixtureRequest, tmp_path: Path, renewed: Renewed) -> Case:
    """A register with keys of its own, on the embedded database and on that of production."""
    url = None
    if request.param == "postgresql":
        url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    return Case(tmp_path, renewed, url)


@dataclass(frozen=True)
class Ready:
    """A register on the embedded database with licences recorded after T0 and one before, to be copied."""

    folder: Path
    ids: list[str]
    tokens: dict[str, str]


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory, renewed: Renewed) -> Ready:
    """The register that the tests of this module begin with."""
    made = Case(tmp_path_factory.mktemp("ready"), renewed)
    return Ready(made.folder / "register", filled(made), made.tokens)


@pytest.fixture
def alone(tmp_path: Path, renewed: Renewed) -> Case:
    """The same on the embedded database only."""
    return Case(tmp_path, renewed)


def filled(case: Case) -> list[str]:
    """Issue some licences after T0 and one, the last of the list, before."""
    with case.opened(BEFORE) as world:
        early = issued(world, 1)
    with case.opened(AFTER) as world:
        return [*issued(world, COUNT, first=1), *early]


@contextmanager
def lost(case: Case, ready: Ready | None = None, ids: Sequence[str] = ()) -> Iterator[tuple[World, str, list[str]]]:
    """Open a register with licences before and after T0, whose department has a new seal; that the old key is lost is not said yet."""
    if ready:
        shutil.copytree(ready.folder, case.folder / "register")
        case.tokens = dict(ready.tokens)
    ids = ready.ids if ready else list(ids) or filled(case)
    seal = case.rotate()
    with case.opened(RUN) as world:
        yield world, seal, ids


# -- who is meant ----------------------------------------------------------------------------------------


@pytest.mark.rule("SE-06")
def test_every_kind_of_licence_is_told_what_becomes_of_it(case: Case) -> None:
    with case.opened(AFTER) as world:
        ids = issued(world, 6)
        suspension = {"first": beijing_day(AFTER).isoformat(), "last": beijing_day(AFTER + timedelta(days=90)).isoformat(), "kind": "measure"}
        other = world.issue(BUSINESS, "other-0001")["licence_id"]
        ended: dict[str, Any] = {"act": "cancel", "ground": "request"}
        for number, act in enumerate((ended, {"act": "suspend", "suspension": suspension})):
            answer = world.act(DRIVER, ids[number], act, f"act-{number:04d}")
            assert answer.status_code == 201, answer.text
        assert world.act(DRIVER, ids[2], {"act": "report_lost"}, "act-0002").status_code == 201
    seal = case.rotate()
    with case.opened(RUN) as world:
        runner, campaign_id = planned(world, seal)
        world.act(DRIVER, ids[5], {"act": "report_lost"}, "act-0005")  # between the rehearsal and the run
        done = runner.run(campaign_id)
        report = runner.report(campaign_id)
        assert done.state == "done"
        assert outcomes(report) == {("reseal", "reseal"): 4, ("reseal", "reseal:behind-another"): 1, ("excluded:over", ""): 1}
        assert {row["licence_id"]: row["outcome"] for row in report.rows} == {
            ids[0]: "", ids[1]: "reseal", ids[2]: "reseal", ids[3]: "reseal", ids[4]: "reseal", ids[5]: "reseal:behind-another",
        }  # fmt: skip
        assert report.head[LEFT] == 0
        assert acts(world, ids[1]) == ["issue", "suspend", "reseal"]
        assert acts(world, ids[5]) == ["issue", "report_lost", "reseal"]
        assert acts(world, other) == ["issue"]
        before = {one: acts(world, one) for one in ids}
        assert runner.run(campaign_id).state == "done", "a second run does nothing"
        assert {one: acts(world, one) for one in ids} == before
        again = runner.plan_resealing(seal, SINCE, decision(beijing_day(world.clock())), MARKER)
        assert outcomes(runner.report(runner.rehearse(again).campaign_id)) == {("excluded:over", ""): 1}
        assert not list(world.service.auditor.audit(documents=True))


@pytest.mark.rule("SE-06")
def test_what_was_recorded_before_is_sealed_anew_only_when_all_is_asked_for(alone: Case, ready: Ready) -> None:
    with lost(alone, ready) as (world, seal, ids):
        runner, campaign_id = planned(world, seal, every=True)
        runner.run(campaign_id)
        all_done(world, ids)


@pytest.mark.rule("SE-06")
@pytest.mark.rule("SE-03")
@pytest.mark.parametrize(("step", "event"), [("seal", "requested"), ("archive", "done")])
def test_uses_of_the_seal_that_led_to_no_document_are_listed(alone: Case, killed: Killed, step: str, event: str) -> None:
    with alone.opened(AFTER) as world:
        (entered,), client = issued(world, 1), world.client(DRIVER)
        given = json.loads(json.dumps(rows(world, 2, first=1)))
    here = {"client": client.name, "department": client.department, "licence_id": None}
    killed(alone.folder / "register", alone.keys, step, now=AFTER.isoformat(), rows=given, **here)
    seal = alone.rotate()
    with alone.opened(RUN) as world:
        runner, campaign_id = planned(world, seal)
        assert [row["licence_id"] for row in runner.report(campaign_id).rows] == [entered]
        dead = runner.report(campaign_id).head["dead"]
        assert [(one["event"], one["type"], bool(one["sealed_sha256"])) for one in dead] == [(event, DRIVER, event == "done")] * 2
        assert json.loads("".join(written(runner.report(campaign_id))))["dead"] == dead
        runner.run(campaign_id)
        again = world.service.chunks.issue(client, [(key, body) for key, body in given])
        assert [acts(world, one.licence_id) for one in again if isinstance(one, Done)] == [["issue"]] * 2, "the requests themselves are not lost"
        assert runner.report(campaign_id).head["dead"] == dead


@pytest.mark.rule("SE-06")
def test_nothing_is_sealed_anew_with_the_lost_key(alone: Case) -> None:
    with alone.opened(AFTER) as world:
        issued(world, 1)
        seal = seal_of(world)
        marked(world, seal, world.clock())
        with pytest.raises(RequestRejected) as refused:
            world.service.runner().plan_resealing(seal, world.clock(), decision(beijing_day(world.clock())), MARKER)
        assert [fault.code for fault in refused.value.faults] == ["still-in-use"]
        with pytest.raises(NotInRegister):
            world.service.runner().plan_resealing("no such seal", world.clock(), decision(beijing_day(world.clock())), MARKER)


@pytest.mark.rule("SE-06")
def test_a_second_person_approves_and_nothing_runs_before(alone: Case, ready: Ready) -> None:
    with lost(alone, ready) as (world, seal, ids):
        runner = world.service.runner()
        world.service.marks.mark(seal, SINCE, REASON, MARKER)
        campaign_id = runner.plan_resealing(seal, SINCE, decision(beijing_day(world.clock())), MARKER)
        runner.rehearse(campaign_id)
        with pytest.raises(NotInForce):
            runner.run(campaign_id)
        with pytest.raises(RequestRejected):
            runner.approve(campaign_id, MARKER)
        assert world.service.marks.since(seal) is None
        runner.approve(campaign_id, CONFIRMER)
        assert world.service.marks.since(seal) == SINCE
        assert acts(world, ids[0]) == ["issue"]


@pytest.mark.rule("SE-06")
def test_processes_share_the_licences_of_a_re_seal_and_no_two_have_one(alone: Case, ready: Ready) -> None:
    with lost(alone, ready) as (world, seal, ids):
        runner, campaign_id = planned(world, seal)
        runner.run_share(campaign_id, Share(1, 2))
        half = [len(acts(world, one)) for one in ids[:COUNT]]
        assert sorted(half) == [1] * (COUNT // 2) + [2] * (COUNT // 2)
        runner.run_share(campaign_id, Share(0, 2))
        assert [len(acts(world, one)) for one in ids[:COUNT]] == [2] * COUNT
        assert runner.open(campaign_id) == 0
        assert runner.run(campaign_id).state == DONE
        all_done(world, ids[:COUNT])


@pytest.mark.rule("SE-06")
def test_of_many_photos_no_more_are_held_at_once_than_a_process_has_room_for(alone: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Licences that were issued one by one have a photo each, which is kept again with the new documents: in several segments then."""
    with alone.opened(AFTER) as world:
        jpeg = base64.b64decode(world.request(DRIVER)["photos"]["photo"])
        ids = []
        for place, (key, body) in enumerate(rows(world, COUNT)):
            own = jpeg[:2] + b"\xff\xfe\x00\x03%d" % place + jpeg[2:]  # a comment before all else (ITU-T T.81 B.2.4.5)
            given = {**body, "photos": {"photo": base64.b64encode(own).decode()}}
            ids.append(world.service.registrar.issue(world.client(DRIVER), key, given).licence_id)
    with lost(alone, ids=ids) as (world, seal, ids):
        monkeypatch.setattr(continuing, "MOST_PHOTOS", 2 * len(jpeg) + 200)
        runner, campaign_id = planned(world, seal)
        assert runner.run(campaign_id).state == DONE
        all_done(world, ids)
        kept = [world.service.archive.get_segment(one) for one in world.service.archive.segments()]
        assert [one.count(jpeg[2:]) for one in kept] == [2, 2]


@pytest.mark.rule("SE-06")
def test_a_plan_whose_key_nobody_calls_lost_is_not_approved(alone: Case, ready: Ready) -> None:
    with lost(alone, ready) as (world, seal, _):
        runner = world.service.runner()
        campaign_id = runner.plan_resealing(seal, SINCE, decision(beijing_day(world.clock())), MARKER)
        runner.rehearse(campaign_id)
        with pytest.raises(NotInRegister):
            runner.approve(campaign_id, CONFIRMER)
        assert runner.store.get(campaign_id).state == "rehearsed"


# -- kills -------------------------------------------------------------------------------------------------


@pytest.mark.rule("SE-06")
@pytest.mark.parametrize(
    "step",
    ["reserve", "seal", "append", "settle", *(pytest.param(one, marks=pytest.mark.long) for one in ("draw", "request-seal", "sealed", "archive"))],
)
def test_killed_before_any_step_it_goes_on_without_loss_or_double(alone: Case, ready: Ready, killed: Killed, step: str) -> None:
    with lost(alone, ready) as (world, seal, ids):
        _, campaign_id = planned(world, seal)
        killed(alone.folder / "register", alone.keys, step, now=RUN.isoformat(), campaign_id=campaign_id)
        assert world.service.runner().open(campaign_id) == COUNT
        runner = world.service.runner()
        assert runner.run(campaign_id).state == "done"
        assert outcomes(runner.report(campaign_id)) == {("reseal", "reseal"): COUNT}
        all_done(world, ids[:COUNT])
        assert acts(world, ids[-1]) == ["issue"]


@pytest.mark.rule("SE-06")
@pytest.mark.parametrize("step", ["seal", "append"])
def test_on_postgresql_killed_it_goes_on_as_well(
    tmp_path: Path, renewed: Renewed, killed: Killed, step: str, postgres_address: str, migrated_postgres: str
) -> None:
    case = Case(tmp_path, renewed, empty_postgres(postgres_address, migrated_postgres))
    with lost(case) as (world, seal, ids):
        _, campaign_id = planned(world, seal)
        here = {"database_url": case.database_url}
        killed(case.folder / "register", case.keys, step, now=RUN.isoformat(), campaign_id=campaign_id, settings=here)
        runner = world.service.runner()
        runner.run(campaign_id)
        all_done(world, ids[:COUNT])


@pytest.mark.rule("SE-06")
def test_an_act_between_judging_and_entering_is_met_by_the_row_alone(alone: Case, ready: Ready) -> None:
    with lost(alone, ready) as (world, seal, ids):
        _, campaign_id = planned(world, seal)

        def between(step: str) -> None:
            if step == "append" and acts(world, ids[0]) == ["issue"]:
                assert world.act(DRIVER, ids[0], {"act": "report_lost"}, "between-0001").status_code == 201

        service = replace(world.service, chunks=replace(world.service.chunks, step=between))
        runner = service.runner()
        runner.run(campaign_id)
        assert outcomes(runner.report(campaign_id)) == {("reseal", "reseal"): COUNT - 1, ("reseal", "reseal:behind-another"): 1}
        assert acts(world, ids[0]) == ["issue", "report_lost", "reseal"]
        assert not list(world.service.auditor.audit(documents=True))


@contextmanager
def waiting(case: Case) -> Iterator[tuple[World, str, list[str]]]:
    """Open a register in which an act with a document on the first of its licences waited for the old seal, and the department has a new one."""
    with case.opened(AFTER) as world:
        ids = issued(world, 2)
        world.service.seal_log.order(seal_of(world), stopped=True, at=world.clock(), by=MARKER, reason="a test")
        assert world.act(DRIVER, ids[0], REPLACE, "replace-0001").status_code == 202
    seal = case.rotate()
    with case.opened(RUN) as world:
        yield world, seal, ids


@pytest.mark.rule("SE-06")
def test_an_act_that_waited_for_the_stopped_seal_is_carried_first(alone: Case) -> None:
    with waiting(alone) as (world, seal, ids):
        runner, campaign_id = planned(world, seal)
        assert runner.run(campaign_id).state == "done"
        report = runner.report(campaign_id)
        assert (outcomes(report), report.head[LEFT]) == ({("reseal", "reseal"): 1, ("reseal", "changed"): 1}, 0)
        assert [acts(world, one) for one in ids] == [["issue", "replace"], ["issue", "reseal"]]
        assert {told(world, current(world, one)) for one in ids} == {("valid", "yes", ("seal-intact", "same-document"))}


@pytest.mark.rule("SE-06")
def test_an_act_that_another_process_carries_leaves_the_row_open(alone: Case) -> None:
    with waiting(alone) as (world, seal, ids):
        runner, campaign_id = planned(world, seal)
        reservations = world.service.registrar.line.reservations
        held = reservations.of_licence(ids[0])[-1]
        assert reservations.claim(held, world.clock())
        with pytest.raises(SealUnavailable):
            runner.run(campaign_id)
        report = runner.report(campaign_id)
        assert (report.head["state"], report.head[LEFT]) == ("running", 1)
        assert outcomes(report) == {("reseal", "reseal"): 1, ("reseal", "open"): 1}
        reservations.abandon(held, "a test")
        assert runner.run(campaign_id).state == "done"
        all_done(world, ids)


@pytest.mark.rule("SE-06")
def test_what_a_run_left_under_the_lost_seal_is_counted_from_the_register(alone: Case, ready: Ready) -> None:
    with lost(alone, ready) as (world, seal, ids):
        runner, campaign_id = planned(world, seal)
        campaign = runner.store.get(campaign_id)
        assert LEFT not in runner.report(campaign_id).head, "nothing was run"
        skipped, refused, *_ = runner.store.open_rows(campaign)
        runner.store.settle(campaign, skipped, "changed")
        runner.store.settle(campaign, refused, "refused:page-disagrees")
        assert runner.run(campaign_id).state == "done"
        assert runner.report(campaign_id).head[LEFT] == 1, "what is refused has its reason"
        _, again = planned(world, seal)
        assert runner.run(again).state == "done"
        assert [runner.report(one).head[LEFT] for one in (campaign_id, again)] == [0, 0]
        all_done(world, ids[:COUNT])


class Watched(Appendings):
    """Notes what could be entered together."""

    seen: list[list[str | None]]

    def append_all(self, wanted: Sequence[Appended]) -> list[Entry | None]:
        """Enter them, and note the acts of those that were."""
        found = super().append_all(wanted)
        self.seen.append([one.act.value if one else None for one in found])
        return found


def test_one_that_takes_its_number_anew_does_not_stand_in_the_way_of_the_others(alone: Case) -> None:
    with alone.opened(AFTER) as world:
        back, over, living = issued(world, 3)
        for number, one in enumerate((back, over)):
            assert world.act(DRIVER, one, {"act": "cancel", "ground": "request"}, f"cancel-{number:04d}").status_code == 201
        watched = Watched(world.service.database, Vault(world.service.settings.payload_secret()), world.clock)
        watched.seen = []
        reading = Reading({"decision": decision(beijing_day(world.clock()))})
        said = reading.decision()
        wanted = [(back, ActRequest(Act.REINSTATE, said)), (over, ActRequest(Act.RESEAL, said)), (living, ActRequest(Act.RESEAL, said))]
        later = [Later(f"key-{one}", "0" * 64, world.service.book.get(one), request) for one, request in wanted]
        found = Continuing(replace(world.service.chunks, appendings=watched)).enter(world.client(DRIVER), later)
        assert [one.act for one in found if isinstance(one, Done)] == ["reinstate", "reseal", "reseal"]
        assert watched.seen == [[None, "reseal", "reseal"]]
        assert world.service.book.get(back).at(beijing_day(world.clock())).state.value == "in_force"
        assert not list(world.service.auditor.audit(documents=True))


@pytest.mark.rule("SE-06")
def test_a_new_seal_that_is_stopped_leaves_the_rows_open(alone: Case, ready: Ready) -> None:
    with lost(alone, ready) as (world, seal, ids):
        runner, campaign_id = planned(world, seal)
        log, new = world.service.seal_log, seal_of(world)
        log.order(new, stopped=True, at=world.clock(), by="an officer", reason="a test")
        with pytest.raises(SealUnavailable):
            runner.run(campaign_id)
        assert runner.open(campaign_id) == COUNT
        log.order(new, stopped=False, at=world.clock(), by="an officer", reason="a test")
        runner.run(campaign_id)
        all_done(world, ids[:COUNT])


@pytest.mark.rule("SE-06")
def test_what_a_foreign_reader_finds_wrong_stops_the_campaign(alone: Case, ready: Ready) -> None:
    with lost(alone, ready) as (world, seal, ids):
        _, campaign_id = planned(world, seal)
        blind = replace(world.service.registrar, examiner=Blind())  # type: ignore[arg-type]
        service = replace(world.service, chunks=replace(world.service.chunks, registrar=blind))
        with pytest.raises(PageDisagrees):
            service.runner().run(campaign_id)
        assert [acts(world, one) for one in ids[:COUNT]] == [["issue"]] * COUNT
        assert world.service.runner().open(campaign_id) == COUNT
        # The one that was found wrong does not stop it again: it stays under the lost seal, which the report says, and is planned anew.
        runner = world.service.runner()
        report = runner.report(runner.run(campaign_id).campaign_id)
        assert sorted(outcomes(report).items()) == [(("reseal", "refused:transition-refused"), 1), (("reseal", "reseal"), COUNT - 1)]
        assert sorted(acts(world, one)[-1] for one in ids[:COUNT]) == ["issue"] + ["reseal"] * (COUNT - 1)


# -- the drill -----------------------------------------------------------------------------------------


@pytest.mark.rule("SE-06")
@pytest.mark.parametrize("count", [60, pytest.param(100_000, marks=pytest.mark.long)])
def test_the_drill(alone: Case, count: int, record_property: Callable[[str, object], None]) -> None:
    """M13: half of the licences were recorded after T0; before and after, every sampled file is told what SE-06 says."""
    half = count // 2
    with alone.opened(BEFORE) as world:
        early = issued(world, half)
    with alone.opened(AFTER) as world:
        late = issued(world, half, first=half)
        sample = [*range(0, half, max(1, half // 20))]
        files = {"early": [current(world, early[at]) for at in sample], "late": [current(world, late[at]) for at in sample]}
        thief = alone.forged(AFTER)
        assert {told(world, one)[1] for one in (*files["early"], *files["late"])} == {"yes"}
    seal = alone.rotate()
    with alone.opened(RUN) as world:
        begun = time.monotonic()
        runner, campaign_id = planned(world, seal)
        rehearsed = time.monotonic()
        runner.run(campaign_id)
        ran = time.monotonic()
        record_property("rehearsed a second", half / (rehearsed - begun))
        record_property("sealed anew a second", half / (ran - rehearsed))
        print(f"\n{half:,} licences: rehearsed {half / (rehearsed - begun):.0f}/s, sealed anew {half / (ran - rehearsed):.0f}/s")
        assert outcomes(runner.report(campaign_id)) == {("reseal", "reseal"): half}
        assert {told(world, one) for one in files["early"]} == {("valid", "yes", ("seal-intact", "same-document"))}
        assert {told(world, one) for one in files["late"]} == {("not_valid", "yes", ("register-proves", "same-document"))}
        assert {told(world, current(world, late[at])) for at in sample} == {("valid", "yes", ("seal-intact", "same-document"))}
        assert told(world, thief) == ("not_valid", "no", ("seal-compromised", "not-in-register"))
        assert [acts(world, late[at]) for at in sample] == [["issue", "reseal"]] * len(sample)
