"""Runs one issue or act and dies like `kill -9` before a named step: `python -m tests.journeys.dying FOLDER KEYS STEP JOB`."""

import json
import os
import signal
import sys
from pathlib import Path

from licence_service.service import build, told_of_steps
from licence_service.store.clients import Client
from tests.world import NOW, Clock, settings_for


def main() -> None:
    """Read the job, walk the line, die at the step."""
    folder, keys, step, job = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], json.loads(Path(sys.argv[4]).read_text("utf-8"))

    def die(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    service = told_of_steps(build(settings_for(folder, keys), Clock(NOW)), die)
    caller = Client(job["client"], job["department"], ("*",), 100_000)
    if job["licence_id"]:
        service.registrar.act(caller, job["key"], job["licence_id"], job["body"])
    else:
        service.registrar.issue(caller, job["key"], job["body"])


if __name__ == "__main__":
    main()
