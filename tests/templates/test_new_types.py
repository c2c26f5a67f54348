"""A certificate type is data: a 24th folder, a second edition, and mistakes that are refused when loading."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from licence_service.catalogue import file_schema, read_catalogue
from licence_service.errors import TemplateRejected
from tests.world import ROOT, TRIP, VEHICLE, a_world

INVENTED = "cable_ferry_permit"


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A copy of the shared parts and one type."""
    folder = tmp_path / "templates"
    for name in ("_claims", "_codes", "_endorsements", "_families", TRIP, VEHICLE):
        shutil.copytree(ROOT / "templates" / name, folder / name)
    (folder / "_rules").mkdir()
    shutil.copy(ROOT / "templates" / "_rules" / "declared_due_dates.toml", folder / "_rules")
    return folder


def copied(templates: Path, slug: str, index: int) -> Path:
    """Copy a type under an invented name."""
    shutil.copytree(templates / TRIP, templates / slug)
    path = templates / slug / "2026-01.toml"
    text = path.read_text("utf-8")
    text = (
        text.replace("index = 13", f"index = {index}")
        .replace('zh = "超限运输车辆通行证"', 'zh = "缆渡通行证"')
        .replace('local_code = "912"', 'local_code = "924"')
    )
    path.write_text(text, "utf-8")
    return path


def test_an_invented_24th_type_is_issued_without_touching_python(templates: Path, tmp_path: Path, demo_keys: Path) -> None:
    copied(templates, INVENTED, 24)
    with a_world(tmp_path, demo_keys, templates=templates) as world:
        issued = world.issue(INVENTED)
        assert issued["elicence_id"].split(".")[5].endswith("924")
        verdict = world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}).json()
        assert verdict["overall"] == "valid"
        assert verdict["licence"]["type"]["zh"] == "缆渡通行证"


def test_a_licence_keeps_its_edition_while_new_ones_take_the_new(templates: Path, tmp_path: Path, demo_keys: Path) -> None:
    text = (templates / TRIP / "2026-01.toml").read_text("utf-8")
    (templates / TRIP / "2026-12.toml").write_text(text.replace("used_from = 2020-01-01", "used_from = 2026-12-01"), "utf-8")
    with a_world(tmp_path, demo_keys, templates=templates) as world:
        first = world.issue(TRIP)
        world.clock.now = datetime(2026, 12, 2, tzinfo=UTC)  # type: ignore[attr-defined]
        second = world.issue(TRIP, "issue-0002", face={"license_no": "5199002612000001"}, case_no="DEC-1")
        editions = [world.service.book.get(one["licence_id"]).entries[0].version for one in (first, second)]
        assert [one.edition for one in editions if one] == ["2026-01", "2026-12"]
        for one in (first, second):
            assert world.http.post("/verify", json={"number": one["number"], "check_code": one["check_code"]}).json()["overall"] == "valid"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{goods_name}", "{no_such_field}", "no_such_field"),
        ("{goods_name}", "{}", "brace"),
        ("{goods_name}", "{goods_name.upper}", "brace"),
        ('family = "trip"', 'family = "none"', "no family"),
        ('compare = ["tractor_plate"]', 'compare = ["nothing"]', "no field nothing"),
        ("used_from = 2020-01-01", "used_from = 2020-01-01\nsurprise = 1", "surprise"),
        ('"revoke"', '"abolish"', "no act abolish"),
    ],
)
def test_a_mistake_in_a_template_is_refused_when_loading_naming_the_file(templates: Path, old: str, new: str, said: str) -> None:
    path = templates / TRIP / "2026-01.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(TemplateRejected, match=said) as refused:
        read_catalogue(templates)
    assert f"{TRIP}/2026-01.toml" in str(refused.value)


def test_the_schema_beside_the_templates_is_current() -> None:
    """`licence-service templates schema` writes it anew."""
    assert json.loads((ROOT / "templates" / "schema.json").read_text("utf-8")) == file_schema()


@pytest.mark.rule("LC-15")
def test_a_retired_type_is_no_longer_issued_or_renewed_and_what_was_issued_stays_verifiable(templates: Path, tmp_path: Path, demo_keys: Path) -> None:
    text = (templates / VEHICLE / "2026-01.toml").read_text("utf-8")
    retiring = text.replace("used_from = 2020-01-01", "used_from = 2026-12-01\nretired_from = 2026-12-15")
    (templates / VEHICLE / "2026-12.toml").write_text(retiring, "utf-8")
    with a_world(tmp_path, demo_keys, templates=templates) as world:
        issued = world.issue(VEHICLE)
        world.clock.now = datetime(2026, 12, 15, 4, tzinfo=UTC)  # type: ignore[attr-defined]

        body = world.request(VEHICLE, case_no="RETIRED-1", face={"license_no": "510000000002"})
        refused = world.http.post("/licences", json=body, headers=world.headers(VEHICLE, "retired-01"))
        renewal = world.act(VEHICLE, issued["licence_id"], {"act": "renew"}, "retired-02")

        for answer in (refused, renewal):
            assert (answer.status_code, answer.json()["type"].rpartition(":")[2], answer.json()["rule"]) == (409, "type-retired", "LC-15")
        assert world.act(VEHICLE, issued["licence_id"], {"act": "replace", "reason": "lost"}, "retired-03").status_code == 201
        verdict = world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}).json()
        assert verdict["licence"]["state"] == "in_force"


@pytest.mark.rule("EN-12")
def test_an_edition_that_was_edited_after_it_was_put_in_force_issues_nothing(templates: Path, tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, templates=templates) as world:
        tokens = world.tokens
    path = templates / TRIP / "2026-01.toml"
    path.write_text(path.read_text("utf-8") + "\n# a remark\n", "utf-8")
    with a_world(tmp_path, demo_keys, templates=templates, tokens=tokens) as world:
        refused = world.http.post("/licences", json=world.request(TRIP), headers=world.headers(TRIP, "edited-001"))

        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "not-in-force")
        with pytest.raises(TemplateRejected):
            world.service.put_in_force("甲", "乙")
