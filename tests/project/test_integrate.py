"""docs/integrate.md, block by block, against a fresh server on PostgreSQL."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.journeys.own_server import Server
from tests.journeys.own_server import own_server as server  # noqa: F401 - a fixture
from tests.project.test_tour import ROOT, environment, folder  # noqa: F401 - a fixture
from tests.serving import free_port

PAGE = (ROOT / "docs" / "integrate.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.timeout(240)
def test_the_page_goes_as_told_from_nothing_to_a_sealed_licence(folder: Path, server: Server) -> None:  # noqa: F811
    here = f"http://127.0.0.1:{free_port()}"
    assert "make setup " in BLOCKS[0]  # it is what made this environment
    lines = [block.replace("make setup ", "true ", 1) for block in BLOCKS]
    script = "\n".join([f"DATABASE='{server.address}'", f"HERE={here}", "trap 'kill $SERVER 2>/dev/null || true' EXIT", *lines])
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    made = folder / "var" / "try"
    log = (made / "serve.log").read_text("utf-8") if (made / "serve.log").exists() else ""
    assert done.returncode == 0, done.stdout + done.stderr + log

    statuses = [line for line in done.stderr.splitlines() if re.fullmatch(r"[1-5][0-9]{2}", line)]
    assert statuses == ["200", "201", "201", "200", "201", "201", "200"]
    assert (made / "preview.pdf").read_bytes().startswith(b"%PDF")
    assert "Signature is Valid" in (made / "pdfsig.txt").read_text("utf-8")
    issued = json.loads((made / "issued.json").read_text("utf-8"))
    assert (issued["number"], issued["version"]) == ("交川CG4711", 1)
    assert json.loads((made / "licence.json").read_text("utf-8"))["licence_id"] == issued["licence_id"]
    assert "from 市场监管" in done.stdout
    told = json.loads((made / "events.json").read_text("utf-8"))["events"]
    assert [one["type"] for one in told] == ["licence.issue", "licence.suspend", "licence.lift"]
    assert json.loads((made / "later.json").read_text("utf-8"))["events"] == []
    assert json.loads((made / "case.json").read_text("utf-8"))["issues"][0]["state"] == "registered"
    assert not re.search(r"lst_|eyJ|许海联", log)  # neither a secret nor a name in the server's log
