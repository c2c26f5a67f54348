"""The register's heart: entries, versions, and the licence as the fold of its entries.

Nothing here reads a clock, a database or chance. A licence is asked as `(valid_at, known_at)`: its state on a
Beijing calendar day, as far as it was known at an instant (DESIGN idea 2, DOMAIN LC-01).
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

from licence_service.basis import Basis
from licence_service.digests import Digests
from licence_service.endorsement import Endorsement
from licence_service.fields import Face, Value
from licence_service.frozen import dataclass, field

FACE_FORM = "face/1"
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
    REDUCE_SCOPE = "reduce_scope"
    CORRECT = "correct"
    RESEAL = "reseal"
    VOID = "void"
    TRANSFER = "transfer"
    ACCEPT_TRANSFER = "accept_transfer"
    REJECT_TRANSFER = "reject_transfer"
    SUSPEND = "suspend"
    LIFT = "lift"
    REVOKE = "revoke"
    WITHDRAW = "withdraw"
    RECALL = "recall"
    CANCEL = "cancel"
    REINSTATE = "reinstate"
    STAY = "stay"
    END_STAY = "end_stay"
    REVERSE = "reverse"
    REPORT_LOST = "report_lost"
    REPORT_FOUND = "report_found"
    ASSERT = "assert"
    ENDORSE = "endorse"
    REFUSE_ENDORSEMENT = "refuse_endorsement"
    WITHDRAW_ENDORSEMENT = "withdraw_endorsement"


class LicenceState(StrEnum):
    """The state of the right (效力状态), DOMAIN §5; `expired` and a lapsed suspension are computed, never stored."""

    PENDING_EFFECT = "pending_effect"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"
    RECALLED = "recalled"
    CANCELLED = "cancelled"


class VersionReason(StrEnum):
    """Why a version was made."""

    INITIAL = "initial"
    ADOPTED = "adopted"
    RENEWAL = "renewal"
    REPLACEMENT = "replacement"
    CHANGE = "change"
    TRANSFER = "transfer"
    ENDORSEMENT = "endorsement"
    CORRECTION = "correction"
    RESEAL = "reseal"
    SCOPE_REDUCTION = "scope_reduction"
    REINSTATEMENT = "reinstatement"
    LEGACY_CONVERSION = "legacy_conversion"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision behind an act (AI-02). `officer` is personal and lies encrypted."""

    number: str
    organ: str
    decided_on: date
    legal_basis: str
    officer: str | None = field(default=None, repr=False)
    unattended: str | None = None  # the rule set's id, where no human decided
    officer_sha256: str | None = field(default=None, compare=False)  # the commitment as it was entered; all that is left where the officer was erased


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
    """What a suspension says. Both days count; a missing end runs until it is lifted. `allows` names acts that it lets pass (LC-06)."""

    kind: str  # "penalty" | "measure"
    first: date
    last: date | None
    allows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parent:
    """The licence that another hangs on, and what its end does to it: `ends` or `flags` (LC-13)."""

    licence_id: str
    effect: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a licence of the stock (存量证照) was before: the system that kept it, and the keyed digest of its row there (ST-01)."""

    system: str
    row_digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the register (登记条目). `recorded_at` and `digest` come only with the append.

    `recorded_only` marks an act that is written down without changing the state (DOMAIN §2a, "R"; RULINGS 02).
    `target` is the sequence of the entry that is lifted, stayed, reversed, accepted or undone; `withdrawn` and `refused` name an
    endorsement. `until` is the last day of a stay, or the last day on which a transfer may be accepted. `changes` are the values
    that a change gave, by field; they lie encrypted, as `basis` does, on which the decision rests. `organs` are the five organisations
    of a cross-region review, by role.
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
    # Appended after the first release; absent from the written form where they say nothing.
    department: str | None = None
    parent: Parent | None = None
    until: date | None = None
    to_department: str | None = None
    voided: int | None = None
    refused: str | None = None
    agreed: bool = False
    campaign: str | None = None
    organs: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Value | None] = field(default_factory=dict, repr=False)
    basis: Basis | None = field(default=None, repr=False)
    basis_sha256: str | None = field(default=None, compare=False)  # the commitment as it was entered; all that is left where it was erased
    origin: Origin | None = None
    office: str | None = None  # the sub-office of the department in whose name it was entered
    region: str | None = None  # of a first entry: the region that it was asked for
    case_no: str | None = field(default=None, repr=False)  # of a first entry that was decided here: the case; lies encrypted


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence at `(valid_at, known_at)`: the fold of the entries recorded by then (docs/lifecycle.md)."""

    licence_id: str
    entries: tuple[Entry, ...]
    valid_at: date
    state: LicenceState
    versions: tuple[Version, ...]
    current: Version
    voided: frozenset[int]
    endorsements: tuple[Endorsement, ...]
    valid_from: date
    valid_to: date | None
    ended_on: date | None  # first day without the right, where an act ended it
    ground: str | None  # of the cancellation that acts, or `parent_ended`
    suspended_until: date | None
    flags: frozenset[str]
    issuer: str | None  # the department that took the licence over; absent: the one that issued it

    @property
    def head(self) -> int:
        """Return the sequence of the last entry."""
        return self.entries[-1].sequence

    def version_state(self, version: Version) -> str:
        """Return `current`, `superseded` or `voided`."""
        return "voided" if version.version in self.voided else "current" if version is self.current else "superseded"
