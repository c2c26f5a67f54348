"""A campaign as an operator types it."""

import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from licence_service.cli import app
from licence_service.licence import beijing_day
from licence_service.service import build, utc_now
from tests.journeys.ageing import APPROVER, PLANNER, Drivers
from tests.world import PASSPHRASE, PAYLOAD_KEY, ROOT, World, opened_once, own_fonts, own_templates, reading_once, settings_for


@pytest.fixture
def present(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world of today, since the command line asks the real clock."""
    service = build(settings_for(tmp_path, demo_keys), utc_now, own_templates(), opened_once(demo_keys), own_fonts())
    try:
        yield World(service, utc_now)
    finally:
        service.close()


def typed(world: World, *words: str, wanted: int = 0) -> Result:
    settings = world.service.settings
    environment = {
        "LICENCE_DATABASE_URL": settings.database_url.get_secret_value(), "LICENCE_ARCHIVE_URL": settings.archive_url, "LICENCE_KEYS": str(settings.keys),
        "LICENCE_TEMPLATES": str(ROOT / "templates"), "LICENCE_SEAL_PASSPHRASE": PASSPHRASE, "LICENCE_PAYLOAD_KEY": PAYLOAD_KEY,
        "LICENCE_ALLOW_DEMO_KEYS": "1", "LICENCE_PUBLIC_URL": settings.public_url,
    }  # fmt: skip
    result = CliRunner().invoke(app, ["campaign", *words], env=environment)
    assert result.exit_code == wanted, (words, result.output, result.exception)
    assert "Traceback" not in result.output
    return result


@pytest.mark.rule("LC-14")
def test_an_operator_plans_rehearses_has_it_approved_runs_and_reports(present: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reading_once(monkeypatch)
    for name in [one for one in os.environ if one.startswith("LICENCE_") and one != "LICENCE_FONTS"]:
        monkeypatch.delenv(name)
    today = beijing_day(utc_now())
    drivers = Drivers(present)
    for name in ("back", "listed"):
        drivers.issue(name, date(today.year - 61, 1, 15))
        drivers.act(name, act="cancel", ground="request", right_ended_on=(today - timedelta(days=2)).isoformat())
    (tmp_path / "driving-licence-not-valid.txt").write_text(drivers.numbers["listed"], "utf-8")
    (tmp_path / "serious-accident.txt").write_text(drivers.numbers["listed"], "utf-8")
    example = (ROOT / "docs" / "campaigns" / "age-ceiling-63.toml").read_text("utf-8")
    # Under the law of the real day nobody of 61 is above the ceiling: another ground stands for it.
    dated = (
        example.replace('"age"', '"request"')
        .replace("2026-03-20", today.isoformat())
        .replace("decided_to = 2026-03-19", f"decided_to = {(today + timedelta(days=1)).isoformat()}")
    )
    (tmp_path / "plan.toml").write_text(dated, "utf-8")

    planned = json.loads(typed(present, "plan", "plan.toml", "--by", PLANNER, "--json").stdout)
    campaign_id = planned["campaign"]
    assert "2 licences" not in typed(present, "rehearse", campaign_id).stdout
    assert "same-person" in typed(present, "approve", campaign_id, "--by", PLANNER, wanted=1).output
    approved = typed(present, "approve", campaign_id, "--by", APPROVER).stdout
    assert "1 licences" in approved
    assert planned["plan_digest"] in approved
    printed = typed(present, "run", campaign_id).stdout
    assert drivers.ids["back"] in printed
    assert drivers.acts("back") == ["issue", "cancel", "reinstate"]
    assert drivers.acts("listed") == ["issue", "cancel"]

    report = json.loads(typed(present, "report", campaign_id, "--json").stdout)
    assert report == json.loads((tmp_path / "var" / "campaigns" / f"{campaign_id}.json").read_text("utf-8"))
    assert (report["state"], report["planned_by"], report["approved_by"]) == ("done", PLANNER, APPROVER)
    assert {one["rehearsed"]: one["licences"] for one in report["counts"]} == {"reinstate": 1, "excluded:driving-licence": 1}
    assert typed(present, "run", campaign_id, "--json").stdout == typed(present, "report", campaign_id, "--json").stdout
    listed = json.loads(typed(present, "list", "--json").stdout)
    assert [(one["campaign"], one["state"]) for one in listed] == [(campaign_id, "done")]
    for said in (printed, json.dumps(report)):
        assert not any(number in said for number in drivers.numbers.values())


def test_a_campaign_that_is_not_there_and_a_plan_that_is_not_there_are_refused(present: World, tmp_path: Path) -> None:
    typed(present, "run", "0" * 26, wanted=1)
    assert "unreadable" in typed(present, "plan", str(tmp_path / "absent.toml"), "--by", PLANNER, wanted=1).output
