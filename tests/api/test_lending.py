"""Lending through HTTP: a code for a named receiver, an annotated copy, revocation, and the holder's list of who read (DOMAIN SH-12)."""

import io
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from sqlalchemy import select

from licence_service.annotating import Annotator
from licence_service.digests import sha256
from licence_service.errors import NotInRegister, Unavailable
from licence_service.licence import beijing_day
from licence_service.store.clients import PLATFORM, Client
from licence_service.store.sealed import SealedDocuments
from licence_service.store.tables_of_lending import lendings, lent_copies, lent_uses, reads
from tests.holders import Owner, officers, owning
from tests.host import Somebody
from tests.parts.databases import KINDS, at_once, empty_postgres
from tests.promised import LENT, Promises
from tests.world import DRIVER, NOW, TRIP, VEHICLE

BROWSER, PDF = {"Accept": "text/html"}, {"Content-Type": "application/pdf"}
BANK = "蜀安示例银行股份有限公司"
WANTED: dict[str, Any] = {"receiver": BANK, "purpose": "办理车辆贷款", "fields": ["person_name", "valid_to"], "minutes": 60, "uses": 2}


@pytest.fixture
def owner(tmp_path: Path, demo_keys: Path) -> Iterator[Owner]:
    with owning(tmp_path, demo_keys, failures_before_slowing=1000) as found:
        yield found


def forward(owner: Owner, **step: int) -> None:
    clock: Any = owner.world.clock
    clock.now += timedelta(**step)


KEYS = (f"lend-{number:06d}" for number in itertools.count())


def keyed(owner: Owner, key: str = "") -> dict[str, str]:
    """Return the headers of a request under a key, a new one where none is named."""
    return {**owner.headers, "Idempotency-Key": key or next(KEYS)}


def lend(owner: Owner, status: int = 201, key: str = "", **changed: Any) -> dict[str, Any]:
    """Lend the card, and return the answer."""
    body = {name: value for name, value in {**WANTED, **changed}.items() if value is not None}
    answer = owner.http.post(f"/holder/cards/{owner.licence_id}/lendings", json=body, headers=keyed(owner, key))
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(owner: Owner, lending: dict[str, Any], receiver: str | None = BANK, **headers: str) -> Any:
    """Read what was lent; the HTTP answer."""
    body = {"code": lending["code"], **({"receiver": receiver} if receiver is not None else {})}
    return owner.http.post("/lent", json=body, headers=headers)


def revoke(owner: Owner, lending: dict[str, Any]) -> None:
    path = f"/holder/cards/{owner.licence_id}/lendings/{lending['lending_id']}/revoke"
    assert owner.http.post(path, headers=owner.headers).status_code == 204


def copied(owner: Owner, lending: dict[str, Any]) -> bytes:
    answer = owner.http.get(lending["copy_url"], headers=owner.headers)
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def verified(owner: Owner, content: bytes) -> dict[str, Any]:
    answer = owner.http.post("/verify/document", content=content, headers=PDF)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def codes_of(verdict: dict[str, Any], question: str) -> list[str]:
    return [one["code"] for one in verdict["answers"][question]["reasons"]]


@pytest.mark.rule("SH-12")
def test_the_named_receiver_reads_the_lent_fields_and_how_the_licence_stands(owner: Owner) -> None:
    face, lent = owner.world.request(DRIVER)["face"], lend(owner)
    assert lent["url"] == f"https://licence.example.cn/L/{lent['code']}"
    answer = read(owner, lent)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert {one["name"]: one["text"] for one in said["licence"]["face"]} == {"person_name": face["person_name"], "valid_to": "2032年6月19日"}
    assert (said["overall"], said["licence"]["state"], said["answers"]["in_force"]["result"]) == ("valid", "in_force", "yes")
    assert said["lent"] == {
        "lending_id": lent["lending_id"], "standing": "living", "receiver": BANK, "purpose": "办理车辆贷款", "made_at": "2026-11-28T04:00:00+00:00",
        "until": "2026-11-28T05:00:00+00:00", "uses": 2, "used": 1,
    }  # fmt: skip
    for hidden in (face["citizen_id"], face["address"], owner.licence["elicence_id"], owner.licence["check_code"]):
        assert hidden not in answer.text
    page = read(owner, lent, **BROWSER).text
    assert BANK in page
    assert face["citizen_id"] not in page


