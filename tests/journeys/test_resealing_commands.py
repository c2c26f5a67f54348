"""A re-seal as operators type it (DOMAIN SE-06)."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from licence_service.cli import app
from licence_service.licence import beijing_day
from licence_service.service import utc_now
from licence_service.store.campaigns import Share
from tests.journeys.lost_key import CONFIRMER, MARKER, REASON, acts, all_done, copied_keys, document, issued, rotated, seal_of
from tests.world import DRIVER, PASSPHRASE, PAYLOAD_KEY, ROOT, World, built, opened_once, own_fonts, own_templates, reading_once, settings_for


@pytest.fixture
def typed(tmp_path: Path, demo_keys: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run commands on a register of today, since the command line asks the real clock; its keys lie under `keys`."""
    monkeypatch.chdir(tmp_path)
    reading_once(monkeypatch)
    for name in [one for one in os.environ if one.startswith("LICENCE_") and one != "LICENCE_FONTS"]:
        monkeypatch.delenv(name)
    settings = settings_for(tmp_path, copied_keys(demo_keys, tmp_path))
    environment = {
        "LICENCE_DATABASE_URL": settings.database_url.get_secret_value(), "LICENCE_ARCHIVE_URL": settings.archive_url, "LICENCE_KEYS": str(settings.keys),
        "LICENCE_TEMPLATES": str(ROOT / "templates"), "LICENCE_SEAL_PASSPHRASE": PASSPHRASE, "LICENCE_PAYLOAD_KEY": PAYLOAD_KEY,
        "LICENCE_ALLOW_DEMO_KEYS": "1", "LICENCE_PUBLIC_URL": settings.public_url,
    }  # fmt: skip

    def run(*words: str, wanted: int = 0) -> Result:
        result = CliRunner().invoke(app, list(words), env=environment)
        assert result.exit_code == wanted, (words, result.output, result.exception)
        assert "Traceback" not in result.output
        return result

    return run


@contextmanager
def today(folder: Path) -> Iterator[World]:
    """Open the register of the commands."""
    keys = folder / "keys"
    service = built(settings_for(folder, keys), utc_now, own_templates(), opened_once(keys), own_fonts())
    try:
        tokens = json.loads((folder / "tokens.json").read_text("utf-8")) if (folder / "tokens.json").exists() else {}
        world = World(service, utc_now, tokens)
        (folder / "tokens.json").write_text(json.dumps(world.tokens), "utf-8")
        yield world
    finally:
        service.close()


PLANNED = ("--by", MARKER, "--reason", REASON, "--decision", "decision.toml")


def lost(folder: Path, count: int) -> tuple[list[str], tuple[str, ...]]:
    """Issue licences, put a new seal in the place of theirs and write down a decision; return their ids and the beginning of the command."""
    with today(folder) as world:
        since = utc_now()
        ids, seal, uscc = issued(world, count), seal_of(world), world.client(DRIVER).department
    rotated(folder / "keys", uscc, utc_now())
    (folder / "decision.toml").write_text(
        f'number = "9"\norgan = "机关"\nlegal_basis = "条例"\nofficer = "01"\ndecided_on = {beijing_day(utc_now())}\n', "utf-8"
    )
    return ids, ("reseal", "--seal", seal, "--since", since.isoformat())


@pytest.mark.rule("SE-06")
def test_two_operators_mark_list_and_seal_anew(typed: Callable[..., Result], tmp_path: Path) -> None:
    with today(tmp_path) as world:
        (early,) = issued(world, 1)
        since = utc_now()
        ids, seal, uscc = issued(world, 3, first=1), seal_of(world), world.client(DRIVER).department
    (tmp_path / "decision.toml").write_text(
        'number = "示交决〔2026〕9号"\norgan = "示例机关"\nlegal_basis = "示例条例第九条"\nofficer = "印章科01"\n'
        f"decided_on = {beijing_day(utc_now())}\n", "utf-8",
    )  # fmt: skip
    mine = ("reseal", "--seal", seal, "--since", since.isoformat())
    first = (*mine, "--by", MARKER, "--reason", REASON, "--decision", "decision.toml")
    proposed = typed("seal", "lost", seal, "--since", since.isoformat(), "--reason", REASON, "--by", MARKER).output
    assert "is stopped" in proposed
    assert "foundations confirm" in proposed
    assert "still-in-use" in typed(*first, wanted=1).output
    rotated(tmp_path / "keys", uscc, utc_now())
    assert "missing" in typed(*mine, wanted=1).output
    assert "nobody planned" in typed(*mine, "--approved-by", CONFIRMER, wanted=1).output
    listed = typed(*first).output
    assert "3 licences wait for the second person" in listed
    assert all(one in listed for one in ids)
    assert early not in listed
    assert "same-person" in typed(*mine, "--approved-by", MARKER, wanted=1).output
    report = json.loads(typed(*mine, "--approved-by", CONFIRMER, "--json").stdout)
    assert (report["state"], report["act"], report["dead"]) == ("done", "reseal", [])
    assert report["counts"] == [{"rehearsed": "reseal", "outcome": "reseal", "licences": 3}]
    assert json.loads(typed(*mine, "--approved-by", CONFIRMER, "--json").stdout) == report, "repeated, it does nothing"
    with today(tmp_path) as world:
        all_done(world, ids)
        assert acts(world, early) == ["issue"]
        file = world.service.archive.get(document(world, early))
    (tmp_path / "early.pdf").write_bytes(file)
    (line,) = json.loads(typed("foundations", "list", "--kind", "seal_compromise", "--json").stdout)
    assert (line["name"], line["by"]) == (seal, f"{MARKER}, {CONFIRMER}")
    assert typed("verify", "early.pdf").exit_code == 0
    assert "never started again" in typed("seal", "start", seal, "--reason", "a false alarm", wanted=1).output


