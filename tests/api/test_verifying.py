"""The public side: verdicts by code, by number and check code, by file; wrong codes; downloads; what a refusal looks like."""

import io
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from licence_service.licence import beijing_day
from licence_service.store.failures import WINDOW_SECONDS
from licence_service.verdict import QUESTIONS
from tests.parts.conftest import draw_page
from tests.promised import AGREED, ATTESTED, ELSEWHERE, HEARD, HELD, LENT, SHOWN, STOCK, Promises
from tests.world import DRIVER, TRIP, VEHICLE, World, a_world

PDF = {"Content-Type": "application/pdf"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
WRONG = "0123456789AB"


def pair(world: World, issued: dict[str, Any]) -> dict[str, Any]:
    """Verify by number and check code."""
    answer = world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def scanned(world: World, url: str) -> dict[str, Any]:
    """Open the address of a code on paper."""
    answer = world.http.get("/Q/1" + url.rpartition("/Q/1")[2])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def upload(world: World, content: bytes) -> dict[str, Any]:
    """Verify a file."""
    answer = world.http.post("/verify/document", content=content, headers=PDF)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def original(world: World, issued: dict[str, Any]) -> bytes:
    """Download the sealed file."""
    answer = world.http.post("/download", json={"delivery_code": issued["delivery_code"]})
    assert answer.status_code == 200
    return bytes(answer.content)


def said(verdict: dict[str, Any], question: str) -> tuple[str, list[str]]:
    """Return the result of one question with its reason codes."""
    answer = verdict["answers"][question]
    return answer["result"], [reason["code"] for reason in answer["reasons"]]


# -- the shape ---------------------------------------------------------------------------------------


def test_a_verdict_has_the_shape_that_it_keeps(world: World) -> None:
    issued = world.issue(DRIVER)
    for verdict in (pair(world, issued), scanned(world, issued["verify_url"]), upload(world, original(world, issued))):
        assert list(verdict) == [
            "overall",
            "checked_at",
            "valid_at",
            "known_at",
            "head",
            "sources",
            "answers",
            "licence",
            "checks",
            "conditions",
            "comparison",
            "host",
        ]
        assert list(verdict["answers"]) == ["authentic", "current", "in_force", "conditions", "shown"] == list(QUESTIONS)
        for answer in verdict["answers"].values():
            assert list(answer) == ["result", "reasons"]
            assert answer["result"] in {"yes", "no", "unknown", "not_asked"}
            assert all(list(reason) == ["code", "zh", "en"] and all(reason.values()) for reason in answer["reasons"])
        assert [check["no"] for check in verdict["checks"]] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert all(list(check) == ["no", "name", "result", "reasons"] for check in verdict["checks"])
        assert verdict["overall"] == "valid"
        assert verdict["head"] == {"entry": 1, "recorded_at": world.service.book.head()[1].isoformat(timespec="microseconds")}  # type: ignore[union-attr]
        assert verdict["valid_at"] == beijing_day(world.clock()).isoformat()
        assert verdict["checked_at"] == world.clock().isoformat()


def test_the_answers_of_a_whole_journey_are_of_the_shapes_that_the_openapi_document_promises(world: World) -> None:
    conforms = Promises(world)
    http, headers = world.http, world.headers(VEHICLE)
    issued = conforms("/licences", http.post("/licences", json=world.request(VEHICLE), headers=world.headers(VEHICLE, "shapes-001"))).json()
    one = f"/licences/{issued['licence_id']}"
    for number, body in enumerate(world.moved(VEHICLE).acts()):
        conforms("/licences/{licence_id}/entries", world.act(VEHICLE, issued["licence_id"], body, f"shapes-act-{number}"))
    suspension = {"act": "suspend", "suspension": {"kind": "measure", "first": beijing_day(world.clock()).isoformat()}}
    conforms("/licences/{licence_id}/entries", world.act(VEHICLE, issued["licence_id"], suspension, "shapes-susp"))
    conforms("/licences/{licence_id}/entries", world.act(VEHICLE, issued["licence_id"], {"act": "renew"}, "shapes-renew"))
    conforms("/licences/{licence_id}", http.get(one, headers=headers))
    conforms("/licences/{licence_id}/entries", http.get(one + "/entries", headers=headers))
    conforms("/licences/{licence_id}/history", http.get(one + "/history", headers=headers))
    conforms("/licences/{licence_id}/history", http.get(one + "/history", params={"valid_at": "x"}, headers=headers))
    conforms("/licences/{licence_id}/versions/{number}/document", http.get(one + "/versions/1/document", headers=headers))
    conforms("/licences/{licence_id}/versions/{number}/document", http.get(one + "/versions/99/document", headers=headers))
    conforms("/licences/search", http.post("/licences/search", json={"field": "number", "value": issued["number"]}, headers=headers))
    for route in ("/verify", "/verify/history"):
        for pair_sent in ({"number": issued["number"], "check_code": issued["check_code"]}, {"number": "x", "check_code": "y"}, {}):
            conforms(route, http.post(route, json=pair_sent))
    conforms("/Q/1{digits}", http.get("/Q/1" + issued["verify_url"].rpartition("/Q/1")[2]))
    conforms("/Q/1{digits}", http.get("/Q/1abc"))
    content = conforms("/download", http.post("/download", json={"delivery_code": issued["delivery_code"]})).content
    conforms("/download", http.post("/download", json={"delivery_code": "0" * 16}))
    conforms("/verify/document", http.post("/verify/document", content=content, headers=PDF))
    conforms("/verify/document", http.post("/verify/document", content=b"%PDF-", headers=PDF))
    conforms("/verify/document", http.post("/verify/document", content=b"no", headers=PDF))
    conforms("/templates", http.get("/templates"))
    conforms("/templates/{slug}", http.get(f"/templates/{VEHICLE}"))
    conforms("/templates/{slug}", http.get("/templates/no_such_type"))
    face = {"face": world.request(VEHICLE)["face"], "photos": world.request(VEHICLE)["photos"]}
    conforms("/templates/{slug}/preview", http.post(f"/templates/{VEHICLE}/preview", json=face, headers=headers))
    seal_id = world.service.keyring.departments[world.service.catalogue.samples[TRIP].issuer].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=True, at=world.clock(), by="officer", reason="drill")
    waiting = conforms("/licences", http.post("/licences", json=world.request(TRIP), headers=world.headers(TRIP, "shapes-002")))
    conforms("/reservations/{reservation_id}", http.get(waiting.headers["location"], headers=world.headers(TRIP)))
    world.service.seal_log.order(seal_id, stopped=False, at=world.clock(), by="officer", reason="over")
    world.service.registrar.finish()
    conforms("/reservations/{reservation_id}", http.get(waiting.headers["location"], headers=world.headers(TRIP)))
    conforms("/events", http.get("/events", headers=headers))
    conforms("/arrivals", http.get("/arrivals", headers=headers))
    conforms("/cases/{case_no}", http.get(f"/cases/{world.request(VEHICLE)['case_no']}", headers=headers))
    secret = {"grant_type": "client_credentials", "client_id": world.client(VEHICLE).name, "client_secret": headers["Authorization"].split()[1]}
    conforms("/oauth/token", http.post("/oauth/token", data=secret))
    conforms("/oauth/token", http.post("/oauth/token", data={"grant_type": "password"}))
    conforms("/.well-known/oauth-authorization-server", http.get("/.well-known/oauth-authorization-server"))
    conforms("/webhooks", http.get("/webhooks", headers=headers))
    conforms("/webhooks/{webhook_id}", http.get(f"/webhooks/{'0' * 26}", headers=headers))
    conforms("/healthz", http.get("/healthz"))
    conforms("/readyz", http.get("/readyz"))
    assert {route for route, _ in conforms.seen} == set(conforms.document["paths"]) - {
        "/licences/adopted",
        *ATTESTED,
        *SHOWN,
        *ELSEWHERE | STOCK | HEARD | HELD | LENT | AGREED,
    }
    assert {status for _, status in conforms.seen} == {200, 201, 202, 400, 404, 409, 415, 422}