def test_a_use_is_taken_by_reading_and_by_nothing_else(owner: Owner) -> None:
    lent = lend(owner)
    for headers in ({}, BROWSER):
        for _ in range(5):
            page = owner.http.get(f"/L/{lent['code']}", headers=headers)
            assert page.status_code == 200
            assert "陈" not in page.text
    assert read(owner, lent, "别的公司").status_code == 404
    assert read(owner, lent, None).status_code == 404
    assert [read(owner, lent).json()["lent"]["used"] for _ in range(2)] == [1, 2]
    over = read(owner, lent).json()
    assert (over["lent"]["standing"], over["licence"], over["answers"], over["overall"]) == ("used_up", None, None, "cannot_decide")
    listed = owner.http.get(f"/holder/cards/{owner.licence_id}/lendings", headers=owner.headers).json()["lendings"]
    assert [(one["standing"], one["used"]) for one in listed] == [("used_up", 2)]
    assert lent["code"] not in str(listed)


def test_the_receivers_name_is_compared_as_names_are(owner: Owner) -> None:
    lent = lend(owner, uses=3)
    for name in (f" {BANK} ", "蜀安示例银行 股份有限公司"):
        assert read(owner, lent, name).status_code == 200, name
    assert read(owner, lent, BANK[:-1]).status_code == 404


@pytest.mark.rule("SH-12")
def test_a_lending_that_is_revoked_or_over_opens_nothing_from_that_moment(owner: Owner) -> None:
    taken, late = lend(owner), lend(owner)
    assert read(owner, taken).json()["licence"]
    revoke(owner, taken)
    revoke(owner, taken)
    said = read(owner, taken).json()
    assert (said["lent"]["standing"], said["overall"], said["licence"]) == ("revoked", "not_valid", None)
    forward(owner, minutes=59, seconds=59)
    assert read(owner, late).json()["licence"]
    forward(owner, seconds=1)
    said = read(owner, late).json()
    assert (said["lent"]["standing"], said["licence"]) == ("expired", None)


def test_a_card_that_was_given_back_is_lent_by_nobody(owner: Owner) -> None:
    lent = lend(owner)
    assert owner.http.delete(f"/holder/cards/{owner.licence_id}", headers=owner.headers).status_code == 204
    said = read(owner, lent).json()
    assert (said["lent"]["standing"], said["licence"]) == ("revoked", None)


def test_what_is_lent_to_a_registered_platform_is_read_with_its_token_only(owner: Owner) -> None:
    add = owner.world.service.clients.add
    bank, other = (add(Client(name, "91519902MB99000889", ("*",), 1000, PLATFORM), NOW) for name in ("bank", "other-bank"))
    blind = add(Client("blind-bank", "91519902MB99000889", (TRIP,), 1000, PLATFORM), NOW)
    lent = lend(owner, client="bank")
    assert read(owner, lent, None, Authorization=f"Bearer {bank}").json()["licence"]
    for receiver, headers in ((BANK, {}), (None, {"Authorization": f"Bearer {other}"}), (BANK, {"Authorization": f"Bearer {other}"})):
        assert read(owner, lent, receiver, **headers).status_code == 404
    assert read(owner, lent, None, **officers(owner.world)).status_code == 403
    assert read(owner, lent, None, Authorization="Bearer wrong").status_code == 401
    open_to_all = lend(owner)
    assert read(owner, open_to_all, None, Authorization=f"Bearer {blind}").status_code == 404
    for unknown in ("nobody", "police", "blind-bank"):
        assert lend(owner, 422, client=unknown)["faults"][0]["path"] == "client"


