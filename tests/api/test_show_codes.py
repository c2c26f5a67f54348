"""Show codes through HTTP: made for a holder's screen, scanned by the public, by passengers and by officers (DOMAIN §2d, SH-05, SH-07)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from licence_service.cli import app
from licence_service.follower import keeper_of
from licence_service.licence import beijing_day
from licence_service.seal.tokens import Purpose
from licence_service.showing import Answer, Scanned, Scanner
from licence_service.store.tables_of_lending import ended_logins, reads, showings, shown_nonces
from tests.holders import Owner, officers, owning
from tests.host import Somebody
from tests.parts.databases import KINDS, at_once, empty_postgres
from tests.promised import LENT, Promises
from tests.world import DRIVER, TRIP, VEHICLE, World, built

BROWSER = {"Accept": "text/html"}
SAID = {"reason": "roadside_check", "place": "示例国道三公里处", "officer": "执法007"}
ELSEWHERE = "elsewhere-0123456789"


@pytest.fixture
def owner(tmp_path: Path, demo_keys: Path) -> Iterator[Owner]:
    with owning(tmp_path, demo_keys, failures_before_slowing=1000) as found:
        yield found


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Owner]:
    """An owner that the tests of this module share: nothing of theirs is suspended, lost or logged out, and the clock stands."""
    with owning(tmp_path_factory.mktemp("owner"), demo_keys, failures_before_slowing=1000) as found:
        yield found


def forward(owner: Owner, seconds: float) -> None:
    """Let time pass."""
    clock: Any = owner.world.clock
    clock.now += timedelta(seconds=seconds)


def reasons(scanned: dict[str, Any], question: str) -> list[str]:
    return [one["code"] for one in scanned["verdict"]["answers"][question]["reasons"]]


def test_a_code_that_lives_answers_all_five_questions(calm: Owner) -> None:
    made = calm.code()
    assert made["address"] == f"HTTPS://LICENCE.EXAMPLE.CN/D/1{made['digits']}"
    assert made["state"] == "in_force"
    scanned = calm.scan(made)
    assert (scanned["answer"], scanned["overall"]) == ("shown", "valid")
    assert scanned["verdict"]["answers"]["shown"]["result"] == "yes"
    assert reasons(scanned, "shown") == ["shown-live"]
    assert scanned["verdict"]["licence"]["licence_id"] == calm.licence_id


def test_a_code_lives_for_a_minute_and_is_refreshed_at_half_its_life(calm: Owner) -> None:
    for life in (60, 30, 300):
        made = calm.code() if life == 60 else calm.code(seconds=life)
        times = [made[name].replace(".000", "") for name in ("made_at", "refresh_at", "expires_at")]
        start = calm.world.clock()
        assert times == [(start + timedelta(seconds=after)).isoformat(timespec="seconds") for after in (0, life // 2, life)]
    for wrong in ({"seconds": 29}, {"seconds": 301}, {"seconds": "60"}, {"audience": "police"}, {"more": 1}):
        answer = calm.http.post(f"/holder/cards/{calm.licence_id}/show-codes", json=wrong, headers=calm.headers)
        assert answer.status_code == 422, wrong


@pytest.mark.rule("SH-07")
def test_the_first_checker_has_a_code_and_may_ask_again_while_it_lives(calm: Owner) -> None:
    made = calm.code()
    first = calm.http.post(f"/D/1{made['digits']}", json={}).json()
    assert calm.scan(made, first["checker"])["answer"] == "shown"
    for other in (ELSEWHERE, first["checker"][::-1]):
        replayed = calm.scan(made, other)
        assert (replayed["answer"], replayed["overall"], replayed["verdict"]["licence"]) == ("replayed", "not_valid", None)
        assert reasons(replayed, "shown") == ["replayed"]
        assert replayed["photos"] == {}
    assert calm.scan(made, first["checker"])["answer"] == "shown"


@pytest.mark.rule("SH-07")
def test_a_code_after_its_life_is_expired_and_says_nothing_of_the_licence(owner: Owner) -> None:
    made = owner.code()
    assert owner.scan(made)["answer"] == "shown"
    forward(owner, 60)
    for checker in ("c" * 16, ELSEWHERE):
        late = owner.scan(made, checker)
        assert (late["answer"], late["overall"], late["verdict"]["licence"]) == ("expired_code", "cannot_decide", None)
        assert late["verdict"]["answers"]["authentic"]["result"] == "yes"  # genuine, and not called a forgery (SH-02)


@pytest.mark.rule("SH-05")
@pytest.mark.parametrize(("minutes", "wanted"), [(-10, "clock"), (10, "expired_code")])
def test_two_servers_whose_clocks_are_ten_minutes_apart(owner: Owner, minutes: int, wanted: str) -> None:
    made = owner.code()
    forward(owner, 60 * minutes)
    scanned = owner.scan(made)
    assert (scanned["answer"], scanned["overall"], scanned["verdict"]["licence"]) == (wanted, "cannot_decide", None)
    assert scanned["wrong_by_seconds"] == (-600 if minutes < 0 else None)
    with owner.world.service.database.read() as connection:
        assert connection.execute(select(shown_nonces)).all() == []  # nobody has it yet
    forward(owner, -60 * minutes)
    assert owner.scan(made)["answer"] == "shown"


@pytest.mark.rule("SH-05")
def test_a_checkers_clock_that_is_off_is_said_to_be_off_and_the_server_decides(calm: Owner) -> None:
    made, now = calm.code(), calm.world.clock()
    for minutes in (-10, -4, 0, 4, 10):
        scanned = calm.scan(made, device_time=(now + timedelta(minutes=minutes)).isoformat())
        assert scanned["answer"] == "shown"
        assert scanned["device_wrong_by_seconds"] == (60 * minutes if abs(minutes) > 5 else None)
    for wrong in ("noon", "2026-11-28T12:00:00", "9999-12-31T23:59:59-23:59"):
        answer = calm.http.post(f"/D/1{made['digits']}", json={"device_time": wrong})
        assert answer.status_code in {200, 422}, wrong
        assert wrong not in answer.text


@pytest.mark.parametrize(("act", "state"), [("suspend", "suspended"), ("revoke", "revoked")])
def test_the_next_scan_of_a_code_made_before_says_that_the_right_ended(owner: Owner, act: str, state: str) -> None:
    made = owner.code()
    assert owner.scan(made)["overall"] == "valid"
    today = beijing_day(owner.world.clock())
    owner.act(act, **({"suspension": {"kind": "measure", "first": today.isoformat()}} if act == "suspend" else {}))
    scanned = owner.scan(made)
    assert (scanned["answer"], scanned["overall"]) == ("shown", "not_valid")
    assert scanned["verdict"]["licence"]["state"] == state
    assert owner.code()["state"] == state  # it is shown all the same, and says so


def test_a_loss_report_blocks_showing_and_not_the_right(owner: Owner) -> None:
    made = owner.code()
    owner.act("report_lost")
    scanned = owner.scan(made)
    assert (scanned["answer"], scanned["overall"]) == ("shown", "not_valid")
    assert scanned["verdict"]["answers"]["in_force"]["result"] == "yes"
    assert reasons(scanned, "current") == ["reported-lost"]
    refused = owner.http.post(f"/holder/cards/{owner.licence_id}/show-codes", json={}, headers=owner.headers)
    assert (refused.status_code, refused.json()["rule"]) == (409, "LC-12")
    owner.act("report_found")
    assert owner.scan(owner.code())["overall"] == "valid"


def test_a_log_in_that_is_over_takes_its_codes_with_it_and_no_other(owner: Owner) -> None:
    made = owner.code()
    other = Owner(owner.hosts, owner.app, owner.who, owner.licence, log_in="log-in-2")
    kept = other.code()
    assert owner.http.post("/holder/log-out", headers=owner.headers).status_code == 204
    over = owner.scan(made)
    assert (over["answer"], over["overall"], over["verdict"]["licence"]) == ("log_in_over", "not_valid", None)
    assert other.scan(kept)["answer"] == "shown"
    refused = owner.http.post(f"/holder/cards/{owner.licence_id}/show-codes", json={}, headers=owner.headers)
    assert refused.status_code == 401


def test_a_token_whose_log_in_is_over_opens_nothing_any_more_and_who_logs_in_again_has_a_new_one(owner: Owner) -> None:
    made, first = owner.code(), owner.headers
    owner.again()  # a second token of the same log-in
    assert owner.http.post("/holder/log-out", headers=first).status_code == 204
    routes = [
        (method, path)
        for path, methods in owner.http.get("/openapi.json").json()["paths"].items()
        if path.startswith("/holder")
        for method in methods
    ]
    assert len(routes) > 15
    named = {"licence_id": owner.licence_id, "lending_id": "0" * 26, "delegation_id": "0" * 26, "consent_id": "0" * 26, "field": "photo"}
    for headers in (first, owner.headers):
        for method, path in routes:
            sent: dict[str, Any] = {"json": {}} if method in {"post", "put"} else {}
            answer = owner.http.request(method, path.format(**named), headers={**headers, "Idempotency-Key": "after-log-out"}, **sent)
            assert (answer.status_code, answer.json()["detail"]) == (401, "this log-in is over"), (method, path)

    owner.again()  # vouched for anew: the identity service may not have ended its own log-in
    assert owner.scan(made)["answer"] == "log_in_over"
    assert owner.scan(owner.code())["answer"] == "shown"
    assert owner.http.get("/holder/cards", headers=first).status_code == 401
    assert owner.http.post("/holder/log-out", headers=owner.headers).status_code == 204
    owner.again()
    assert owner.scan(owner.code())["answer"] == "shown"


@pytest.mark.parametrize("over", ["given back", "sold"])
def test_a_card_that_is_over_takes_its_codes_with_it_at_once(tmp_path: Path, demo_keys: Path, over: str) -> None:
    with owning(tmp_path, demo_keys, slug=VEHICLE) as owner:
        used, fresh = owner.code(), owner.code()
        assert owner.scan(used)["answer"] == "shown"
        forward(owner, 1)
        if over == "given back":
            owner.give_back()
        else:
            owner.sell()
        for code in (used, fresh):  # also for the checker who had it before
            scanned = owner.scan(code)
            assert (scanned["answer"], scanned["overall"], scanned["verdict"]["licence"], scanned["photos"]) == ("card_over", "not_valid", None, {})
            assert reasons(scanned, "shown") == ["card-over"]
        page = owner.http.post(f"/D/1{fresh['digits']}", data={"checker": ELSEWHERE}, headers=BROWSER)
        assert "此码作废" in page.text
        assert owner.http.post(f"/holder/cards/{owner.licence_id}/show-codes", json={}, headers=owner.headers).status_code == 404
        if over == "given back":  # who keeps it again shows new codes; the old ones stay over
            forward(owner, 1)
            owner.keep(owner.licence_id)
            assert owner.scan(fresh)["answer"] == "card_over"
            assert owner.scan(owner.code())["answer"] == "shown"


def test_what_a_device_scanned_before_the_card_was_given_back_was_shown_and_later_was_not(owner: Owner) -> None:
    police, codes, began = officers(owner.world), [owner.code() for _ in range(2)], owner.world.clock()
    forward(owner, 20)
    owner.give_back()
    forward(owner, 20)
    rows = [
        {"code": one["digits"], "scanned_at": (began + timedelta(seconds=at)).isoformat(), **SAID} for one, at in zip(codes, (10, 30), strict=True)
    ]
    told = owner.http.post("/officer/shown", json={"device_time": owner.world.clock().isoformat(), "scans": rows}, headers=police).json()
    assert [one["answer"] for one in told["scans"]] == ["shown", "card_over"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_forgets_nothing(tmp_path: Path, demo_keys: Path, kind: str, request: pytest.FixtureRequest) -> None:
    url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres")) if kind == "postgresql" else None
    with owning(tmp_path, demo_keys, url) as owner:
        used, fresh = owner.code(), owner.code()
        assert owner.scan(used)["answer"] == "shown"
        service = built(owner.world.service.settings, owner.world.clock)
        again = World(service, owner.world.clock, owner.world.tokens)
        try:
            for code, checker, wanted in ((used, ELSEWHERE, "replayed"), (used, "c" * 16, "shown"), (fresh, ELSEWHERE, "shown")):
                assert again.http.post(f"/D/1{code['digits']}", json={"checker": checker}).json()["answer"] == wanted
            forward(owner, 61)
            assert again.http.post(f"/D/1{used['digits']}", json={}).json()["answer"] == "expired_code"
        finally:
            service.close()


def test_a_code_is_checked_without_network_by_the_bundle_of_the_same_service(calm: Owner, tmp_path: Path) -> None:
    service, made, bundle = calm.world.service, calm.code(), tmp_path / "bundle"
    bundle.write_text(service.publisher.bundle(at_once=True), "ascii")
    key = tmp_path / "keeper.pem"
    key.write_text(service.keyring.public_code_keys()[keeper_of(service.keyring.departments).signers[Purpose.STATUS].kid.hex()], "ascii")
    for after, said in ((20, "shown-live"), (61, "expired-code")):  # conditions are not known without the register
        at = (calm.world.clock() + timedelta(seconds=after)).isoformat()
        done = CliRunner().invoke(app, ["check-offline", made["address"], "--bundle", str(bundle), "--key", str(key), "--at", at, "--json"])
        assert done.exit_code == 5, done.output
        assert [one["code"] for one in json.loads(done.stdout)["answers"]["shown"]["reasons"]] == [said]


def test_previews_of_links_use_nothing_up(calm: Owner) -> None:
    made = calm.code()
    for headers in ({}, BROWSER, {"User-Agent": "WhatsApp/2.23", "Accept": "*/*"}):
        for _ in range(20):
            page = calm.http.get(f"/D/1{made['digits']}", headers=headers)
            assert page.status_code == 200
            assert "text/html" in page.headers["content-type"]
            assert calm.licence_id not in page.text
    assert calm.http.head(f"/D/1{made['digits']}").status_code in {200, 405}
    assert calm.scan(made)["answer"] == "shown"


def test_the_page_is_checked_by_its_button_and_may_be_sent_again(calm: Owner) -> None:
    made = calm.code()
    page = calm.http.get(f"/D/1{made['digits']}", headers=BROWSER).text
    checker = page.split('name="checker" value="')[1].split('"')[0]
    for _ in range(2):
        shown = calm.http.post(f"/D/1{made['digits']}", data={"checker": checker}, headers=BROWSER)
        assert shown.status_code == 200
        assert "有效" in shown.text
    elsewhere = calm.http.post(f"/D/1{made['digits']}", data={"checker": ELSEWHERE}, headers=BROWSER)
    assert "可能是翻拍" in elsewhere.text
    assert "陈" not in elsewhere.text


def test_ten_thousand_guesses_find_nothing_and_are_slowed(tmp_path: Path, demo_keys: Path) -> None:
    with owning(tmp_path, demo_keys) as owner:
        made = owner.code()
        office, digits = owner.world.service.shown.office, made["digits"]
        for number in range(10_000):  # near the right one, and the right one's neighbours last
            guess = str(int(digits) + (1 if number % 2 else -1) * (number + 1) * (10 ** (number % 300)))
            assert office.scan(guess[:1200], Scanner(f"guess-{number:012d}")).answer is Answer.NOT_A_CODE
        statuses = [owner.http.post(f"/D/1{int(digits) - number - 1}", json={}).status_code for number in range(40)]
        assert statuses[:10] == [200] * 10
        assert set(statuses[10:]) == {429}
        assert owner.scan(made)["answer"] == "shown"  # a right code is never refused


def test_who_is_shown_it_sees_what_the_holder_chose_and_an_officer_more(owner: Owner) -> None:
    police = officers(owner.world)
    face = owner.world.request(DRIVER)["face"]

    def told(code: dict[str, Any], **asked: Any) -> tuple[dict[str, str], dict[str, str], dict[str, Any]]:
        answer = owner.http.post(f"/D/1{code['digits']}", **asked)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        return {one["name"]: one["text"] for one in said["verdict"]["licence"]["face"]}, said["photos"], said

    public, pictures, said = told(owner.code(), json={})
    assert (public["person_name"][0], pictures, said["seen_as"]) == (face["person_name"][0], {}, "public")
    assert face["person_name"] not in str(said)
    passenger, pictures, said = told(owner.code(audience="passenger"), json={})
    assert (passenger["person_name"], said["seen_as"]) == (f"{face['person_name'][0]}师傅", "passenger")
    assert set(pictures) == {"photo"}
    officer, whole, said = told(owner.code(), json=SAID, headers=police)
    assert (officer["person_name"], said["seen_as"], said["checker"]) == (face["person_name"], "officer", None)
    assert face["citizen_id"] not in str(said["verdict"])  # masked without a reason that opens it
    assert len(whole["photo"]) > len(pictures["photo"])
    opened, _, _ = told(owner.code(), json={**SAID, "reason": "accident"}, headers=police)
    assert face["citizen_id"] in opened.values()


@pytest.mark.rule("SH-11")
def test_an_officer_says_who_where_and_why_and_the_look_is_kept(owner: Owner) -> None:
    forward(owner, 1)  # what was entered this moment was not known before it
    police, made = officers(owner.world), owner.code()
    for missing in SAID:
        answer = owner.http.post(f"/D/1{made['digits']}", json={name: one for name, one in SAID.items() if name != missing}, headers=police)
        assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, missing)
    answer = owner.http.post(f"/D/1{made['digits']}", json=SAID, headers=police)
    assert answer.json()["answer"] == "shown"
    assert owner.http.post(f"/D/1{made['digits']}", json={**SAID, "officer": "执法008"}, headers=police).json()["answer"] == "replayed"
    looks = owner.http.get(f"/licences/{owner.licence_id}/looks", headers=owner.world.headers(DRIVER)).json()["looks"]
    assert [(one["found_by"], one["officer"]) for one in looks] == [("code", "执法007"), ("code", "执法008")]
    assert looks[0]["look_id"] == answer.json()["look_id"]
    told = owner.http.get(f"/holder/cards/{owner.licence_id}/looks", headers=owner.headers).json()["looks"]
    verdict = answer.json()["verdict"]["licence"]
    assert {one["name"] for one in told[0]["fields"]} == {one["name"] for one in verdict["face"]} | set(answer.json()["photos"])
    assert told[1]["fields"] == []  # the second officer saw nothing, and the holder is not told otherwise
    for headers in (owner.world.headers(DRIVER), owner.headers, {"Authorization": "Bearer wrong"}):
        assert owner.http.post(f"/D/1{made['digits']}", json=SAID, headers=headers).status_code in {401, 403}


@pytest.mark.rule("SH-07")
def test_a_device_reports_what_it_scanned_without_network(owner: Owner) -> None:
    police, codes, now = officers(owner.world), [owner.code() for _ in range(4)], owner.world.clock()
    assert owner.scan(codes[1], ELSEWHERE)["answer"] == "shown"
    rows = [
        {"code": codes[0]["digits"], "scanned_at": (now + timedelta(seconds=20)).isoformat(), **SAID},
        {"code": codes[1]["digits"], "scanned_at": (now + timedelta(seconds=21)).isoformat(), **SAID},
        {"code": codes[2]["digits"], "scanned_at": (now + timedelta(seconds=61)).isoformat(), **SAID},
        {"code": "1234567890", "scanned_at": now.isoformat(), **SAID},
    ]  # fmt: skip
    forward(owner, 7200)

    def report(scans: list[dict[str, Any]], minutes: int = 0) -> dict[str, Any]:
        device_time = (owner.world.clock() + timedelta(minutes=minutes)).isoformat()
        answer = owner.http.post("/officer/shown", json={"device_time": device_time, "scans": scans}, headers=police)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    said = report(rows)
    assert [one["answer"] for one in said["scans"]] == ["shown", "replayed", "expired_code", "not_a_code"]
    assert [one["reported_before"] for one in report(rows)["scans"]] == [True, False, True, False]  # an answer that was lost is asked for again
    looks = owner.world.service.officers.looks.of(owner.licence_id)
    assert [(one.found_by, one.at) for _, one in looks] == [("code", now + timedelta(seconds=20))]
    owner.again()
    told = owner.http.get(f"/holder/cards/{owner.licence_id}/looks", headers=owner.headers).json()["looks"]
    assert [one["fields"] for one in told if one["way"] == "looked"] == [[]]  # the device had the code, and nothing of the face
    off = [{**rows[0], "code": codes[3]["digits"], "scanned_at": (now + timedelta(minutes=10, seconds=5)).isoformat()}]
    wrong = report(off, minutes=10)
    assert (wrong["device_wrong_by_seconds"], wrong["scans"][0]["answer"], wrong["scans"][0]["wrong_by_seconds"]) == (600, "clock", 600)


def test_a_report_that_is_not_of_the_documented_shape_enters_nothing(owner: Owner) -> None:
    police, now = officers(owner.world), owner.world.clock()
    row = {"code": owner.code()["digits"], "scanned_at": now.isoformat(), **SAID}
    for body, place in (
        ({"device_time": now.isoformat(), "scans": []}, "scans"), ({"device_time": "noon", "scans": [row]}, "device_time"),
        ({"device_time": now.isoformat(), "scans": [row, {**row, "officer": ""}]}, "scans.1.officer"),
        ({"device_time": now.isoformat(), "scans": [row, {**row, "code": "x"}]}, "scans.1.code"),
        ({"device_time": now.isoformat(), "scans": [{**row, "scanned_at": (now + timedelta(seconds=1)).isoformat()}]}, "scans.0.scanned_at"),
        ({"device_time": now.isoformat(), "scans": [row] * 201}, "scans"), ({"device_time": now.isoformat(), "scans": [1]}, "scans"),
    ):  # fmt: skip
        answer = owner.http.post("/officer/shown", json=body, headers=police)
        assert answer.status_code == 422, body
        assert place in {one["path"] for one in answer.json()["faults"]}
    with owner.world.service.database.read() as connection:
        assert connection.execute(select(shown_nonces)).all() == []


def test_only_a_card_of_the_holder_of_a_type_that_is_shown_has_a_code(owner: Owner) -> None:
    foreign = owner.world.issue(TRIP, "issue-0002")["licence_id"]
    for licence_id in (foreign, "0" * 20):
        answer = owner.http.post(f"/holder/cards/{licence_id}/show-codes", json={}, headers=owner.headers)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:licence-service:problem:not-in-register")
    other = owner.hosts.app("other-app").acting(Somebody("519902199001010034", "林知远"))
    assert owner.http.post(f"/holder/cards/{owner.licence_id}/show-codes", json={}, headers=other).status_code == 404
    assert owner.http.post(f"/holder/cards/{owner.licence_id}/show-codes", json={}).status_code == 401
    shown = {slug for slug, editions in owner.world.service.catalogue.editions.items() if editions[-1].presentable}
    assert len(shown) == 10
    hidden = min(slug for slug, one in owner.world.service.catalogue.editions.items() if slug not in shown and one[-1].holder == "person")
    owner.keep(card := owner.world.issue(hidden, "issue-0004")["licence_id"])
    assert owner.http.post(f"/holder/cards/{card}/show-codes", json={}, headers=owner.headers).status_code == 409


@pytest.mark.parametrize("kind", KINDS)
def test_of_twenty_who_scan_at_once_one_has_the_code(tmp_path: Path, demo_keys: Path, kind: str, request: pytest.FixtureRequest) -> None:
    url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres")) if kind == "postgresql" else None
    with owning(tmp_path, demo_keys, url) as owner:
        office, digits = owner.world.service.shown.office, owner.code()["digits"]
        found = at_once([lambda number=number: office.scan(digits, Scanner(f"checker-{number:010d}")) for number in range(20)])  # type: ignore[misc]
        assert sorted(one.answer.value for one in found if isinstance(one, Scanned)) == ["replayed"] * 19 + ["shown"]
        with owner.world.service.database.read() as connection:
            assert len(connection.execute(select(reads)).all()) == 1


def test_what_is_kept_of_showing_names_nobody_and_is_thrown_away(owner: Owner, capfd: pytest.CaptureFixture[str]) -> None:
    face = owner.world.request(DRIVER)["face"]
    made = owner.code()
    owner.scan(made)
    owner.http.post("/holder/log-out", headers=owner.headers)
    with owner.world.service.database.read() as connection:
        kept = [connection.execute(select(table)).all() for table in (showings, shown_nonces, ended_logins, reads)]
    assert [len(rows) for rows in kept] == [1, 1, 1, 1]
    logged = "".join(capfd.readouterr())
    assert "/D/1{digits}" in logged
    for personal in (face["person_name"], face["citizen_id"]):
        assert personal not in str(kept) + logged + made["address"]
    assert made["digits"] not in logged
    forward(owner, 3 * 86_400)
    other = Owner(owner.hosts, owner.app, owner.who, owner.licence, log_in="log-in-3")
    other.code()
    with owner.world.service.database.read() as connection:
        assert [len(connection.execute(select(table)).all()) for table in (showings, shown_nonces, ended_logins, reads)] == [1, 0, 0, 1]


def test_the_documents_promises_are_kept(owner: Owner) -> None:
    promises, police, now = Promises(owner.world), officers(owner.world), owner.world.clock()
    path = f"/holder/cards/{owner.licence_id}/show-codes"
    code = promises("/holder/cards/{licence_id}/show-codes", owner.http.post(path, json={}, headers=owner.headers)).json()
    promises("/holder/cards/{licence_id}/show-codes", owner.http.post(path, json={"seconds": 1}, headers=owner.headers))
    promises("/holder/cards/{licence_id}/show-codes", owner.http.post(path, json={}))
    promises("/D/1{digits}", owner.http.post(f"/D/1{code['digits']}", json={}))
    promises("/D/1{digits}", owner.http.post("/D/1123", json={"checker": "x"}))
    promises("/D/1{digits}", owner.http.post("/D/1123", json=SAID, headers=police))
    scans = [{"code": code["digits"], "scanned_at": now.isoformat(), **SAID}]
    promises("/officer/shown", owner.http.post("/officer/shown", json={"device_time": now.isoformat(), "scans": scans}, headers=police))
    promises("/officer/shown", owner.http.post("/officer/shown", json={}, headers=police))
    promises("/holder/log-out", owner.http.post("/holder/log-out", headers=owner.headers))
    assert "text/html" in owner.http.get(f"/D/1{code['digits']}").headers["content-type"]
    assert {route for route, _ in promises.seen} >= {one for one in LENT if "show" in one or one.startswith(("/D", "/holder/log"))}