def test_no_answer_of_the_public_side_is_kept_by_anyone(world: World) -> None:
    issued = world.issue(DRIVER)
    body = {"number": issued["number"], "check_code": issued["check_code"]}
    answers = [
        world.http.post("/verify", json=body), world.http.post("/verify", json=body, headers=BROWSER), world.http.post("/verify", json={}),
        world.http.post("/verify", json={}, headers=BROWSER), world.http.get("/Q/1" + issued["verify_url"].rpartition("/Q/1")[2]),
        world.http.post("/verify/document", content=b"%PDF-", headers=PDF),
        world.http.post("/download", json={"delivery_code": issued["delivery_code"]}),
        world.http.get("/Q/1abc"), world.http.get("/nowhere", headers=BROWSER),
    ]  # fmt: skip
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    for answer in answers:
        if "pdf" not in answer.headers["content-type"]:
            assert "Accept" in answer.headers["vary"]


# -- number and check code -----------------------------------------------------------------------------


def test_an_unknown_number_and_a_wrong_code_are_answered_byte_for_byte_alike(world: World) -> None:
    issued = world.issue(DRIVER)
    wrong = world.http.post("/verify", json={"number": issued["number"], "check_code": WRONG})
    unknown = world.http.post("/verify", json={"number": "no such number", "check_code": issued["check_code"]})
    assert wrong.content == unknown.content  # the clock stands, so the times are equal too
    assert {k: v for k, v in wrong.headers.items() if k != "x-request-id"} == {k: v for k, v in unknown.headers.items() if k != "x-request-id"}
    verdict = wrong.json()
    assert (verdict["overall"], verdict["licence"]) == ("not_valid", None)
    assert said(verdict, "authentic") == ("no", ["no-such-record"])


