"""The reconciliation (DOMAIN §2e step 8, M19): both catalogues are compared, each difference becomes a row of the ledger and is told anew until there is none.

Counts and digests are asked for by type and organ, then by day, then entry by entry, each only where the level above differs. What is on its way is
no difference. What the repository alone knows, or knows more of, is never overwritten by itself: were this register the one that lost something,
that would be the evidence.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from licence_service.errors import NotInRegister, RequestRejected, Unavailable
from licence_service.licence import beijing_day
from licence_service.repository.comparing import Difference, Kept, Kind, differences, of_day, of_days, unlike
from licence_service.repository.reporting import Reporter
from licence_service.repository.there import There
from licence_service.store.differences import Differences, Found, Run, Task
from licence_service.store.repository_lines import RECONCILE, REPORTED, RETURNED, WAITING, Claims, Line, Lines

MOST_PASSES = 3
_LEASE = timedelta(minutes=10)  # renewed with every day that is looked into
AHEAD = "ahead-of-this-register"  # a cause: this register may have lost what the repository still has
_A_WHILE = 500  # rows between two signs of life
_AGAIN = timedelta(hours=1)  # where differences are left


@dataclass(slots=True)
class _Looked:
    """What one pass came to."""

    entries: int = 0
    groups: int = 0
    days: int = 0
    found: list[Found] = field(default_factory=list)
    under_way: set[str] = field(default_factory=set)

    @property
    def ahead(self) -> set[str]:
        """Return the licences of which the other side knows more."""
        return {one.licence_id for one in self.found if one.cause == AHEAD}


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Reconciles with one repository."""

    there: There
    reporter: Reporter
    ledger: Differences
    now: Callable[[], datetime] = field(repr=False)

    @property
    def _lines(self) -> Lines:
        return self.reporter.lines

    @property
    def _claims(self) -> Claims:
        return self.reporter.claims

    def due(self) -> bool:
        """Say whether it is time: once each Beijing day, and every hour while differences are left."""
        last, now = self.ledger.last_finished(), self.now()
        return last is None or beijing_day(last) < beijing_day(now) or (now - last >= _AGAIN and bool(self.ledger.open()))

    def reconcile(self, passes: int = MOST_PASSES) -> Run:
        """Compare, write down, tell anew, and compare again until nothing differs or `passes` are over; return what the run came to.

        Raise `Unavailable` where the repository does not answer or another process reconciles; what was written down by then stays.
        """
        holder, now = secrets.token_hex(16), self.now()
        if self._claims.take(RECONCILE, holder, now, now + _LEASE) is None:
            raise Unavailable("a reconciliation is under way")
        run = self.ledger.begin(now)
        try:
            for _ in range(passes):
                self.reporter.work()
                looked = self._compared(holder)
                run = self._noted(run, looked)
                if not self._told_anew(holder, looked.ahead):
                    break
            return self.ledger.finish(run, self.now())
        finally:
            self._claims.release(RECONCILE, holder)

    def withdraw(self, key: int, by: str) -> Task:
        """Have the repository take out an entry that nobody here knows, on the word of a person; `RequestRejected` for any other difference."""
        task = self.ledger.get(key)
        if task.found.kind != Kind.MISSING_HERE or task.state != "open" or self._known(task.found.licence_id):
            raise RequestRejected("only an open difference `missing_here` about a licence that this register never had can be withdrawn")
        self.there.withdraw(task.found.licence_id, f"withdraw-{task.key}-{self.now():%Y%m%d%H%M%S}")
        self.ledger.withdrawn(task, by)
        return self.ledger.get(key)

    # -- one pass ------------------------------------------------------------------------------------

    def _noted(self, run: Run, looked: _Looked) -> Run:
        """Write what a pass came to into the ledger."""
        standing = {(one.licence_id, one.kind) for one in looked.found}
        gone = {
            task.key: self._ending(task, looked.found)
            for task in self.ledger.open()
            if (task.found.licence_id, task.found.kind) not in standing and task.found.licence_id not in looked.under_way
        }
        new = self.ledger.note(run, looked.found, gone, self.now())
        return replace(
            run, passes=run.passes + 1, entries=looked.entries, groups=looked.groups, days=run.days + looked.days, found=run.found + new,
            ended=run.ended + len(gone), open=len(self.ledger.open()),
        )  # fmt: skip

    def _compared(self, holder: str) -> _Looked:
        began, looked = self.now(), _Looked()
        here = {group: {day: of_day(map(_kept, rows)) for day, rows in self._lines.kept(*group).items()} for group in self._lines.groups()}
        whole, there = {group: of_days(days) for group, days in here.items()}, self.there.groups()
        looked.groups, looked.entries = len({*whole, *there}), sum(one.count for one in whole.values())
        for group in sorted(unlike(whole, there)):
            for day in sorted(unlike(here.get(group, {}), self.there.days(*group))):
                self._keep_on(holder)
                looked.days += 1
                self._look_into((*group, day), began, looked)
        return looked

    def _look_into(self, group: tuple[str, str, str], began: datetime, looked: _Looked) -> None:
        """Compare one day entry by entry. The other side is read first: whatever is told meanwhile is then newer here, and known to be under way."""
        theirs = list(self.there.entries(*group))
        lines = {line.licence_id: line for line in self._lines.of_group(group)}
        for one in differences([Kept(line.licence_id, line.place, line.digest) for line in lines.values()], theirs):
            line = lines.get(one.licence_id)
            if line and (line.state == WAITING or (line.settled_at and line.settled_at > began)):
                looked.under_way.add(one.licence_id)
            else:
                looked.found.append(_found(one, group, self._cause(one, line)))

    def _cause(self, one: Difference, line: Line | None) -> str:
        if line is None:
            return "filed-elsewhere" if self._known(one.licence_id) else "never-reported"
        if any(each.revision > line.place for each in one.there):
            return AHEAD
        if line.state == RETURNED:
            return f"returned-{line.reason}"
        return {Kind.DOUBLED: "kept-twice", Kind.OTHER_STATE: "kept-otherwise"}.get(one.kind, "taken-and-not-kept")

    def _ending(self, task: Task, found: list[Found]) -> str:
        """Say how a difference that is no more came to its end."""
        if turned := next((one.kind for one in found if one.licence_id == task.found.licence_id), None):
            return str(turned)
        if task.withdrawn_by:
            return "withdrawn"
        line = self._known(task.found.licence_id)
        taken = line and line.state == REPORTED and line.settled_at and line.settled_at >= task.found_at
        unanswered = line and line.state == WAITING and line.attempts  # it was taken, and the answer was lost on the way
        return "told_anew" if line and line.repairs and (taken or unanswered) else "came_late"

    def _told_anew(self, holder: str, ahead: set[str]) -> bool:
        """Put what is open on its way once more, but for what the other side knows more of; say whether there was anything to tell."""
        told = 0
        for number, task in enumerate(self.ledger.open()):
            if number % _A_WHILE == 0:
                self._keep_on(holder)
            told += task.found.licence_id not in ahead and self._repaired(task)
        return told > 0

    def _keep_on(self, holder: str) -> None:
        if not self._claims.renew(RECONCILE, holder, self.now() + _LEASE):
            raise Unavailable("another process reconciles now")

    def _repaired(self, task: Task) -> bool:
        """Put what a row is about on its way once more; False where a person must decide, it waits already, or it was returned again."""
        line = self._known(task.found.licence_id)
        if line is None or (line.state == RETURNED and task.repairs) or not self._lines.tell_anew(line, self.now()):
            return False
        self.ledger.repaired(task)
        return True

    def _known(self, licence_id: str) -> Line | None:
        """Return the newest line of a licence that this register has."""
        try:
            return self._lines.newest(licence_id)
        except NotInRegister:
            return None


def _kept(row: tuple[str, int, str]) -> Kept:
    return Kept(*row)


def _found(one: Difference, group: tuple[str, str, str], cause: str) -> Found:
    here = {"revision": one.here.revision, "digest": one.here.digest} if one.here else None
    there = [{"revision": each.revision, "digest": each.digest} for each in one.there]
    return Found(one.licence_id, one.kind.value, group, here, there, cause)
