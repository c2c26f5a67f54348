"""What is handed to an archive: whole, checked by nothing but itself, and any change in it is named (AU-07)."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from licence_service.digests import sha256
from licence_service.errors import NotInRegister, Unavailable
from licence_service.fields import Asker
from licence_service.handover import check
from licence_service.history import history_of
from licence_service.licence import beijing_day
from tests.attesting import SCHOOL, Attester, asserts, registered
from tests.world import DRIVER, World, a_world


def exported(world: World, folder: Path) -> Path:
    """Give a licence a life and gather it."""
    licence_id = world.issue(DRIVER)["licence_id"]
    day = beijing_day(world.clock())
    school = registered(world, Attester(SCHOOL), asserts("continuing_education"))
    facts = {
        "period_start": (day - timedelta(days=30)).isoformat(), "period_end": (day + timedelta(days=600)).isoformat(), "hours": 24,
        "institution": "蜀安交通职业培训学校", "result": "pass", "date": day.isoformat(),
    }  # fmt: skip
    assert world.http.post("/assertions", json=school.assertion(licence_id, "continuing_education", facts, "E-1")).status_code == 201
    assert world.act(DRIVER, licence_id, {"act": "replace", "reason": "lost"}, "replace-e1").status_code == 201
    service = world.service
    with pytest.raises(Unavailable):
        service.gatherer.gather(licence_id, folder, {})
    service.follower.follow()
    record = service.book.get(licence_id)
    history = {"entries": history_of(record, record.at(day), Asker.CLERK, service.library(record))}
    target = service.gatherer.gather(licence_id, folder, history)
    with pytest.raises(NotInRegister):
        service.gatherer.gather(licence_id, folder, history)
    return target


@pytest.mark.rule("AU-07")
def test_an_export_is_whole_and_holds_what_an_archive_needs(world: World, tmp_path: Path) -> None:
    target = exported(world, tmp_path / "handover")

    assert list(check(target)) == []
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    entries = world.service.book.get(target.name).entries
    assert (manifest["format"], len(list((target / "entries").iterdir()))) == ("export/1", len(entries))
    assert len(list((target / "documents").iterdir())) == sum(one.version is not None for one in entries)
    assert {json.loads(path.read_bytes())["kind"] for path in (target / "foundations").iterdir()} >= {"rule_pack", "template", "body", "department"}
    uses = [json.loads(line)["event"] for line in (target / "seal-uses.jsonl").read_text("utf-8").splitlines()]
    assert uses == ["requested", "done"] * 3  # the issue, the printed training, the replacement


def _body(target: Path) -> None:
    path = target / "entries" / "0001.json"
    path.write_bytes(path.read_bytes().replace(b"issue", b"adopt"))


def _face(target: Path) -> None:
    path = target / "private" / "0001.json"
    path.write_text(path.read_text("utf-8").replace("陈安途", "陈安图"), "utf-8")


def _document(target: Path) -> None:
    with (target / "documents" / "001.pdf").open("ab") as file:
        file.write(b"x")


def _proof(target: Path) -> None:
    path = target / "proofs.json"
    said = json.loads(path.read_text("utf-8"))
    place = next(iter(said["paths"]))
    said["paths"][place][0] = "00" * 32
    path.write_text(json.dumps(said), "utf-8")


def _head(target: Path) -> None:
    path = target / "head.cose"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")


def _added(target: Path) -> None:
    (target / "documents" / "009.pdf").write_bytes(b"%PDF-")


def _taken(target: Path) -> None:
    (target / "private" / "0002.json").unlink()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Path:
    """One export, to be copied."""
    folder = tmp_path_factory.mktemp("handover")
    with a_world(folder, demo_keys) as world:
        return exported(world, folder / "made")


@pytest.mark.rule("AU-07")
@pytest.mark.parametrize("resigned", [False, True], ids=["manifest kept", "manifest made anew"])
@pytest.mark.parametrize("change", [_body, _face, _document, _proof, _head, _added, _taken])
def test_every_change_of_an_export_is_named(made: Path, tmp_path: Path, change: Callable[[Path], None], resigned: bool) -> None:
    target = tmp_path / "copy"
    shutil.copytree(made, target)
    change(target)
    if resigned:
        _manifest_anew(target)

    found = list(check(target))

    assert found or (resigned and change in {_added, _taken})  # what a forger leaves out with a new manifest was never promised


def _manifest_anew(target: Path) -> None:
    path = target / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    files = [one for one in target.rglob("*") if one.is_file() and one != path]
    manifest["files"] = {str(one.relative_to(target)): sha256(one.read_bytes()) for one in files}
    path.write_text(json.dumps(manifest), "utf-8")


def test_a_folder_that_is_no_export_is_said_to_be_none(tmp_path: Path) -> None:
    assert list(check(tmp_path)) == ["manifest.json: it is not there, or not a manifest"]
    (tmp_path / "manifest.json").write_text(json.dumps({"licence_id": "A", "files": {"../../etc/passwd": "x", "keys.json": "y"}}), "utf-8")
    assert any("manifest names" in one for one in check(tmp_path))