def test_a_code_is_read_whatever_its_case_groups_and_look_alikes(world: World) -> None:
    issued = world.issue(TRIP)
    code = issued["check_code"]
    for written in (code.lower(), f" {code[:4]} {code[4:8]}-{code[8:]} ", code.replace("1", "I").replace("0", "O")):
        assert pair(world, {**issued, "check_code": written})["overall"] == "valid"


def test_wrong_codes_are_slowed_but_a_right_pair_never_is(world: World) -> None:
    issued = world.issue(DRIVER)
    body = {"number": issued["number"], "check_code": WRONG}
    statuses = [world.http.post("/verify", json=body).status_code for _ in range(100)]
    most = world.service.settings.failures_before_slowing
    assert statuses == [200] * most + [429] * (100 - most)
    slowed = world.http.post("/verify", json=body)
    assert slowed.headers["content-type"] == "application/problem+json"
    assert int(slowed.headers["retry-after"]) > 0
    assert slowed.json()["type"].endswith("too-many-failures")
    assert issued["number"] not in slowed.text
    assert pair(world, issued)["overall"] == "valid"
    assert original(world, issued).startswith(b"%PDF-")
    world.clock.now += timedelta(seconds=WINDOW_SECONDS)  # type: ignore[attr-defined]
    assert world.http.post("/verify", json=body).status_code == 200


def test_wrong_delivery_codes_are_slowed_and_a_right_one_never_is(world: World) -> None:
    issued = world.issue(TRIP)
    statuses = [world.http.post("/download", json={"delivery_code": "0" * 16}).status_code for _ in range(14)]
    assert statuses == [404] * 10 + [429] * 4
    assert original(world, issued).startswith(b"%PDF-")


def test_failures_are_counted_by_address_and_by_number_apart(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, trusted_proxy=True, failures_before_slowing=2) as world:

        def wrong(number: str, address: str) -> int:
            return world.http.post(
                "/verify", json={"number": number, "check_code": WRONG}, headers={"X-Forwarded-For": f"6.6.6.6, {address}"}
            ).status_code

        assert [wrong(f"n-{step}", "192.0.2.1") for step in range(4)] == [200, 200, 429, 429]
        assert wrong("n-9", "192.0.2.2") == 200
        assert [wrong("one", f"198.51.100.{step}") for step in range(4)] == [200, 200, 429, 429]
        assert wrong(" ＯＮＥ ", "203.0.113.1") == 429


def test_without_a_trusted_proxy_an_address_cannot_be_pretended(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, failures_before_slowing=2) as world:
        found = [
            world.http.post("/verify", json={"number": f"n-{step}", "check_code": WRONG}, headers={"X-Forwarded-For": f"192.0.2.{step}"}).status_code
            for step in range(4)
        ]
        assert found == [200, 200, 429, 429]


def test_a_form_posts_too(world: World) -> None:
    issued = world.issue(DRIVER)
    answer = world.http.post("/verify", data={"number": issued["number"], "check_code": issued["check_code"]})
    assert answer.json()["overall"] == "valid"
    assert world.http.post("/download", data={"delivery_code": issued["delivery_code"]}).content.startswith(b"%PDF-")
    sent = world.http.post("/verify/document", files={"document": ("a.pdf", original(world, issued), "application/pdf")})
    assert sent.json()["overall"] == "valid"


