"""Checking a code on paper without network: a bundle, the code and a clock become the same five answers (SH-02 to SH-06).

Pure. What the device does not know is unknown, and unknown is never green; but what it does know for certain, an end or a newer version,
is a no however old the status is. The page under `web/html/offline` is the twin of this module; both are tested with the same cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from licence_service import qr_token
from licence_service.bundle import Bundle
from licence_service.licence import BEIJING, beijing_day
from licence_service.qr_token import BadCode, CodeFacts
from licence_service.seal.tokens import KID_BYTES, BadToken, Purpose, open1
from licence_service.status import BadList, Status, status_at
from licence_service.verdict import Answer, Check, Overall, Result, answers_of, in_words

CLOCK_ALLOWANCE = timedelta(minutes=5)  # SH-05
_HEAD = bytes.fromhex("8449a201260444")  # what stands before the kid (docs/formats.md §3)
_YES, _NO, _UNKNOWN, _NOT_ASKED = Result.YES, Result.NO, Result.UNKNOWN, Result.NOT_ASKED


@dataclass(frozen=True, slots=True)
class Clock:
    """When it is: what the device says, and by how many seconds that is wrong, where something signed shows it (SH-05)."""

    at: datetime
    wrong_by: int | None

    @property
    def day(self) -> date:
        """Return the Beijing day."""
        return beijing_day(self.at)


@dataclass(frozen=True, slots=True)
class OfflineVerdict:
    """The answer. `host` is the site that the code leads to where it is not the official one; `facts` only where the signature is right."""

    overall: Overall
    headline: tuple[str, str]
    answers: Mapping[str, Answer]
    checks: tuple[Check, ...]
    clock: Clock
    as_of: datetime
    age_seconds: int
    stale: bool
    official: str
    host: str | None
    licence: Mapping[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return the verdict in the shape that it keeps (docs/offline.md)."""
        return {
            "overall": self.overall.value,
            "headline": {"zh": self.headline[0], "en": self.headline[1]},
            "checked_at": self.clock.at.isoformat(timespec="seconds"),
            "clock_wrong_by_seconds": self.clock.wrong_by,
            "status": {"as_of": self.as_of.isoformat(timespec="seconds"), "age_seconds": self.age_seconds, "stale": self.stale},
            "host": {"official": self.official, "foreign": self.host},
            "answers": {name: {"result": one.result.value, "reasons": in_words(one.reasons)} for name, one in self.answers.items()},
            "licence": dict(self.licence) if self.licence else None,
            "checks": [{"no": one.no, "name": one.name, "result": one.result.value, "reasons": in_words(one.reasons)} for one in self.checks],
        }


def check(text: str, bundle: Bundle, at: datetime, server_time: datetime | None = None) -> OfflineVerdict:
    """Judge what a reader of codes saw: an address with its digits, or the digits alone.

    `at` is the device's clock, `server_time` a time that the server signed just now, where there is one.
    """
    clock = Clock(at, _wrong_by(at, bundle, server_time))
    digits, host = _presented(text.strip(), bundle.book)
    if host is not None:
        return _verdict(bundle, clock, (_seal(_NO, "foreign-host"),), host=host)
    keys = bundle.keys_for(Purpose.LICENCE)
    try:
        message = qr_token.message_in(digits)
        if message.startswith(_HEAD) and message[len(_HEAD) :][:KID_BYTES] not in keys:
            return _verdict(bundle, clock, (_seal(_UNKNOWN, "key-not-listed"),))  # it may be newer than the bundle, or is for another purpose
        opened = open1(message, keys)
        facts = qr_token.unpack(opened.payload)
    except (BadToken, BadCode):
        return _verdict(bundle, clock, (_seal(_NO, "code-not-genuine"),))
    issuer, kind = bundle.issuer(facts.issuer_index), bundle.type(facts.type_index)
    if issuer is None or not any(one["kid"] == opened.kid.hex() for one in issuer["code_keys"]):
        return _verdict(bundle, clock, (_seal(_NO, "code-at-odds"),))
    stale = kind is None or _age(bundle, clock) > timedelta(hours=kind["freshness_hours"])  # SH-06; whose limit is not known is never fresh
    checks = _checks(facts, bundle, clock, kind, stale=stale)
    genuine = _seal(_YES, "code-genuine", *(("specimen",) if issuer["specimen"] else ()))
    return _verdict(bundle, clock, (genuine, *checks), stale=stale, licence=_licence(facts, bundle, issuer, kind))


