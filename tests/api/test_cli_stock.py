"""`licence-service batch`: a stock carried from its file to the proof by the commands that docs/stock.md names, and nothing personal on the screen."""

import csv
import json
from pathlib import Path

import pytest

from tests.api.test_cli import REFUSED, Terminal, terminal
from tests.stocks import PLAN, as_csv, dirty, of_today, photos
from tests.world import DRIVER

__all__ = ["terminal"]


@pytest.fixture
def loaded(terminal: Terminal, tmp_path: Path) -> tuple[str, list[str], set[str]]:
    """Return the run of a stock, the command that loaded it, and every value of it that is nobody else's business."""
    given = of_today(dirty(good=6, of_each=1).rows)
    (tmp_path / "stock.csv").write_bytes(as_csv(given))
    (tmp_path / "map.toml").write_text(PLAN, "utf-8")
    beside = str(photos(tmp_path / "photos"))
    command = [
        "batch",
        "load",
        str(tmp_path / "stock.csv"),
        "--client",
        terminal.client(DRIVER),
        "--type",
        DRIVER,
        "--map",
        str(tmp_path / "map.toml"),
    ]
    command += ["--by", "装载人甲", "--beside", beside]
    personal = {value for row in given for name, value in row.items() if name in {"姓名", "身份证号", "证号", "住址"} and len(value) > 1}
    return terminal.json(*command)["run"], command, personal


@pytest.mark.rule("ST-03", "ST-05", "ST-06")
def test_the_commands_carry_a_stock_from_its_file_to_the_proof(terminal: Terminal, loaded: tuple[str, list[str], set[str]], tmp_path: Path) -> None:
    run, command, personal = loaded
    shown = [terminal.run(*command).output, terminal.run("batch", "report", run).output, terminal.run("batch", "list").output]
    assert run in shown[2]
    shown.append(terminal.run("batch", "release", run, wanted=REFUSED).output)

    quarantine = tmp_path / "q.csv"
    shown.append(terminal.run("batch", "quarantine", run, "--out", str(quarantine)).output)
    assert quarantine.stat().st_mode & 0o777 == 0o600
    terminal.run("batch", "quarantine", run, "--out", str(quarantine), wanted=REFUSED)  # what somebody corrects is not written over
    lines = list(csv.DictReader(quarantine.read_text("utf-8-sig").splitlines()))
    missing = next(one for one in lines if one["规则 rules"] == "missing")
    missing["住址 address"] = "=示例省蜀安市青溪区和平巷7号"
    corrected = tmp_path / "corrected.csv"
    corrected.write_bytes(as_csv([missing], "utf-8", list(missing)))
    assert "1 put back, 0 unchanged" in terminal.run("batch", "correct", run, str(corrected), "--by", "更正人丙").output
    shown.append(terminal.run("batch", "accept", run, "--rule", "citizen-id-15-digits", "--by", "更正人丙").output)
    twice = next(one["行号 line"] for one in lines if "twice-in-the-stock" in one["规则 rules"])
    terminal.run("batch", "reject", run, "--line", twice, "--by", "更正人丙", "--reason", "录入重复")

    shown.append(terminal.run("batch", "sample", run, "--out", str(tmp_path / "sample.csv")).output)
    sample = list(csv.DictReader((tmp_path / "sample.csv").read_text("utf-8-sig").splitlines()))
    assert len(sample) == 6 + 1 + 1 + 1 + 1
    terminal.run("batch", "hold", run, "--line", sample[0]["行号 line"], "--by", "核验人乙", "--reason", "与原件不符")
    counties = [word for one in sorted({row["区县 county"] for row in sample}) for word in ("--county", one)]
    shown.append(terminal.run("batch", "sign-off", run, *counties, "--by", "装载人甲", wanted=REFUSED).output)
    terminal.run("batch", "sign-off", run, *counties, "--by", "核验人乙")
    terminal.run("batch", "release", run, "--share", "3/2", wanted=REFUSED)
    shown.append(terminal.run("batch", "release", run, "--chunk", "4", "--share", "1/2").output)
    assert not terminal.json("batch", "proof", run)["closed"]
    shown.append(terminal.run("batch", "release", run, "--chunk", "4", "--share", "2/2").output)
    assert "0 refused and in quarantine, 0 wait" in shown[-1]

    results = tmp_path / "results.ndjson"
    terminal.run("batch", "results", run, "--out", str(results))
    told = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    assert [one["line"] for one in told] == list(range(2, len(told) + 2))
    assert sum("delivery_code" in one for one in told) == 9
    assert next(one for one in told if one["line"] == int(twice))["rejection"]["reason"] == "录入重复"
    proof = terminal.json("batch", "proof", run)
    assert (proof["holds"], proof["closed"]) == (True, True)
    assert sum(one["imported"] for one in proof["counties"]) == len(told)
    shown.append(terminal.run("batch", "proof", run).output)
    words = tmp_path / "objection.txt"
    words.write_text("住址有误", "utf-8")
    licence = next(one["licence_id"] for one in told if "licence_id" in one)
    shown.append(terminal.run("batch", "object", licence, "--client", terminal.client(DRIVER), "--text", str(words)).output)
    (waiting,) = terminal.json("batch", "objections", "--client", terminal.client(DRIVER))
    assert (waiting["licence"], waiting["late"]) == (licence, False)
    assert terminal.json("batch", "objections", "--client", terminal.client(DRIVER), "--close", waiting["task"]) == []
    assert not [value for value in personal for one in shown if value in one]


def test_nothing_personal_lies_in_clear_in_the_register_or_beside_it(terminal: Terminal, loaded: tuple[str, list[str], set[str]]) -> None:
    _, _, personal = loaded
    kept = b"".join(path.read_bytes() for path in [*terminal.folder.glob("licence.db*"), *(terminal.folder / "archive").rglob("*")] if path.is_file())
    assert len(kept) > 100_000
    assert not [value for value in personal if len(value) > 4 and value.encode() in kept]
    assert b"\xff\xd8\xff\xe0\x00\x10JFIF" not in kept


def test_a_proof_that_does_not_hold_says_so(terminal: Terminal, loaded: tuple[str, list[str], set[str]]) -> None:
    run, _, _ = loaded
    with terminal.world.service.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM stock_findings WHERE row = 1")
        connection.exec_driver_sql("DELETE FROM stock_rows WHERE id = 1")
    assert "do not hold" in terminal.run("batch", "proof", run, wanted=REFUSED).output
    terminal.run("batch", "proof", "0" * 26, wanted=REFUSED)
