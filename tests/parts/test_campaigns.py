"""The working state of campaigns on both databases: who is a candidate, the order of steps, rows that are written once."""

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, text

from licence_service.errors import NotInForce, NotInRegister, RequestRejected, Unavailable
from licence_service.store import campaigns as module
from licence_service.store.campaigns import APPROVED, DONE, PLANNED, REHEARSED, RUNNING, Campaign, Campaigns, Row
from licence_service.store.database import Database
from licence_service.store.keys import refill
from licence_service.store.payload import Vault
from licence_service.store.roles import privileges
from licence_service.store.tables import campaign_rows, licences, lookups
from tests.parts.databases import Clock, at_once

if TYPE_CHECKING:
    from collections.abc import Callable

A, B = "11519900MB9900021Q", "11519900MB9900022N"
PUBLIC = {"act": "reinstate", "title": {"zh": "恢复", "en": "Reinstatement"}}
PRIVATE = {"officer": "科员一", "lists": {"listed": ["519902196405121010"]}}


@pytest.fixture
def store(database: Database, vault: Vault, clock: Clock) -> Campaigns:
    """No campaign yet."""
    return Campaigns(database, vault, clock)


def planned(store: Campaigns, by: str = "甲") -> Campaign:
    return store.get(store.add(A, PUBLIC, PRIVATE, "the whole plan", by))


def licence(database: Database, number: int, **changes: Any) -> int:
    """Put a licence's row into the register, as its projection would stand."""
    given: dict[str, Any] = {
        "licence_id": f"{number:020d}", "type": "one_type", "department": A, "issuer": A, "head": 2, "current_version": 1, "valid_from": "2020-01-01",
        "ended_on": "2025-10-09", "ending": "cancelled",
    }  # fmt: skip
    with database.write() as connection:
        made = connection.execute(insert(licences).values(given | changes)).inserted_primary_key
    assert made
    return int(made[0])


def row(key: int, rehearsed: str = "reinstate", head: int = 2) -> Row:
    return Row(key, "", rehearsed, head, "d" * 64)


def test_candidates_are_the_cancelled_of_these_types_and_issuers_page_by_page(
    store: Campaigns, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "WINDOW", 3)
    wanted = [licence(database, number) for number in range(5)]
    wanted.append(licence(database, 5, ending=None))  # a row of the first release, which says only that an act ended it
    wanted.append(licence(database, 6, department=B))  # taken over
    wanted.append(licence(database, 11, ending="varies"))  # a stay, or a decision to come
    licence(database, 7, ending=None, ended_on=None)
    licence(database, 8, ending="withdrawn")
    licence(database, 9, issuer=B)
    licence(database, 10, type="another_type")
    found: list[int] = []
    pages = 0
    while page := store.candidates(["one_type"], [A], found[-1] if found else 0):
        assert len(page) <= 2
        found += [key for key, _ in page]
        pages += 1
    assert found == wanted
    assert pages >= 4
    assert store.candidate_count(["one_type"], [A]) == len(wanted)
    assert store.candidate_count(["one_type", "another_type"], [A, B]) == len(wanted) + 2


@pytest.mark.rule("LC-14")
def test_a_campaign_goes_from_planned_to_done_and_no_other_way(store: Campaigns) -> None:
    campaign = planned(store)

    def rehearse() -> None:
        store.begin_rehearsal(campaign)
        store.end_rehearsal(campaign)

    steps: dict[str, Callable[[], None]] = {
        "rehearse": rehearse,
        "approve": lambda: store.approve(campaign, "乙"),
        "run": lambda: store.begin_run(campaign),
        "end": lambda: store.end_run(campaign),
    }
    allowed = {PLANNED: {"rehearse"}, REHEARSED: {"rehearse", "approve"}, APPROVED: {"run"}, RUNNING: {"run", "end"}, DONE: {"end"}}
    way = {PLANNED: "rehearse", REHEARSED: "approve", APPROVED: "run", RUNNING: "end"}
    for state in (PLANNED, REHEARSED, APPROVED, RUNNING, DONE):
        assert store.get(campaign.campaign_id).state == state
        for name, step in steps.items():
            if name not in allowed[state]:
                with pytest.raises(RequestRejected):
                    step()
                assert store.get(campaign.campaign_id).state == state
        if state in way:
            steps[way[state]]()
    found = store.get(campaign.campaign_id)
    assert (found.planned_by, found.approved_by) == ("甲", "乙")
    assert found.planned_at == found.approved_at