def _presented(text: str, book: str) -> tuple[str, str | None]:
    """Return the digits, and the host where the address is not ours; the host is told, never followed."""
    if (digits := qr_token.digits_in(text, book)) is not None:
        return digits, None
    if text.isascii() and text.isdecimal():
        return text, None
    return "", qr_token.site_of(text, str(urlsplit(book).hostname))


def _wrong_by(at: datetime, bundle: Bundle, server_time: datetime | None) -> int | None:
    """Return by how many seconds the device's clock is wrong, where that is more than the allowance (SH-05)."""
    if server_time is not None and abs(at - server_time) > CLOCK_ALLOWANCE:
        return int((at - server_time).total_seconds())
    if at < bundle.signed_at - CLOCK_ALLOWANCE:
        return int((at - bundle.signed_at).total_seconds())
    return None


def _age(bundle: Bundle, clock: Clock) -> timedelta:
    """Return how old the status is, by the right time where the clock is known to be wrong."""
    return max(clock.at - timedelta(seconds=clock.wrong_by or 0) - bundle.as_of, timedelta())


def _checks(facts: CodeFacts, bundle: Bundle, clock: Clock, kind: Mapping[str, Any] | None, *, stale: bool) -> tuple[Check, ...]:
    doubt = "clock-error" if clock.wrong_by is not None else "status-stale" if stale else None
    places = bundle.lists.get(facts.status[0])
    try:
        status = status_at(places, facts.status[1]) if places is not None else None
    except BadList:
        status = None
    right = _right(status, bundle.lapses.get(facts.status), clock, doubt)
    version = _version(status, doubt)
    dates = _dates(facts, clock)
    over = _NO in (right.result, version.result, dates.result)
    return (version, right, dates, _conditions(facts, kind, clock, over=over))


def _version(status: Status | None, doubt: str | None) -> Check:
    if status is None:
        return Check(4, "version", "current", _UNKNOWN, ("status-absent",))
    if status is Status.SUPERSEDED:
        return Check(4, "version", "current", _NO, ("listed-superseded",))  # by a newer version, or reported lost: the list has one value for both
    if status is Status.INVALID:
        return Check(4, "version", "current", _NOT_ASKED, ())
    return Check(4, "version", "current", _UNKNOWN, (doubt,)) if doubt else Check(4, "version", "current", _YES, ("current-version",))


def _right(status: Status | None, last: date | None, clock: Clock, doubt: str | None) -> Check:
    """Judge the right by the list; a suspension whose last day is over lapses here too (SH-03)."""
    if status is None:
        return Check(5, "right", "in_force", _UNKNOWN, ("status-absent",))
    if status is Status.INVALID:
        return Check(5, "right", "in_force", _NO, ("listed-invalid",))
    if status is Status.SUPERSEDED:
        return Check(5, "right", "in_force", _UNKNOWN, ("ask-newer-version",))
    lapsed = status is Status.SUSPENDED and last is not None and clock.day > last and clock.wrong_by is None
    said = ("suspension-lapsed",) if lapsed else ("suspended",) if status is Status.SUSPENDED else ()
    if doubt:
        return Check(5, "right", "in_force", _UNKNOWN, (*said, doubt))
    if status is Status.SUSPENDED and not lapsed:
        return Check(5, "right", "in_force", _NO, said)
    return Check(5, "right", "in_force", _YES, (*said, "in-force"))


def _dates(facts: CodeFacts, clock: Clock) -> Check:
    """Check (6), after the signature: what is expired is genuine all the same (SH-02)."""
    if clock.wrong_by is not None:
        return Check(6, "dates", "in_force", _UNKNOWN, ("clock-error",))
    if clock.day < facts.valid_from:
        return Check(6, "dates", "in_force", _NO, ("pending-effect",))
    if facts.valid_to is not None and clock.day > facts.valid_to:
        return Check(6, "dates", "in_force", _NO, ("expired",))
    return Check(6, "dates", "in_force", _YES, ("within-dates",))


