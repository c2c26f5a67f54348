"""A lost sealing key (DOMAIN SE-06): what is said, by whom, and what every file is told before and after."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from licence_service.errors import NotInRegister, RequestRejected
from licence_service.reasons import REASONS
from tests.api.test_issuing import adopt, adoption
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
    copied_keys,
    current,
    issued,
    marked,
    outcomes,
    planned,
    rotated,
    seal_of,
    told,
)
from tests.parts.databases import empty_postgres
from tests.world import BUSINESS, DRIVER, Clock, World

PROVEN = ("valid", "yes", ("seal-intact", "same-document"))
BY_REGISTER = ("valid", "yes", ("register-proves", "same-document"))
NOT_HELD = ("not_valid", "no", ("seal-intact", "not-in-register"))
REJECTED = ("not_valid", "no", ("seal-compromised", "not-in-register"))


@dataclass
class Told:
    """What became of one case, told step by step."""

    seal: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    steps: dict[str, dict[str, tuple[str, str, tuple[str, ...]]]] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    done: dict[tuple[str, str], int] = field(default_factory=dict)
    marked_at: datetime = FOUND

    def tell(self, step: str, world: World, known_at: datetime | None = None) -> None:
        """Ask about every file."""
        self.steps[step] = {name: told(world, content, known_at) for name, content in self.files.items()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, renewed: Renewed) -> Told:
    """The whole case: licences before and after T0, a thief's files, the mark, the new seal, the re-seal."""
    folder = tmp_path_factory.mktemp("lost")
    url = None
    if request.param == "postgresql":
        url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    case, found = Case(folder, renewed, url), Told()
    with case.opened(BEFORE) as world:
        found.ids["before"], found.seal = issued(world, 1)[0], seal_of(world)
        found.ids["other"] = world.issue(BUSINESS, "other-0001")["licence_id"]
    with case.opened(AFTER) as world:
        found.ids["after"] = issued(world, 1, first=1)[0]
        found.files = {name: current(world, licence_id) for name, licence_id in found.ids.items()}
        found.files |= {"thief, claims before": case.forged(BEFORE), "thief, claims after": case.forged(AFTER)}
        found.tell("before the mark", world)
    with case.opened(FOUND) as world:
        marked(world, found.seal)
        found.marked_at = world.service.foundations.lines()[-1].recorded_at
        found.tell("after the mark", world)
        found.tell("as known before the mark", world, known_at=found.marked_at - timedelta(seconds=1))
        for name in ("after", "thief, claims before"):
            answer = world.http.post(
                "/verify/document", content=found.files[name], headers={"Content-Type": "application/pdf", "Accept": "text/html"}
            )
            found.pages[name] = answer.text
    case.rotate()
    with case.opened(FOUND + timedelta(minutes=5)) as world:
        runner, campaign_id = planned(world, found.seal)
        runner.run(campaign_id)
        found.done = outcomes(runner.report(campaign_id))
        found.files |= {f"{name}, today": current(world, licence_id) for name, licence_id in found.ids.items()}
        found.tell("after the re-seal", world)
        assert not list(world.service.auditor.audit(documents=True))
        assert not list(world.service.seal_log.breaks())
    return found


@pytest.mark.rule("SE-06")
def test_before_anybody_knows_a_stolen_key_makes_no_licence_and_spoils_none(story: Told) -> None:
    assert story.steps["before the mark"] == {
        "before": PROVEN, "after": PROVEN, "other": PROVEN, "thief, claims before": NOT_HELD, "thief, claims after": NOT_HELD,
    }  # fmt: skip


@pytest.mark.rule("SE-06")
@pytest.mark.rule("SE-07")
def test_since_the_key_is_lost_only_the_register_proves_what_was_recorded_later(story: Told) -> None:
    assert story.steps["after the mark"] == {
        "before": PROVEN, "after": BY_REGISTER, "other": PROVEN, "thief, claims before": REJECTED, "thief, claims after": REJECTED,
    }  # fmt: skip


