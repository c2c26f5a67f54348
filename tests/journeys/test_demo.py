"""The demonstration on three pretended days: what it leaves for a newcomer, and that it may be run again."""

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from licence_service import demo
from licence_service.identifiers import parse_elicence_id
from licence_service.seal.demo import make_demo_keys, read_demo_departments
from licence_service.settings import Settings
from tests.world import ROOT

DAYS_AND_TIMES = ((date(2026, 11, 21), 1), (date(2028, 2, 29), 2), (date(2031, 5, 31), 1))
KEPT = {"licence_id", "elicence_id", "number", "check_code", "delivery_code", "verify_url", "versions"}


def keys_of(folder: Path, today: date) -> Path:
    """Make keys with their two secrets beside them, as `licence-service demo` does."""
    folder.mkdir(mode=0o700)
    (folder / "passphrase").write_text("a demonstration's passphrase")
    (folder / "payload.key").write_text("d0" * 32)
    for name in ("passphrase", "payload.key"):
        (folder / name).chmod(0o600)
    make_demo_keys(
        folder, read_demo_departments(ROOT / "keys" / "demo.toml"), passphrase=b"a demonstration's passphrase",
        now=datetime.combine(today, time(1), UTC), not_before=datetime.combine(today - timedelta(days=1), time(0), UTC),
    )  # fmt: skip
    return folder


@pytest.mark.long  # tests/project/test_tour.py asks the same of the demonstration of the real day
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("today", "times"), DAYS_AND_TIMES)
def test_the_demonstration_leaves_every_type_and_can_be_run_again(tmp_path: Path, today: date, times: int) -> None:
    settings = Settings(templates=ROOT / "templates", keys=keys_of(tmp_path / "keys", today))
    folder, types = tmp_path / "demo", demo.types(settings)
    for _ in range(times):
        steps: list[str] = []
        rows = demo.run(folder, settings, today, steps.append)
        assert tuple(steps) == types
        assert [row["type"] for row in rows] == list(types)
        assert {(row["code"], row["pair"], row["file"]) for row in rows} == {("valid", "valid", "valid")}
        assert {row["changed"] for row in rows} <= {"not_valid", "cannot_decide"}
        assert set(demo.COLUMNS) <= set(rows[0])
    left_whole(folder, tmp_path / "keys", types)


def left_whole(folder: Path, keys: Path, types: Sequence[str]) -> None:
    """Assert that the demonstration left every type, and the root by which they are checked."""
    kept = json.loads((folder / "demo.json").read_text("utf-8"))
    assert tuple(kept) == tuple(types)
    for slug, one in kept.items():
        assert set(one) == KEPT
        assert parse_elicence_id(one["elicence_id"]).serial == one["licence_id"]  # type: ignore[union-attr]
        assert one["versions"] == list(range(1, len(one["versions"]) + 1))
        assert (folder / f"{slug}.pdf").read_bytes().startswith(b"%PDF-")
    assert (folder / "root.pem").read_bytes() == (keys / "trust" / "root.pem").read_bytes()
    said = subprocess.run(["openssl", "x509", "-in", folder / "root.pem", "-noout", "-subject"], capture_output=True, text=True, check=True).stdout
    assert "Demo Root CA" in said


def test_a_verdict_that_is_not_as_it_should_be_stops_the_demonstration(tmp_path: Path) -> None:
    """Keys whose certificates are not yet valid on the pretended day: the demonstration says so and does not end as if all were well."""
    settings = Settings(templates=ROOT / "templates", keys=keys_of(tmp_path / "keys", date(2026, 11, 21)))
    with pytest.raises(demo.Disagreement, match="issue was answered"):
        demo.run(tmp_path / "demo", settings, date(2020, 1, 15), lambda _name: None)
    assert not (tmp_path / "demo" / "demo.json").exists()
