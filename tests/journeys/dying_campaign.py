"""Runs a campaign and dies like `kill -9` when a named step comes for the n-th time: `python -m tests.journeys.dying_campaign JOB`.

The steps are those of the issue line, and `settle`: the act is entered, but the campaign has not written it down yet.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from licence_service.service import build, told_of_steps
from licence_service.store.campaigns import Campaigns
from licence_service.store.payload import Vault
from tests.journeys.ageing import runner_of
from tests.world import PAYLOAD_KEY, Clock, settings_for


class Told(Campaigns):
    """The store of campaigns, which tells when a row is about to be settled."""

    tell: Callable[[str], None]

    def settle(self, *args: Any, **named: Any) -> None:
        self.tell("settle")
        super().settle(*args, **named)


def main() -> None:
    """Read the job and run until the step."""
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    seen: list[str] = []

    def die(name: str) -> None:
        seen.append(name)
        if seen.count(job["step"]) == job["time"]:
            os.kill(os.getpid(), signal.SIGKILL)

    clock = Clock(datetime.fromisoformat(job["now"]))
    service = told_of_steps(build(settings_for(Path(job["folder"]), Path(job["keys"])), clock), die)
    store = Told(service.database, Vault(bytes.fromhex(PAYLOAD_KEY)), clock)
    store.tell = die
    replace(runner_of(service), store=store).run(job["campaign_id"])


if __name__ == "__main__":
    main()