def test_a_lending_names_what_it_must_and_every_fault_is_named(owner: Owner) -> None:
    faults = lend(owner, 422, receiver="", purpose=None, fields=["photo"], minutes=43_201, uses=101)["faults"]
    assert {one["path"] for one in faults} == {"receiver", "purpose", "fields", "minutes", "uses"}
    for body, place in (
        ({"fields": []}, "fields"), ({"fields": "person_name"}, "fields"), ({"fields": [1]}, "fields"), ({"minutes": None}, "minutes"),
        ({"minutes": 0}, "minutes"), ({"uses": "many"}, "uses"), ({"copy": "yes"}, "copy"), ({"more": 1}, "body"), ({"receiver": "行" * 41}, "receiver"),
    ):  # fmt: skip
        assert place in {one["path"] for one in lend(owner, 422, **body)["faults"]}, body
    with owner.world.service.database.read() as connection:
        assert connection.execute(select(lendings)).all() == []


# -- the same again --------------------------------------------------------------------------------------------------


def everything(owner: Owner) -> list[list[Any]]:
    """Return the rows of all that was lent."""
    with owner.world.service.database.read() as connection:
        return [list(connection.execute(select(table)).all()) for table in (lendings, lent_copies)]


def seal_uses(owner: Owner) -> list[str]:
    """Return what became of the seal's uses for copies."""
    return [str(one["event"]) for one in owner.world.service.seal_log.uses() if one["decision"] == "copy/1"]


@pytest.mark.rule("AI-01")
@pytest.mark.parametrize("copy", [True, False])
def test_who_asks_again_under_the_same_key_has_lent_once_and_is_told_the_same(owner: Owner, *, copy: bool) -> None:
    first = lend(owner, key="lost-answer-1", copy=copy)
    forward(owner, minutes=5)
    assert lend(owner, key="lost-answer-1", copy=copy) == first
    assert [len(rows) for rows in everything(owner)] == [1, int(copy)]
    assert seal_uses(owner) == ["requested", "done"] * copy
    assert read(owner, first).status_code == 200
    revoke(owner, first)
    again = lend(owner, key="lost-answer-1", copy=copy)  # what was taken back stays so
    assert (again["lending_id"], again["standing"]) == (first["lending_id"], "revoked")
    assert lend(owner, 409, key="lost-answer-1", copy=copy, minutes=61)["type"].endswith("key-reused")
    assert len(everything(owner)[0]) == 1


def test_a_key_is_wanted_and_is_its_holders_own(owner: Owner) -> None:
    path = f"/holder/cards/{owner.licence_id}/lendings"
    for wrong in ({}, {"Idempotency-Key": "short"}):
        assert owner.http.post(path, json=WANTED, headers={**owner.headers, **wrong}).status_code == 422
    assert everything(owner) == [[], []]
    other = Owner(owner.hosts, owner.app, Somebody("519902199001010034", "林知远"), owner.licence, log_in="log-in-2")
    mine, theirs = (lend(one, key="the-same-key") for one in (owner, other))
    assert mine["code"] != theirs["code"]
    assert len(everything(owner)[0]) == 2


@pytest.mark.rule("SE-02")
def test_what_breaks_off_between_the_seal_and_the_entry_leaves_nothing_half_and_goes_on_under_its_key(owner: Owner) -> None:
    service = owner.world.service
    with service.database.write() as connection:
        connection.exec_driver_sql("CREATE TRIGGER broken BEFORE INSERT ON lent_copies BEGIN SELECT RAISE(ABORT, 'broken'); END")
    lend(owner, 500, key="breaks-off-1", copy=True)
    assert everything(owner) == [[], []]
    card = f"/holder/cards/{owner.licence_id}/lendings"
    assert owner.http.get(card, headers=owner.headers).json() == {"lendings": []}
    sealed = next(one["sealed_sha256"] for one in service.seal_log.uses() if one["event"] == "done" and one["decision"] == "copy/1")
    verdict = verified(owner, service.archive.get(str(sealed)))
    assert (verdict["overall"], "lent" in verdict) == ("not_valid", False)
    with service.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER broken")

    answer = owner.http.post(card, json={**WANTED, "copy": True}, headers=keyed(owner, "breaks-off-1"))  # whoever made it may still be at it
    assert (answer.status_code, int(answer.headers["Retry-After"])) == (503, 60)
    forward(owner, minutes=1)
    lent = lend(owner, key="breaks-off-1", copy=True)
    assert verified(owner, copied(owner, lent))["lent"]["standing"] == "living"
    assert [len(rows) for rows in everything(owner)] == [1, 1]
    assert lent["made_at"] == NOW.isoformat(timespec="seconds")  # begun then, and sealed under that time