def test_a_hostile_pair_is_answered_and_never_a_bug(world: World) -> None:
    form, data = {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "application/json"}
    for body, headers, status in (
        (b"{}", data, 422), (b"", {}, 415), (b"x=1", {"Content-Type": "text/plain"}, 415), (b"number=" + b"9" * 20_000, form, 413),
        (b'{"number": 1, "check_code": 2}', data, 422), (b'{"number": "a", "number": "b"}', data, 422), (b"%ff%fe=%00", form, 422),
        (b"number=%00&check_code=%00", form, 200), (b"number=%ed%a0%80&check_code=%ff", form, 200),
    ):  # fmt: skip
        answer = world.http.post("/verify", content=body, headers=headers)
        assert answer.status_code == status, (body[:40], answer.text)
        assert answer.headers["content-type"] == ("application/json" if status == 200 else "application/problem+json")


# -- states --------------------------------------------------------------------------------------------


def test_an_old_code_of_any_sort_answers_that_it_is_superseded(world: World) -> None:
    issued = world.issue(DRIVER)
    old = original(world, issued)
    replaced = world.act(DRIVER, issued["licence_id"], {"act": "replace", "reason": "lost"}, "replace-01").json()
    for verdict in (pair(world, issued), scanned(world, issued["verify_url"]), upload(world, old)):
        assert verdict["overall"] == "not_valid"
        assert said(verdict, "authentic")[0] == "yes"
        assert said(verdict, "current") == ("no", ["superseded"])
        assert said(verdict, "in_force")[0] == "yes"
        assert verdict["licence"]["version"] == {"presented": 1, "current": 2}
    assert pair(world, replaced)["overall"] == "valid"
    answer = world.http.post("/download", json={"delivery_code": issued["delivery_code"]})
    assert (answer.content, answer.headers["licence-version-state"]) == (old, "superseded")


def test_a_suspended_licence_is_not_in_force_until_the_suspension_lapses(world: World) -> None:
    issued, day = world.issue(DRIVER), beijing_day(world.clock())
    body = {"act": "suspend", "suspension": {"kind": "penalty", "first": day.isoformat(), "last": (day + timedelta(days=9)).isoformat()}}
    assert world.act(DRIVER, issued["licence_id"], body, "suspend-01").status_code == 201
    verdict = pair(world, issued)
    assert (verdict["overall"], verdict["licence"]["state"]) == ("not_valid", "suspended")
    assert said(verdict, "in_force") == ("no", ["suspended"])
    world.clock.now += timedelta(days=10)  # type: ignore[attr-defined]
    assert pair(world, issued)["overall"] == "valid"


def test_an_expired_licence_is_not_in_force_from_the_day_after_its_last(world: World) -> None:
    issued = world.issue(DRIVER)
    version = world.service.book.get(issued["licence_id"]).entries[0].version
    assert version
    assert version.valid_to
    left = (version.valid_to - beijing_day(world.clock())).days
    world.clock.now += timedelta(days=left)  # type: ignore[attr-defined]
    assert said(pair(world, issued), "in_force")[0] == "yes"
    world.clock.now += timedelta(days=1)  # type: ignore[attr-defined]
    verdict = pair(world, issued)
    assert (verdict["overall"], verdict["licence"]["state"]) == ("not_valid", "expired")
    assert said(verdict, "in_force") == ("no", ["expired"])


def test_a_licence_that_begins_later_is_not_yet_in_force(world: World) -> None:
    first = beijing_day(world.clock()) + timedelta(days=2)
    last = first + timedelta(days=5)
    issued = world.issue(TRIP, face={"valid_from": first.isoformat(), "valid_to": last.isoformat()})
    verdict = pair(world, issued)
    assert (verdict["overall"], verdict["licence"]["state"]) == ("not_valid", "pending_effect")
    assert said(verdict, "in_force") == ("no", ["pending-effect"])
    world.clock.now += timedelta(days=2)  # type: ignore[attr-defined]
    assert said(pair(world, issued), "in_force")[0] == "yes"


