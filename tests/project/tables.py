"""The generated tables of docs/: `python -m tests.project.tables` writes them, a test compares them."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from licence_service.reasons import REASONS
from licence_service.settings import Settings
from licence_service.web.problems import STATUS

DOCS = Path(__file__).parents[2] / "docs"


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


def between(text: str, name: str) -> str:
    """Return what stands between the marks of a generated table."""
    found = re.search(rf"<!-- {name}: generated -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    if found is None:
        raise LookupError(f"no table {name}")
    return found[1]


def write() -> None:
    for name, (file, table) in TABLES.items():
        path = DOCS / file
        text = path.read_text(encoding="utf-8")
        mark = f"<!-- {name}: generated -->\n"
        path.write_text(text.replace(f"{mark}{between(text, name)}\n", f"{mark}{table()}\n"), encoding="utf-8")


if __name__ == "__main__":
    write()
