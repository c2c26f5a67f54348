"""The README's five minutes, line by line, against the demonstration it speaks of."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from licence_service import demo
from tests.journeys.test_demo import left_whole
from tests.serving import free_port
from tests.waiting import until
from tests.world import own_templates

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README.partition("## Five minutes")[2], re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh clone, as far as the two commands go."""
    for name in ("templates", "keys", "licence_service", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "Makefile"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    return tmp_path


@pytest.fixture
def here(folder: Path) -> Iterator[str]:
    """Run the demonstration, and serve it as `make serve` does."""
    port = str(free_port())  # another than its codes carry, as with `make serve PORT=…`: that makes no document wrong
    wide = environment() | {"COLUMNS": "250"}
    shown = subprocess.run([".venv/bin/licence-service", "demo"], cwd=folder, check=True, capture_output=True, text=True, env=wide).stdout
    every_type_was_shown(folder, shown)
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    settings = re.search(r"^DEMO := (.*?)\n\n", recipe, re.DOTALL | re.MULTILINE)
    assert settings
    lines = settings[1].replace("\\\n", " ").replace("$(PORT)", port).split()
    (folder / "var/demo/serve.env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    served = environment() | dict(line.split("=", 1) for line in lines)
    server = subprocess.Popen([".venv/bin/licence-service", "serve", "--port", port], cwd=folder, env=served, stderr=subprocess.DEVNULL)
    try:
        until(lambda: ready(server, f"http://127.0.0.1:{port}/readyz"))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def every_type_was_shown(folder: Path, shown: str) -> None:
    """Assert what the demonstration printed, a row for each type, and what it left."""
    types = own_templates().slugs
    heading, *rows, last = [line.split() for line in shown.splitlines() if line.strip()]
    assert tuple(heading) == demo.COLUMNS
    answers = [dict(zip(heading, row, strict=True)) for row in rows]
    assert [row["type"] for row in answers] == list(types)
    assert {(row["code"], row["pair"], row["file"]) for row in answers} == {("valid", "valid", "valid")}
    assert {row["changed"] for row in answers} <= {"not_valid", "cannot_decide"}
    assert last[:3] == ["demo:", str(len(types)), "types"]
    left_whole(folder / "var" / "demo", folder / "var" / "keys", types)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("LICENCE_") or name == "LICENCE_FONTS"}


def ready(server: "subprocess.Popen[bytes]", address: str) -> bool:
    assert server.poll() is None, "the server ended"
    with suppress(OSError):
        urllib.request.urlopen(address, timeout=10).close()
        return True
    return False


@pytest.mark.timeout(180)
def test_the_five_minutes_of_the_readme_go_as_told(folder: Path, here: str) -> None:
    script = "\necho '== next'\n".join(BLOCKS).replace("http://127.0.0.1:8000", here)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    _, verified, _, issued, suspended = done.stdout.split("== next\n")
    assert verified.count('"overall":"valid"') == 3
    assert (folder / "var/demo/original.pdf").read_bytes() == (folder / "var/demo/practitioner_qualification.pdf").read_bytes()
    answer = json.loads(issued)
    assert (answer.get("number"), answer.get("version")) == ("交川CG4711", 1), issued
    entered, judged, lifted, *history = suspended.splitlines()
    assert [json.loads(entered)["act"], json.loads(lifted)["act"]] == ["suspend", "lift"]
    assert judged == '{"overall":"not_valid'[:20]
    assert "lift" in "\n".join(history)
