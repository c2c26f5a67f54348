"""`licence-service issue-many`: a file of rows, a file of results, going on where it was killed."""

import fcntl
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import psutil
import pytest

from licence_service.cli.chunking import _finished, _lines
from tests.api.test_cli import Terminal, terminal
from tests.journeys.test_chunks import rows
from tests.waiting import until
from tests.world import DRIVER

__all__ = ["terminal"]


def lines_of(terminal: Terminal, count: int) -> list[str]:
    """Return rows as lines of a file."""
    return [json.dumps({"key": key, "request": body}, ensure_ascii=False) for key, body in rows(terminal.world, count=count)]


def told(results: Path) -> list[dict[str, Any]]:
    """Return the results."""
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


def with_a_dictionary(terminal: Terminal) -> None:
    """Keep the dictionary that each process would make anew."""
    terminal.world.service.chunks.packer.packing(terminal.world.clock())


@pytest.fixture
def called(terminal: Terminal, tmp_path: Path) -> tuple[Path, Path, list[str]]:
    """Return the file of rows, the file of results, and the command."""
    source, results = tmp_path / "rows.ndjson", tmp_path / "results.ndjson"
    return source, results, ["issue-many", str(source), "--client", terminal.client(DRIVER), "--results", str(results), "--chunk", "2"]


