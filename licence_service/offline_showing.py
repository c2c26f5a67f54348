"""Checking a show code without network: a bundle, the code and a clock become the same five answers (SH-05, SH-07).

The code itself says how the right stood when it was made, minutes ago at most, so no status list is asked. Whether somebody else scanned it
before, a device cannot know: it reports its scans when it is connected again (docs/showing.md). Pure.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from licence_service import qr_token, show_code
from licence_service.bundle import Bundle
from licence_service.licence import LicenceState
from licence_service.offline import CLOCK_ALLOWANCE, Clock, OfflineVerdict, headline, overall_of
from licence_service.qr_token import BadCode
from licence_service.seal.tokens import BadToken, Purpose, kid_of
from licence_service.show_code import ShowFacts, Timed, Timing
from licence_service.verdict import Check, Result, answers_of

_REGISTER = Check(1, "register", "authentic", Result.NOT_ASKED, ("register-not-asked",))
_SHOWN = {
    Timing.LIVING: Check(8, "showing", "shown", Result.YES, ("shown-live",)),
    Timing.EXPIRED: Check(8, "showing", "shown", Result.NO, ("expired-code",)),
    Timing.CLOCK: Check(8, "showing", "shown", Result.UNKNOWN, ("clock-error",)),
}
_STATES = {LicenceState.IN_FORCE: "in-force", LicenceState.PENDING_EFFECT: "pending-effect"}


def is_show_code(text: str, bundle: Bundle) -> bool:
    """Say whether what a reader of codes saw leads to the address of show codes."""
    return text.strip().upper().startswith(f"{bundle.book}{show_code.PATH}".upper())


def check(text: str, bundle: Bundle, at: datetime, server_time: datetime | None = None) -> OfflineVerdict:
    """Judge a show code: an address with its digits, or the digits alone; `at` and `server_time` as for the code on paper.

    Of a code that does not live nothing is said of the licence.
    """
    digits = show_code.digits_in(text.strip(), bundle.book)
    if digits is None:
        host = qr_token.site_of(text.strip(), str(urlsplit(bundle.book).hostname))
        return _verdict(bundle, Clock(at, None), (_seal(Result.NO, "foreign-host"),), host=host)
    keys = bundle.keys_for(Purpose.LICENCE)
    try:
        facts, kid = show_code.read(digits, keys)
    except BadCode:
        unknown = _key_of(digits) not in {None, *keys}
        return _verdict(bundle, Clock(at, None), (_seal(Result.UNKNOWN, "key-not-listed") if unknown else _seal(Result.NO, "code-not-genuine"),))
    issuer = bundle.issuer(facts.issuer_index)
    if issuer is None or not any(one["kid"] == kid.hex() for one in issuer["code_keys"]):
        return _verdict(bundle, Clock(at, None), (_seal(Result.NO, "code-at-odds"),))
    timed = show_code.timed(facts, at, server_time)
    if at < bundle.signed_at - CLOCK_ALLOWANCE:
        timed = Timed(Timing.CLOCK, int((at - bundle.signed_at).total_seconds()))
    genuine = _seal(Result.YES, "code-genuine", *(("specimen",) if issuer["specimen"] else ()))
    clock, shown = Clock(at, timed.wrong_by), _SHOWN[timed.timing]
    if timed.timing is not Timing.LIVING:
        return _verdict(bundle, clock, (genuine, shown), as_of=facts.made_at)
    kind = bundle.type(facts.type_index)
    return _verdict(bundle, clock, (genuine, *_right(facts, kind), shown), as_of=facts.made_at, licence=_licence(facts, issuer, kind))


def _key_of(digits: str) -> bytes | None:
    try:
        return kid_of(qr_token.message_in(digits))
    except (BadCode, BadToken):
        return None


def _right(facts: ShowFacts, kind: Any) -> tuple[Check, ...]:  # noqa: ANN401 - a row of the bundle
    """Return version, right and conditions as the code says them; conditions are known only where the type has none."""
    good = facts.state is LicenceState.IN_FORCE
    return (
        Check(4, "version", "current", Result.YES, ("current-version",)),
        Check(5, "right", "in_force", Result.YES if good else Result.NO, (_STATES.get(facts.state, facts.state.value),)),
        Check(7, "conditions", "conditions", Result.NOT_ASKED, ("no-conditions",))
        if kind is not None and not kind["conditions"]
        else Check(7, "conditions", "conditions", Result.UNKNOWN, ("conditions-unknown",)),
    )


def _seal(result: Result, *reasons: str) -> Check:
    return Check(2, "seal", "authentic", result, reasons)


def _licence(facts: ShowFacts, issuer: Any, kind: Any) -> dict[str, Any]:  # noqa: ANN401 - rows of the bundle
    """Return what the code says; nothing is there to compare, since the code holds nothing of a person."""
    return {
        "licence_id": facts.licence_id, "version": facts.version, "type": {"name": kind["name"], "zh": kind["zh"], "en": kind["en"]} if kind else None,
        "issuer": {"code": issuer["code"], "zh": issuer["zh"], "en": issuer["en"]}, "specimen": issuer["specimen"], "compare": None,
        "state": facts.state.value, "valid_to": facts.valid_to.isoformat() if facts.valid_to else None, "made_at": facts.made_at.isoformat(),
        "expires_at": facts.expires_at.isoformat(),
    }  # fmt: skip


def _verdict(
    bundle: Bundle, clock: Clock, asked: tuple[Check, ...], *, as_of: datetime | None = None, host: str | None = None,
    licence: dict[str, Any] | None = None,
) -> OfflineVerdict:  # fmt: skip
    answers = answers_of(checks := (_REGISTER, *asked))
    overall, told_of = overall_of(answers), as_of or bundle.as_of
    age = max(0, int((clock.at - told_of).total_seconds()) - (clock.wrong_by or 0))
    return OfflineVerdict(
        overall, headline(overall, answers, told_of, host), answers, checks, clock, told_of, age, stale=False,
        official=str(urlsplit(bundle.book).hostname), host=host, licence=licence,
    )  # fmt: skip