@pytest.mark.rule("SE-06")
@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.long)])  # the next test lets two carry a share
def test_one_command_carries_the_whole_drill(typed: Callable[..., Result], tmp_path: Path, workers: str) -> None:
    ids, mine = lost(tmp_path, 5)
    typed(*mine, *PLANNED, "--approved-by", CONFIRMER, "--workers", workers)
    with today(tmp_path) as world:
        all_done(world, ids)


@pytest.mark.rule("SE-06")
def test_two_machines_carry_a_share_each_and_the_last_command_ends_it(typed: Callable[..., Result], tmp_path: Path) -> None:
    ids, mine = lost(tmp_path, 6)
    typed(*mine, *PLANNED)

    first = typed(*mine, "--approved-by", CONFIRMER, "--share", "1/2", "--workers", "2")

    assert "3 licences are others' to carry" in first.output
    with today(tmp_path) as world:
        assert sorted(acts(world, one)[-1] for one in ids) == ["issue"] * 3 + ["reseal"] * 3
    typed(*mine, "--approved-by", CONFIRMER, "--share", "2/2")
    report = json.loads(typed(*mine, "--approved-by", CONFIRMER, "--json").stdout)
    assert report["counts"] == [{"rehearsed": "reseal", "outcome": "reseal", "licences": 6}]
    with today(tmp_path) as world:
        all_done(world, ids)


@pytest.mark.parametrize("share", ["0/2", "3/2", "1", "2/", "1/0", "a/b", "-1/2", "1/1000"])
def test_what_is_no_share_is_refused(typed: Callable[..., Result], share: str) -> None:
    said = typed("reseal", "--seal", "S", "--since", "2026-11-20T08:00:00+08:00", "--approved-by", CONFIRMER, "--share", share, wanted=1).output

    assert "not-a-share" in said


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_parts_of_a_share_are_the_share(count: int) -> None:
    for whole in (Share(0, 1), Share(2, 3)):
        parts = whole.parts(count)
        met = [number for part in parts for number in range(300) if number % part.of == part.number]

        assert sorted(met) == [number for number in range(300) if number % whole.of == whole.number]


@pytest.mark.rule("SE-06")
def test_what_is_left_under_the_lost_seal_is_said_with_what_to_do(typed: Callable[..., Result], tmp_path: Path) -> None:
    with today(tmp_path) as world:
        since = utc_now()
        ids, seal, uscc = issued(world, 2), seal_of(world), world.client(DRIVER).department
    rotated(tmp_path / "keys", uscc, utc_now())
    (tmp_path / "decision.toml").write_text(
        f'number = "9"\norgan = "机关"\nlegal_basis = "条例"\nofficer = "01"\ndecided_on = {beijing_day(utc_now())}\n', "utf-8"
    )
    mine = ("reseal", "--seal", seal, "--since", since.isoformat())
    first = (*mine, "--by", MARKER, "--reason", REASON, "--decision", "decision.toml")
    typed(*first)
    with today(tmp_path) as world:
        store = world.service.runner().store
        (campaign,) = store.all()
        store.settle(campaign, store.open_rows(campaign)[0], "changed")
    second = typed(*mine, "--approved-by", CONFIRMER, wanted=1)
    assert "1 genuine licences are still under the lost seal; plan it again" in " ".join(second.output.split())
    assert json.loads(typed("campaign", "run", campaign.campaign_id, "--json", wanted=1).stdout)["still_under_lost_seal"] == 1
    assert typed("campaign", "report", campaign.campaign_id).exit_code == 0
    typed(*first)
    assert "still under the lost seal: 0 licences" in typed(*mine, "--approved-by", CONFIRMER).output
    with today(tmp_path) as world:
        all_done(world, ids)


@pytest.mark.rule("SE-06")
@pytest.mark.parametrize("since", ["yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", ""])
def test_what_is_no_instant_is_refused(typed: Callable[..., Result], since: str) -> None:
    assert "not-an-instant" in typed("reseal", "--seal", "any", "--since", since, "--by", MARKER, wanted=1).output
