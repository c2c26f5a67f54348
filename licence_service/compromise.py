"""A lost key (失密): since when a seal by itself proves nothing, said in the book by two people (DOMAIN SE-06).

It is a line of the book like the law: it has its place and its recorded time under the signed heads, so that what was known yesterday can
still be told, and no later line takes it back. Whoever has the key chooses the time that a file claims; so the only times that count are
those at which the register itself recorded a document.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from licence_service.digests import canonical
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.law import Known
from licence_service.seal.keyring import Keyring
from licence_service.store.foundations import Foundations, Proposal
from licence_service.store.seal_log import COMPROMISE, SealLog

FORM = "seal-compromise/1"
_MOST_REASON = 200
_FIRST_YEAR = 1990


def lost_since(foundations: Known, seal_id: str, known_at: datetime | None = None) -> datetime | None:
    """Return the instant since when the key of a seal is lost, as known at an instant; None while nobody says so.

    The earliest of all lines counts: a later one can only move it further back.
    """
    lines = [one for one in foundations.lines() if one.kind == COMPROMISE and one.name == seal_id]
    return min((_since(one.content) for one in lines if known_at is None or one.recorded_at <= known_at), default=None)


@dataclass(frozen=True, slots=True)
class Marks:
    """Says of seals that their key is lost: one person asks for it, and the seal stops at once; a second one confirms."""

    foundations: Foundations
    seal_log: SealLog
    keyring: Keyring
    now: Callable[[], datetime] = field(repr=False)

    def since(self, seal_id: str) -> datetime | None:
        """Return since when the key of a seal is lost; None while it is not."""
        return lost_since(self.foundations, seal_id)

    def mark(self, seal_id: str, since: datetime, reason: str, by: str) -> int | None:
        """Stop a seal at once and propose that its key is lost since the aware instant `since`; confirmed, it is stopped for good.

        Return the number of the proposal, which a repetition finds again; None where the book says exactly that already.

        `NotInRegister` for a seal that nobody here uses or used, `RequestRejected` for an instant that lies ahead, has no zone, or is
        later than one already said: it may only move back.
        """
        certificate = self.keyring.seal_named(seal_id).certificate_sha256
        known = self.since(seal_id)
        if faults := _faults(since, reason, self.now(), known):
            raise RequestRejected(faults=faults, facts={"rule": "SE-06"})
        if not self.seal_log.stopped(seal_id):
            self.seal_log.order(seal_id, stopped=True, at=self.now(), by=by, reason=reason)
        if known == since:
            return None
        if proposal := self._open(seal_id, since):
            return proposal.number
        said = {
            "format": FORM, "since": since.astimezone(UTC).isoformat(timespec="microseconds"), "certificate_sha256": certificate, "reason": reason,
        }  # fmt: skip
        return self.foundations.propose(COMPROMISE, seal_id, canonical(said).decode(), by)

    def confirm(self, seal_id: str, since: datetime, by: str) -> None:
        """Let a second person confirm what was asked for; nothing to do where the book says it already."""
        known = self.since(seal_id)
        if known is not None and known <= since:
            return
        proposal = self._open(seal_id, since)
        if proposal is None:
            raise NotInRegister("nobody asked to mark this seal, or it was dropped")
        self.foundations.confirm([proposal.number], by)

    def _open(self, seal_id: str, since: datetime) -> Proposal | None:
        mine = (one for one in self.foundations.open_proposals() if one.kind == COMPROMISE and one.name == seal_id)
        return next((one for one in mine if _since(one.content) == since), None)


def _since(content: str) -> datetime:
    return datetime.fromisoformat(json.loads(content)["since"])


def _faults(since: datetime, reason: str, now: datetime, known: datetime | None) -> list[Fault]:
    if since.tzinfo is None:
        return [Fault("since", "no-zone", "an instant with its zone is wanted, such as 2026-11-20T08:00:00+08:00")]
    found = []
    if since.year < _FIRST_YEAR:
        found.append(Fault("since", "too-far-back", "no seal is that old"))
    if since > now:
        found.append(Fault("since", "in-the-future", "a key is lost since an instant that has come"))
    if known is not None and since > known:
        found.append(Fault("since", "only-earlier", "the book says an earlier instant; it may only move back"))
    if not reason.strip() or len(reason) > _MOST_REASON:
        found.append(Fault("reason", "missing", f"say why, in at most {_MOST_REASON} characters"))
    return found
