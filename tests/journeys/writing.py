"""Writers that enter one act after another on shared licences: `python -m tests.journeys.writing JOB…`, JSON files.

What a writer wants follows from its number and from what it wrote down before. Every job is a process of its own, forked once everything
is read and before a connection is opened; each appends one line for every finished act to the job's file and flushes it. Killed and
started again, a writer reads its file and goes on with the first act that is not in it, under the same key.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from licence_service.carrying import Done
from licence_service.errors import Refusal, Unavailable
from licence_service.licence import beijing_day
from licence_service.service import Service, build
from licence_service.store.clients import EVERY_TYPE, Client
from tests.world import NOW, decision, settings_for

CEILING = 100_000
PAUSE = 0.1  # seconds between two attempts
WANTED = {"endorse": 40, "suspend": 14, "lift": 14, "report_lost": 10, "report_found": 10, "stay": 7, "end_stay": 5}  # act → weight
SUBJECTS = {"lift": "suspend", "stay": "suspend", "end_stay": "stay"}
NOBODYS = 2  # the entry that is named by who has none of its own to name: whatever it is, the table says


@dataclass(frozen=True, slots=True)
class Job:
    """A writer's work. `began` is seconds since 1970, when its clock stood at NOW; `pace` how many of its seconds go by in one.

    `revokes` is the number of the act that is a revocation, none where negative. Before its last act a writer waits until it may go on:
    whoever wants to meet all of them at work has the time for it, however slow the machine is.
    """

    writer: int
    acts: int
    licences: tuple[str, ...]
    department: str
    client: str
    folder: str
    keys: str
    database_url: str
    began: float
    pace: float
    revokes: int = -1

    @property
    def path(self) -> Path:
        """Where the job is written for its process."""
        return Path(self.folder) / f"writer-{self.writer}.json"

    @property
    def lines(self) -> Path:
        """Where the writer writes down what it finished."""
        return self.path.with_suffix(".lines")

    @property
    def pid(self) -> Path:
        """Where the writer says which process it is."""
        return self.path.with_suffix(".pid")

    @property
    def may_end(self) -> Path:
        """What is there once writers may begin their last act; one for all."""
        return Path(self.folder) / "may-end"

    @property
    def told(self) -> Path:
        """What is there once a writer was told to wait; one for all."""
        return Path(self.folder) / "told-to-wait"

    def kept(self) -> None:
        """Write the job down."""
        self.path.write_text(json.dumps(asdict(self)), "utf-8")

    def clock(self) -> datetime:
        """Return the writer's instant."""
        return NOW + timedelta(seconds=(time.time() - self.began) * self.pace)

    def key(self, number: int) -> str:
        """Return the idempotency key of the writer's n-th act."""
        return f"writer-{self.writer}-{number:05}"


@dataclass(frozen=True, slots=True)
class Line:
    """A finished act: the entry's sequence, or the slug of the refusal. `told_to_wait` is how often the service could not say."""

    key: str
    licence_id: str
    act: str
    sequence: int | None
    refused: str
    told_to_wait: int


def written(path: Path) -> list[Line]:
    """Return what a writer wrote down so far."""
    return [Line(**json.loads(line)) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def wanted(job: Job) -> Iterator[tuple[str, str, str]]:
    """Yield key, licence and act of everything the writer wants, always the same."""
    chance = Random(job.writer)
    for number in range(job.acts):
        act = chance.choices(tuple(WANTED), tuple(WANTED.values()))[0]
        yield job.key(number), chance.choice(job.licences), "revoke" if number == job.revokes else act


def body_of(key: str, licence_id: str, act: str, before: Sequence[Line]) -> dict[str, Any]:
    """Return the request; the decision's number is the key, so that the entry names the act it came from."""
    day = beijing_day(NOW)
    body: dict[str, Any] = {"act": act, "decision": decision(day, number=key)}
    if act == "endorse":
        return {**body, "kind": "violation", "external_ref": key, "facts": _facts(day, key)}
    if act == "suspend":
        return {**body, "suspension": {"kind": "measure", "first": day.isoformat()}}
    if act in SUBJECTS:
        own = [line.sequence for line in before if (line.licence_id, line.act) == (licence_id, SUBJECTS[act]) and line.sequence]
        return {**body, "target": own[-1] if own else NOBODYS}
    return {**body, "effective_on": day.isoformat()} if act == "revoke" else body


def _facts(day: date, key: str) -> Mapping[str, str]:
    return {"date": day.isoformat(), "decision_no": key, "act": "超员", "penalty": "罚款", "authority": "示例机关"}


def finished(service: Service, caller: Client, key: str, licence_id: str, body: Mapping[str, Any], told: Path) -> Line:
    """Enter an act, again and again under its key until the service says yes or no."""
    told_to_wait = 0
    while True:
        try:
            outcome = service.registrar.act(caller, key, licence_id, body)
        except Unavailable:
            told_to_wait += 1
            told.touch()
        except Refusal as refused:
            return Line(key, licence_id, body["act"], None, refused.slug, told_to_wait)
        else:
            if isinstance(outcome, Done):
                return Line(key, outcome.licence_id, outcome.act, outcome.sequence, "", told_to_wait)
        time.sleep(PAUSE)


def write(job: Job, service: Service) -> None:
    """Do all that the job wants and that is not written down yet."""
    job.pid.write_text(str(os.getpid()), "utf-8")
    caller = Client(job.client, job.department, (EVERY_TYPE,), CEILING)
    before = written(job.lines)
    with job.lines.open("a", encoding="utf-8") as file:
        for key, licence_id, act in list(wanted(job))[len(before) :]:
            while len(before) == job.acts - 1 and not job.may_end.exists():
                time.sleep(PAUSE)
            before.append(finished(service, caller, key, licence_id, body_of(key, licence_id, act, before), job.told))
            file.write(json.dumps(asdict(before[-1])) + "\n")
            file.flush()
    service.close()


def read(path: Path) -> Job:
    """Return a job as it was kept."""
    said = json.loads(path.read_text("utf-8"))
    return Job(**{**said, "licences": tuple(said["licences"])})


def forked(work: Callable[[], None]) -> int:
    """Run in a child process and return its id; trouble is said on the standard error and ends it with 1."""
    if pid := os.fork():
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001 - whatever it is, the parent's part of this program must not run twice
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> int:
    """Start all writers, which share register and clock, wait for them; return 1 if one ended in any way but well or by SIGKILL."""
    jobs = [read(Path(name)) for name in sys.argv[1:]]
    first = jobs[0]
    service = build(settings_for(Path(first.folder), Path(first.keys), first.database_url), first.clock)
    children = [forked(lambda job=job: write(job, service)) for job in jobs]  # type: ignore[misc]
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return int(any(end not in {0, -9} for end in ends))


if __name__ == "__main__":
    sys.exit(main())