def test_every_row_has_its_result_in_order_and_a_refused_one_says_why(terminal: Terminal, called: tuple[Path, Path, list[str]]) -> None:
    source, results, command = called
    given = lines_of(terminal, 5)
    given[1:1] = ["", "no json", '{"key": "only-a-key-0001"}']
    spoilt = json.loads(given[5])
    spoilt["request"]["face"]["sex"] = "7"
    source.write_text("\n".join([*given[:5], json.dumps(spoilt), *given[6:]]) + "\n", encoding="utf-8")
    terminal.run(*command, wanted=1)
    found = told(results)
    assert [one["line"] for one in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [("problem" in one) for one in found] == [False, True, True, False, True, False, False]
    assert found[4]["problem"]["faults"][0]["path"] == "face.sex"
    assert all(one["delivery_code"] and one["verify_url"] for one in found if "problem" not in one)
    assert results.stat().st_mode & 0o777 == 0o600
    assert "示" not in json.dumps([one for one in found if "problem" in one], ensure_ascii=False)


def test_it_goes_on_behind_the_last_whole_line_of_its_results(terminal: Terminal, called: tuple[Path, Path, list[str]]) -> None:
    source, results, command = called
    source.write_text("\n".join(lines_of(terminal, 5)) + "\n", encoding="utf-8")
    terminal.run(*command)
    whole = results.read_text("utf-8")
    kept = whole.splitlines(keepends=True)
    results.write_text("".join(kept[:3]) + kept[3][:20], encoding="utf-8")  # killed in the middle of a line
    terminal.run(*command)
    assert told(results)[:3] == [json.loads(line) for line in kept[:3]]
    assert [one["licence_id"] for one in told(results)] == [json.loads(line)["licence_id"] for line in kept]
    assert len(list(terminal.world.service.book.all_ids())) == 5


def test_a_client_that_does_not_exist_issues_nothing(terminal: Terminal, called: tuple[Path, Path, list[str]]) -> None:
    source, results, command = called
    source.write_text("\n".join(lines_of(terminal, 1)) + "\n", encoding="utf-8")
    terminal.run(*[word if word != command[3] else "nobody" for word in command], wanted=1)
    assert not results.exists()


def test_several_workers_give_the_same_results_in_the_same_order(
    terminal: Terminal, called: tuple[Path, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, results, command = called
    given = lines_of(terminal, 7)
    source.write_text("\n".join([*given[:3], "no json", *given[3:]]) + "\n", encoding="utf-8")
    with_a_dictionary(terminal)
    for name, value in terminal.environment.items():  # processes of their own have no other way to it
        monkeypatch.setenv(name, value)
    terminal.run(*command, "--workers", "2", wanted=1)
    assert [one["line"] for one in told(results)] == list(range(1, 9))
    assert [one.get("key") for one in told(results)] == [json.loads(line)["key"] if line else None for line in [*given[:3], "", *given[3:]]]
    assert len(list(terminal.world.service.book.all_ids())) == 7
    assert not list(terminal.world.service.auditor.audit(documents=True))


def test_a_worker_that_is_killed_loses_nothing(terminal: Terminal, called: tuple[Path, Path, list[str]]) -> None:
    source, results, command = called
    source.write_text("\n".join(lines_of(terminal, 24)) + "\n", encoding="utf-8")
    with_a_dictionary(terminal)
    surroundings = os.environ | terminal.environment
    process = subprocess.Popen(
        [sys.executable, "-m", "licence_service", *command, "--workers", "2"], env=surroundings, stderr=subprocess.PIPE, text=True
    )
    until(lambda: results.exists() and results.stat().st_size)
    workers = [child for child in psutil.Process(process.pid).children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "a worker was killed" in said
    assert [one["line"] for one in told(results)] == list(range(1, 25))
    assert len(list(terminal.world.service.book.all_ids())) == len({one["licence_id"] for one in told(results)}) == 24


def test_results_are_for_their_owner_alone_whoever_made_the_file(terminal: Terminal, called: tuple[Path, Path, list[str]]) -> None:
    source, results, command = called
    source.write_text("\n".join(lines_of(terminal, 1)) + "\n", encoding="utf-8")
    results.touch()
    results.chmod(0o644)
    terminal.run(*command)
    assert results.stat().st_mode & 0o777 == 0o600
    results.chmod(0o666)
    terminal.run(*command)  # nothing is left to be done
    assert results.stat().st_mode & 0o777 == 0o600


def test_it_goes_on_behind_many_results_without_holding_them(tmp_path: Path) -> None:
    source, results = tmp_path / "rows.ndjson", tmp_path / "results.ndjson"
    count = 20_000
    with source.open("w") as asked, results.open("w") as told_:
        for number in range(1, count + 1):
            asked.write(json.dumps({"key": f"row-{number:06d}", "request": {}}) + "\n")
            said = "problem" if number % 4 == 0 else "verify_url"
            told_.write(json.dumps({"line": number, "key": f"row-{number:06d}", said: "v" * 400}) + "\n")
    whole = results.stat().st_size
    assert whole > 5_000_000
    with results.open("a") as told_:
        told_.write('{"line": 20001, "key": "half')
    tracemalloc.start()
    try:
        assert _finished(results, enumerate(_lines(source), 1)) == (count, count // 4)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 500_000
    assert results.stat().st_size == whole


@pytest.mark.parametrize("spoil", ["other rows", "no results", "one endless line", "the rows themselves", "another command"])
def test_what_is_not_its_own_file_of_results_is_refused_and_left_alone(terminal: Terminal, called: tuple[Path, Path, list[str]], spoil: str) -> None:
    source, results, command = called
    given = lines_of(terminal, 3)
    source.write_text("\n".join(given) + "\n", encoding="utf-8")
    if spoil == "other rows":
        results.write_text('{"line": 1, "key": "another-key"}\n', encoding="utf-8")
    elif spoil == "no results":
        results.write_text("what somebody wrote", encoding="utf-8")
    elif spoil == "one endless line":
        results.write_bytes(bytes(1_000_000))
    elif spoil == "the rows themselves":
        command[command.index("--results") + 1] = str(source)
        results = source
    before = results.read_bytes() if results.exists() else b""
    with results.open("ab") as held:
        results.chmod(0o640)
        if spoil == "another command":
            fcntl.flock(held, fcntl.LOCK_EX)
        terminal.run(*command, wanted=1)
    assert results.read_bytes() == before
    assert results.stat().st_mode & 0o777 == 0o640
    assert not list(terminal.world.service.book.all_ids())


@pytest.mark.parametrize("key", ["", "short", "k" * 201, "nul\x00nul\x00", "键键键键键键键键"])
def test_a_key_that_the_interface_would_refuse_is_refused(terminal: Terminal, called: tuple[Path, Path, list[str]], key: str) -> None:
    source, results, command = called
    source.write_text(json.dumps(json.loads(lines_of(terminal, 1)[0]) | {"key": key}) + "\n", encoding="utf-8")
    terminal.run(*command, wanted=1)
    assert told(results)[0]["problem"]["faults"][0]["path"] == "key"


def test_a_row_longer_than_a_request_may_be_is_refused_and_the_next_is_read(terminal: Terminal, called: tuple[Path, Path, list[str]]) -> None:
    source, results, command = called
    source.write_text('{"key": "' + "x" * 3_000_000 + '"}\n' + lines_of(terminal, 1)[0] + "\n", encoding="utf-8")
    terminal.run(*command, wanted=1)
    assert [("problem" in one) for one in told(results)] == [True, False]