@pytest.mark.parametrize(("act", "state"), [({"act": "revoke"}, "revoked"), ({"act": "cancel", "ground": "request"}, "cancelled")])
def test_an_ended_licence_is_not_valid_though_its_document_is_genuine(world: World, act: dict[str, Any], state: str) -> None:
    issued = world.issue(VEHICLE)
    content = original(world, issued)
    assert world.act(VEHICLE, issued["licence_id"], act, "ended-0001").status_code == 201
    for verdict in (pair(world, issued), scanned(world, issued["verify_url"]), upload(world, content)):
        assert (verdict["overall"], verdict["licence"]["state"]) == ("not_valid", state)
        assert said(verdict, "authentic")[0] == "yes"
        assert said(verdict, "in_force") == ("no", [state])


def test_a_licence_whose_review_is_overdue_is_valid_with_a_condition_unmet(world: World) -> None:
    issued = world.issue(VEHICLE)
    version = world.service.book.get(issued["licence_id"]).entries[0].version
    assert version
    until = str(version.face["review_valid_to"])
    while beijing_day(world.clock()).isoformat() <= until:
        assert pair(world, issued)["overall"] == "valid"
        world.clock.now += timedelta(days=29)  # type: ignore[attr-defined]
    verdict = pair(world, issued)
    assert verdict["overall"] == "valid_conditions_unmet"
    assert said(verdict, "conditions") == ("no", ["condition-overdue"])
    assert said(verdict, "in_force")[0] == "yes"


# -- files -----------------------------------------------------------------------------------------------


def _encrypted(content: bytes) -> bytes:
    sink = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as opened:
        opened.save(sink, encryption=pikepdf.Encryption(owner="o", user="u"))
    return sink.getvalue()


def _empty() -> bytes:
    sink = io.BytesIO()
    with pikepdf.new() as made:
        made.save(sink)
    return sink.getvalue()


def test_whatever_calls_itself_a_pdf_gets_a_verdict_that_is_never_green(world: World) -> None:
    content = original(world, world.issue(DRIVER))
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    files = {
        "only the header": b"%PDF-", "random bytes": b"%PDF-1.7\n" + os.urandom(50_000), "header at 1000": b"\n" * 1000 + b"%PDF-1.7",
        "truncated": content[:middle], "without its end": content[:-20], "changed": changed, "more behind": content + b"\n% more\n",
        "saved again": _saved(content), "encrypted": _encrypted(content),
        "no pages": _empty(), "another page": draw_page(), "nested": b"%PDF-1.4\n1 0 obj " + b"[" * 100_000, "zeros": b"%PDF-1.4" + b"\0" * 1_000_000,
    }  # fmt: skip
    verdicts = {name: upload(world, file) for name, file in files.items()}
    assert {verdict["overall"] for verdict in verdicts.values()} == {"not_valid", "cannot_decide"}
    assert all(verdict["licence"] is None for verdict in verdicts.values())
    assert all(verdict["answers"]["authentic"]["reasons"] for verdict in verdicts.values())
    reasons = {name: said(verdict, "authentic")[1] for name, verdict in verdicts.items()}
    assert "bytes-changed" in reasons["changed"]
    assert "added-after-seal" in reasons["more behind"]
    assert "encrypted" in reasons["encrypted"]
    assert reasons["another page"] == reasons["no pages"] == ["no-signature"]
    assert verdicts["encrypted"]["overall"] == "cannot_decide"


def _saved(content: bytes) -> bytes:
    sink = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as opened:
        opened.save(sink)
    return sink.getvalue()