@pytest.mark.parametrize("kind", KINDS)
def test_of_many_who_ask_at_once_under_one_key_one_has_the_copy_made(
    tmp_path: Path, demo_keys: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres")) if kind == "postgresql" else None
    with owning(tmp_path, demo_keys, url) as owner:
        office, holding = owner.world.service.shown.lending, owner.world.service.holder_desk.exchange.holding(owner.headers["Authorization"][7:])
        body = {**WANTED, "copy": True}
        found = at_once([lambda: office.lend(holding, owner.licence_id, body, "all-at-once")] * 8)
        made = [one for one in found if not isinstance(one, Exception)]
        assert made
        assert len({str(one) for one in made}) == 1
        assert {type(one) for one in found if isinstance(one, Exception)} <= {Unavailable}
        assert seal_uses(owner) == ["requested", "done"]
        assert [len(rows) for rows in everything(owner)] == [1, 1]


def test_a_card_that_is_given_back_while_it_is_lent_is_not_lent(owner: Owner) -> None:
    service = owner.world.service
    holding = service.holder_desk.exchange.holding(owner.headers["Authorization"][7:])

    class Late(Annotator):
        """Gives the card back before the copy is handed on."""

        def copy(self, record: Any, lending: Any) -> Any:
            made = super().copy(record, lending)
            owner.give_back()
            return made

    office = replace(service.shown.lending, annotator=Late(service.shown.lending.annotator.line, service.now))
    with pytest.raises(NotInRegister):
        office.lend(holding, owner.licence_id, {**WANTED, "copy": True})
    assert everything(owner) == [[], []]


def test_copies_have_a_ceiling_of_their_own_and_who_reaches_it_is_told_when_to_come_again(owner: Owner) -> None:
    for _ in range(19):
        lend(owner, copy=True)
    forward(owner, minutes=9)
    service = owner.world.service
    seal_id = service.keyring.departments[service.catalogue.samples[DRIVER].issuer].seal.seal_id
    service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="check")
    lend(owner, 503, copy=True)  # an attempt counts, whatever comes of it
    service.seal_log.order(seal_id, stopped=False, at=NOW, by="officer", reason="checked")
    answer = owner.http.post(f"/holder/cards/{owner.licence_id}/lendings", json={**WANTED, "copy": True}, headers=keyed(owner))
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["retry_after"]) == (429, "3060", 3060)
    assert answer.json()["detail"] == "at most 20 annotated copies an hour"
    lend(owner)  # a code alone is not one of them
    forward(owner, seconds=3060)
    owner.again()
    lend(owner, copy=True)


def test_a_copy_that_cannot_be_made_is_not_tried_without_end(owner: Owner) -> None:
    service = owner.world.service
    seal_id = service.keyring.departments[service.catalogue.samples[DRIVER].issuer].seal.seal_id
    service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="check")
    for _ in range(5):
        assert lend(owner, 503, key="again-and-again", copy=True)["type"].endswith("seal-stopped")
    assert lend(owner, 409, key="again-and-again", copy=True)["rule"] == "SH-12"


def test_who_lends_without_end_is_stopped_for_an_hour(owner: Owner) -> None:
    for _ in range(30):
        lend(owner)
    assert lend(owner, 429)["type"].endswith("ceiling-reached")
    forward(owner, minutes=61)
    owner.again()
    lend(owner)


