"""The one runner: plan → rehearse → approve → run. Every step may be killed and begun again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from licence_service.campaign.checking import faults
from licence_service.campaign.judging import AS_A_WHOLE, REFUSED, Judge, Judged, runner_client
from licence_service.campaign.plan import MOST_FAULTS, Plan, parted, plan_of, text_of, whole
from licence_service.carrying import Done, Waiting
from licence_service.digests import canonical, sha256
from licence_service.errors import EntryConflict, Refusal, RequestRejected, SealUnavailable
from licence_service.licence import beijing_day
from licence_service.line import Line, live_key
from licence_service.registrar import Registrar
from licence_service.store.campaigns import APPROVED, DONE, RUNNING, Campaign, Campaigns, Row
from licence_service.store.record import Record

CHANGED = "changed"  # since the rehearsal: skipped, never silently done
_MOST = 40


@dataclass(frozen=True, slots=True)
class Runner:
    """Carries campaigns out; everything that is entered goes through the registrar."""

    store: Campaigns
    registrar: Registrar

    @property
    def line(self) -> Line:
        """Return the line that acts go through."""
        return self.registrar.line

    # -- before -------------------------------------------------------------------------------------

    def plan(self, said: Mapping[str, Any], by: str) -> str:
        """Check a plan against the catalogue and the law, keep it for good, and return the campaign's id."""
        plan = plan_of(said)
        if wrong := list(faults(self.line, plan)):
            raise RequestRejected(faults=wrong[:MOST_FAULTS])
        public, private = parted(said)
        return self.store.add(plan.departments[0], public, private, text_of(said), by)

    def size(self, campaign_id: str) -> int:
        """Return how many licences a rehearsal will read."""
        campaign = self.store.get(campaign_id)
        plan = plan_of(whole(campaign.public, campaign.private))
        return self.store.candidate_count(plan.types, plan.departments)

    def rehearse(self, campaign_id: str, step: Callable[[str], None] = lambda _name: None) -> Campaign:
        """Judge every licence that is meant as the run will, write nothing in the book, and keep what it came to."""
        campaign = self.store.get(campaign_id)
        plan, judge = self._judge(campaign)
        self.store.begin_rehearsal(campaign)
        after = 0
        while found := self.store.candidates(plan.types, plan.departments, after):
            keys, after = {licence_id: key for key, licence_id in found}, found[-1][0]
            rows: list[Row] = []
            taken: set[str] = set()
            for record in self.line.book.records(list(keys)):
                judged = judge.rehearsed(record)
                if judged and judged.live_key in taken:
                    judged = Judged(f"{REFUSED}:number-taken", judged.head)
                if judged:
                    taken |= {judged.live_key} - {""}
                    rows.append(Row(keys[record.licence_id], record.licence_id, judged.said, judged.head, judged.content))
                step("")
            self.store.note(campaign, rows)
        self.store.end_rehearsal(campaign)
        return self.store.get(campaign_id)

    def approve(self, campaign_id: str, by: str) -> Campaign:
        """Let a second person approve the plan as it was rehearsed."""
        self.store.approve(self.store.get(campaign_id), by)
        return self.store.get(campaign_id)

    # -- the run --------------------------------------------------------------------------------------

    def open(self, campaign_id: str) -> int:
        """Return how many licences are still to be acted on."""
        campaign = self.store.get(campaign_id)
        return sum(number for said, outcome, number in self.store.counts(campaign) if said == campaign.public["act"] and outcome is None)

    def run(self, campaign_id: str, step: Callable[[str], None] = lambda _name: None) -> Campaign:
        """Act on every row that is open; again after a crash, where it goes on. One that is done is left as it is.

        `SealUnavailable` where the seal cannot be had: nothing is lost, and the same command goes on.
        """
        campaign = self.store.get(campaign_id)
        if campaign.state == DONE:
            return campaign
        _, judge = self._judge(campaign)
        self.store.begin_run(campaign)
        left = self.open(campaign_id)
        while left:
            for row in self._open_rows(campaign):
                if self._settled(campaign, judge, row):
                    step(row.licence_id)
            before, left = left, self.open(campaign_id)
            if left == before:
                raise SealUnavailable(f"{left} licences are being carried by another process, or by one that died; run it again")
        self.store.end_run(campaign)
        return self.store.get(campaign_id)

    def _open_rows(self, campaign: Campaign) -> Iterator[Row]:
        after = 0
        while page := self.store.open_rows(campaign, after):
            yield from page
            after = page[-1].key

    def _settled(self, campaign: Campaign, judge: Judge, row: Row) -> bool:
        """Act on one licence and write down what became of it; False where another process still carries it."""
        outcome, done = self._acted(campaign, judge, row)
        if outcome:
            self.store.settle(campaign, row, outcome[:_MOST], done.sequence if done else None)
        return outcome is not None

    def _acted(self, campaign: Campaign, judge: Judge, row: Row) -> tuple[str | None, Done | None]:
        """Enter the act once: a reservation under the row's key says that it was begun before."""
        record = self.line.book.get(row.licence_id)
        caller = runner_client(record.issuer(judge.today))
        key = f"campaign:{campaign.campaign_id}:{row.licence_id}"
        begun = self.line.reservations.by_key(caller.name, key)
        try:
            if begun:
                outcome = self.registrar.carrier.carried(begun)
            else:
                judged = judge.weighed(record)
                if judged is None or judged.request is None or not judged.same(row.rehearsed, row.head, row.drafted):
                    return f"{CHANGED}:{judged.said}" if judged and judged.said != row.rehearsed else CHANGED, None
                digest = sha256(canonical([campaign.digest, row.licence_id]))
                outcome = self.registrar.enter(caller, key, digest, record, judged.request)
        except EntryConflict as conflict:
            # Another act is under way or came first; one of ours that is reserved is carried to its end later.
            ours = self.line.reservations.by_key(caller.name, key)
            return (None if ours and ours.state == "reserved" else f"{CHANGED}:{conflict.slug}"), None
        except AS_A_WHOLE:
            raise
        except Refusal as refusal:
            return f"{REFUSED}:{refusal.slug}", None
        if isinstance(outcome, Waiting):
            if begun is None:
                raise SealUnavailable("the seal cannot be had now; the campaign stops here and goes on when it is run again")
            return None, None
        return _became(row, outcome), outcome

    # -- parts --------------------------------------------------------------------------------------------

    def _judge(self, campaign: Campaign) -> tuple[Plan, Judge]:
        plan = plan_of(whole(campaign.public, campaign.private))
        running, today = campaign.state in {APPROVED, RUNNING}, beijing_day(self.line.now())

        def taken(record: Record, number: str) -> bool:
            living = self.line.book.living(live_key(record.type, number, record.issuer(today)))
            if living is not None and living.licence_id != record.licence_id:
                return True
            # A second licence of the same number would be refused once the first one is back; of the run's own rows the rehearsal left one.
            return not running and self.store.meant_twice(campaign, record.licence_id, record.type, number)

        return plan, Judge(self.line, campaign.campaign_id, plan, today, taken)


def _became(row: Row, done: Done) -> str:
    """Say what became of a row; an entry that came between judging and appending is named, since the table allowed both."""
    return done.act if done.sequence == row.head + 1 else f"{done.act}:behind-another"
