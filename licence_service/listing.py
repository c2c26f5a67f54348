"""Status lists as others fetch them: made anew every few minutes, signed by the register's keeper, and told again for any past instant.

The lists of a day go out from its first run, which looks at all of the book: what changes by the calendar changes at midnight in
Beijing. Every later run of the day looks only at what was entered since.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Any

from licence_service.digests import sha256
from licence_service.errors import Fault, NotInRegister, RequestRejected, Unavailable
from licence_service.licence import beijing_day
from licence_service.seal.listing_tokens import base64url, sign_cwt, sign_jws
from licence_service.seal.tokens import CodeSigner
from licence_service.status import BITS, compressed
from licence_service.store.listings import Listed, Listings, Run
from licence_service.store.status import Lists, Statuses

JWT_TYPE, CWT_TYPE = "statuslist+jwt", "application/statuslist+cwt"
EVERY = timedelta(minutes=10)  # between two runs; also how long a reader may go on with what he fetched
LIFE = timedelta(hours=24)  # of a signed list
MOST_FOLDED = 6_000  # licences that one question about the past may cost: more than change in a day
_RETRY_SECONDS = 5
_TRIES = 5
_SUB, _EXP, _IAT, _TTL, _LIST = 2, 4, 6, 65534, 65533  # claims of a CWT (RFC 8392; Token Status List, IANA section)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list as it goes out: its bytes, media type, entity tag, and for how many seconds it may be kept."""

    content: bytes = field(repr=False)
    media_type: str
    tag: str
    max_age: int


class StatusLists:
    """The status lists of one book, which `book` names by its public address."""

    def __init__(self, statuses: Statuses, listings: Listings, keeper: CodeSigner, book: str, now: Callable[[], datetime]) -> None:
        """Take what reads the book, where lists are kept, the keeper's key, the public address and the clock."""
        self._statuses, self.listings, self._keeper, self._book, self._now = statuses, listings, keeper, book, now
        self._one_at_a_time, self._past = Lock(), Lock()
        self._signed = lru_cache(maxsize=64)(self._sign)
        self._told = lru_cache(maxsize=64)(self._tell)

    def address(self, number: int) -> str:
        """Return the address of a list, which its token repeats as `sub`."""
        return f"{self._book}/status/{number}"

    def refresh(self, *, at_once: bool = False) -> Run:
        """Return the newest run, after making one where the last is older than `EVERY`, of another day, or not wanted (`at_once`)."""
        with self._one_at_a_time:
            return self._refreshed(at_once=at_once)

    def current(self) -> Run:
        """Return the run that readers are answered from, without making any of them wait for a whole book.

        The first run of a day reads all of the book: that is the worker's, and until it is done the one of yesterday goes out, which says
        its age. What a reader makes is the first run of all, or what was entered since an earlier one of today, where nobody else does.
        """
        last, now = self.listings.newest(), self._now()
        if last and (last.day != beijing_day(now) or now - last.at < EVERY):
            return last
        if not self._one_at_a_time.acquire(blocking=False):
            if last:
                return last
            raise Unavailable("the first status lists are being made; ask again", retry_after=_RETRY_SECONDS)
        try:
            return self._refreshed()
        finally:
            self._one_at_a_time.release()

    def _refreshed(self, *, at_once: bool = False) -> Run:
        for _ in range(_TRIES):
            last, now = self.listings.newest(), self._now()
            if last and last.at >= now:
                return last
            if last and not at_once and now - last.at < EVERY and last.day == beijing_day(now):
                return last
            if run := self._run(last, now):
                return run
        raise Unavailable("the status lists are being made by others; ask again")

    def _run(self, last: Run | None, now: datetime) -> Run | None:
        day = beijing_day(now)
        if last and last.day == day:
            made = self.listings.made(last)
            place = self._statuses.follow(made, last.place, now, day)
        else:
            place, made = self._statuses.whole(day)
            self.listings.thin_out(day)
        run = Run(now, day, place)
        return run if self.listings.keep(run, made, last) else None

    # -- what goes out -------------------------------------------------------------------------------

    def fetch(self, number: int, *, cwt: bool = False, time: int | None = None) -> Fetched:
        """Return a signed list, as it stands or as it stood at `time` (seconds since 1970).

        `NotInRegister` where there is no such list, or none of that time can be told; `RequestRejected` for a time to come.
        """
        run = self.current()
        if time is None or time >= int(run.at.timestamp()):
            if time is not None and time > self._now().timestamp():
                raise RequestRejected(faults=[Fault("time", "in-the-future", "a list tells what was, not what will be")])
            listed = self.listings.lists(run).get(number)
            if listed is None:
                raise NotInRegister("there is no such status list")
            return self._fetched(number, listed, int(run.at.timestamp()), cwt=cwt, past=False)
        return self._fetched(number, self._told(number, time), time, cwt=cwt, past=True)

    def numbers(self) -> list[int]:
        """Return the numbers of all lists."""
        return sorted(self.listings.lists(self.current()))

    def _tell(self, number: int, time: int) -> Listed:
        """Tell a list again as it stood: from a run of the same day and what was entered since, else licence by licence where they are few."""
        try:
            at = datetime.fromtimestamp(time, tz=self._now().tzinfo)
        except (OverflowError, ValueError, OSError):
            raise NotInRegister("no list of that time can be told") from None
        day, run = beijing_day(at), self.listings.newest(at)
        if not self._past.acquire(blocking=False):  # one at a time and nobody waits, so that questions about the past take no threads from others
            raise Unavailable("others ask about the past; ask again", retry_after=_RETRY_SECONDS)
        try:
            if run and run.day == day and number in self.listings.lists(run):
                if self._statuses.touched(run.place, at) > MOST_FOLDED:
                    raise NotInRegister("no list of that time can be told")
                made = self.listings.made(run)
                self._statuses.follow(made, run.place, at, day, at)
            else:
                told = self._statuses.one_by_one(number, day, at, MOST_FOLDED) if number in self._statuses.numbers() else None
                if told is None:
                    raise NotInRegister("no list of that time can be told")
                made = told
            return _listed(made, number)
        finally:
            self._past.release()

    def _fetched(self, number: int, listed: Listed, at: int, *, cwt: bool, past: bool) -> Fetched:
        content = self._signed(number, listed, at, cwt)
        age = LIFE if past else EVERY
        return Fetched(content, CWT_TYPE if cwt else f"application/{JWT_TYPE}", f'"{sha256(content)[:32]}"', int(age.total_seconds()))

    def _sign(self, number: int, listed: Listed, at: int, cwt: bool) -> bytes:  # noqa: FBT001 - a key of the cache
        end, ttl = at + int(LIFE.total_seconds()), int(EVERY.total_seconds())
        whole = f"{self._book}/status"
        if cwt:
            said = {"bits": BITS, "lst": listed.content, "aggregation_uri": whole}
            return sign_cwt(CWT_TYPE, {_SUB: self.address(number), _IAT: at, _EXP: end, _TTL: ttl, _LIST: said}, self._keeper)
        claims: dict[str, Any] = {"sub": self.address(number), "iat": at, "exp": end, "ttl": ttl}
        claims["status_list"] = {"bits": BITS, "lst": base64url(listed.content), "aggregation_uri": whole}
        return sign_jws(JWT_TYPE, claims, self._keeper).encode("ascii")


def _listed(made: Lists, number: int) -> Listed:
    places = bytes(made.places[number])
    return Listed(compressed(places), sha256(places))