def test_another_holder_knows_of_no_lending(owner: Owner) -> None:
    lent = lend(owner, copy=True)
    other = owner.hosts.app("other-app").acting(Somebody("519902199001010034", "林知远"))
    card = f"/holder/cards/{owner.licence_id}/lendings"
    for method, path in (
        ("post", card),
        ("get", card),
        ("post", f"{card}/{lent['lending_id']}/revoke"),
        ("get", f"{card}/{lent['lending_id']}/copy"),
    ):
        sent = {"json": WANTED, "headers": {**other, "Idempotency-Key": next(KEYS)}} if path == card and method == "post" else {"headers": other}
        answer = owner.http.request(method, path, **sent)
        nothing = owner.http.request(method, path.replace(owner.licence_id, "0" * 20), **sent)
        assert (answer.status_code, answer.json()) == (404, nothing.json()), path
        assert owner.http.request(method, path).status_code in {401, 422}
    assert owner.http.get(f"{card}/{'0' * 26}/copy", headers=owner.headers).status_code == 404
    assert owner.http.get(f"{card}/{lend(owner)['lending_id']}/copy", headers=owner.headers).status_code == 404


@pytest.mark.rule("SH-12")
@pytest.mark.parametrize("over", ["given back", "sold"])
def test_what_is_lent_of_a_card_is_over_with_it_and_stays_so(tmp_path: Path, demo_keys: Path, over: str) -> None:
    with owning(tmp_path, demo_keys, slug=VEHICLE) as owner:
        lent, late = lend(owner, copy=True, fields=["uscc"]), lend(owner, minutes=1, fields=["uscc"])
        content = copied(owner, lent)
        forward(owner, minutes=2)
        if over == "given back":
            owner.give_back()
        else:
            owner.sell()
        with owner.world.service.database.read() as connection:
            revoked = {row.lending_id: row.revoked_at for row in connection.execute(select(lendings))}
        assert revoked[lent["lending_id"]]
        assert revoked[late["lending_id"]] is None  # it was over before, and says that it expired
        for _ in range(2):
            assert read(owner, lent).json()["lent"]["standing"] == "revoked"
            verdict = verified(owner, content)
            assert (verdict["overall"], verdict["lent"]["standing"]) == ("not_valid", "revoked")
            assert "copy-revoked" in codes_of(verdict, "current")
            if over == "sold":
                break
            owner.keep(owner.licence_id)  # claimed again: what was lent before stays over
        if over == "given back":
            assert owner.http.get(lent["copy_url"], headers=owner.headers).status_code == 409
            assert read(owner, lend(owner, fields=["uscc"])).status_code == 200


def test_a_card_of_two_holders_that_one_gives_back_leaves_what_the_other_lent(owner: Owner) -> None:
    other = Owner(owner.hosts, owner.app, Somebody("519902199001010034", "林知远"), owner.licence, log_in="log-in-2")
    mine, theirs = lend(owner), lend(other)
    owner.give_back()
    assert read(owner, mine).json()["lent"]["standing"] == "revoked"
    assert read(owner, theirs).json()["lent"]["standing"] == "living"


