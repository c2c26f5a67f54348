"""The one runner: plan → rehearse → approve → run. Every step may be killed and begun again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from licence_service.campaign.checking import faults
from licence_service.campaign.judging import AS_A_WHOLE, MOST_SAID, REFUSED, Judge, Judged, runner_client
from licence_service.campaign.outcomes import CHANGED, became, unlike
from licence_service.campaign.plan import MOST_FAULTS, Plan, parted, plan_of, text_of, whole
from licence_service.campaign.reporting import Report, report_of
from licence_service.campaign.seal_judging import SealJudge
from licence_service.campaign.seal_plan import SealPlan, chosen, is_resealing, resealing, seal_faults, seal_plan_of
from licence_service.campaign.together import Together
from licence_service.carrying import Done, Waiting
from licence_service.compromise import Marks, lost_since
from licence_service.continuing import Continuing
from licence_service.digests import canonical, sha256
from licence_service.errors import EntryConflict, Fault, NotInForce, Refusal, RequestRejected, SealUnavailable
from licence_service.licence import beijing_day
from licence_service.line import Line, live_key
from licence_service.registrar import Registrar
from licence_service.store.campaigns import APPROVED, DONE, REHEARSED, RUNNING, Campaign, Campaigns, Row, Share
from licence_service.store.record import Record
from licence_service.store.sealed import SealedDocuments

_Begun = tuple[Campaign, Plan, Judge] | tuple[Campaign, SealPlan, SealJudge]


@dataclass(frozen=True, slots=True)
class Runner:
    """Carries campaigns out; everything that is entered goes through the registrar, a re-seal in chunks."""

    store: Campaigns
    registrar: Registrar
    continuing: Continuing
    sealed: SealedDocuments
    marks: Marks

    @property
    def line(self) -> Line:
        """Return the line that acts go through."""
        return self.registrar.line

    # -- before -------------------------------------------------------------------------------------

    def plan(self, said: Mapping[str, Any], by: str, key: str | None = None) -> str:
        """Check a plan against the catalogue and the law, keep it for good, once under the `key` of a request, and return the campaign's id."""
        plan = plan_of(said)
        return self._kept(said, faults(self.line, plan), by, key)

    def plan_resealing(self, seal_id: str, since: datetime, decision: Mapping[str, Any], by: str, *, every: bool = False) -> str:
        """Plan to re-seal what a seal was used on since an instant, or ever, and return the campaign's id."""
        said = resealing(self.line, seal_id, since, decision, every=every)
        return self._kept(said, seal_faults(self.line, seal_plan_of(said, self.line.keyring)), by)

    def planned_resealing(self, seal_id: str, since: datetime, *, every: bool = False) -> Campaign | None:
        """Return the newest campaign to re-seal exactly that; None where nobody planned one."""
        wanted = chosen(seal_id, since, every=every)
        return next((one for one in self.store.all() if is_resealing(one.public) and one.public["select"] == wanted), None)

    def report(self, campaign_id: str) -> Report:
        """Return the report of a campaign as it stands; of a re-seal that was run, the register is asked anew what is left."""
        campaign = self.store.get(campaign_id)
        plan = self._plan(campaign)
        if not isinstance(plan, SealPlan):
            return report_of(self.store, campaign)
        left = self._left(campaign, plan) if campaign.state in {RUNNING, DONE} else None
        return report_of(self.store, campaign, self.sealed.loose(plan.seal.seal_id, plan.since), left)

    def _kept(self, said: Mapping[str, Any], found: Iterable[Fault], by: str, key: str | None = None) -> str:
        if wrong := list(found):
            raise RequestRejected(faults=wrong[:MOST_FAULTS])
        public, private = parted(said)
        return self.store.add(str(said["departments"][0]), public, private, text_of(said), by, key)

    def size(self, campaign_id: str) -> int:
        """Return how many licences a rehearsal will read."""
        plan = self._plan(self.store.get(campaign_id))
        if isinstance(plan, SealPlan):
            return self.store.sealed_count(plan.departments, None if plan.every else plan.since)
        return self.store.candidate_count(plan.types, plan.departments)

    def rehearse(self, campaign_id: str, step: Callable[[str], None] = lambda _name: None) -> Campaign:
        """Judge every licence that is meant as the run will, write nothing in the book, and keep what it came to."""
        campaign, plan, judge = self._judge(campaign_id)
        self.store.begin_rehearsal(campaign)
        after = 0
        while found := self._next(plan, after):
            keys, after = {licence_id: key for key, licence_id in found}, found[-1][0]
            here = judge.standing() if isinstance(judge, SealJudge) else judge
            rows: list[Row] = []
            taken: set[str] = set()
            for record in self.line.book.records(list(keys)):
                judged = here.rehearsed(record)
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
        """Let a second person approve the plan as it was rehearsed; of a re-seal, that the key is lost is confirmed with it."""
        campaign = self.store.get(campaign_id)
        plan = self._plan(campaign)
        if isinstance(plan, SealPlan) and campaign.state == REHEARSED:
            self.marks.confirm(plan.seal.seal_id, plan.since, by)  # first: an approved campaign whose key nobody calls lost could not be run
        self.store.approve(campaign, by)
        return self.store.get(campaign_id)

    def _next(self, plan: Plan | SealPlan, after: int) -> Sequence[tuple[int, str]]:
        """Return the next licences that a plan may mean."""
        if isinstance(plan, SealPlan):
            return self.store.sealed(plan.departments, None if plan.every else plan.since, after)
        return self.store.candidates(plan.types, plan.departments, after)

    # -- the run --------------------------------------------------------------------------------------

    def open(self, campaign_id: str) -> int:
        """Return how many licences are still to be acted on."""
        campaign = self.store.get(campaign_id)
        return sum(number for said, outcome, number in self.store.counts(campaign) if said == campaign.public["act"] and outcome is None)

    def run(self, campaign_id: str, step: Callable[[str], None] = lambda _name: None) -> Campaign:
        """Act on every row that is open; again after a crash, where it goes on. One that is done is left as it is.

        `SealUnavailable` where the seal cannot be had: nothing is lost, and the same command goes on.
        """
        if self.store.get(campaign_id).state == DONE:
            return self.store.get(campaign_id)
        campaign, judge = self._begun(campaign_id)
        left = self.open(campaign_id)
        while left:
            if isinstance(judge, SealJudge):
                Together(self.store, self.continuing, campaign, judge, step).run()
            else:
                self._one_by_one(campaign, judge, step)
            before, left = left, self.open(campaign_id)
            if left == before:
                wait = "another act on them, or another process that carries them, is under way"
                raise SealUnavailable(f"{left} licences wait: {wait}; run it again")
        self.store.end_run(campaign)
        return self.store.get(campaign_id)

    def run_share(self, campaign_id: str, share: Share) -> None:
        """Go once through the open rows of one share of a re-seal, beside others that have the other shares; `run` ends it."""
        if self.store.get(campaign_id).state == DONE:
            return
        campaign, judge = self._begun(campaign_id)
        if not isinstance(judge, SealJudge):
            raise RequestRejected("only a re-seal is carried by several processes")
        Together(self.store, self.continuing, campaign, judge, lambda _licence: None, share=share).run()

    def _begun(self, campaign_id: str) -> tuple[Campaign, Judge | SealJudge]:
        campaign, plan, judge = self._judge(campaign_id)
        if isinstance(plan, SealPlan):
            self._must_be_lost(plan)
        self.store.begin_run(campaign)
        return campaign, judge

    def _must_be_lost(self, plan: SealPlan) -> None:
        """Re-seal nothing before two people said that the key is lost, nor with a key that is."""
        said = lost_since(self.line.law.foundations, plan.seal.seal_id)
        if said is None or said > plan.since:
            raise NotInForce("two people have not said yet that this key is lost since then", facts={"rule": "SE-06"})
        if wrong := list(seal_faults(self.line, plan)):
            raise RequestRejected(faults=wrong)

    def _left(self, campaign: Campaign, plan: SealPlan) -> int:
        """Count in the register what the plan still means: genuine, its current document under the lost seal, and not refused for a reason."""
        judge, after, number = self._seal_judge(campaign, plan).standing(), 0, 0
        while found := self._next(plan, after):
            keys, after = {licence_id: key for key, licence_id in found}, found[-1][0]
            refused = self.store.refused(campaign, list(keys.values()))
            judged = (judge.weighed(record) for record in self.line.book.records([one for one, key in keys.items() if key not in refused]))
            number += sum(one is not None and one.request is not None for one in judged)
        return number

    def _one_by_one(self, campaign: Campaign, judge: Judge, step: Callable[[str], None]) -> None:
        for row in self._open_rows(campaign):
            if self._settled(campaign, judge, row):
                step(row.licence_id)

    def _open_rows(self, campaign: Campaign) -> Iterator[Row]:
        after = 0
        while page := self.store.open_rows(campaign, after):
            yield from page
            after = page[-1].key

    def _settled(self, campaign: Campaign, judge: Judge, row: Row) -> bool:
        """Act on one licence and write down what became of it; False where another process still carries it."""
        outcome, done = self._acted(campaign, judge, row)
        if outcome:
            self.store.settle(campaign, row, outcome[:MOST_SAID], done.sequence if done else None)
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
                if judged is None or judged.request is None or unlike(row, judged):
                    return unlike(row, judged), None
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
        return became(row, outcome), outcome

    # -- parts --------------------------------------------------------------------------------------------

    def _plan(self, campaign: Campaign) -> Plan | SealPlan:
        said = whole(campaign.public, campaign.private)
        return seal_plan_of(said, self.line.keyring) if is_resealing(said) else plan_of(said)

    def _seal_judge(self, campaign: Campaign, plan: SealPlan) -> SealJudge:
        return SealJudge(self.line, campaign.campaign_id, plan, beijing_day(self.line.now()), self.sealed.by(plan.seal.seal_id))

    def _judge(self, campaign_id: str) -> _Begun:
        campaign = self.store.get(campaign_id)
        plan, today = self._plan(campaign), beijing_day(self.line.now())
        if isinstance(plan, SealPlan):
            return campaign, plan, self._seal_judge(campaign, plan)
        running = campaign.state in {APPROVED, RUNNING}

        def taken(record: Record, number: str) -> bool:
            living = self.line.book.living(live_key(record.type, number, record.issuer(today)))
            if living is not None and living.licence_id != record.licence_id:
                return True
            # A second licence of the same number would be refused once the first one is back; of the run's own rows the rehearsal left one.
            return not running and self.store.meant_twice(campaign, record.licence_id, record.type, number)

        return campaign, plan, Judge(self.line, campaign.campaign_id, plan, today, taken)
