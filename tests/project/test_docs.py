"""Documents tell the truth: tables are current, links lead somewhere, commands exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from licence_service.cli import app
from tests.project import tables
from tests.project.tables import DOCS, TABLES, between, rules_page

ROOT = DOCS.parent
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "keys" / "README.md", ROOT / "templates" / "README.md"])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", TABLES)
def test_a_generated_table_is_current(name: str) -> None:
    file, table = TABLES[name]
    assert between((DOCS / file).read_text(encoding="utf-8"), name) == table(), "run: make tables"


def test_the_page_of_rules_is_current_and_no_rule_of_the_book_is_open() -> None:
    page = rules_page()

    assert (DOCS / "rules.md").read_text(encoding="utf-8") == page, "run: make tables"
    rows = dict(re.findall(r"^\| ([A-Z]{2}-[0-9]{2}) \| [^|]+ \| (.+) \|$", page, re.MULTILINE))
    owned = [f"LC-{n:02d}" for n in range(1, 21) if n != 12] + [f"EN-{n:02d}" for n in range(1, 13)]  # what a loss blocks comes with the wallet
    owned += [f"XR-{n:02d}" for n in range(1, 8)] + ["AU-01", "AU-07"]
    assert [rule for rule in owned if rows[rule] == "*open*"] == []


def test_every_rule_that_a_test_carries_is_on_the_page() -> None:
    listed = set(re.findall(r"^([A-Z]{2}-[0-9]{2}) = ", (DOCS / "rules.toml").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(tables.tests_by_rule()) <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """Return the anchors that headings get on the usual hosts."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_named_exists(page: Path) -> None:
    named = set(re.findall(r"(?:^\$ |`)make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_named_exists(page: Path) -> None:
    known = commands()
    for said in re.findall(r"(?:`|\$ |bin/)licence-service ((?:[a-z-]+ ?)+)", page.read_text(encoding="utf-8")):
        words = said.split()
        assert " ".join(words[:2]) in known or words[0] in known, said


def commands() -> set[str]:
    """Return every command and subcommand, and `--help`."""
    found = {"--help"}
    root: Any = typer.main.get_command(app)
    for name, command in root.commands.items():
        found |= {f"{name} {inner}" for inner in command.commands} if hasattr(command, "commands") else {name}
    return found


def test_every_command_of_an_operator_is_documented() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES) + (ROOT / "Makefile").read_text(encoding="utf-8")
    groups = {command.partition(" ")[0] for command in commands()} - {"--help"}
    shown = {group for group in groups if f"licence-service {group}" in text}
    assert groups - shown <= {"issue", "act", "endorse", "show"}  # as the routes of the same names


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_changelog_names_the_version() -> None:
    version = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version
    assert f"## {version[1]} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
