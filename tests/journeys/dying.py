"""Runs one issue or act and dies like `kill -9` before a named step: `python -m tests.journeys.dying JOB`, a JSON file.

`folder` and `keys` say where the service lives, `settings` what else it is told, `step` where it dies.
"""

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
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))

    def die(name: str) -> None:
        if name == job["step"]:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = settings_for(Path(job["folder"]), Path(job["keys"]), **job["settings"])
    service = told_of_steps(build(settings, Clock(NOW)), die)
    caller = Client(job["client"], job["department"], ("*",), 100_000)
    if job["licence_id"]:
        service.registrar.act(caller, job["key"], job["licence_id"], job["body"])
    else:
        service.registrar.issue(caller, job["key"], job["body"])


if __name__ == "__main__":
    main()