@pytest.mark.rule("SE-06")
def test_what_was_known_before_the_mark_is_told_as_it_was_known(story: Told) -> None:
    assert story.steps["as known before the mark"] == story.steps["before the mark"]


@pytest.mark.rule("SE-06")
def test_what_was_sealed_since_then_is_sealed_anew_and_nothing_else(story: Told) -> None:
    assert story.done == {("reseal", "reseal"): 1}
    assert story.steps["after the re-seal"] == {
        "before": PROVEN, "other": PROVEN, "thief, claims before": REJECTED, "thief, claims after": REJECTED,
        "after": ("not_valid", "yes", ("register-proves", "same-document")),  # superseded: the holder gets the new one
        "before, today": PROVEN, "after, today": PROVEN, "other, today": PROVEN,
    }  # fmt: skip
    assert story.files["before"] == story.files["before, today"]
    assert story.files["after"] != story.files["after, today"]


@pytest.mark.rule("SE-06")
def test_the_page_says_why_in_chinese_and_english(story: Told) -> None:
    for name, reason in {"after": "register-proves", "thief, claims before": "seal-compromised"}.items():
        for words in REASONS[reason]:
            assert words in story.pages[name], (name, words)


# -- who says it -------------------------------------------------------------------------------------


@pytest.mark.rule("SE-06")
def test_one_person_stops_the_seal_and_only_a_second_one_marks_it(world: World) -> None:
    seal, marks = seal_of(world), world.service.marks
    number = marks.mark(seal, SINCE - timedelta(days=1), REASON, MARKER)
    assert number is not None
    assert world.service.seal_log.stopped(seal)
    assert marks.since(seal) is None
    for same in (MARKER, f" {MARKER[:3]} {MARKER[3:]}"):  # however the name is written
        with pytest.raises(RequestRejected):
            marks.confirm(seal, SINCE - timedelta(days=1), same)
    assert marks.since(seal) is None
    assert marks.mark(seal, SINCE - timedelta(days=1), REASON, MARKER) == number, "asked twice it is one proposal"
    marks.confirm(seal, SINCE - timedelta(days=1), CONFIRMER)
    assert marks.since(seal) == SINCE - timedelta(days=1)
    assert marks.mark(seal, SINCE - timedelta(days=1), REASON, MARKER) is None


@pytest.mark.rule("SE-06")
def test_a_lost_seal_is_never_started_again(world: World) -> None:
    seal = seal_of(world)
    marked(world, seal, world.clock())
    with pytest.raises(RequestRejected):
        world.service.seal_log.order(seal, stopped=False, at=world.clock(), by="an officer", reason="a false alarm")
    assert world.service.seal_log.stopped(seal)
    assert world.http.post("/licences", json=world.request(DRIVER), headers=world.headers(DRIVER, "issue-0001")).status_code == 202


@pytest.mark.rule("SE-06")
def test_the_instant_only_moves_back(world: World) -> None:
    seal, marks, now = seal_of(world), world.service.marks, world.clock()
    marks.mark(seal, now, REASON, MARKER)
    marks.mark(seal, now - timedelta(hours=2), REASON, MARKER)
    marks.confirm(seal, now - timedelta(hours=2), CONFIRMER)
    with pytest.raises(RequestRejected) as refused:
        marks.mark(seal, now - timedelta(hours=1), REASON, MARKER)
    assert [fault.code for fault in refused.value.faults] == ["only-earlier"]
    waiting = world.service.foundations.open_proposals()
    world.service.foundations.confirm([one.number for one in waiting], CONFIRMER)  # the first one, confirmed after all
    assert marks.since(seal) == now - timedelta(hours=2)
    marked(world, seal, now - timedelta(hours=3))
    assert marks.since(seal) == now - timedelta(hours=3)


