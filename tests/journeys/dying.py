"""A process from which jobs are forked that die like `kill -9` before a named step: `python -m tests.journeys.dying`.

It reads one path of a JSON file a line and answers, a line each, how the job's process ended (as `os.waitstatus_to_exitcode` says); what
went wrong stands on stderr. Libraries, templates, fonts and keys are read once, before any fork, and no connection is open then.

A job has `folder` and `keys` where the service lives, `settings`, what else it is told, `now`, `step` and for which `time` it comes when the
process dies. It is an issue or an act (`client`, `department`, `key`, `body`, `licence_id`), a chunk (`client`, `department`, `rows`), a stock (`client`,
`department`, `stock`, its type; its file lies in the folder), or a campaign (`campaign_id`),
which has one step more: `settle`, when the act is entered but the campaign has not written it down yet.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from licence_service.licence import beijing_day
from licence_service.line import host_of
from licence_service.service import Service, told_of_steps
from licence_service.store.campaigns import Campaigns
from licence_service.store.clients import Client
from licence_service.store.payload import Vault
from tests.journeys.ageing import runner_of
from tests.stocks import carried
from tests.world import PAYLOAD_KEY, Clock, Remembered, built, opened_once, own_fonts, own_templates, settings_for


class Told(Campaigns):
    """The store of campaigns, which tells when rows are about to be settled."""

    tell: Callable[[str], None]

    def settle_all(self, *args: Any, **named: Any) -> None:
        self.tell("settle")
        super().settle_all(*args, **named)


def run(job: Mapping[str, Any]) -> None:
    """Do the work until the step."""
    seen: list[str] = []

    def die(name: str) -> None:
        seen.append(name)
        if seen.count(job["step"]) == job["time"]:
            os.kill(os.getpid(), signal.SIGKILL)

    keys = Path(job["keys"])
    settings, clock = settings_for(Path(job["folder"]), keys, **job["settings"]), Clock(datetime.fromisoformat(job["now"]))
    service = told_of_steps(built(settings, clock, own_templates(), opened_once(keys), own_fonts()), die)
    if "campaign_id" in job:
        run_campaign(service, clock, job["campaign_id"], die)
        return
    caller = Client(job["client"], job["department"], ("*",), 100_000)
    if "stock" in job:
        carried(service, caller, job["stock"], Path(job["folder"]), die)
        return
    if "rows" in job:
        service.chunks.issue(caller, [(key, body) for key, body in job["rows"]])
        return
    if job["licence_id"]:
        service.registrar.act(caller, job["key"], job["licence_id"], job["body"])
    else:
        service.registrar.issue(caller, job["key"], job["body"])


def run_campaign(service: Service, clock: Clock, campaign_id: str, tell: Callable[[str], None]) -> None:
    """Run a campaign whose store tells of its steps."""
    store = Told(service.database, Vault(bytes.fromhex(PAYLOAD_KEY)), clock)
    store.tell = tell
    replace(runner_of(service), store=store).run(campaign_id)


def forked(job: Mapping[str, Any]) -> int:
    """Run a job in a process of its own and return how that ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        run(job)
    except BaseException:  # noqa: BLE001 - a forked process must not go on as its parent; what it was stands on stderr
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def ready(job: Mapping[str, Any]) -> None:
    """Make what every job would make anew: opened keys, a dictionary, and with its pages whatever printing prepares."""
    keyring, settings = opened_once(Path(job["keys"])), settings_for(Path(job["folder"]), Path(job["keys"]), **job["settings"])
    if keyring:
        day = beijing_day(datetime.fromisoformat(job["now"]))
        Remembered(own_templates(), keyring, own_fonts(), host_of(settings.public_url)).dictionary(day)


def main() -> None:
    """Take jobs until there are no more."""
    own_templates()
    own_fonts()
    for line in sys.stdin:
        job = json.loads(Path(line.strip()).read_text("utf-8"))
        ready(job)
        print(forked(job), flush=True)


if __name__ == "__main__":
    main()
