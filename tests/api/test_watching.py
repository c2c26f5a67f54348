"""What the operator sees: health, readiness, figures and logs, and nothing about any person in them."""

import io
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import OctKey

from licence_service.admission import ASSERTION_TYPE
from licence_service.app import create_app, log_as_json
from licence_service.licence import beijing_day
from licence_service.store.clients import EVERY_TYPE, Client
from licence_service.web.access import TheService
from tests.world import DRIVER, NOW, VEHICLE, World

HAILING = "ride_hailing_transport_certificate"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a server writes: all of standard output and standard error, set up as `serve` does."""
    sink = io.StringIO()
    monkeypatch.setattr(sys, "stdout", sink)
    monkeypatch.setattr(sys, "stderr", sink)
    before = structlog.get_config()
    log_as_json()
    yield sink
    structlog.configure(**before)


def lines(sink: io.StringIO) -> list[dict[str, Any]]:
    """Return the structured lines."""
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def test_a_server_is_alive_and_ready(world: World) -> None:
    assert world.http.get("/healthz").json() == {"status": "alive"}
    assert world.http.get("/readyz").json() == {"status": "ready"}


def test_a_server_whose_database_is_gone_is_alive_but_not_ready(world: World, tmp_path: Path) -> None:
    world.service.database.close()
    for path in tmp_path.glob("licence.db*"):
        path.unlink()
    assert world.http.get("/healthz").status_code == 200
    answer = world.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0


def test_a_server_whose_archive_is_gone_is_not_ready(world: World, tmp_path: Path) -> None:
    (tmp_path / "archive").rmdir()
    assert world.http.get("/readyz").status_code == 503


def test_what_the_press_prints_and_hands_over_is_counted(world: World) -> None:
    world.issue(DRIVER)
    world.issue(DRIVER, "wide-00001", case_no="WIDE-1", face={**world.request(DRIVER)["face"], "license_no": "5199021985061201113", "address": "Ж路"})
    figures = world.http.get("/metrics").text
    assert 'licence_pages_total{what="pressed",why=""} 1.0' in figures
    assert 'licence_pages_total{what="handed over",why="width"} 1.0' in figures


def test_requests_are_counted_by_route_and_never_by_address_or_invented_method(world: World) -> None:
    world.http.get("/templates")
    world.http.get("/licences/AAAAAAAAAAAAAAAAAAAA", headers=world.headers(DRIVER))
    world.http.get("/no/such/13800000000")
    world.http.request("SECRET", "/templates")
    figures = world.http.get("/metrics").text
    assert 'licence_requests_total{method="GET",route="/templates",status="200"} 1.0' in figures
    assert 'licence_requests_total{method="GET",route="/licences/{licence_id}",status="404"} 1.0' in figures
    assert 'licence_requests_total{method="GET",route="unknown",status="404"} 1.0' in figures
    assert 'licence_requests_total{method="other"' in figures
    for secret in ("AAAAAAAAAAAAAAAAAAAA", "13800000000", "SECRET"):
        assert secret not in figures


def told(world: World) -> tuple[set[str], str]:
    """Go through a whole journey and return everything that no log may hold, and the figures."""
    issued = {slug: world.issue(slug, f"told-{slug}"[:60]) for slug in (DRIVER, VEHICLE)}
    driver = issued[DRIVER]
    day = beijing_day(world.clock()).isoformat()
    endorsement = {
        "act": "endorse", "kind": "violation", "external_ref": "v-1",
        "facts": {"date": day, "decision_no": "罚〔2026〕77号", "act": "超员", "penalty": "罚款", "authority": "示例机关"},
    }  # fmt: skip
    assert world.act(DRIVER, driver["licence_id"], endorsement, "told-endorse").status_code == 201
    assert world.act(DRIVER, driver["licence_id"], {"act": "replace", "reason": "lost"}, "told-replace").status_code == 201
    world.http.get(f"/licences/{driver['licence_id']}", headers=world.headers(DRIVER))
    world.http.get(f"/licences/{driver['licence_id']}/entries", headers=world.headers(DRIVER))
    content = world.http.post("/download", json={"delivery_code": driver["delivery_code"]}).content
    world.http.post("/verify/document", content=content, headers={"Content-Type": "application/pdf"})
    world.http.post("/verify/document", content=content[:-700], headers={"Content-Type": "application/pdf"})
    world.http.post("/verify", json={"number": driver["number"], "check_code": driver["check_code"]})
    world.http.post("/verify", json={"number": driver["number"], "check_code": "0123456789AB"})
    world.http.get("/Q/1" + driver["verify_url"].rpartition("/Q/1")[2])
    world.http.post("/licences/search", json={"field": "number", "value": driver["number"]}, headers=world.headers(DRIVER))
    wrong = world.request(DRIVER, face={"citizen_id": "51990219850612011X", "person_name": "甲\u202e乙"}, case_no="TOLD-2")
    assert world.http.post("/licences", json=wrong, headers=world.headers(DRIVER, "told-wrong-1")).status_code == 422
    world.http.get("/licences/x", headers={"Authorization": "Bearer lst_somebody_elses_token"})
    secrets = {"lst_somebody_elses_token", "51990219850612011X", "罚〔2026〕77号", *world.tokens.values()}
    for slug, one in issued.items():
        secrets |= {
            one["check_code"],
            one["delivery_code"],
            one["number"],
            one["licence_id"],
            one["elicence_id"],
            one["verify_url"].rpartition("/Q/1")[2],
        }
        face = world.request(slug)["face"].values()
        secrets |= {str(value) for value in face if isinstance(value, str) and len(value) > 5}
    return secrets, world.http.get("/metrics").text


def told_at_the_gate(world: World) -> tuple[set[str], str]:
    """Go through what approval systems do besides, rightly and wrongly; return the same, and the bodies of all refusals."""
    issuer, slug = world.service.catalogue.samples[HAILING].issuer, HAILING
    secret = world.service.clients.add(Client("gate", issuer, (EVERY_TYPE,), 100), NOW)
    refused: list[str] = []

    def asked(method: str, path: str, **more: Any) -> Any:
        answer = world.http.request(method, path, **more)
        if answer.status_code >= 400:
            refused.append(answer.text)
        return answer

    form = {"grant_type": "client_credentials", "client_id": "gate"}
    asked("POST", "/oauth/token", data={**form, "client_secret": "lst_not_the_secret_of_gate"})
    asked("POST", "/oauth/token", data={**form, "client_secret": secret, "scope": "issue:no_such_type_of_ours"})
    assertion = jwt.encode({"alg": "HS256"}, {"sub": "gate", "jti": "an-assertion"}, OctKey.generate_key(256))
    asked("POST", "/oauth/token", data={"grant_type": form["grant_type"], "client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE})
    token = asked("POST", "/oauth/token", data={**form, "client_secret": secret}).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    at, digest = (NOW - timedelta(hours=1)).isoformat(), "5e" * 32
    receipts = [
        {"source": name, "asked_at": at, "answered_at": at, "result": "conflict", "compared": ["plate_no", "vin", "vehicle_owner"], "digest": digest,
         "reference": "回执〔2026〕第88号", "case_no": "G-88", "type": slug} for name in ("police_vehicle", "vehicle_inspection")
    ]  # fmt: skip
    decision = {"number": "无人〔2026〕9号", "organ": "示例机关", "decided_on": beijing_day(NOW).isoformat(), "legal_basis": "示例条例"}
    body = world.request(
        slug,
        decision={**decision, "unattended": "unattended_ride_hailing_vehicles"},
        receipts=receipts,
        service_item_code="51990011800100101",
        case_no="G-88",
    )
    assert asked("POST", "/licences", json=body, headers={**bearer, "Idempotency-Key": "gate-00001"}).status_code == 409
    assert (
        asked(
            "POST", "/licences", json={**body, "receipts": [{**receipts[0], "digest": "绝密"}]}, headers={**bearer, "Idempotency-Key": "gate-2345"}
        ).status_code
        == 422
    )
    asked("GET", "/events", headers=bearer)
    asked("GET", "/events?after=a-cursor-of-nobody", headers=bearer)
    asked("POST", "/webhooks", json={"url": "https://user:pass-word-1@127.0.0.1/hook-of-gate"}, headers=bearer)
    asked("GET", "/webhooks", headers={"Authorization": f"Bearer {token[:-3]}"})
    face = {str(value) for value in body["face"].values() if isinstance(value, str) and len(value) > 5}
    secrets = {
        secret, token, assertion, "lst_not_the_secret_of_gate", "no_such_type_of_ours", "pass-word-1", "hook-of-gate", "a-cursor-of-nobody", digest,
        "绝密", "回执〔2026〕第88号", "无人〔2026〕9号",
    }  # fmt: skip
    return secrets | face, "\n".join(refused) + world.http.get("/metrics").text


def test_neither_logs_nor_refusals_nor_figures_hold_what_came_to_the_gate(world: World, logged: io.StringIO) -> None:
    secrets, said = told_at_the_gate(world)
    assert len(secrets) > 15
    assert "needs-clerk" in said
    written = logged.getvalue() + said
    assert not [secret for secret in secrets if secret in written]


def test_neither_logs_nor_figures_hold_a_value_of_a_face_a_number_a_code_or_a_token(world: World, logged: io.StringIO) -> None:
    secrets, figures = told(world)
    assert len(secrets) > 20
    assert len(lines(logged)) > 12
    written = logged.getvalue() + figures
    assert not [secret for secret in secrets if secret in written]


def test_every_request_leaves_one_structured_line_with_its_id(world: World, logged: io.StringIO) -> None:
    answers = [world.http.get("/templates"), world.http.post("/verify", json={}), world.http.get("/nowhere")]
    found = [line for line in lines(logged) if line["event"] == "request"]
    assert [line["request_id"] for line in found] == [answer.headers["x-request-id"] for answer in answers]
    assert [(line["method"], line["route"], line["status"]) for line in found] == [
        ("GET", "/templates", 200),
        ("POST", "/verify", 422),
        ("GET", "unknown", 404),
    ]
    assert all({"ms", "level", "timestamp"} <= line.keys() for line in found)


def broken(world: World) -> TestClient:
    """The application with two routes that have a bug: before the answer begins, and in the middle of it."""
    app: FastAPI = create_app(world.service)

    @app.get("/broken")
    def bug(service: TheService, request: Request) -> None:
        raise RuntimeError(f"张三 {service.settings.public_url} {request.url}")

    return TestClient(app, raise_server_exceptions=False)


def test_a_bug_is_a_bare_500_whose_id_leads_to_the_trace(world: World, logged: io.StringIO) -> None:
    answer = broken(world).get("/broken?who=13800000000")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "request_id"}
    assert problem["request_id"] == answer.headers["x-request-id"]
    (line,) = [line for line in lines(logged) if line["event"] == "bug"]
    assert line["request_id"] == problem["request_id"]
    assert (line["kind"], line["route"]) == ("RuntimeError", "/broken")
    assert "test_watching.py" in line["trace"][-1]
    for secret in ("张三", "13800000000"):
        assert secret not in answer.text + logged.getvalue()
    assert [line["status"] for line in lines(logged) if line["event"] == "request"] == [500]


def test_a_bug_is_a_page_for_a_browser(world: World) -> None:
    answer = broken(world).get("/broken", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert "RuntimeError" not in answer.text
    assert "张三" not in answer.text
