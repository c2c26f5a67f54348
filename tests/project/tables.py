"""The generated tables of docs/: `python -m tests.project.tables` writes them, a test compares them."""

import ast
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from licence_service.reasons import REASONS
from licence_service.settings import Settings
from licence_service.web.problems import STATUS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MOST_NAMED = 4  # tests of one rule that the page names


def settings_table() -> str:
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, one in Settings.model_fields.items():
        default = one.default
        text = default.get_secret_value() if isinstance(default, SecretStr) else default
        shown = "–" if text in (None, "") else f"`{str(text).lower() if isinstance(text, bool) else text}`"
        rows.append(f"| `LICENCE_{name.upper()}` | {shown} | {one.description} |")
    return "\n".join(rows)


def reason_table() -> str:
    rows = ["| code | 中文 | English |", "| --- | --- | --- |"]
    return "\n".join([*rows, *(f"| `{code}` | {zh} | {en} |" for code, (zh, en) in REASONS.items())])


def problem_table() -> str:
    rows = ["| status | slug | title |", "| --- | --- | --- |"]
    named = sorted((status, str(getattr(kind, "slug", "")), str(getattr(kind, "title", ""))) for kind, status in STATUS.items())
    return "\n".join([*rows, *(f"| {status} | `{slug}` | {title} |" for status, slug, title in named)])


TABLES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "settings": ("settings.md", settings_table),
    "reasons": ("verification.md", reason_table),
    "problems": ("formats.md", problem_table),
}


def rules_page() -> str:
    """Return docs/rules.md: each rule, one sentence, and the tests that carry its id."""
    shown = tests_by_rule()
    lines = [
        "# Rules of the domain", "",
        "Made by `make tables` from `docs/rules.toml` and the tests marked `rule`; a test checks that it is current.",
        "*Open* rules wait for what they are about.",
    ]  # fmt: skip
    for part in tomllib.loads((ROOT / "docs" / "rules.toml").read_text("utf-8")).values():
        lines += ["", f"## {part.pop('title')}", "", "| rule | says | shown by |", "| --- | --- | --- |"]
        for rule, sentence in part.items():
            found = shown.get(rule, [])
            more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
            lines.append(f"| {rule} | {sentence} | {'<br>'.join(found[:MOST_NAMED]) + more if found else '*open*'} |")
    return "\n".join(lines) + "\n"


def tests_by_rule() -> dict[str, list[str]]:
    """Return the tests that carry each id, as `file::test`."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for rule in _carried(node):
                    found.setdefault(rule, []).append(f"`{path.relative_to(ROOT / 'tests')}::{node.name}`")
    return found


def _carried(node: ast.FunctionDef) -> list[str]:
    """Return the rule ids in a test's decorators."""
    calls = [one for one in node.decorator_list if isinstance(one, ast.Call) and ast.unparse(one.func) == "pytest.mark.rule"]
    return [str(argument.value) for call in calls for argument in call.args if isinstance(argument, ast.Constant)]


def between(text: str, name: str) -> str:
    """Return what stands between the marks of a generated table."""
    found = re.search(rf"<!-- {name}: generated -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    if found is None:
        raise LookupError(f"no table {name}")
    return found[1]


def write() -> None:
    (DOCS / "rules.md").write_text(rules_page(), encoding="utf-8")
    for name, (file, table) in TABLES.items():
        path = DOCS / file
        text = path.read_text(encoding="utf-8")
        mark = f"<!-- {name}: generated -->\n"
        path.write_text(text.replace(f"{mark}{between(text, name)}\n", f"{mark}{table()}\n"), encoding="utf-8")


if __name__ == "__main__":
    write()
