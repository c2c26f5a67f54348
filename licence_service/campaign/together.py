"""The run of a campaign whose acts go many at once: a chunk is judged, entered and settled, then the next (docs/campaigns.md)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from licence_service.campaign.judging import AS_A_WHOLE, MOST_SAID, REFUSED, runner_client
from licence_service.campaign.outcomes import CHANGED, became, unlike
from licence_service.campaign.seal_judging import SealJudge
from licence_service.carrying import Waiting
from licence_service.chunk_rows import Outcome, told
from licence_service.chunks import CHUNK
from licence_service.continuing import Continuing, Later
from licence_service.digests import canonical, sha256
from licence_service.errors import EntryConflict, Refusal, SealUnavailable, Unavailable
from licence_service.store.campaigns import WHOLE, Campaign, Campaigns, Row, Share
from licence_service.store.record import Record
from licence_service.store.reservations import Reservation

_Settled: TypeAlias = tuple[Row, str, int | None]


@dataclass(frozen=True, slots=True)
class Together:
    """Carries out one campaign in chunks; every row keeps the key that it would have alone."""

    store: Campaigns
    continuing: Continuing
    campaign: Campaign
    judge: SealJudge
    step: Callable[[str], None] = field(repr=False)
    chunk: int = CHUNK
    share: Share = WHOLE

    def run(self) -> None:
        """Go once through the open rows of the share. Raise what stops the whole campaign, when the chunk that it came from is settled."""
        after = 0
        while rows := self.store.open_rows(self.campaign, after, self.chunk, self.share):
            after = rows[-1].key
            self._settled(rows)

    def _settled(self, rows: Sequence[Row], *, again: bool = True) -> None:
        """Judge, enter and settle some rows; where another act is under way on a licence, that one is carried to its end first, then its row `again`."""
        judge = self.judge.standing()
        caller = runner_client(self.judge.plan.departments[0])
        records = {one.licence_id: one for one in self.judge.line.book.records([row.licence_id for row in rows])}
        keys = {row.key: f"campaign:{self.campaign.campaign_id}:{row.licence_id}" for row in rows}
        begun = self.continuing.begun(caller, list(keys.values()))
        settled: list[_Settled] = []
        acts: list[tuple[Row, Later]] = []
        for row in rows:
            found = self._meant(judge, row, records[row.licence_id], keys[row.key], begun)
            if isinstance(found, Later):
                acts.append((row, found))
            else:
                settled.append((row, found, None))
        outcomes = self.continuing.enter(caller, [act for _, act in acts]) if acts else []
        troubles: list[Exception] = []
        behind: list[Row] = []
        for (row, act), outcome in zip(acts, outcomes, strict=True):
            if isinstance(outcome, EntryConflict) and self.judge.line.reservations.by_key(caller.name, act.key) is None:
                behind.append(row)
                continue
            said = self._said(caller.name, row, act, outcome, troubles)
            settled += [said] if said else []
        self.store.settle_all(self.campaign, settled)
        for row, _, _ in settled:
            self.step(row.licence_id)
        if troubles:
            raise troubles[0]
        if behind and again:
            for row in behind:
                self._carry_what_waits(row.licence_id)
            self._settled(behind, again=False)  # one that still waits stays open

    def _meant(self, judge: SealJudge, row: Row, record: Record, key: str, begun: Mapping[str, Reservation]) -> Later | str:
        """Return the act that is to be entered, the one that was begun before as it was meant then, or why there is none."""
        digest = sha256(canonical([self.campaign.digest, row.licence_id]))
        if key in begun:
            return Later(key, digest, record, begun=begun[key])
        judged = judge.weighed(record)
        if judged is None:
            return CHANGED
        other = unlike(row, judged)
        return other[:MOST_SAID] if other else Later(key, digest, record, judged.request)

    def _carry_what_waits(self, licence_id: str) -> None:
        """Carry the act under way on a licence, such as a renewal that waited for the stopped seal; whoever asked for it is told what became of it."""
        registrar = self.continuing.chunks.registrar
        for reservation in map(registrar.line.reservations.get, registrar.line.reservations.of_licence(licence_id)):
            if reservation.state == "reserved" and reservation.version:
                told(partial(registrar.carrier.carried, reservation, wait=False))

    def _said(self, client: str, row: Row, act: Later, outcome: Outcome, troubles: list[Exception]) -> _Settled | None:
        """Say what became of a row; None where it stays open, or where what came in between concerns all of them."""
        if isinstance(outcome, EntryConflict):
            # Another act came first; one of ours that is reserved is carried to its end later.
            ours = self.judge.line.reservations.by_key(client, act.key)
            return None if ours and ours.state == "reserved" else (row, f"{CHANGED}:{outcome.slug}", None)
        if isinstance(outcome, (*AS_A_WHOLE, Unavailable)):
            troubles.append(outcome)
            return None
        if isinstance(outcome, Refusal):
            return row, f"{REFUSED}:{outcome.slug}"[:MOST_SAID], None
        if isinstance(outcome, Waiting):
            if act.begun is None:
                troubles.append(SealUnavailable("the seal cannot be had now; the campaign stops here and goes on when it is run again"))
            return None
        return row, became(row, outcome)[:MOST_SAID], outcome.sequence
