"""The Dockerfile's install and start lines, run in an empty folder as an ordinary user. The image itself is not built here."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.serving import free_port

ROOT = Path(__file__).parents[2]
NEEDS_ROOT = ("apt-get", "groupadd")  # what only a build as root can do; the test makes the folders itself


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str
    stage: int


def instructions() -> list[Instruction]:
    """Read the Dockerfile: continued lines joined, comments dropped, each with the number of its stage."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    found: list[Instruction] = []
    stage = -1
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        stage += word == "FROM"
        found.append(Instruction(word, rest.strip(), stage))
    return found


def test_there_are_two_stages_and_only_the_first_installs() -> None:
    assert [one.rest for one in instructions() if one.word == "FROM"] == ["${BASE} AS build", "${BASE}"]
    last = [one.rest for one in instructions() if one.stage == 1 and one.word == "RUN"]
    assert not re.search(r"apt-get|pip|npm|gcc|build-essential", " ".join(last))


def test_the_image_runs_as_a_user_of_its_own_with_a_health_route() -> None:
    last = {one.word: one.rest for one in instructions() if one.stage == 1}
    assert last["USER"] == "licence"
    assert "/healthz" in last["HEALTHCHECK"]
    assert json.loads(last["CMD"])[0] == "licence-service"


def test_nothing_private_can_get_into_the_build() -> None:
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert "*" in kept
    allowed = {line[1:] for line in kept if line.startswith("!")}
    assert not allowed & {"keys", "var", ".git", "tests"}
    copied = {source for one in instructions() if one.word == "COPY" and "--from" not in one.rest for source in one.rest.split()[:-1]}
    assert {source.partition("/")[0] for source in copied} == {name.partition("/")[0] for name in allowed}


@dataclass(frozen=True)
class Place:
    """An empty folder that stands for `/`, and the ordinary user who works in it."""

    home: Path
    who: Mapping[str, Any]

    def at(self, text: str) -> str:
        return re.sub(r"(?<![\w.])/srv\b", f"{self.home}/srv", text)

    def environment(self, **more: str) -> dict[str, str]:
        ours = ("PIP_", "SSL_", "REQUESTS_")
        passed = {name: value for name, value in os.environ.items() if name.startswith(ours) or name.lower().endswith("_proxy")}
        return {**passed, "HOME": str(self.home), "PATH": f"{self.home}/bin:/usr/local/bin:/usr/bin:/bin", **more}

    def run(self, command: str, **more: str) -> None:
        # The build keeps no cache in the image; a test need not fetch everything twice.
        line = self.at(command.replace("--no-cache-dir ", ""))
        settings = self.environment(**more)
        folder = self.home / "srv" / "licence"
        done = subprocess.run(["/bin/sh", "-ec", line], cwd=folder, env=settings, capture_output=True, text=True, check=False, **self.who)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    def copy(self, rest: str) -> None:
        *sources, target = rest.split()
        folder = Path(self.at(target)) if target.startswith("/") else self.home / "srv" / "licence" / target
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, folder)
        self.give()

    def give(self) -> None:
        """Let everything belong to the ordinary user."""
        if self.who:
            for path in (self.home, *self.home.rglob("*")):
                shutil.chown(path, self.who["user"], self.who["group"])


def a_python_for(who: Mapping[str, Any]) -> str:
    """Return a Python 3.11 or newer with venv that this user may run: one under /root is of no use to an ordinary user."""
    names = ["python3", *(f"python3.{minor}" for minor in range(11, 15))]
    own = str(Path(sys.base_prefix) / "bin" / "python3")
    for candidate in [own, *filter(None, (shutil.which(name, path="/usr/local/bin:/usr/bin") for name in names))]:
        code = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
        try:
            if subprocess.run([candidate, "-c", code], cwd="/", capture_output=True, check=False, **who).returncode == 0:
                return candidate
        except PermissionError:
            continue
    pytest.fail("an ordinary user has no Python 3.11 with venv here (Debian: apt-get install python3.11-venv)")


@pytest.fixture
def place() -> Iterator[Place]:
    who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="image-") as name:
        home = Path(name)
        (home / "srv" / "licence" / "var").mkdir(parents=True)
        (home / "bin").mkdir()
        (home / "bin" / "python").symlink_to(a_python_for(who))
        fonts = Path(os.environ.get("LICENCE_FONTS", "~/.cache/licence-service/fonts")).expanduser()
        shutil.copytree(fonts, home / "srv" / "fonts")  # prepared by the set-up: nothing is left to fetch
        found = Place(home, who)
        found.give()
        yield found


@pytest.mark.long
@pytest.mark.timeout(900)
def test_install_and_start_lines_work_in_an_empty_folder_for_an_ordinary_user(place: Place) -> None:
    settings: dict[str, str] = {}
    for one in instructions():
        if one.word == "RUN" and not one.rest.startswith(NEEDS_ROOT):
            place.run(one.rest)
        elif one.word == "COPY" and "--from" not in one.rest:
            place.copy(one.rest)
        elif one.word == "ENV":
            settings = dict(pair.split("=", 1) for pair in shlex.split(place.at(one.rest)))
    demo = {
        "LICENCE_ALLOW_DEMO_KEYS": "1", "LICENCE_SEAL_PASSPHRASE_FILE": "var/keys/passphrase", "LICENCE_PAYLOAD_KEY_FILE": "var/keys/payload.key",
    }  # fmt: skip
    environment = settings | demo
    place.run("licence-service demo-keys", **environment)
    port = str(free_port())
    last = {one.word: one.rest for one in instructions() if one.stage == 1}
    start = [port if word == "8000" else word for word in json.loads(last["CMD"])]
    health = json.loads(last["HEALTHCHECK"].partition(" CMD ")[2].replace(":8000/", f":{port}/"))
    server = subprocess.Popen(
        [str(place.home / "srv" / "venv" / "bin" / start[0]), *start[1:]], cwd=place.home / "srv" / "licence", env=place.environment(**environment),
        stderr=subprocess.PIPE, text=True, **place.who,
    )  # fmt: skip
    try:
        wait_until_healthy([str(place.home / "srv" / "venv" / "bin" / health[0]), *health[1:]], place.environment(**environment), server)
    finally:
        server.terminate()
        _, said = server.communicate(timeout=30)
    assert "Traceback" not in said, said


def wait_until_healthy(check: list[str], environment: Mapping[str, str], server: subprocess.Popen[str]) -> None:
    for _ in range(120):
        if subprocess.run(check, env=dict(environment), capture_output=True, check=False).returncode == 0:
            return
        assert server.poll() is None, server.communicate()[1]
        time.sleep(0.5)
    pytest.fail("the server never answered at /healthz")