@pytest.mark.rule("LC-14")
def test_of_several_who_approve_at_once_one_does_and_never_the_planner(store: Campaigns) -> None:
    campaign = planned(store, "Zhao")
    store.begin_rehearsal(campaign)
    store.end_rehearsal(campaign)
    for name in ("Zhao", " zhao ", "ＺＨＡＯ", "", " ", "x" * 81):
        with pytest.raises(RequestRejected):
            store.approve(campaign, name)
    outcomes = at_once([lambda name=name: store.approve(campaign, name) for name in ("乙", "丙", "丁", "戊")])  # type: ignore[misc]
    assert sum(outcome is None for outcome in outcomes) == 1
    assert store.get(campaign.campaign_id).state == APPROVED


def test_a_plan_lies_sealed_and_a_changed_one_is_noticed(store: Campaigns, database: Database) -> None:
    campaign = planned(store)
    assert (campaign.public, campaign.private) == (PUBLIC, PRIVATE)
    assert campaign.digest != planned(store).campaign_id
    assert store.get(store.add(A, PUBLIC, PRIVATE, "another plan", "甲")).digest != campaign.digest
    with database.read() as connection:
        kept = " ".join(connection.execute(text("SELECT plan FROM campaigns")).scalars())
    assert "519902196405121010" not in kept
    assert "科员一" not in kept
    other = Campaigns(database, Vault(b"w" * 32), lambda: campaign.planned_at)
    with pytest.raises(Unavailable):
        other.get(campaign.campaign_id)
    with database.write() as connection:
        connection.execute(text("UPDATE campaigns SET plan = replace(plan, 'reinstate', 'withdraw')"))
    with pytest.raises(NotInForce):
        store.get(campaign.campaign_id)
    with pytest.raises(NotInRegister):
        store.get("0" * 26)
    assert "DELETE" not in privileges()["campaign_rows"]


def test_a_rehearsal_done_again_replaces_what_the_first_one_said(store: Campaigns, database: Database) -> None:
    campaign = planned(store)
    first, second, third = (licence(database, number) for number in range(3))
    store.begin_rehearsal(campaign)
    store.note(campaign, [])
    store.note(campaign, [row(first), row(second, "excluded:listed")])
    store.end_rehearsal(campaign)
    store.begin_rehearsal(campaign)
    store.note(campaign, [row(second, head=3), row(third, "refused:undecided")])
    store.end_rehearsal(campaign)
    assert [(one.key, one.rehearsed, one.head) for one in store.rows(campaign)] == [(second, "reinstate", 3), (third, "refused:undecided", 2)]
    assert store.counts(campaign) == [("refused:undecided", None, 1), ("reinstate", None, 1)]
    assert [one.key for one in store.open_rows(campaign)] == [second]
    store.approve(campaign, "乙")
    with pytest.raises(RequestRejected):
        store.note(campaign, [row(first)])


def test_the_first_word_on_a_row_stands(store: Campaigns, database: Database) -> None:
    campaign, other = planned(store), planned(store)
    key = licence(database, 1)
    for each in (campaign, other):
        store.begin_rehearsal(each)
        store.note(each, [row(key)])
    (open_row,) = store.open_rows(campaign)
    assert open_row.licence_id == f"{1:020d}"
    store.settle(campaign, open_row, "reinstate", 3)
    store.settle(campaign, open_row, "changed")
    assert [(one.outcome, one.sequence) for one in store.rows(campaign)] == [("reinstate", 3)]
    assert store.open_rows(campaign) == []
    assert [one.outcome for one in store.open_rows(other)] == [None], "another campaign is another matter"


def test_a_second_licence_of_one_number_type_and_issuer_is_known(store: Campaigns, database: Database, vault: Vault) -> None:
    campaign = planned(store)
    same, twin, foreign, left_out = licence(database, 1), licence(database, 2), licence(database, 3, issuer=B), licence(database, 4)
    with database.write() as connection:
        blind = vault.blind("number", "NO1")
        connection.execute(insert(lookups), [{"licence": key, "name": "number", "blind": blind} for key in (same, twin, foreign, left_out)])
        refill(connection)
    store.begin_rehearsal(campaign)
    store.note(campaign, [row(foreign), row(left_out, "excluded:listed")])
    assert not store.meant_twice(campaign, f"{1:020d}", "one_type", "no 1")
    store.note(campaign, [row(twin)])
    assert store.meant_twice(campaign, f"{1:020d}", "one_type", "no 1")
    assert not store.meant_twice(campaign, f"{2:020d}", "one_type", "no 1")
    assert not store.meant_twice(campaign, f"{1:020d}", "one_type", "no 2")
    with database.read() as connection:
        assert len(connection.execute(select(campaign_rows)).all()) == 3
