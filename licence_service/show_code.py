"""The show code (亮证码): what a screen shows for a minute, and a checker scans (DOMAIN §2d `dynamic_code`, docs/formats.md, SH-05, SH-07).

Pure: key, time and chance are handed in. The message is a COSE_Sign1 by the code key of the department that issued the licence, so that it is
checked without network as the code on paper is; nothing in it is about a person, since it stands in an address.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

import cbor2

from licence_service.cbor_items import array, day_of, days, mapping, octets, text, whole
from licence_service.licence import LicenceState
from licence_service.qr_token import MOST_BYTES, BadCode, digits_of, message_in
from licence_service.seal.tokens import BadToken, CodeKeys, CodeSigner, open1, sign1

PATH = "/D/1"  # the 1 is the profile's number
NONCE_BYTES = BINDING_BYTES = 16
SHORTEST, LIFE, LONGEST = 30, 60, 300  # seconds
CLOCK_ALLOWANCE = timedelta(minutes=5)  # between a device and a server's signed time (SH-05)
AHEAD_ALLOWANCE = timedelta(seconds=30)  # by which a code may be made later than the checker's now: two clocks are never the same
ANYONE, PASSENGER = "anyone", "passenger"
AUDIENCES = (ANYONE, PASSENGER)  # whom the holder shows it to, by number
STATES = (
    LicenceState.PENDING_EFFECT, LicenceState.IN_FORCE, LicenceState.SUSPENDED, LicenceState.EXPIRED, LicenceState.REVOKED, LicenceState.WITHDRAWN,
    LicenceState.RECALLED, LicenceState.CANCELLED,
)  # fmt: skip  # by number
_VALID_TO = 11
_NEEDED = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12})
_KEYS = _NEEDED | {_VALID_TO}


class Timing(StrEnum):
    """How a code stands in time: living, over, or nobody can say because a clock is wrong."""

    LIVING = "living"
    EXPIRED = "expired_code"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class ShowFacts:
    """What a show code says. `made_at` has whole seconds, `life` is in seconds; `binding` ties it to a log-in, `state` is that of `made_at`."""

    type_index: int
    issuer_index: int
    licence_id: str
    version: int
    made_at: datetime
    life: int
    nonce: bytes
    binding: bytes
    audience: str
    state: LicenceState
    valid_to: date | None
    status: tuple[int, int]

    @property
    def expires_at(self) -> datetime:
        """Return the first instant at which it is over."""
        return self.made_at + timedelta(seconds=self.life)

    @property
    def refresh_at(self) -> datetime:
        """Return when the next one is due: at half its life, so that a screen that loses the network still shows a living code for as long again."""
        return self.made_at + timedelta(seconds=self.life / 2)


def binding_of(session: str, licence_id: str, day: date) -> bytes:
    """Return what ties codes to a log-in: 16 bytes of SHA-256; one for each licence and day, so that no two licences of a holder meet in it."""
    return sha256(f"show-binding/1\x00{session}\x00{licence_id}\x00{day.isoformat()}".encode()).digest()[:BINDING_BYTES]


def make(facts: ShowFacts, key: CodeSigner) -> str:
    """Return the digits of a code; `address` makes of them what is drawn."""
    return digits_of(sign1(pack(facts), key))


def address(public_url: str, digits: str) -> str:
    """Return the upper-case address, which a QR code holds in alphanumeric and numeric mode."""
    return f"{public_url.upper()}{PATH}{digits}"


def digits_in(said: str, public_url: str) -> str | None:
    """Return the digits behind our own address, or digits alone; None for what leads anywhere else."""
    prefix = f"{public_url}{PATH}".upper()
    if said.isascii() and said.upper().startswith(prefix):
        return said[len(prefix) :]
    return said if said.isascii() and said.isdecimal() else None


def read(digits: str, keys: CodeKeys) -> tuple[ShowFacts, bytes]:
    """Return what the digits of a code say, and the name of the key that signed it; `BadCode` for anything that we did not make."""
    try:
        opened = open1(message_in(digits), keys)
    except BadToken as bad:
        raise BadCode("not a show code") from bad
    return unpack(opened.payload), opened.kid


def pack(facts: ShowFacts) -> bytes:
    """Return the deterministic CBOR map: integer keys, seconds and days since 1970."""
    claims = (
        (1, whole(facts.type_index)),
        (2, whole(facts.issuer_index)),
        (3, text(facts.licence_id)),
        (4, whole(facts.version)),
        (5, whole(int(facts.made_at.timestamp()))),
        (6, whole(facts.life)),
        (7, octets(facts.nonce)),
        (8, octets(facts.binding)),
        (9, whole(AUDIENCES.index(facts.audience))),
        (10, whole(STATES.index(facts.state))),
        (11, days(facts.valid_to) if facts.valid_to else b""),
        (12, array([whole(number) for number in facts.status])),
    )
    return mapping([(key, value) for key, value in claims if value])


def unpack(payload: bytes) -> ShowFacts:
    """Read the facts back; anything but exactly our form is `BadCode`."""
    if len(payload) > MOST_BYTES:
        raise BadCode("not the claims of a show code")
    try:
        said = cbor2.loads(payload)
        if not isinstance(said, dict) or not _NEEDED <= said.keys() <= _KEYS:
            raise BadCode("not the claims of a show code")
        facts = ShowFacts(
            said[1], said[2], said[3], said[4], datetime.fromtimestamp(said[5], UTC), said[6], said[7], said[8], AUDIENCES[said[9]], STATES[said[10]],
            day_of(said[_VALID_TO]) if _VALID_TO in said else None, (said[12][0], said[12][1]),
        )  # fmt: skip
        ours = _well_formed(facts) and pack(facts) == payload
    except (cbor2.CBORError, AttributeError, TypeError, LookupError, ArithmeticError, ValueError, OSError, RecursionError, MemoryError) as error:
        raise BadCode("not the claims of a show code") from error
    if not ours:
        raise BadCode("not the claims of a show code")
    return facts


def _well_formed(facts: ShowFacts) -> bool:
    """Say whether every fact is of its kind and within its bounds; what `pack` writes otherwise differs, and is refused for that."""
    numbers = (facts.type_index, facts.issuer_index, facts.version, facts.life, *facts.status)
    return (
        all(type(number) is int and number >= 0 for number in numbers)
        and SHORTEST <= facts.life <= LONGEST
        and isinstance(facts.licence_id, str)
        and all(isinstance(one, bytes) and len(one) == NONCE_BYTES for one in (facts.nonce, facts.binding))
    )


@dataclass(frozen=True, slots=True)
class Timed:
    """How a code stands in time; `wrong_by` are the seconds by which the checker's clock is ahead (less than 0: behind) of the signed time."""

    timing: Timing
    wrong_by: int | None = None


def timed(facts: ShowFacts, at: datetime, server_time: datetime | None = None) -> Timed:
    """Judge a code at the checker's `at`.

    `server_time` is what a server signed, or said, to be the time of `at`, where the checker has one. A clock that is off by more than the
    allowance is said to be off, with its difference (SH-05); within it the server's time counts. A code from the future shows by itself
    that the checker's clock is behind; one from the past cannot be told from a clock that is ahead, and is over.
    """
    if server_time is not None:
        wrong = at - server_time
        if abs(wrong) > CLOCK_ALLOWANCE:
            return Timed(Timing.CLOCK, int(wrong.total_seconds()))
        at = server_time
    if at < facts.made_at - AHEAD_ALLOWANCE:
        return Timed(Timing.CLOCK, int((at - facts.made_at).total_seconds()))
    return Timed(Timing.LIVING if at < facts.expires_at else Timing.EXPIRED)
