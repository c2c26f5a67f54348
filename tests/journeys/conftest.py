"""Processes that die on time."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.lost_key import FOUND, Renewed, copied_keys, rotated
from tests.world import DRIVER, NOW, ROOT, own_templates

Killed = Callable[..., None]


@pytest.fixture(scope="session")
def renewed(demo_keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Renewed:
    """The keys before and after a department's seal was lost and another took its place."""
    after = copied_keys(demo_keys, tmp_path_factory.mktemp("renewed"))
    return Renewed(demo_keys, after, rotated(after, own_templates().samples[DRIVER].issuer, FOUND))


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """Return a function that lets another process begin a job (`tests.journeys.dying`) and sees it die before its step."""
    trouble = tmp_path_factory.mktemp("dying") / "stderr"
    with (
        trouble.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.dying"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as nursery,
    ):
        asking, told = nursery.stdin, nursery.stdout
        assert asking
        assert told

        def die(folder: Path, keys: Path, step: str, *, time: int = 1, **job: Any) -> None:
            path = folder / "job.json"
            path.write_text(
                json.dumps({"folder": str(folder), "keys": str(keys), "settings": {}, "now": NOW.isoformat(), "step": step, "time": time} | job)
            )
            asking.write(f"{path}\n")
            asking.flush()
            ended = told.readline().strip()
            assert ended == "-9", f"ended with {ended}: {trouble.read_text()[-3000:]}"

        yield die
        asking.close()
