"""Receipts: a verdict on a closed head, signed, as a statement and as a page; checked offline; nothing of a face in them."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from typer.testing import CliRunner

from licence_service.cli.commands import app
from licence_service.digests import sha256
from licence_service.document import reading
from licence_service.licence import beijing_day
from licence_service.receipts import BadReceipt, message_in, must_agree, open_receipt
from tests.world import DRIVER, VEHICLE, World, decision

PDF = {"Content-Type": "application/pdf"}


def covered(world: World) -> None:
    """Close a head over everything entered."""
    while world.service.follower.follow():
        pass


def opened(world: World, message: bytes) -> dict[str, Any]:
    return dict(open_receipt(message, world.service.keyring.code_keys).said)


def by_code(world: World, issued: dict[str, Any], **asked: str) -> Any:
    return world.http.get("/Q/1" + issued["verify_url"].rpartition("/Q/1")[2], params=asked)


def by_pair(world: World, issued: dict[str, Any], **asked: str) -> Any:
    return world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"], **asked})


def original(world: World, issued: dict[str, Any]) -> bytes:
    return bytes(world.http.post("/download", json={"delivery_code": issued["delivery_code"]}).content)


@pytest.mark.rule("AU-02")
def test_a_receipt_says_what_the_verdict_says_and_names_time_and_head(world: World) -> None:
    issued = world.issue(DRIVER)
    covered(world)
    verdict = by_code(world, issued).json()
    answer = by_code(world, issued, receipt="cose")

    assert answer.headers["content-type"] == "application/cose"
    said = opened(world, answer.content)
    head = world.service.heads.last()
    assert head
    assert said["head"] == {"size": head.size, "root": head.root}
    assert said["known_at"] == head.until.isoformat(timespec="microseconds")
    assert said["overall"] == verdict["overall"] == "valid"
    assert said["valid_at"] == verdict["valid_at"]
    assert said["licence"]["elicence_id"] == issued["elicence_id"]
    for name, one in verdict["answers"].items():
        assert said["answers"][name] == {"result": one["result"], "reasons": [reason["code"] for reason in one["reasons"]]}
    assert said["presented"] == {"way": "code", "sha256": sha256(issued["verify_url"].rpartition("/Q/1")[2].encode())}


@pytest.mark.rule("AU-02")
def test_a_receipt_of_a_day_gone_by_rests_on_what_was_known_then(world: World) -> None:
    issued = world.issue(DRIVER)
    covered(world)
    world.clock.now += timedelta(days=3)  # type: ignore[attr-defined]
    then = world.clock()
    world.clock.now += timedelta(days=3)  # type: ignore[attr-defined]
    withdrawn = world.act(DRIVER, issued["licence_id"], {"act": "withdraw", "decision": decision(beijing_day(world.clock()))}, "withdraw-1")
    assert withdrawn.status_code == 201, withdrawn.text
    covered(world)
    day = beijing_day(then).isoformat()

    now = opened(world, by_pair(world, issued, receipt="cose", valid_at=day).content)
    as_then = opened(world, by_pair(world, issued, receipt="cose", valid_at=day, known_at=then.isoformat()).content)

    assert (now["overall"], now["licence"]["state"]) == ("not_valid", "withdrawn")
    assert (as_then["overall"], as_then["licence"]["state"]) == ("valid", "in_force")
    assert as_then["head"]["size"] < now["head"]["size"]


def test_the_page_says_what_was_signed(world: World) -> None:
    issued = world.issue(VEHICLE)
    covered(world)
    page = by_pair(world, issued, receipt="pdf")

    assert page.headers["content-type"] == "application/pdf"
    assert page.headers["content-disposition"] == 'attachment; filename="receipt.pdf"'
    said = opened(world, message_in(reading.attachment(page.content, "receipt.json") or b""))
    (text,) = reading.text(page.content)
    must_agree(text, said)
    for other in (text.replace("有效", "无效"), f"{text} 补充", text[:-2]):
        with pytest.raises(BadReceipt):
            must_agree(other, said)


@pytest.mark.parametrize("way", ["code", "pair", "document"])
def test_every_way_of_verifying_gives_a_receipt_that_holds_nothing_of_the_face(world: World, way: str) -> None:
    issued = world.issue(DRIVER)
    covered(world)
    content = original(world, issued)
    if way == "document":
        answer = world.http.post("/verify/document?receipt=cose", content=content, headers=PDF)
    else:
        answer = (by_code if way == "code" else by_pair)(world, issued, receipt="cose")
    said = opened(world, answer.content)
    face = world.request(DRIVER)["face"]

    assert said["presented"]["way"] == way
    assert said["overall"] == "valid"
    for name in ("person_name", "citizen_id", "birth_date"):
        assert str(face[name]).encode() not in answer.content
    assert issued["number"].encode() not in answer.content
    assert issued["check_code"].encode() not in answer.content


def test_a_form_with_a_file_gives_a_page(world: World) -> None:
    issued = world.issue(DRIVER)
    covered(world)
    content = original(world, issued)
    page = world.http.post("/verify/document", files={"document": ("a.pdf", content, "application/pdf")}, data={"receipt": "pdf"})

    said = opened(world, message_in(reading.attachment(page.content, "receipt.json") or b""))
    assert said["presented"]["sha256"] == sha256(content)


def test_what_is_not_in_the_register_has_a_receipt_too(world: World) -> None:
    world.issue(DRIVER)
    covered(world)
    said = opened(world, by_pair(world, {"number": "蜀字001", "check_code": "0123456789AB"}, receipt="cose").content)

    assert (said["overall"], said["licence"]) == ("not_valid", None)


def test_before_a_head_covers_it_a_receipt_has_to_wait(world: World) -> None:
    issued = world.issue(DRIVER)
    nothing_closed = by_code(world, issued, receipt="cose")
    covered(world)
    second = world.issue(VEHICLE, key="issue-0002")
    not_covered = by_code(world, second, receipt="pdf")

    for answer in (nothing_closed, not_covered):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"


def test_a_receipt_never_says_less_than_is_known_now(world: World) -> None:
    issued = world.issue(DRIVER)
    covered(world)
    assert by_code(world, issued, receipt="cose").status_code == 200
    suspension = {"kind": "measure", "first": beijing_day(world.clock()).isoformat()}
    assert world.act(DRIVER, issued["licence_id"], {"act": "suspend", "suspension": suspension}, "suspend-r1").status_code == 201

    assert by_code(world, issued, receipt="cose").status_code == 503
    covered(world)
    assert opened(world, by_code(world, issued, receipt="cose").content)["licence"]["state"] == "suspended"


@pytest.mark.parametrize("asked", [{"receipt": "docx"}, {"receipt": ["pdf"]}, {"valid_at": "gestern"}, {"known_at": "2199-01-01"}])
def test_a_strange_wish_is_refused(world: World, asked: dict[str, Any]) -> None:
    issued = world.issue(DRIVER)

    assert by_pair(world, issued, **asked).status_code == 422
    if isinstance(asked.get("receipt"), str):
        assert by_code(world, issued, **asked).status_code == 422


def test_a_receipt_is_checked_with_nothing_but_a_public_key(world: World, tmp_path: Path, demo_keys: Path) -> None:
    issued = world.issue(DRIVER)
    covered(world)
    content = original(world, issued)
    page = world.http.post("/verify/document?receipt=pdf", content=content, headers=PDF).content
    message = by_code(world, issued, receipt="cose").content
    files = {name: tmp_path / name for name in ("page.pdf", "receipt.cose", "licence.pdf", "changed.pdf", "changed.cose", "noise.pdf", "another.pdf")}
    files["page.pdf"].write_bytes(page)
    files["receipt.cose"].write_bytes(message)
    files["licence.pdf"].write_bytes(content)
    files["changed.cose"].write_bytes(message[:-1] + bytes([message[-1] ^ 1]))
    files["noise.pdf"].write_bytes(b"%PDF-1.7 noise")
    files["changed.pdf"].write_bytes(_overwritten(page))
    files["another.pdf"].write_bytes(content + b"\n")
    keeper = _keeper_file(world, demo_keys)

    def checked(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["verify-receipt", *arguments, "--key", str(keeper)])

    good = checked(str(files["page.pdf"]), "--presented", str(files["licence.pdf"]))
    assert good.exit_code == 0, good.output
    assert "有效 Valid" in good.output
    assert checked(str(files["receipt.cose"]), "--json").exit_code == 0
    assert checked(str(files["page.pdf"]), "--presented", str(files["another.pdf"])).exit_code == 4
    for name in ("changed.pdf", "changed.cose", "noise.pdf", "licence.pdf"):
        assert checked(str(files[name])).exit_code == 4, name
    assert checked(str(tmp_path / "absent.pdf")).exit_code == 1


def _keeper_file(world: World, demo_keys: Path) -> Path:
    kid = world.service.receipts.keeper.kid.hex()
    return next(path.parent / "code_certificate.pem" for path in demo_keys.glob("*/seal.toml") if kid in path.read_text("utf-8"))


def _overwritten(page: bytes) -> bytes:
    """Leave half of the page out, and the signed statement in it."""
    with pikepdf.open(io.BytesIO(page)) as document:
        contents = document.pages[0].Contents
        lines = contents.read_bytes().split(b"\n")
        contents.write(b"\n".join(lines[: len(lines) // 2]))
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()
