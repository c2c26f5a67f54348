"""After the release: a holder objects to what was converted, and the department answers within some days with a correction, or says no (ST-09).

An objection is a task of the department, not an act: nothing of the licence changes until somebody decides. What puts it right is the act
`correct`, which makes a new version; whoever decided closes the task.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from licence_service import authority
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.licence import beijing_day
from licence_service.line import Line
from licence_service.stock.declared import Knowledge
from licence_service.store.clients import Client

OBJECTION = "objection"
MOST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Objection:
    """An objection that waits: its task, the licence, the last day on which it is answered in time."""

    task_id: str
    licence_id: str
    until: date
    late: bool


@dataclass(frozen=True, slots=True)
class Objections:
    """The objections to licences that came from a stock."""

    line: Line
    knowledge: Knowledge

    def open(self, caller: Client, licence_id: str, text: str) -> Objection:
        """Write a holder's objection down; the same words again are the same one. `NotInRegister` for a licence that is not of a stock, too."""
        today = beijing_day(self.line.now())
        record = authority.found(self.line, caller, licence_id, today)
        if record.entries[0].origin is None:
            raise NotInRegister("no licence of a converted stock")
        if not text.strip() or len(text) > MOST_TEXT:
            raise RequestRejected(faults=[Fault("text", "wrong-length", f"1 to {MOST_TEXT} characters are wanted here")])
        department = record.issuer(today)
        said = {"rule": "ST-09", "text": text.strip()}
        task_id = self.line.tasks.open(department, OBJECTION, licence_id, said)
        return Objection(task_id, licence_id, today + timedelta(days=self.knowledge.limits.objection_days), late=False)

    def waiting(self, caller: Client) -> list[Objection]:
        """Return the objections that the caller's department has not answered, oldest first."""
        today, days = beijing_day(self.line.now()), timedelta(days=self.knowledge.limits.objection_days)
        found, after = [], 0
        while part := self.line.tasks.of(caller.department, offices=caller.offices, after=after):
            after = part[-1][0]
            for _, task in part:
                if task.kind == OBJECTION and task.licence_id:
                    until = beijing_day(task.opened_at) + days
                    found.append(Objection(task.task_id, task.licence_id, until, today > until))
        return found

    def close(self, caller: Client, task_id: str, by: str) -> None:
        """Close an objection once it is decided; `NotInRegister` where it is none that waits."""
        if task_id not in {one.task_id for one in self.waiting(caller)}:
            raise NotInRegister("no such open objection")
        self.line.tasks.close(caller.department, task_id, by[:80])
