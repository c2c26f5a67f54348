"""Receipts: a verdict on a closed head, signed, as a statement and as a page; checked offline; nothing of a face in them."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from typer.testing import CliRunner

from licence_service.cli.commands import app
from licence_service.digests import sha256
from licence_service.document import reading, uploaded
from licence_service.licence import beijing_day
from licence_service.receipts import BadReceipt, message_in, must_agree, open_receipt, page_of
from licence_service.seal.keyfile import read_seal_file
from licence_service.seal.tokens import Purpose
from licence_service.web.receipting import MOST_RECEIPTS
from tests.world import DRIVER, VEHICLE, World, decision, reading_once

PDF = {"Content-Type": "application/pdf"}


def covered(world: World) -> None:
    """Close a head over everything entered."""
    while world.service.follower.follow():
        pass


def opened(world: World, message: bytes) -> dict[str, Any]:
    return dict(open_receipt(message, world.service.keyring.keys_for(Purpose.EVIDENCE)).said)


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


def test_a_receipt_is_checked_with_nothing_but_a_public_key(world: World, tmp_path: Path, demo_keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading_once(monkeypatch)
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

    def checked(*arguments: str, env: dict[str, str] | None = None) -> Any:
        return CliRunner().invoke(app, ["verify-receipt", *arguments, "--key", str(keeper)], env=env)

    good = checked(str(files["page.pdf"]), "--presented", str(files["licence.pdf"]))
    assert good.exit_code == 0, good.output
    assert "有效 Was valid on" in good.output
    assert checked(str(files["receipt.cose"]), "--json").exit_code == 0
    assert checked(str(files["page.pdf"]), "--presented", str(files["another.pdf"])).exit_code == 4
    for name in ("changed.pdf", "changed.cose", "noise.pdf", "licence.pdf"):
        assert checked(str(files[name])).exit_code == 4, name
    files["changed.pdf"].write_bytes(_doctored(page, _recoloured))
    refused = checked(str(files["changed.pdf"]))
    assert refused.exit_code == 4
    assert "does not look" in refused.stderr
    without = checked(str(files["page.pdf"]), env={"LICENCE_FONTS": str(tmp_path / "no-fonts")})
    assert without.exit_code == 5
    assert "有效 Was valid on" in without.output
    assert "not compared" in without.stderr
    assert checked(str(tmp_path / "absent.pdf")).exit_code == 1


def _keeper_file(world: World, demo_keys: Path) -> Path:
    kid = world.service.receipts.keeper.kid.hex()
    return next(
        path.parent / one.certificate for path in demo_keys.glob("*/seal.toml") for one in read_seal_file(path).code_certificates if one.kid == kid
    )


def _overwritten(page: bytes) -> bytes:
    """Leave half of the page out, and the signed statement in it."""
    with pikepdf.open(io.BytesIO(page)) as document:
        contents = document.pages[0].Contents
        lines = contents.read_bytes().split(b"\n")
        contents.write(b"\n".join(lines[: len(lines) // 2]))
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()


def _painted(drawing: bytes) -> Callable[[pikepdf.Pdf], None]:
    """Paint something without a word over the page; the words stay as they are."""

    def change(document: pikepdf.Pdf) -> None:
        document.pages[0].contents_add(b"q " + drawing + b" Q", prepend=False)

    return change


def _with_annotation(document: pikepdf.Pdf) -> None:
    annotation = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Square, Rect=[10, 10, 20, 20], F=4)
    document.pages[0].Annots = document.make_indirect(pikepdf.Array([document.make_indirect(annotation)]))


def _with_layers(document: pikepdf.Pdf) -> None:
    document.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array(), D=pikepdf.Dictionary())


def _with_script(document: pikepdf.Pdf) -> None:
    document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="1")


def _recoloured(document: pikepdf.Pdf) -> None:
    """Give the band of one verdict the colour of another, to a grey eye nearly the same."""
    contents = document.pages[0].Contents
    green, red = b".043 .42 .227 rg", b".647 .063 .102 rg"
    assert green in contents.read_bytes()
    contents.write(contents.read_bytes().replace(green, red))


def _with_another_page(document: pikepdf.Pdf) -> None:
    document.add_blank_page()


DOCTORED: dict[str, Callable[[pikepdf.Pdf], None]] = {
    "another colour over the band": _painted(b"0.65 0.06 0.10 rg 56 640 480 70 re f"),
    "a white spot": _painted(b"1 1 1 rg 500 680 4 4 re f"),
    "recoloured": _recoloured,
    "an annotation": _with_annotation,
    "layers": _with_layers,
    "a script": _with_script,
    "another page": _with_another_page,
}


def _doctored(page: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    """Return the page with something done to it that leaves every word and the signed statement as they are."""
    with pikepdf.open(io.BytesIO(page)) as document:
        change(document)
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()


def test_a_page_is_right_only_if_it_looks_as_it_is_drawn_from_its_statement_whatever_its_words(world: World) -> None:
    issued = world.issue(VEHICLE)
    covered(world)
    page = by_pair(world, issued, receipt="pdf").content
    message, said = _signed_in(world, page)
    again = _doctored(page, lambda _: None)

    assert page_of(world.service.receipts.printer, message, said) == page
    assert again != page
    assert uploaded.drawn_as(again, page)
    assert not uploaded.drawn_as(b"%PDF-1.7 noise", page)
    for name, change in DOCTORED.items():
        doctored = _doctored(page, change)
        assert _signed_in(world, doctored) == (message, said), name
        must_agree("".join(reading.text(doctored)), said)
        assert not uploaded.drawn_as(doctored, page), name


def _signed_in(world: World, page: bytes) -> tuple[bytes, dict[str, Any]]:
    message = message_in(reading.attachment(page, "receipt.json") or b"")
    return message, opened(world, message)


def test_receipts_go_to_one_address_a_hundred_an_hour_and_answers_without_end(world: World) -> None:
    issued = world.issue(DRIVER)
    world.service.follower.follow()
    path = issued["verify_url"].removeprefix(world.service.settings.public_url)
    for _ in range(MOST_RECEIPTS):
        world.service.failures.count("receipt", "testclient", world.clock(), seconds=3600)
    assert world.http.get(f"{path}?receipt=cose").status_code == 429
    assert world.http.get(path).json()["overall"] == "valid"


def test_a_right_pair_is_answered_however_often_it_is_asked_about_a_time_before_it_was_entered(world: World) -> None:
    issued = world.issue(DRIVER)
    body = {"number": issued["number"], "check_code": issued["check_code"], "known_at": "2026-01-01"}
    assert {world.http.post("/verify", json=body).status_code for _ in range(world.service.settings.failures_before_slowing + 3)} == {200}
    assert world.http.post("/verify", json=body | {"known_at": ""}).json()["overall"] == "valid"


def test_a_receipt_about_another_time_never_looks_like_one_about_now(world: World) -> None:
    issued = world.issue(DRIVER)
    covered(world)
    path = issued["verify_url"].removeprefix(world.service.settings.public_url)
    day = beijing_day(world.clock()).isoformat()
    for asked, another in (("", False), (f"&valid_at={day}", False), ("&valid_at=2026-12-30", True), (f"&known_at={day}T23:59:00%2B08:00", False)):
        page = world.http.get(f"{path}?receipt=pdf{asked}").content
        said = open_receipt(message_in(reading.attachment(page, "receipt.json") or b""), world.service.keyring.keys_for(Purpose.EVIDENCE)).said
        assert said.get("another_time", False) is another, asked
        headline = "".join(reading.text(page))
        assert ("非现状" in headline) is another, asked
    world.clock.now += timedelta(days=2)  # type: ignore[attr-defined]
    page = world.http.get(f"{path}?receipt=pdf&known_at={day}").content
    assert "历史查询，非现状" in "".join(reading.text(page))