@pytest.mark.parametrize("kind", KINDS)
def test_of_twenty_who_read_at_once_as_many_are_served_as_there_are_uses(
    tmp_path: Path, demo_keys: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres")) if kind == "postgresql" else None
    with owning(tmp_path, demo_keys, url) as owner:
        code, office = lend(owner, uses=3)["code"], owner.world.service.shown.lending
        found = at_once([lambda: office.open(code, BANK, None)] * 20)
        assert not [one for one in found if isinstance(one, Exception)]
        assert sum(getattr(one, "verdict", None) is not None for one in found) == 3
        with owner.world.service.database.read() as connection:
            assert sorted(connection.execute(select(lent_uses.c.no)).scalars()) == [1, 2, 3]
            assert len(connection.execute(select(reads)).all()) == 3


def test_wrong_codes_and_wrong_names_are_slowed_and_the_right_pair_never(tmp_path: Path, demo_keys: Path) -> None:
    with owning(tmp_path, demo_keys) as owner:
        lent = lend(owner, uses=1)
        statuses = [read(owner, lent, f"公司{number}").status_code for number in range(12)]
        assert statuses == [404] * 10 + [429] * 2
        assert owner.http.post("/lent", json={"code": "0" * 16, "receiver": BANK}).status_code == 429
        assert read(owner, lent).status_code == 200


# -- annotated copies ------------------------------------------------------------------------------------------------


@pytest.mark.rule("SH-12")
def test_a_copy_says_for_whom_for_what_and_until_when_and_how_the_licence_stands(owner: Owner) -> None:
    lent = lend(owner, copy=True)
    content = copied(owner, lent)
    verdict = verified(owner, content)
    assert (verdict["overall"], verdict["licence"]["licence_id"]) == ("valid", owner.licence_id)
    assert (verdict["lent"]["receiver"], verdict["lent"]["purpose"], verdict["lent"]["standing"]) == (BANK, "办理车辆贷款", "living")
    assert codes_of(verdict, "authentic") == ["in-register", "seal-intact", "specimen", "annotated-copy"]
    page = owner.http.post("/verify/document", files={"document": ("copy.pdf", content)}, headers=BROWSER).text
    assert BANK in page
    assert "加注件" in page
    original = owner.http.post("/download", json={"delivery_code": owner.licence["delivery_code"]}).content
    assert "lent" not in verified(owner, original)


@pytest.mark.rule("SH-12")
def test_a_copy_whose_lending_is_over_is_said_to_be_over_and_its_licence_is_not(owner: Owner) -> None:
    taken, late = (lend(owner, copy=True, uses=1) for _ in range(2))
    contents = [copied(owner, one) for one in (taken, late)]
    revoke(owner, taken)
    for content, minutes, standing in ((contents[0], 1, "revoked"), (contents[1], 60, "expired")):
        forward(owner, minutes=minutes)
        verdict = verified(owner, content)
        assert (verdict["overall"], verdict["lent"]["standing"]) == ("not_valid", standing)
        assert f"copy-{standing}" in codes_of(verdict, "current")
        assert (verdict["answers"]["authentic"]["result"], verdict["answers"]["in_force"]["result"]) == ("yes", "yes")
    owner.again()
    for over in (taken, late):
        assert owner.http.get(over["copy_url"], headers=owner.headers).status_code == 409


def test_a_copy_is_good_for_its_term_however_often_the_code_was_used(owner: Owner) -> None:
    lent = lend(owner, copy=True, uses=1)
    content = copied(owner, lent)
    assert read(owner, lent).status_code == 200
    verdict = verified(owner, content)
    assert (verdict["overall"], verdict["lent"]["standing"], verdict["lent"]["used"]) == ("valid", "living", 1)
    assert copied(owner, lent) == content


def test_a_copy_of_a_licence_that_was_suspended_since_says_so(owner: Owner) -> None:
    content = copied(owner, lend(owner, copy=True))
    owner.act("suspend", suspension={"kind": "measure", "first": beijing_day(owner.world.clock()).isoformat()})
    verdict = verified(owner, content)
    assert (verdict["overall"], verdict["licence"]["state"]) == ("not_valid", "suspended")


def test_a_copy_is_a_sealed_pdf_a_with_the_originals_identity_inside(owner: Owner) -> None:
    lent = lend(owner, copy=True)
    content = copied(owner, lent)
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert list(pdf.attachments) == ["copy.json"]
        said = json.loads(pdf.attachments["copy.json"].get_file().read_bytes())
        assert BANK in str(pdf.docinfo["/Title"])
    original = owner.http.post("/download", json={"delivery_code": owner.licence["delivery_code"]}).content
    version = owner.world.service.book.get(owner.licence_id).entries[0].version
    assert version
    assert version.document.sha256 == sha256(original)
    assert said == {
        "format": "copy/1", "lending_id": lent["lending_id"], "receiver": BANK, "purpose": "办理车辆贷款", "made_at": lent["made_at"], "until": lent["until"],
        "original": {
            "licence_id": owner.licence_id, "elicence_id": owner.licence["elicence_id"], "version": 1, "document_sha256": version.document.sha256,
            "document_sm3": version.document.sm3,
        },
    }  # fmt: skip
    assert owner.licence["check_code"] not in content.decode("latin-1")


def test_a_copy_is_no_version_no_endorsement_and_its_seal_is_accounted_for(owner: Owner) -> None:
    before = len(owner.world.service.book.get(owner.licence_id).entries)
    lent = lend(owner, copy=True)
    assert len(owner.world.service.book.get(owner.licence_id).entries) == before
    uses = owner.world.service.seal_log.uses(reservation_id=lent["lending_id"])
    assert [(one["event"], one["decision"]) for one in uses] == [("requested", "copy/1"), ("done", "copy/1")]
    seal_id = str(uses[0]["seal_id"])
    assert SealedDocuments(owner.world.service.database).loose(seal_id, NOW - timedelta(days=1)) == []


def test_a_stopped_seal_makes_no_copy_and_no_lending(owner: Owner) -> None:
    service = owner.world.service
    seal_id = service.keyring.departments[service.catalogue.samples[DRIVER].issuer].seal.seal_id
    service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="check")
    assert lend(owner, 503, copy=True)["type"].endswith("seal-stopped")
    with service.database.read() as connection:
        assert connection.execute(select(lendings)).all() == []
    assert lend(owner)["copy_url"] is None  # a code needs no seal