@pytest.mark.rule("SE-06")
@pytest.mark.parametrize(("since", "reason", "code"), [
    (timedelta(hours=1), REASON, "in-the-future"), (timedelta(0), " ", "missing"), (timedelta(0), "x" * 201, "missing"),
    (None, REASON, "no-zone"), (timedelta(days=-365 * 2025), REASON, "too-far-back"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_and_stops_nothing(world: World, since: timedelta | None, reason: str, code: str) -> None:
    instant = world.clock().replace(tzinfo=None) if since is None else world.clock() + since
    with pytest.raises(RequestRejected) as refused:
        world.service.marks.mark(seal_of(world), instant, reason, MARKER)
    assert [fault.code for fault in refused.value.faults] == [code]
    assert not world.service.seal_log.stopped(seal_of(world))
    with pytest.raises(NotInRegister):
        world.service.marks.mark("no such seal", world.clock(), REASON, MARKER)


# -- beside it -----------------------------------------------------------------------------------------


@pytest.fixture
def case(tmp_path: Path, renewed: Renewed) -> Case:
    """A register with keys of its own."""
    return Case(tmp_path, renewed)


@pytest.mark.rule("SE-06")
@pytest.mark.rule("SE-05")
def test_a_seal_that_is_only_retired_spoils_nothing(case: Case) -> None:
    with case.opened(AFTER) as world:
        file = current(world, issued(world, 1)[0])
        forged = case.forged(AFTER)
    case.rotate()
    with case.opened(FOUND) as world:
        assert told(world, file) == PROVEN
        assert told(world, forged) == NOT_HELD


@pytest.mark.rule("SE-06")
def test_a_file_by_a_lost_key_is_not_taken_over_as_one_sealed_elsewhere(case: Case) -> None:
    with case.opened(AFTER) as world:
        forged = case.forged(AFTER)
        before = adopt(world, DRIVER, adoption(world, DRIVER, b"%PDF-1.7 not sealed"), "adopt-0001").json()
        assert {one["code"] for one in before["faults"]} == {"not-sealed"}
        marked(world, seal_of(world), world.clock())
        answer = adopt(world, DRIVER, adoption(world, DRIVER, forged), "adopt-0002")
        assert answer.status_code == 422, answer.text
        assert {one["code"] for one in answer.json()["faults"]} == {"seal-compromised"}


@pytest.mark.rule("SE-06")
def test_a_file_that_was_taken_over_before_anybody_knew_is_rejected_once_its_key_is_lost(case: Case) -> None:
    with case.opened(AFTER) as world:
        forged = case.forged(AFTER)
        assert adopt(world, DRIVER, adoption(world, DRIVER, forged), "adopt-0001").status_code == 201
        assert told(world, forged)[1] == "yes"
    with case.opened(FOUND) as world:
        marked(world, seal_of(world))
        assert told(world, forged) == ("not_valid", "no", ("seal-compromised", "same-document"))


@pytest.mark.rule("SE-06")
def test_an_issue_that_waited_for_the_lost_seal_is_sealed_by_the_new_one(case: Case, tmp_path: Path) -> None:
    with case.opened(AFTER) as world:
        marked(world, seal_of(world))
        uscc, old = world.client(DRIVER).department, seal_of(world)
        assert world.http.post("/licences", json=world.request(DRIVER), headers=world.headers(DRIVER, "issue-0001")).status_code == 202
    case.keys = copied_keys(case.keys, tmp_path)
    rotated(case.keys, uscc, FOUND + timedelta(days=1))
    with case.opened(FOUND + timedelta(days=1, hours=1)) as world:
        assert isinstance(world.clock, Clock)
        assert world.service.registrar.finish() == 1
        (licence_id,) = world.service.book.all_ids()
        version = world.service.book.get(licence_id).entries[0].version
        assert version
        assert version.seal_id == seal_of(world) != old
        assert version.sealed_at == FOUND + timedelta(days=1)  # when the new seal came into use
        assert told(world, current(world, licence_id)) == PROVEN
        assert world.service.examiner.examine(current(world, licence_id)).good
        assert not list(world.service.auditor.audit(documents=True))
