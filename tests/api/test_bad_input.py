"""Hostile requests: a 4xx problem that names every fault with its path and echoes nothing; nothing is written."""

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from tests.world import DRIVER, TRIP, VEHICLE, World, decision, dumped

SECRET = "绝密原文"


def refused(world: World, slug: str, key: str = "bad-000001", **changed: Any) -> dict[str, Any]:
    """Send a request that must be refused as 422 and return the problem."""
    return sent(world, slug, dumped(world.request(slug, **changed)), key)


def sent(world: World, slug: str, body: bytes, key: str = "bad-000001", media_type: str = "application/json") -> dict[str, Any]:
    """Send bytes, demand a 4xx problem and an untouched register."""
    answer = world.http.post("/licences", content=body, headers={**world.headers(slug, key), "Content-Type": media_type})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
    assert list(world.service.book.all_ids()) == []
    assert world.service.seal_log.uses() == []
    assert world.service.reservations.unfinished(world.clock()) == []
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    return problem


def faults(problem: dict[str, Any]) -> set[tuple[str, str]]:
    """Return (path, code) of every fault."""
    return {(fault["path"], fault["code"]) for fault in problem["faults"]}


def test_every_fault_is_named_at_once(world: World) -> None:
    face = {
        "citizen_id": "519902198506120112", "birth_date": "1985-02-30", "person_name": "陈\u202e安途", "address": SECRET * 100, "sex": "7",
        "driving_class": None, "valid_to": "2099-01-01", "unknown_thing": SECRET,
    }  # fmt: skip
    problem = refused(world, DRIVER, face=face, photos={}, case_no="有空格 的", decision={"number": "1"})
    assert faults(problem) >= {
        ("face.citizen_id", "bad-check-digit"), ("face.birth_date", "not-a-date"), ("face.person_name", "bidi-control"),
        ("face.address", "too-long"), ("face.sex", "unknown-code"), ("face.valid_to", "wrong-term"), ("face", "unknown-field"),
        ("face.photo", "missing"), ("case_no", "wrong-pattern"), ("decision.organ", "missing"), ("decision.decided_on", "missing"),
        ("decision.legal_basis", "missing"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("slug", "face", "path", "code"),
    [
        (DRIVER, {"birth_date": "1985-06-13"}, "face.birth_date", "at-odds"),
        (DRIVER, {"sex": "2"}, "face.sex", "at-odds"),
        (DRIVER, {"citizen_id": "51990219850612011X"}, "face.citizen_id", "bad-check-digit"),
        (VEHICLE, {"uscc": "91519902MA9901012X"}, "face.uscc", "bad-check-digit"),
        (VEHICLE, {"vin": "L9Z4C5K73NA000101"}, "face.vin", "bad-check-digit"),
        (VEHICLE, {"plate_no": "川AI2345"}, "face.plate_no", "wrong-structure"),
        (VEHICLE, {"tonnage_or_seats": "35.06001"}, "face.tonnage_or_seats", "too-precise"),
        (VEHICLE, {"length_mm": 99999999}, "face.length_mm", "too-large"),
        (VEHICLE, {"length_mm": True}, "face.length_mm", "not-an-integer"),
        (VEHICLE, {"holder_name": "甲\u0000公司"}, "face.holder_name", "control-character"),
        (VEHICLE, {"holder_name": "甲\ue000公司"}, "face.holder_name", "private-use-character"),
        (VEHICLE, {"holder_name": "甲\u200b公司"}, "face.holder_name", "invisible-character"),
        (VEHICLE, {"issuer_name": "别的机关"}, "face.issuer_name", "wrong-issuer"),
        (TRIP, {"valid_to": "2029-01-01"}, "face.valid_to", "wrong-term"),
        (TRIP, {"gross_mass_kg": 1}, "face.gross_mass_kg", "wrong-sum"),
        (TRIP, {"valid_to": "2026-11-01"}, "face.valid_to", "before-start"),
        (TRIP, {"goods_name": "变压器\U00030010"}, "face.goods_name", "no-glyph"),
    ],
)
def test_a_face_against_the_rules_is_refused_with_its_path(world: World, slug: str, face: dict[str, Any], path: str, code: str) -> None:
    assert (path, code) in faults(refused(world, slug, face=face))


def test_text_that_fits_no_line_is_refused_before_anything_is_written(world: World) -> None:
    problem = refused(world, VEHICLE, face={"holder_name": "很长的名称" * 20})
    assert ("face.holder_name", "does-not-fit") in faults(problem)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not-json"), (b"{", "not-json"), (b"[]", "not-an-object"), (b'{"a": NaN}', "not-a-number"), (b'{"a": -Infinity}', "not-a-number"),
        (b'{"a": 1e999}', "number-too-large"), (b'{"a": 123456789012345678901234567890}', "number-too-large"),
        (b'{"a": 1, "a": 2}', "duplicate-key"), (b'{"a": {"b": 1, "b": 2}}', "duplicate-key"), (b"\xff\xfe{}", "not-utf-8"),
        (b"[" * 10_000 + b"]" * 10_000, "too-deep"), (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too-deep"),
        (b'{"a": "\\ud800"}', "lone-surrogate"), (b'{"\\udfff": 1}', "lone-surrogate"), (b'{"a": [["\\ud800"]]}', "lone-surrogate"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_proper_json_is_refused(world: World, body: bytes, code: str) -> None:
    assert faults(sent(world, TRIP, body)) == {("body", code)}


def test_a_lone_surrogate_in_the_face_is_refused(world: World) -> None:
    body = json.dumps(world.request(TRIP, face={"goods_name": "货\ud83d物"})).encode()
    assert faults(sent(world, TRIP, body)) == {("body", "lone-surrogate")}


def test_a_body_of_ten_megabytes_is_refused(world: World) -> None:
    assert sent(world, TRIP, b'{"a": "' + b"x" * 10_000_000 + b'"}')["status"] == 413


def test_a_string_that_never_ends_is_refused(world: World) -> None:
    assert faults(sent(world, TRIP, b'{"a": "' + b'\\"' * 900_000)) == {("body", "not-json")}


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded"])
def test_another_kind_of_body_is_refused(world: World, media_type: str) -> None:
    assert sent(world, TRIP, dumped(world.request(TRIP)), media_type=media_type)["status"] == 415


def _jpeg(width: int, height: int, mode: str = "RGB", kind: str = "JPEG") -> str:
    sink = io.BytesIO()
    Image.new(mode, (width, height)).save(sink, kind)
    return base64.b64encode(sink.getvalue()).decode()


def _huge() -> str:
    """A tiny file whose header promises 20,000 pixels a side."""
    content = bytearray(base64.b64decode(_jpeg(100, 100)))
    place = content.index(b"\xff\xc0")
    content[place + 5 : place + 9] = (20_000).to_bytes(2) + (20_000).to_bytes(2)
    return base64.b64encode(bytes(content)).decode()


@pytest.mark.parametrize(
    ("photo", "code"),
    [
        ("not base64!", "not-base64"), (7, "not-base64"), (base64.b64encode(b"GIF89a").decode(), "not-a-jpeg"), (_jpeg(100, 100, kind="PNG"), "not-a-jpeg"),
        (_jpeg(20, 20), "wrong-size"), (_jpeg(2500, 60), "wrong-size"), (_huge(), "wrong-size"), (_jpeg(100, 100, "CMYK"), "wrong-colours"),
        (base64.b64encode(base64.b64decode(_jpeg(100, 100))[:400]).decode(), "not-a-jpeg"), ("A" * 90_000, "too-large"),
    ],
)  # fmt: skip
def test_a_photo_that_cannot_be_printed_is_refused(world: World, photo: Any, code: str) -> None:
    assert ("photos.photo", code) in faults(refused(world, DRIVER, photos={"photo": photo}))


def test_an_unknown_type_and_an_unknown_client_are_told_nothing_more(world: World) -> None:
    body = dumped({**world.request(TRIP), "type": "no_such_type"})
    assert (
        world.http.post("/licences", content=body, headers={**world.headers(TRIP, "unknown-01"), "Content-Type": "application/json"}).status_code
        == 404
    )
    stranger = {"Authorization": "Bearer lst_nobody", "Idempotency-Key": "stranger-1", "Content-Type": "application/json"}
    answer = world.http.post("/licences", content=body, headers=stranger)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_decision_of_tomorrow_is_refused(world: World) -> None:
    later = decision(world.clock().date().replace(year=2027))
    assert ("decision.decided_on", "in-the-future") in faults(refused(world, TRIP, decision=later))


def test_a_request_without_an_idempotency_key_is_refused(world: World) -> None:
    answer = world.http.post("/licences", json=world.request(TRIP), headers=world.headers(TRIP))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_half_and_full_width_and_the_dots_of_names_are_kept_on_the_face_and_compared_in_one_form(world: World) -> None:
    issued = world.issue(DRIVER, face={"person_name": "买买提・艾力"})
    read = world.http.get(f"/licences/{issued['licence_id']}", headers=world.headers(DRIVER)).json()
    assert next(one["value"] for one in read["face"] if one["name"] == "person_name") == "买买提・艾力"
    number = issued["number"]
    wide = "".join(chr(ord(character) + 0xFEE0) for character in number)
    verdict = world.http.post("/verify", json={"number": f" {wide} ", "check_code": issued["check_code"].lower()}).json()
    assert verdict["overall"] == "valid"