@pytest.mark.rule("SH-12")
def test_a_copy_with_its_mark_removed_or_cropped_is_refused(owner: Owner) -> None:
    content = copied(owner, lend(owner, copy=True))

    def saved(change: Any) -> bytes:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            change(pdf)
            target = io.BytesIO()
            pdf.save(target)
            return target.getvalue()

    def unmarked(pdf: Any) -> None:
        for page in pdf.pages:
            data = page.Contents.read_bytes()
            for colour in (b".655 .722 .824 rg", b".122 .227 .373 rg"):  # of the mark across the page, and of the ribbon
                assert colour in data
                data = data.replace(colour, b"1 1 1 rg")
            page.Contents = pdf.make_stream(data)

    def cropped(pdf: Any) -> None:
        for page in pdf.pages:
            page.CropBox = pikepdf.Array([0, 40, page.MediaBox[2], page.MediaBox[3]])

    update = b"\n%%EOF\n1 0 obj<</Type/Catalog>>endobj\n"
    for changed in (saved(unmarked), saved(cropped), saved(lambda _pdf: None), content + update, content[:-1]):
        verdict = verified(owner, changed)
        assert verdict["overall"] in {"not_valid", "cannot_decide"}
        assert verdict["answers"]["authentic"]["result"] != "yes"
        assert "lent" not in verdict
        assert verdict["licence"] is None
        assert "content-as-recorded" not in codes_of(verdict, "authentic")


@pytest.mark.parametrize("slug", ["ship_certificate_cancellation", "water_activity_permit", "road_transport_business_permit"])
def test_copies_of_other_pages_are_made_too(tmp_path: Path, demo_keys: Path, slug: str) -> None:
    with owning(tmp_path, demo_keys, slug=slug) as owner:
        field = owner.world.service.catalogue.editions[slug][-1].holder_name
        lent = lend(owner, copy=True, fields=[field], receiver="蜀安市示例城市轨道交通建设投资发展集团有限责任公司第二分公司人力资源部"[:40])
        content = copied(owner, lent)
        assert verified(owner, content)["lent"]["standing"] == "living"


def test_words_that_have_no_glyph_are_refused_before_the_seal_is_asked(owner: Owner) -> None:
    refused = lend(owner, 422, copy=True, receiver="银行\U0001f3e6")
    assert {one["path"] for one in refused["faults"]} == {"receiver"}
    assert owner.world.service.seal_log.uses() == [one for one in owner.world.service.seal_log.uses() if one["decision"] != "copy/1"]


# -- who looked ------------------------------------------------------------------------------------------------------