def test_a_file_that_is_no_pdf_is_415_and_one_over_20_megabytes_413(world: World) -> None:
    for content in (b"", b"PK\x03\x04", b"\n" * 1024 + b"%PDF-1.7", b"%PD"):
        answer = world.http.post("/verify/document", content=content, headers=PDF)
        assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
    assert world.http.post("/verify/document", files={"document": ("a.txt", b"hello")}).status_code == 415
    assert world.http.post("/verify/document", files={"other": ("a.pdf", b"%PDF-1.7")}).status_code == 415
    large = b"%PDF-1.7\n" + b"0" * 20_000_000
    assert world.http.post("/verify/document", content=large, headers=PDF).status_code == 413
    assert world.http.post("/verify/document", files={"document": ("a.pdf", large + b"0" * 40_000)}).status_code == 413
    assert world.http.post("/verify/document", content=large[:20_000_000], headers=PDF).json()["overall"] in {"not_valid", "cannot_decide"}
    broken = world.http.post("/verify/document", content=b"%PDF- no form", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert 400 <= broken.status_code < 500


def test_a_good_seal_on_a_file_that_is_not_in_the_register_is_not_a_good_licence(world: World) -> None:
    department = world.service.keyring.departments[world.service.catalogue.samples[DRIVER].issuer]
    stolen = department.seal.affix(draw_page("a licence nobody decided on"), sealed_at=world.clock(), request_id="stolen").document
    verdict = upload(world, stolen)
    assert (verdict["overall"], verdict["licence"]) == ("not_valid", None)
    assert said(verdict, "authentic") == ("no", ["not-in-register"])
    assert [(check["no"], check["result"]) for check in verdict["checks"]] == [(2, "yes"), (3, "no")]


# -- codes on paper --------------------------------------------------------------------------------------


def test_digits_that_are_no_code_are_not_valid(world: World) -> None:
    for digits in ("0", "1", "12345", "9" * 1200, "0" * 1200):
        verdict = scanned(world, f"/Q/1{digits}")
        assert verdict["overall"] == "not_valid"
        assert said(verdict, "authentic") == ("no", ["code-not-genuine"])


def test_a_code_with_any_digit_changed_is_not_genuine(world: World) -> None:
    issued = world.issue(TRIP)
    digits = issued["verify_url"].rpartition("/Q/1")[2]
    for place in range(0, len(digits), 23):
        other = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
        assert scanned(world, f"/Q/1{other}")["overall"] == "not_valid"


def test_a_genuine_code_of_a_licence_that_was_never_entered_is_not_valid(tmp_path: Path, demo_keys: Path, world: World) -> None:
    """The same keys, another register: the code's signature is good and the register says no."""
    with a_world(tmp_path / "elsewhere", demo_keys) as other:
        url = other.issue(TRIP)["verify_url"]
    verdict = scanned(world, url)
    assert verdict["overall"] == "not_valid"
    assert said(verdict, "authentic") == ("no", ["no-such-record"])


# -- what strangers see -------------------------------------------------------------------------------------


def test_the_public_sees_names_masked_and_no_identity_number(world: World) -> None:
    request = world.request(DRIVER)
    issued = world.issue(DRIVER)
    answers = [
        world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}, headers=headers)
        for headers in ({}, BROWSER)
    ]
    for answer in answers:
        assert answer.status_code == 200
        said = re.sub(r'<input type="hidden"[^>]*>', "", answer.text)  # what the asker typed, to ask again
        for name in ("person_name", "citizen_id", "address"):
            assert str(request["face"][name]) not in said
        for secret in (issued["check_code"], issued["delivery_code"]):
            assert secret not in said


def test_an_odd_method_is_a_problem_that_names_the_right_ones(world: World) -> None:
    for path in ("/verify", "/verify/document", "/download", "/Q/112", "/licences", "/templates", "/"):
        for method in ("HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
            answer = world.http.request(method, path)
            assert answer.status_code == 405, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["allow"] in {"GET", "POST"}


def _refusals(world: World, headers: dict[str, str]) -> Iterator[tuple[int, Any]]:
    http = world.http
    yield 404, http.get("/nowhere", headers=headers)
    yield 405, http.get("/verify", headers=headers)
    yield 422, http.get("/Q/1abc", headers=headers)
    yield 422, http.post("/verify", json={}, headers=headers)
    yield 415, http.post("/verify/document", content=b"no", headers={**headers, **PDF})
    yield 404, http.post("/download", json={"delivery_code": "0" * 16}, headers=headers)
    yield 401, http.get(f"/licences/{'0' * 20}", headers=headers)


def test_a_refusal_is_a_page_for_a_browser_and_a_problem_for_a_program(world: World) -> None:
    for status, answer in _refusals(world, BROWSER):
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<h1>" in answer.text
    for accept in ("application/json", "*/*", "application/json, text/html", "text/html;q=0, application/json"):
        for status, answer in _refusals(world, {"Accept": accept}):
            assert answer.status_code in {status, 429}, answer.text
            assert answer.headers["content-type"] == "application/problem+json", accept
            assert answer.json()["status"] == answer.status_code


def test_a_database_that_is_gone_is_a_page_that_says_so(world: World, tmp_path: Path) -> None:
    world.service.database.close()
    for path in tmp_path.glob("licence.db*"):
        path.unlink()
    answer = world.http.post("/verify", data={"number": "1", "check_code": "2"}, headers=BROWSER)
    assert answer.status_code == 503
    assert "暂时无法答复" in answer.text
    assert int(answer.headers["retry-after"]) > 0
