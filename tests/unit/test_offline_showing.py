"""Show codes without network: five answers from the code, a bundle and a clock."""

from datetime import date, timedelta
from typing import Any

import pytest

from licence_service import show_code
from licence_service.licence import LicenceState
from licence_service.offline import OfflineVerdict
from licence_service.offline_showing import check, is_show_code
from licence_service.seal.tokens import CodeSigner
from licence_service.show_code import ShowFacts
from licence_service.verdict import Result
from tests.offline_cases import AT, BOOK, DEPARTMENT, NEIGHBOUR, PERIODIC, PLAIN, STRANGER, bundle

FACTS: dict[str, Any] = {
    "type_index": PLAIN, "issuer_index": 2, "licence_id": "0BYW97UM9S91DLZ68TSI", "version": 1, "made_at": AT, "life": 60, "nonce": bytes(16),
    "binding": bytes(16), "audience": "anyone", "state": LicenceState.IN_FORCE, "valid_to": date(2032, 6, 19), "status": (0, 11),
}  # fmt: skip
MINUTES = timedelta(minutes=1)


def address(key: CodeSigner = DEPARTMENT, **changed: Any) -> str:
    issuer = (
        next(one["index"] for one in bundle().issuers if any(kid["kid"] == key.kid.hex() for kid in one["code_keys"])) if key is not STRANGER else 2
    )
    return show_code.address(BOOK, show_code.make(ShowFacts(**{**FACTS, "issuer_index": issuer, **changed}), key))


def results(found: OfflineVerdict) -> dict[str, str]:
    return {name: one.result.value for name, one in found.answers.items()}


def test_a_living_code_says_how_the_right_stood_a_moment_ago() -> None:
    found = check(address(), bundle(), AT + timedelta(seconds=59))
    assert results(found) == {"authentic": "yes", "current": "yes", "in_force": "yes", "conditions": "not_asked", "shown": "yes"}
    assert (found.overall, found.age_seconds, found.licence and found.licence["state"]) == ("valid", 59, "in_force")
    assert "2026-11-28" in found.headline[0]  # never plainly valid
    assert results(check(address(type_index=PERIODIC), bundle(), AT))["conditions"] == "unknown"
    assert check(address(type_index=PERIODIC), bundle(), AT).overall == "cannot_decide"


@pytest.mark.parametrize("state", sorted(set(LicenceState) - {LicenceState.IN_FORCE}))
def test_a_right_that_was_not_in_force_is_said_to_be_so(state: LicenceState) -> None:
    found = check(address(state=state), bundle(), AT)
    assert (found.overall, found.answers["in_force"].result) == ("not_valid", Result.NO)


@pytest.mark.rule("SH-05")
@pytest.mark.rule("SH-07")
@pytest.mark.parametrize(
    ("at", "server_time", "shown", "wrong_by"),
    [
        (AT + 10 * MINUTES, None, "expired-code", None), (AT - 10 * MINUTES, None, "clock-error", -600),
        (AT + 10 * MINUTES, AT, "clock-error", 600), (AT - 10 * MINUTES, AT, "clock-error", -600),
    ],
)  # fmt: skip
def test_what_does_not_live_says_nothing_of_the_licence(at: Any, server_time: Any, shown: str, wrong_by: int | None) -> None:
    found = check(address(), bundle(), at, server_time)
    assert found.answers["shown"].reasons == (shown,)
    assert (found.overall, found.licence, found.clock.wrong_by) == ("cannot_decide", None, wrong_by)
    assert results(found)["authentic"] == "yes"


def test_a_clock_before_the_bundle_is_wrong_whatever_the_code_says() -> None:
    early = bundle().signed_at - 10 * MINUTES
    found = check(address(made_at=early.replace(microsecond=0)), bundle(), early)
    assert found.answers["shown"].reasons == ("clock-error",)


def test_what_is_not_genuine_is_told_from_what_the_bundle_does_not_know() -> None:
    assert check(address(STRANGER), bundle(), AT).answers["authentic"].reasons[-1] == "key-not-listed"
    digits = address().rpartition("/D/1")[2]
    assert check(digits[:-1] + str((int(digits[-1]) + 1) % 10), bundle(), AT).overall == "not_valid"
    assert check("123", bundle(), AT).overall == "not_valid"
    assert (
        check(
            address(DEPARTMENT, issuer_index=next(one["index"] for one in bundle().issuers if one["code_keys"][0]["kid"] == NEIGHBOUR.kid.hex())),
            bundle(),
            AT,
        )
        .answers["authentic"]
        .reasons[-1]
        == "code-at-odds"
    )
    elsewhere = check(address().replace("LICENCE.EXAMPLE.CN", "LICENCE.EXAMPLE.COM"), bundle(), AT)
    assert (elsewhere.overall, elsewhere.host) == ("not_valid", "licence.example.com")


def test_a_show_code_is_known_by_its_address() -> None:
    assert is_show_code(address(), bundle())
    assert not is_show_code(f"{BOOK}/Q/1123", bundle())
    assert check(address().lower(), bundle(), AT).overall == "valid"