def test_everything_that_was_seen_stands_in_one_list_for_the_holder(owner: Owner) -> None:
    service, said = owner.world.service, {"reason": "roadside_check", "place": "示例国道三公里处", "officer": "执法007"}
    lent, police = lend(owner, copy=True, uses=2), officers(owner.world)
    content = copied(owner, lent)
    steps: list[Callable[[], Any]] = [
        lambda: owner.scan(owner.code()), lambda: owner.http.post(f"/D/1{owner.code()['digits']}", json=said, headers=police),
        lambda: read(owner, lent), lambda: verified(owner, content),
        lambda: owner.http.post("/officer/look", json={"by": "number", "value": owner.licence["number"], "case_no": "案1", **said}, headers=police),
    ]  # fmt: skip
    for step in steps:
        forward(owner, seconds=1)
        step()
    found = service.shown.reads.all_of(owner.licence_id)
    reads_of = [one.read for one in found]
    assert [one and (one.way, one.asker) for one in reads_of] == [("shown", "public"), None, ("lent", "receiver"), ("copy", "public"), None]
    assert [one.at for one in found] == sorted(one.at for one in found)
    looks = [one.look for one in found if one.look]
    assert [(one.found_by, one.said["officer"], one.hidden) for one in looks] == [("code", "执法007", False), ("number", "执法007", True)]
    shown, lent_one, copy = reads_of[0], reads_of[2], reads_of[3]
    assert shown
    assert lent_one
    assert copy
    assert "person_name" in shown.fields
    assert (lent_one.fields, copy.lending_id, found[2].lent["receiver"]) == (("person_name", "valid_to"), lent["lending_id"], BANK)
    pages = found[:0]
    after = ""
    while part := service.shown.reads.all_of(owner.licence_id, after=after, limit=2):
        pages += part
        after = part[-1].cursor
    assert pages == found
    for wrong in ("not a cursor", "1.2", f"{10**30}.0.0", f"1.{10**30}.1", "-1.0.0"):
        assert len(service.shown.reads.all_of(owner.licence_id, after=wrong)) == 5
    owner.again()
    answer = Promises(owner.world)(
        "/holder/cards/{licence_id}/looks", owner.http.get(f"/holder/cards/{owner.licence_id}/looks", headers=owner.headers)
    )
    told = answer.json()["looks"]
    assert [(one["way"], one["seen_as"]) for one in told] == [
        ("shown", "public"), ("looked", "officer"), ("lent", "receiver"), ("copy", "public"), ("looked", "officer"),
    ]  # fmt: skip
    assert (told[2]["lent"]["receiver"], [one["zh"] for one in told[2]["fields"]], told[4]["officer"]) == (BANK, ["姓名", "有效期止"], None)


def test_what_is_kept_of_lending_names_nobody_in_clear(owner: Owner, capfd: pytest.CaptureFixture[str]) -> None:
    lent = lend(owner, copy=True)
    read(owner, lent)
    read(owner, lent, "别的公司")
    verified(owner, copied(owner, lent))
    with owner.world.service.database.read() as connection:
        kept = str([connection.execute(select(table)).all() for table in (lendings, lent_uses, lent_copies, reads)])
    logged = "".join(capfd.readouterr())
    assert "/L/{code}" not in logged
    for secret in (BANK, "办理车辆贷款", lent["code"], owner.world.request(DRIVER)["face"]["person_name"], "别的公司"):
        assert secret not in kept + logged


def test_the_documents_promises_are_kept(owner: Owner) -> None:
    promises, card = Promises(owner.world), f"/holder/cards/{owner.licence_id}/lendings"
    path = "/holder/cards/{licence_id}/lendings"
    lent = promises(path, owner.http.post(card, json={**WANTED, "copy": True}, headers=keyed(owner))).json()
    promises(path, owner.http.post(card, json={}, headers=keyed(owner)))
    promises(path, owner.http.get(card, headers=owner.headers))
    promises(f"{path}/{{lending_id}}/copy", owner.http.get(lent["copy_url"], headers=owner.headers))
    promises("/verify/document", owner.http.post("/verify/document", content=copied(owner, lent), headers=PDF))
    promises("/lent", read(owner, lent))
    promises("/lent", read(owner, lent, "别的公司"))
    promises("/lent", owner.http.post("/lent", json={}))
    promises(f"{path}/{{lending_id}}/revoke", owner.http.post(f"{card}/{lent['lending_id']}/revoke", headers=owner.headers))
    promises("/lent", read(owner, lent))
    assert "text/html" in owner.http.get(f"/L/{lent['code']}").headers["content-type"]
    assert {route for route, _ in promises.seen} >= {one for one in LENT if "lend" in one or one == "/lent"}
