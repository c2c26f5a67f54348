"""Whether a licence is to be re-sealed: asked by the rehearsal and, again, by the run (DOMAIN SE-06).

Genuine is what the register proves: its current document is in the book, and the seal-use log says that it was sealed here.
"""

from dataclasses import dataclass, field, replace
from datetime import date

from licence_service.campaign.judging import AS_A_WHOLE, EXCLUDED, MOST_SAID, REFUSED, Judged, runner_client
from licence_service.campaign.seal_plan import SealPlan
from licence_service.deciding import drafted
from licence_service.digests import canonical, sha256
from licence_service.errors import Refusal
from licence_service.licence import Act
from licence_service.line import Line
from licence_service.requests import ActRequest
from licence_service.store.record import Record
from licence_service.store.sealed import Sealed

OVER = f"{EXCLUDED}:over"  # nothing rests on its document any more: it stays proven by the register
UNKNOWN_USE = f"{REFUSED}:no-seal-use"  # in the book, but not sealed here: a clerk looks at it


@dataclass(frozen=True, slots=True)
class SealJudge:
    """Judges licences under one plan on one day; `sealed` is what the seal-use log says of the seal."""

    line: Line
    campaign_id: str
    plan: SealPlan
    today: date
    sealed: Sealed = field(repr=False)

    def standing(self) -> "SealJudge":
        """Return a judge by the law of this moment, for many licences that are judged together."""
        return replace(self, line=self.line.standing())

    def rehearsed(self, record: Record) -> Judged | None:
        """Judge as the run will, nothing is written; a page that this edition printed before is not placed again. None: not meant."""
        weighed = self.weighed(record)
        if weighed is None or weighed.request is None:
            return weighed
        current = record.at(self.today).current
        placed = self.line.catalogue.in_force(record.type, self.today).edition != current.edition
        try:
            drafted(self.line, runner_client(record.issuer(self.today)), record, weighed.request, self.today, placed=placed)
        except AS_A_WHOLE:
            raise
        except Refusal as refusal:
            return Judged(f"{REFUSED}:{refusal.slug}"[:MOST_SAID], weighed.head)
        return weighed

    def weighed(self, record: Record) -> Judged | None:
        """Judge without drawing up the document; what else happened on the licence is nothing to it while this version is the current one."""
        plan, licence = self.plan, record.on(self.today)
        if licence is None or licence.current.certificate_sha256 != plan.seal.certificate_sha256 or record.issuer(self.today) not in plan.departments:
            return None
        made = next(one for one in record.entries if one.version and one.version.version == licence.current.version)
        if not plan.every and (made.recorded_at is None or made.recorded_at < plan.since):
            return None  # its document stays good as it is
        if self.line.dead(record):
            return Judged(OVER, licence.head)
        if licence.current.document.sha256 not in self.sealed:
            return Judged(UNKNOWN_USE, licence.head)
        template = self.line.catalogue.in_force(record.type, self.today)
        content = {"version": licence.current.version, "document": licence.current.document.sha256, "edition": template.digest}
        request = ActRequest(Act.RESEAL, plan.decision, campaign=self.campaign_id)
        return Judged(Act.RESEAL.value, licence.head, sha256(canonical(content)), request=request, on_any_head=True)
