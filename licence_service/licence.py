"""The register's heart: entries, versions, and the licence as the fold of its entries.

Nothing here reads a clock, a database or chance. A licence is asked as `(valid_at, known_at)`: its state on a
Beijing calendar day, as far as it was known at an instant (DESIGN idea 2, DOMAIN LC-01).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

from licence_service.digests import Digests
from licence_service.endorsement import Endorsement
from licence_service.fields import Face

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")


def beijing_day(instant: datetime) -> date:
    """Return the calendar day in Beijing (UTC+8, no summer time since 1991) of an aware instant."""
    return instant.astimezone(BEIJING).date()


class Act(StrEnum):
    """What is done to a licence (办理事项)."""

    ISSUE = "issue"
    ADOPT = "adopt"
    RENEW = "renew"
    REPLACE = "replace"
    CHANGE = "change"
    SUSPEND = "suspend"
    LIFT = "lift"
    REVOKE = "revoke"
    CANCEL = "cancel"
    ENDORSE = "endorse"
    WITHDRAW_ENDORSEMENT = "withdraw_endorsement"


class LicenceState(StrEnum):
    """The state of the right (效力状态), DOMAIN §5; `expired` and a lapsed suspension are computed, never stored."""

    PENDING_EFFECT = "pending_effect"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CANCELLED = "cancelled"


class VersionReason(StrEnum):
    """Why a version was made."""

    INITIAL = "initial"
    ADOPTED = "adopted"
    RENEWAL = "renewal"
    REPLACEMENT = "replacement"
    CHANGE = "change"
    ENDORSEMENT = "endorsement"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision behind an act (AI-02). `officer` is personal and lies encrypted."""

    number: str
    organ: str
    decided_on: date
    legal_basis: str
    officer: str | None = field(default=None, repr=False)
    unattended: str | None = None  # the rule set's id, where no human decided


@dataclass(frozen=True, slots=True)
class Version:
    """One sealed document of a licence.

    `face` and `salt` lie encrypted beside the book and are empty once erased; `face_commitment` stays for ever.
    `status` is (status list number, index in it), drawn at reserve.
    """

    version: int
    elicence_id: str
    reason: VersionReason
    edition: str
    template_digest: str
    document: Digests
    seal_id: str
    certificate_sha256: str
    sealed_at: datetime
    issued_on: date
    valid_from: date
    valid_to: date | None
    copy_no: int
    status: tuple[int, int]
    check_code_digest: str
    face_commitment: Digests
    face: Face = field(default_factory=dict, repr=False)
    photos: Mapping[str, str] = field(default_factory=dict)
    salt: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Suspension:
    """What a suspension says. Both days count; a missing end runs until it is lifted."""

    kind: str  # "penalty" | "measure"
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the register (登记条目). `recorded_at` and `digest` come only with the append.

    `recorded_only` marks an act that is written down without changing the state (DOMAIN §2a, "R"; RULINGS 02).
    `target` is the sequence of the suspension that is lifted; `withdrawn` the endorsement that is withdrawn.
    """

    licence_id: str
    sequence: int
    act: Act
    effective_on: date
    decision: Decision
    by: str
    version: Version | None = None
    endorsements: tuple[Endorsement, ...] = ()
    suspension: Suspension | None = None
    target: int | None = None
    withdrawn: str | None = None
    ground: str | None = None
    right_ended_on: date | None = None
    recorded_only: bool = False
    recorded_at: datetime | None = None
    previous: str = ""
    digest: Digests | None = None


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence at `(valid_at, known_at)`: the fold of the entries recorded by then."""

    licence_id: str
    entries: tuple[Entry, ...]
    valid_at: date
    state: LicenceState
    versions: tuple[Version, ...]
    endorsements: tuple[Endorsement, ...]
    valid_from: date
    valid_to: date | None
    ended_on: date | None  # first day without the right, where an act ended it
    suspended_until: date | None

    @property
    def current(self) -> Version:
        """Return the one current version (LC-09)."""
        return self.versions[-1]

    @property
    def head(self) -> int:
        """Return the sequence of the last entry."""
        return self.entries[-1].sequence


def fold(entries: Sequence[Entry], valid_at: date, known_at: datetime | None = None) -> Licence | None:
    """Add up the entries known at an instant to the licence as it stood on a day; None where nothing was known."""
    known = tuple(entry for entry in entries if known_at is None or (entry.recorded_at and entry.recorded_at <= known_at))
    made = [(entry.effective_on, entry.version) for entry in known if entry.version]
    if not made:
        return None
    versions = tuple(version for _, version in made)
    legal = [one for one in made if one[0] <= valid_at] or made[:1]
    _, newest = max(reversed(legal), key=lambda one: one[0])  # of one day, the later entry
    first = min(version.valid_from for version in versions)
    revoked = _first_day(known, Act.REVOKE)
    cancelled = _first_day(known, Act.CANCEL)
    suspended, until = _suspended(known, valid_at)
    state = _state(valid_at, first, newest.valid_to, revoked, cancelled, suspended=suspended)
    ended = min((day for day in (revoked, cancelled) if day), default=None)
    return Licence(
        known[0].licence_id, known, valid_at, state, versions, standing_endorsements(known, valid_at), first, newest.valid_to, ended, until
    )


def _state(day: date, first: date, last: date | None, revoked: date | None, cancelled: date | None, *, suspended: bool) -> LicenceState:
    """Pick the state by precedence: cancelled, revoked, expired, suspended, pending effect, in force."""
    if cancelled and cancelled <= day:
        return LicenceState.CANCELLED
    if revoked and revoked <= day:
        return LicenceState.REVOKED
    if last and day > last:
        return LicenceState.EXPIRED
    if suspended:
        return LicenceState.SUSPENDED
    return LicenceState.PENDING_EFFECT if day < first else LicenceState.IN_FORCE


def _first_day(entries: Iterable[Entry], act: Act) -> date | None:
    """Return the first day without the right by acts of this kind; a cancellation names it apart (RULINGS 08)."""
    days = [entry.right_ended_on or entry.effective_on for entry in entries if entry.act is act and not entry.recorded_only]
    return min(days, default=None)


def _suspended(entries: Iterable[Entry], day: date) -> tuple[bool, date | None]:
    """Say whether any suspension runs on the day, and the last day of those that do (LC-19); the day of lifting is free."""
    entries = tuple(entries)
    lifted = {entry.target: entry.effective_on for entry in entries if entry.act is Act.LIFT}
    running = [
        entry.suspension
        for entry in entries
        if entry.suspension
        and not entry.recorded_only
        and entry.suspension.first <= day
        and (entry.suspension.last is None or day <= entry.suspension.last)
        and not (entry.sequence in lifted and lifted[entry.sequence] <= day)
    ]
    lasts = [suspension.last for suspension in running]
    return bool(running), None if None in lasts else max((last for last in lasts if last), default=None)


def standing_endorsements(entries: Iterable[Entry], valid_at: date) -> tuple[Endorsement, ...]:
    """Return the endorsements in effect on a day that were not withdrawn by then, oldest first (EN-06; RULINGS 20)."""
    entries = tuple(entries)
    withdrawn = {entry.withdrawn for entry in entries if entry.withdrawn and entry.effective_on <= valid_at}
    return tuple(one for entry in entries for one in entry.endorsements if one.effective_from <= valid_at and one.endorsement_id not in withdrawn)
