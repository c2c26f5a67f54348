"""The command line: what operators type, what it prints, and the exit codes that tell."""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from typer.testing import CliRunner, Result

from licence_service.cli import app
from licence_service.service import utc_now
from tests.world import DRIVER, PASSPHRASE, PAYLOAD_KEY, ROOT, TRIP, World, a_world, decision, reading_once

VALID, REFUSED, MISCONFIGURED, UNAVAILABLE, NOT_VALID, UNDECIDED = 0, 1, 2, 3, 4, 5


@dataclass
class Terminal:
    """A shell whose environment describes the world's service."""

    world: World
    folder: Path
    environment: dict[str, str]

    def run(self, *words: str, wanted: int = 0, given: str | None = None, **changed: str) -> Result:
        """Type a command and demand an exit code; no secret is ever printed."""
        result = CliRunner().invoke(app, list(words), env={**self.environment, **changed}, input=given)
        assert result.exit_code == wanted, (words, result.output, result.exception)
        for secret in (PASSPHRASE, PAYLOAD_KEY, "PRIVATE KEY", "Traceback"):
            assert secret not in result.output
        return result

    def json(self, *words: str, wanted: int = 0, given: str | None = None) -> Any:
        """Type a command with `--json` and read what it prints on standard output."""
        return json.loads(self.run(*words, "--json", wanted=wanted, given=given).stdout)

    def file(self, body: Any, name: str = "request.json") -> str:
        """Write a request."""
        path = self.folder / name
        path.write_text(json.dumps(body, ensure_ascii=False), "utf-8")
        return str(path)

    def client(self, slug: str = TRIP) -> str:
        """Return the name of a client of that type's department."""
        return self.world.client(slug).name

    def issue(self, slug: str = TRIP) -> Any:
        """Issue by the command line."""
        return self.json("issue", self.file(self.world.request(slug)), "--client", self.client(slug), "--key", f"cli-{slug}"[:60])