def _conditions(facts: CodeFacts, kind: Mapping[str, Any] | None, clock: Clock, *, over: bool) -> Check:
    """Check (7): by the day that is printed for them, or not at all; of a right that is over it is not asked."""
    if over:
        return Check(7, "conditions", "conditions", _NOT_ASKED, ())
    if facts.conditions_until is not None:
        if clock.wrong_by is not None:
            return Check(7, "conditions", "conditions", _UNKNOWN, ("clock-error",))
        if clock.day > facts.conditions_until:
            return Check(7, "conditions", "conditions", _NO, ("condition-overdue",))
        return Check(7, "conditions", "conditions", _YES, ("condition-date-ahead",))
    if kind is not None and not kind["conditions"]:
        return Check(7, "conditions", "conditions", _NOT_ASKED, ("no-conditions",))
    return Check(7, "conditions", "conditions", _UNKNOWN, ("conditions-unknown",))


def _seal(result: Result, *reasons: str) -> Check:
    return Check(2, "seal", "authentic", result, reasons)


def _verdict(
    bundle: Bundle, clock: Clock, asked: tuple[Check, ...], *, stale: bool = False, host: str | None = None, licence: Mapping[str, Any] | None = None
) -> OfflineVerdict:
    register = Check(1, "register", "authentic", _NOT_ASKED, ("register-not-asked",))
    beside = (
        Check(3, "document", "authentic", _NOT_ASKED, ("compare-with-paper",)),
        Check(8, "showing", "shown", _NOT_ASKED, ("live-showing-not-asked",)),
    )
    checks = tuple(sorted((register, *asked, *(beside if licence else ())), key=lambda one: one.no))
    answers = answers_of(checks)
    overall = overall_of(answers)
    age = int(_age(bundle, clock).total_seconds())
    return OfflineVerdict(
        overall, headline(overall, answers, bundle.as_of, host), answers, checks, clock, bundle.as_of, age, stale,
        str(urlsplit(bundle.book).hostname), host, licence,
    )  # fmt: skip


def overall_of(answers: Mapping[str, Answer]) -> Overall:
    """Return the verdict in one word: a certain no goes before what is not known, and what is not known before yes (SH-01)."""
    results = {name: one.result for name, one in answers.items()}
    if _NO in (results["authentic"], results["in_force"], results["current"]):
        return Overall.NOT_VALID
    if results["authentic"] is not _YES or results["in_force"] is not _YES or _UNKNOWN in results.values():
        return Overall.CANNOT_DECIDE
    return Overall.VALID_CONDITIONS_UNMET if results["conditions"] is _NO else Overall.VALID


def headline(overall: Overall, answers: Mapping[str, Answer], as_of: datetime, host: str | None) -> tuple[str, str]:
    """Say it in one line, always with the age of the status; never plain "valid" (STANDARDS §6.6)."""
    when = as_of.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
    if host is not None:
        return (f"不是官方网址：{host}", f"Not the official site: {host}")
    if answers["authentic"].result is not _YES:
        return ("不是真实的证照码", "Not a genuine licence code") if overall is Overall.NOT_VALID else ("无法判定", "Cannot be decided")
    if overall is Overall.NOT_VALID:
        return (f"证照码真实，但不能使用（状态截至 {when}）", f"Genuine, but not valid (status as of {when})")
    if overall is Overall.VALID_CONDITIONS_UNMET:
        return (f"真实；状态截至 {when} 有效，但条件已过期", f"Genuine, in force as of {when}, but a condition is overdue")
    if overall is Overall.VALID:
        return (f"真实；状态截至 {when} 有效", f"Genuine, in force as of {when}")
    if answers["in_force"].result is _YES and answers["current"].result is _YES:
        return (f"真实；状态截至 {when} 有效；条件不明", f"Genuine, in force as of {when}; conditions unknown")
    return (f"证照码真实；目前状态不明（状态资料截至 {when}）", f"Genuine; its state now is not known (status as of {when})")


def _licence(facts: CodeFacts, bundle: Bundle, issuer: Mapping[str, Any], kind: Mapping[str, Any] | None) -> dict[str, Any]:
    last = bundle.lapses.get(facts.status)
    return {
        "licence_id": facts.licence_id,
        "version": facts.version,
        "type": {"name": kind["name"], "zh": kind["zh"], "en": kind["en"]} if kind else None,
        "issuer": {"code": issuer["code"], "zh": issuer["zh"], "en": issuer["en"]},
        "specimen": issuer["specimen"],
        "compare": facts.compare,
        "valid_from": facts.valid_from.isoformat(),
        "valid_to": facts.valid_to.isoformat() if facts.valid_to else None,
        "conditions_until": facts.conditions_until.isoformat() if facts.conditions_until else None,
        "suspended_until": last.isoformat() if last else None,
    }
