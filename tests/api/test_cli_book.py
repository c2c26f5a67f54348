"""The command line over the book as a whole: audit, heads, backup, restore, and the rights of a role."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import Result

from licence_service.store.database import Database
from tests.api.test_cli import REFUSED, Terminal, terminal  # noqa: F401 - a fixture
from tests.world import TRIP

MISCONFIGURED = 2


@pytest.fixture
def shell(terminal: Terminal) -> Terminal:  # noqa: F811
    """A terminal whose service keeps its heads in a second place."""
    return replace(terminal, environment={**terminal.environment, "LICENCE_HEADS_URL": f"file:{terminal.folder}/second"})


def said(result: Result) -> str:
    """Return what was printed, however it was wrapped."""
    return " ".join(result.output.split())


def change_a_body(folder: Path) -> None:
    """Change one entry past the guards."""
    database = Database(f"sqlite:///{folder}/licence.db")
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER entries_no_update"))
        connection.execute(text("UPDATE entries SET body = replace(body, :was, :now)"), {"was": '"act":"issue"', "now": '"act":"adopt"'})
    database.close()


def test_work_signs_heads_and_they_can_be_looked_at(shell: Terminal) -> None:
    shell.issue()
    before = shell.json("heads")
    assert before["heads"] == []
    assert before["uncovered_lines"] > 0

    shell.run("work", "--once")

    after = shell.json("heads")
    assert (after["uncovered_lines"], after["lag_seconds"], len(after["heads"])) == (0, 0.0, 1)
    assert after["heads"][0]["lines"] == before["uncovered_lines"]
    assert "0 lines are not covered" in said(shell.run("heads"))
    assert len(list((shell.folder / "second" / "heads").iterdir())) == 1


def test_an_audit_of_a_whole_register_says_so(shell: Terminal) -> None:
    shell.issue()
    shell.run("work", "--once")

    assert "the register is whole" in said(shell.run("audit", "--documents"))
    assert shell.json("audit", "--against", f"file:{shell.folder}/second") == []


def test_an_audit_names_what_was_changed_and_fails(shell: Terminal) -> None:
    issued = shell.issue()
    shell.run("work", "--once")
    kept = next((shell.folder / "second" / "heads").iterdir())
    change_a_body(shell.folder)

    assert f"changed: licence {issued['licence_id']}, entry 1" in said(shell.run("audit", wanted=REFUSED))
    found = shell.json("audit", "--against", str(kept), wanted=REFUSED)
    assert {"changed", "head", "rewritten"} <= {one["kind"] for one in found}
    assert {one["sequence"] for one in found if one["licence_id"] == issued["licence_id"]} == {1}


@pytest.mark.parametrize("against", ["nowhere", "/does/not/exist"])
def test_what_an_audit_is_held_against_must_be_there(shell: Terminal, against: str) -> None:
    assert "neither a file nor a second place" in said(shell.run("audit", "--against", against, wanted=REFUSED))


def test_a_lost_database_is_restored_and_says_what_was_newer(shell: Terminal) -> None:
    backup = shell.folder / "backup"
    shell.run("work", "--once")
    assert "lines of the book" in said(shell.run("backup", str(backup)))
    issued = shell.issue()
    shell.run("work", "--once")
    new = {**shell.environment, "LICENCE_DATABASE_URL": f"sqlite:///{shell.folder}/new.db"}
    other = replace(shell, environment=new)

    told = said(other.run("restore", str(backup)))

    assert "knows 1 lines that the backup does not" in told
    assert "1 lines under 1 heads were entered again, 1 of them with a document" in told
    assert "lost: 1 delivery codes" in told
    (again,), (before,) = (one.json("history", issued["licence_id"]) for one in (other, shell))
    assert {**again, "decision": None} == {**before, "decision": None}  # the officer's commitment is only shown where the officer is known
    assert other.json("audit", "--against", f"file:{shell.folder}/second", "--documents") == []
    assert other.json("restore") == {"newer": 0, "entered_again": {"heads": 0, "lines": 0, "versions": 0, "lost": _nothing(), "stopped": ""}}
    assert "not empty" in said(other.run("restore", str(backup), wanted=REFUSED))


def test_a_restore_that_cannot_enter_everything_says_so_and_fails(shell: Terminal) -> None:
    backup = shell.folder / "backup"
    shell.run("backup", str(backup))
    shell.issue()
    shell.run("work", "--once")
    next((shell.folder / "second" / "heads").iterdir()).write_bytes(b"damaged")
    other = replace(shell, environment={**shell.environment, "LICENCE_DATABASE_URL": f"sqlite:///{shell.folder}/new.db"})

    assert "damaged" in said(other.run("restore", str(backup), wanted=REFUSED))


def test_without_a_second_place_a_restore_says_that_nobody_knows_what_is_newer(terminal: Terminal) -> None:  # noqa: F811
    backup = terminal.folder / "backup"
    terminal.run("backup", str(backup))
    other = replace(terminal, environment={**terminal.environment, "LICENCE_DATABASE_URL": f"sqlite:///{terminal.folder}/new.db"})

    assert "no second place" in said(other.run("restore", str(backup)))
    shutil.rmtree(backup)
    assert "no whole backup" in said(other.run("restore", str(backup), wanted=REFUSED))


def test_a_second_place_that_knows_more_keeps_work_from_signing(shell: Terminal) -> None:
    shell.issue(TRIP)
    shell.run("work", "--once")
    head = next((shell.folder / "second" / "heads").iterdir())
    head.rename(head.with_name(f"{int(head.name) + 5:020d}"))
    database = Database(f"sqlite:///{shell.folder}/licence.db")
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER heads_no_delete"))
        connection.execute(text("DELETE FROM heads"))
    database.close()

    assert "the second place knows more of the book" in said(shell.run("work", "--once"))


def test_rights_are_granted_in_postgresql_only(shell: Terminal) -> None:
    assert "no roles" in said(shell.run("database", "grant", "service", wanted=MISCONFIGURED))


def _nothing() -> object:
    return json.loads('{"delivery_codes": 0, "officers": 0, "facts": 0, "faces": []}')