@pytest.fixture
def terminal(tmp_path: Path, demo_keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A world of today, since the command line asks the real clock, and the environment that leads to it."""
    monkeypatch.chdir(ROOT)
    reading_once(monkeypatch)
    for name in [one for one in os.environ if one.startswith("LICENCE_") and one != "LICENCE_FONTS"]:
        monkeypatch.delenv(name)
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    with a_world(tmp_path, demo_keys, now=utc_now()) as world:
        environment = {
            "LICENCE_DATABASE_URL": f"sqlite:///{tmp_path}/licence.db", "LICENCE_ARCHIVE_URL": f"file:{tmp_path}/archive",
            "LICENCE_KEYS": str(demo_keys),
            "LICENCE_TEMPLATES": str(ROOT / "templates"), "LICENCE_SEAL_PASSPHRASE_FILE": str(secret), "LICENCE_PAYLOAD_KEY": PAYLOAD_KEY,
            "LICENCE_ALLOW_DEMO_KEYS": "1", "LICENCE_PUBLIC_URL": "https://licence.example.cn", "COLUMNS": "200",
        }  # fmt: skip
        yield Terminal(world, tmp_path, environment)


def test_help_names_every_command(terminal: Terminal) -> None:
    said = terminal.run("--help").output
    for command in (
        "serve",
        "demo",
        "demo-keys",
        "migrate",
        "clients",
        "seal",
        "templates",
        "fonts",
        "issue",
        "act",
        "endorse",
        "history",
        "verify",
        "show",
        "work",
    ):
        assert command in said
    for words in (("clients",), ("seal",), ("templates",), ("fonts",), ("issue",), ("verify",), ("demo",)):
        assert "--help" in terminal.run(*words, "--help").output


def test_migrating_is_repeatable_and_needs_a_database_that_opens(terminal: Terminal) -> None:
    terminal.run("migrate", LICENCE_DATABASE_URL=f"sqlite:///{terminal.folder}/new.db")
    terminal.run("migrate", LICENCE_DATABASE_URL=f"sqlite:///{terminal.folder}/new.db")
    refused = terminal.run("migrate", wanted=MISCONFIGURED, LICENCE_DATABASE_URL=f"sqlite:///{terminal.folder}")
    assert "LICENCE_DATABASE_URL" in refused.stderr


def test_demo_keys_are_made_for_their_owner_alone_and_never_shown(terminal: Terminal) -> None:
    folder = terminal.folder / "made"
    said = terminal.run("demo-keys", "--folder", str(folder)).output
    passphrase = (folder / "passphrase").read_text()
    assert len(passphrase) == 64
    assert passphrase not in said
    assert (folder / "payload.key").read_text() not in said
    secrets = [path for path in folder.rglob("*") if path.is_file() and ("key" in path.name or path.name == "passphrase")]
    assert len(secrets) > 8
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets), secrets
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    terminal.run("demo-keys", "--folder", str(folder))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    made = Terminal(
        terminal.world, folder, terminal.environment | {"LICENCE_KEYS": str(folder), "LICENCE_SEAL_PASSPHRASE_FILE": str(folder / "passphrase")}
    )
    assert {one["state"] for one in made.json("seal", "list")} == {"active"}


def test_clients_are_added_listed_and_shut_out(terminal: Terminal) -> None:
    department = terminal.world.service.catalogue.samples[TRIP].issuer
    added = terminal.json("clients", "add", "approvals", "--department", department, "--type", TRIP, "--ceiling", "7")
    assert added["client"] == "approvals"
    assert terminal.world.service.clients.by_token(added["token"]).hourly_ceiling == 7  # type: ignore[union-attr]
    listed = {one["client"]: one for one in terminal.json("clients", "list")}
    assert (listed["approvals"]["department"], listed["approvals"]["types"]) == (department, TRIP)
    assert added["token"] not in terminal.run("clients", "list").output
    terminal.run("clients", "add", "approvals", "--department", department, wanted=REFUSED)
    terminal.run("clients", "add", "other", "--department", "nobody", wanted=REFUSED)
    terminal.run("clients", "add", "other", "--department", department, "--type", "no_such_type", wanted=REFUSED)
    terminal.run("clients", "remove", "approvals")
    terminal.run("clients", "remove", "approvals", wanted=REFUSED)
    assert terminal.world.service.clients.by_token(added["token"]) is None
    assert terminal.run("clients", "add", "second", "--department", department).stdout.count("lst_") == 1


def test_a_seal_is_stopped_started_and_its_uses_are_read(terminal: Terminal) -> None:
    uscc = terminal.world.service.catalogue.samples[TRIP].issuer
    seal_id = terminal.world.service.keyring.departments[uscc].seal.seal_id

    def state() -> str:
        return str(next(one["state"] for one in terminal.json("seal", "list") if one["seal"] == seal_id))

    assert state() == "active"
    terminal.run("seal", "stop", seal_id, "--reason", "drill")
    assert state() == "stopped"
    waiting = terminal.run("issue", terminal.file(terminal.world.request(TRIP)), "--client", terminal.client(), "--key", "stopped-1", "--json")
    assert "sealing" in waiting.stderr
    assert "reservation_id" in json.loads(waiting.stdout)
    terminal.run("seal", "start", seal_id, "--reason", "over")
    assert "finished 1" in terminal.run("work", "--once").stdout
    assert terminal.world.service.foreign_reading.kept.counts()["right"] == 1, "a foreign reader looked at it"
    uses = [json.loads(line) for line in terminal.run("seal", "log", seal_id).stdout.splitlines()]
    assert [use["event"] for use in uses] == ["refused", "requested", "done"]
    assert terminal.run("seal", "log", "another").stdout == ""
    terminal.run("seal", "stop", "no-such-seal", "--reason", "x", wanted=REFUSED)
    _forge(terminal.world)
    assert "broken" in terminal.run("seal", "log", wanted=REFUSED).stderr


def _forge(world: World) -> None:
    """Change a line of the log as one who owns the database file could."""
    with world.service.database.write() as connection:
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'seal_uses'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE seal_uses SET body = replace(body, 'refused', 'done') WHERE event = 'refused'")


def test_templates_are_checked_listed_and_previewed(terminal: Terminal) -> None:
    assert "types are correct" in terminal.run("templates", "check").stdout
    slugs = list(terminal.world.service.catalogue.slugs)
    assert [one["type"] for one in terminal.json("templates", "list")] == slugs
    assert all(slug in terminal.run("templates", "list").stdout for slug in slugs)
    to = terminal.folder / "preview.pdf"
    terminal.run("templates", "preview", DRIVER, "--to", str(to))
    with pikepdf.open(to) as opened:
        assert len(opened.pages) >= 1
    terminal.run("templates", "check", str(terminal.folder), wanted=REFUSED)
    terminal.run("templates", "preview", "no_such_type", wanted=REFUSED)


def test_a_licence_goes_its_whole_way_by_the_command_line(terminal: Terminal) -> None:
    issued = terminal.issue(DRIVER)
    assert set(issued) >= {"licence_id", "number", "check_code", "delivery_code", "verify_url", "version"}
    assert terminal.issue(DRIVER)["licence_id"] == issued["licence_id"]
    today = terminal.world.clock().date()
    client = ("--client", terminal.client(DRIVER))
    facts = {"date": today.isoformat(), "decision_no": "罚〔2026〕1号", "act": "超员", "penalty": "罚款", "authority": "示例机关"}
    endorsement = terminal.file({"kind": "violation", "facts": facts, "external_ref": "cli-1", "decision": decision(today)}, "endorse.json")
    endorsed = terminal.json("endorse", issued["licence_id"], endorsement, *client, "--key", "cli-endorse")
    assert len(endorsed["endorsement_ids"]) == 1
    replaced = {"act": "replace", "reason": "damaged", "decision": decision(today)}
    newer = terminal.json("act", issued["licence_id"], "-", *client, "--key", "cli-replace", given=json.dumps(replaced))
    assert newer["version"] == 2
    assert [one["act"] for one in terminal.json("history", issued["licence_id"])] == ["issue", "endorse", "replace"]
    assert "replace" in terminal.run("history", issued["licence_id"]).stdout
    shown = terminal.json("show", issued["licence_id"])
    assert shown["version"]["current"] == 2
    assert "陈安途" in terminal.run("show", issued["licence_id"]).stdout
    assert terminal.json("verify", newer["verify_url"])["overall"] == "valid"
    assert terminal.json("verify", issued["verify_url"], wanted=NOT_VALID)["answers"]["current"]["reasons"][0]["code"] == "superseded"


def test_verifying_says_by_its_exit_code_what_a_file_is(terminal: Terminal) -> None:
    issued = terminal.issue()
    content = terminal.world.http.post("/download", json={"delivery_code": issued["delivery_code"]}).content
    good, changed, locked = (terminal.folder / f"{name}.pdf" for name in ("good", "changed", "locked"))
    good.write_bytes(content)
    changed.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    with pikepdf.open(good) as opened:
        opened.save(locked, encryption=pikepdf.Encryption(owner="o", user="u"))
    assert "valid" in terminal.run("verify", str(good), wanted=VALID).stdout
    assert "bytes-changed" in terminal.run("verify", str(changed), wanted=NOT_VALID).stdout
    assert "cannot_decide" in terminal.run("verify", str(locked), wanted=UNDECIDED).stdout
    assert terminal.json("verify", str(locked), wanted=UNDECIDED)["overall"] == "cannot_decide"
    terminal.run("verify", "HTTPS://LICENCE.EXAMPLE.CN/Q/1123", wanted=NOT_VALID)
    terminal.run("verify", str(terminal.folder / "absent.pdf"), wanted=REFUSED)
    terminal.run("verify", str(terminal.folder), wanted=REFUSED)


def test_what_is_refused_names_every_fault_and_leaves_1(terminal: Terminal) -> None:
    client = ("--client", terminal.client(), "--key", "refused-01")
    bad = terminal.world.request(TRIP, face={"valid_to": "2020-01-01", "goods_name": None})
    said = terminal.run("issue", terminal.file(bad), *client, wanted=REFUSED).stderr
    assert "face.valid_to" in said
    assert "face.goods_name" in said
    for body in ("", "[]", "{", '{"a": 1, "a": 2}', "[" * 100_000, '{"type": "\\ud800"}'):
        terminal.run("issue", "-", *client, wanted=REFUSED, given=body)
    terminal.run("issue", terminal.file(bad), "--client", "nobody", "--key", "refused-02", wanted=REFUSED)
    for words in (("history", "0" * 20), ("show", "0" * 20), ("act", "0" * 20, terminal.file({"act": "revoke"}), *client)):
        terminal.run(*words, wanted=REFUSED)
    assert terminal.world.service.book.all_ids() == []


def test_a_service_that_is_not_set_up_says_so_and_leaves_2(terminal: Terminal) -> None:
    for changed in (
        {"LICENCE_PAYLOAD_KEY": ""}, {"LICENCE_PAYLOAD_KEY": "zz"}, {"LICENCE_KEYS": "/nowhere"}, {"LICENCE_ALLOW_DEMO_KEYS": "0"},
        {"LICENCE_SEAL_PASSPHRASE_FILE": "/nowhere"}, {"LICENCE_SEAL_PASSPHRASE": "wrong passphrase"}, {"LICENCE_ARCHIVE_URL": "ftp://x"},
        {"LICENCE_FONTS": "/nowhere"}, {"LICENCE_DATABASE_URL": "sqlite:////proc/none/licence.db"}, {"LICENCE_DATABASE_URL": "nonsense"},
        {"LICENCE_DATABASE_URL": "postgresql+psycopg://u:hunter2@127.0.0.1:9/x"}, {"LICENCE_WORKER_SECONDS": "soon"},
        {"LICENCE_PUBLIC_URL": f"https://{'w' * 33}"},
    ):  # fmt: skip
        result = terminal.run("clients", "list", wanted=MISCONFIGURED, **changed)
        assert result.stderr.strip()
        assert result.stdout == ""
        assert "hunter2" not in result.output
        assert "wrong passphrase" not in result.output


def test_an_archive_that_cannot_be_had_leaves_3(terminal: Terminal) -> None:
    (terminal.folder / "archive").rmdir()
    (terminal.folder / "archive").write_text("a file where the folder was")
    terminal.run("clients", "list", wanted=MISCONFIGURED)
    bucket = {"LICENCE_ARCHIVE_URL": "s3://none/x", "LICENCE_ARCHIVE_ENDPOINT": "http://127.0.0.1:9", "LICENCE_ARCHIVE_REGION": "us-east-1",
              "LICENCE_ARCHIVE_ACCESS_KEY_ID": "a", "LICENCE_ARCHIVE_SECRET_ACCESS_KEY": "b"}  # fmt: skip
    words = ("issue", terminal.file(terminal.world.request(TRIP)), "--client", terminal.client(), "--key", "archive-01")
    assert "not available" in terminal.run(*words, wanted=UNAVAILABLE, **bucket).stderr
