"""Cases of checking without network: a bundle, what a reader of codes saw, a clock. The module and the page must say the same of each.

Made when the tests run, with keys of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from licence_service.bundle import Bundle, sign, sign_delta, sign_time
from licence_service.qr_token import CodeFacts, address, pack
from licence_service.seal.listing_tokens import base64url, sign_jws
from licence_service.seal.terms import PublicKey, point_of
from licence_service.seal.tokens import CodeSigner, Purpose, sign1
from licence_service.status import Status, blank, put

BOOK = "https://licence.example.cn"
AS_OF = datetime(2026, 11, 28, 0, 0, tzinfo=UTC)  # eight in the morning in Beijing
AT = AS_OF + timedelta(hours=2)
TODAY = date(2026, 11, 28)
PLAIN, PERIODIC, TRAINED, AFLOAT = 7, 5, 8, 9  # indexes of the types

PLACES = {"good": 11, "ended": 12, "suspended": 13, "open": 14, "lapsed": 15, "superseded": 16}
STATUSES = {
    "ended": Status.INVALID, "suspended": Status.SUSPENDED, "open": Status.SUSPENDED, "lapsed": Status.SUSPENDED, "superseded": Status.SUPERSEDED,
}  # fmt: skip
LAPSES = {(0, 13): TODAY, (0, 15): TODAY - timedelta(days=1)}  # the last day counts; "open" runs until it is lifted


def signer(number: int) -> CodeSigner:
    """Return a key that is the same in every run."""
    return CodeSigner(bytes([number]) * 4, ec.derive_private_key(1_000_003 * number, ec.SECP256R1()))


KEEPER, DEPARTMENT, RETIRED, NEIGHBOUR, STRANGER = (signer(number) for number in range(1, 6))
OWN_KEYS = {one: signer(10 + number) for number, one in enumerate(Purpose)}  # of the department, each for one purpose


def keeper_keys() -> dict[bytes, PublicKey]:
    """Return the keeper's key by its kid."""
    return {KEEPER.kid: KEEPER.key.public_key()}


def _key(one: CodeSigner, *purposes: Purpose) -> dict[str, Any]:
    said = {"kid": one.kid.hex(), "public_key": base64url(point_of(one.key.public_key())), "from": "2010-01-01", "to": "2020-12-31"}
    return said | {"purposes": list(purposes)} if purposes else said


def _issuer(index: int, name: str, *keys: dict[str, Any], specimen: bool = False) -> Mapping[str, Any]:
    return {
        "index": index,
        "code": f"1151990{index}MB9900013X",
        "zh": name,
        "en": f"Bureau {index}",
        "specimen": specimen,
        "code_keys": list(keys),
        "seals": [],
    }


@cache
def bundle() -> Bundle:
    """Return the bundle of most cases; its code keys' certificates ran out long ago, which changes nothing (SH-04)."""
    places = blank()
    for name, status in STATUSES.items():
        put(places, PLACES[name], status)
    types = (
        {"index": PLAIN, "name": "plain", "zh": "从业资格证", "en": "Qualification", "freshness_hours": 24, "conditions": False},
        {"index": PERIODIC, "name": "periodic", "zh": "道路运输证", "en": "Vehicle certificate", "freshness_hours": 168, "conditions": True},
        {"index": TRAINED, "name": "trained", "zh": "驾驶员证", "en": "Driver's certificate", "freshness_hours": 1, "conditions": True},
        {"index": AFLOAT, "name": "afloat", "zh": "船舶营业运输证", "en": "Ship certificate", "freshness_hours": 168, "conditions": False},
    )
    pack = {"id": "training", "sha256": "0" * 64, "pack": {"format": "rule-pack/1", "types": ["trained"], "rule": {"way": "recurring_hours"}}}
    own = (_key(key, purpose) for purpose, key in OWN_KEYS.items())
    issuers = (_issuer(1, "蜀安市交通运输局", _key(DEPARTMENT), _key(RETIRED), *own), _issuer(2, "样本局", _key(NEIGHBOUR), specimen=True))
    return Bundle(BOOK, AS_OF, AS_OF + timedelta(minutes=1), None, issuers, types, (pack,), {0: bytes(places)}, LAPSES)


@cache
def bundle_text() -> str:
    """Return it signed."""
    return sign(bundle(), KEEPER)


def without_what_judges() -> list[str]:
    """Return signed bundles, each with a type whose limit or conditions are not said: nothing of it may read as fresh, or as none.

    The last ones have a key whose purposes are no list.
    """
    whole = dict(bundle().types[0])
    bad = [
        {**whole, name: value} for name, value in (("freshness_hours", None), ("freshness_hours", 0), ("freshness_hours", "24"), ("conditions", 0))
    ]
    bad += [{key: value for key, value in whole.items() if key != name} for name in ("index", "freshness_hours", "conditions")]
    strange = [_issuer(1, "蜀安市交通运输局", {**_key(DEPARTMENT), "purposes": one}) for one in ("licence", {"licence": True}, 1, None)]
    return [
        *(sign(replace(bundle(), types=(*bundle().types[1:], one)), KEEPER) for one in bad),
        *(sign(replace(bundle(), issuers=(one,)), KEEPER) for one in strange),
    ]


def _times() -> dict[str, str]:
    """Return answers to a question for the time, of which one is the right one."""
    said: dict[str, Any] = {"format": "server-time/1", "book": BOOK, "time": AT.isoformat(), "nonce": NONCE}
    bad: dict[str, dict[str, Any]] = {
        "without a zone": {"time": "2026-11-28T02:00:00"},
        "no time": {"time": "soon"},
        "a number": {"time": 7},
        "another form": {"format": "server-time/2"},
    }
    return {
        "good": sign_time(BOOK, AT, NONCE, KEEPER),
        "another question's": sign_time(BOOK, AT, NONCE[::-1], KEEPER),
        "another book's": sign_time("https://other.example", AT, NONCE, KEEPER),
        "by another": sign_time(BOOK, AT, NONCE, DEPARTMENT),
        "a bundle": bundle_text(),
        "a delta": sign_delta(bundle(), bundle(), KEEPER),
        "nothing": "",
        **{name: sign_jws("server-time+jws", said | changed, KEEPER) for name, changed in bad.items()},
        "without a time": sign_jws("server-time+jws", {name: text for name, text in said.items() if name != "time"}, KEEPER),
    }


NONCE = "AAECAwQFBgcICQoLDA0ODw"
TIMES = _times()


def facts(place: str = "good", **changed: Any) -> CodeFacts:
    """Return the facts of a code, one thing changed."""
    whole = CodeFacts(
        PLAIN, 1, "0BYW97UM9S91DLZ68TSI", 2, date(2024, 6, 20), date(2030, 6, 19), (0, PLACES[place]), bytes(range(16)), "陈＊＊"
    )  # fmt: skip
    return replace(whole, **changed)


def code(place: str = "good", *, by: CodeSigner = DEPARTMENT, book: str = BOOK, **changed: Any) -> str:
    """Return what a reader of codes sees."""
    return address(book, sign1(pack(facts(place, **changed)), by))


@dataclass(frozen=True)
class Case:
    """One case: what is seen and when, and the five answers with their reasons; `overall` in one word."""

    name: str
    text: str
    overall: str
    authentic: str
    current: str
    in_force: str
    conditions: str
    at: datetime = AT
    server_time: datetime | None = None
    rule: tuple[str, ...] = ()


def _forged() -> str:
    good = code()
    return good[:-3] + str((int(good[-3:]) + 7) % 1000).zfill(3)


def _case(name: str, text: str, overall: str, answers: str, **more: Any) -> Case:
    """`answers`: authentic, current, in force, conditions, each `result reason,reason`, divided by `; `."""
    authentic, current, in_force, conditions = answers.split("; ")
    return Case(name, text, overall, authentic, current, in_force, conditions, **more)


GENUINE, CURRENT, FORCE, NONE = "yes code-genuine", "yes current-version", "yes in-force,within-dates", "not_asked no-conditions"
NOTHING = "not_asked ; not_asked ; not_asked "


def cases() -> list[Case]:
    """Return all cases."""
    stale, week = AS_OF + timedelta(hours=24, seconds=1), AS_OF + timedelta(hours=168)
    midnight = AS_OF + timedelta(hours=16)  # in Beijing, of the next day
    late, ended = AS_OF + timedelta(hours=30), date(2026, 11, 27)
    return [
        _case("good", code(), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}"),
        _case("good until its last day", code(valid_to=TODAY), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}"),
        _case("without an end", code(valid_to=None), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}"),
        _case("digits alone", code().rpartition("/Q/1")[2], "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}"),
        _case("in lower case", code().lower(), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}"),
        _case("signed by a retired key", code(by=RETIRED), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}", rule=("SH-04",)),
        _case("a specimen", code(by=NEIGHBOUR, issuer_index=2), "valid", f"{GENUINE},specimen; {CURRENT}; {FORCE}; {NONE}"),
        _case("expired", code(valid_to=ended), "not_valid", f"{GENUINE}; {CURRENT}; no expired; not_asked ", rule=("SH-02",)),
        _case(
            "expired, not yet in Beijing", code(valid_to=ended), "not_valid", f"{GENUINE}; {CURRENT}; no expired; not_asked ",
            at=datetime(2026, 11, 27, 16, 0, tzinfo=UTC) + timedelta(hours=8, minutes=5),
        ),
        _case("forged and expired", _forged(), "not_valid", f"no code-not-genuine; {NOTHING}", rule=("SH-02",)),
        _case("not yet in effect", code(valid_from=date(2026, 11, 29)), "not_valid", f"{GENUINE}; {CURRENT}; no pending-effect; not_asked "),
        _case("ended", code("ended"), "not_valid", f"{GENUINE}; not_asked ; no listed-invalid; not_asked "),
        _case("superseded", code("superseded"), "not_valid", f"{GENUINE}; no listed-superseded; unknown ask-newer-version; not_asked "),
        _case("suspended on its last day", code("suspended"), "not_valid", f"{GENUINE}; {CURRENT}; no suspended; not_asked ", rule=("SH-03",)),
        _case("suspended without an end", code("open"), "not_valid", f"{GENUINE}; {CURRENT}; no suspended; not_asked "),
        _case(
            "a suspension that has run out", code("lapsed"), "valid", f"{GENUINE}; {CURRENT}; yes suspension-lapsed,in-force,within-dates; {NONE}",
            rule=("SH-03",),
        ),
        _case(
            "a suspension that ran out without network", code("suspended", type_index=PERIODIC, conditions_until=date(2027, 1, 1)), "valid",
            f"{GENUINE}; {CURRENT}; yes suspension-lapsed,in-force,within-dates; yes condition-date-ahead", at=late, rule=("SH-03",),
        ),
        _case("stale", code(), "cannot_decide", f"{GENUINE}; unknown status-stale; unknown status-stale; {NONE}", at=stale, rule=("SH-06",)),
        _case("fresh to the second", code(), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}", at=AS_OF + timedelta(hours=24), rule=("SH-06",)),
        _case(
            "a type with a longer limit, to the second", code(type_index=AFLOAT), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}", at=week,
            rule=("SH-06",),
        ),
        _case(
            "a type with a longer limit, a second later", code(type_index=AFLOAT), "cannot_decide",
            f"{GENUINE}; unknown status-stale; unknown status-stale; {NONE}", at=week + timedelta(seconds=1), rule=("SH-06",),
        ),
        _case(
            "a type with a longer limit and a condition", code(type_index=PERIODIC, conditions_until=TODAY + timedelta(days=9)), "valid",
            f"{GENUINE}; {CURRENT}; {FORCE}; yes condition-date-ahead", at=week, rule=("SH-06",),
        ),
        _case(
            "a type with a shorter limit", code(type_index=TRAINED), "cannot_decide",
            f"{GENUINE}; unknown status-stale; unknown status-stale; unknown conditions-unknown", rule=("SH-06",),
        ),
        _case("ended, however old the list", code("ended"), "not_valid", f"{GENUINE}; not_asked ; no listed-invalid; not_asked ", at=stale),
        _case(
            "superseded, however old the list", code("superseded"), "not_valid", f"{GENUINE}; no listed-superseded; unknown ask-newer-version; not_asked ",
            at=stale,
        ),
        _case("stale and expired", code(valid_to=ended), "not_valid", f"{GENUINE}; unknown status-stale; no expired; not_asked ", at=stale),
        _case(
            "suspended, on a stale list", code("open"), "cannot_decide",
            f"{GENUINE}; unknown status-stale; unknown suspended,status-stale; {NONE}", at=stale,
        ),
        _case(
            "conditions by their printed day", code(type_index=PERIODIC, conditions_until=TODAY), "valid",
            f"{GENUINE}; {CURRENT}; {FORCE}; yes condition-date-ahead",
        ),
        _case(
            "a condition overdue", code(type_index=PERIODIC, conditions_until=ended), "valid_conditions_unmet",
            f"{GENUINE}; {CURRENT}; {FORCE}; no condition-overdue",
        ),
        _case("conditions unknown", code(type_index=PERIODIC), "cannot_decide", f"{GENUINE}; {CURRENT}; {FORCE}; unknown conditions-unknown"),
        _case(
            "conditions of a rule pack, which no code carries", code(type_index=TRAINED), "cannot_decide",
            f"{GENUINE}; {CURRENT}; {FORCE}; unknown conditions-unknown", at=AS_OF + timedelta(minutes=59),
        ),
        _case(
            "a printed day on the code of a type of which no conditions are known", code(conditions_until=ended), "valid_conditions_unmet",
            f"{GENUINE}; {CURRENT}; {FORCE}; no condition-overdue",
        ),
        _case(
            "a printed day to its last second in Beijing", code(type_index=PERIODIC, conditions_until=TODAY), "valid",
            f"{GENUINE}; {CURRENT}; {FORCE}; yes condition-date-ahead", at=midnight - timedelta(seconds=1),
        ),
        _case(
            "a printed day that is over in Beijing", code(type_index=PERIODIC, conditions_until=TODAY), "valid_conditions_unmet",
            f"{GENUINE}; {CURRENT}; {FORCE}; no condition-overdue", at=midnight,
        ),
        _case(
            "a condition overdue, on a stale list", code(conditions_until=ended), "cannot_decide",
            f"{GENUINE}; unknown status-stale; unknown status-stale; no condition-overdue", at=stale,
        ),
        _case(
            "conditions unknown, on a stale list", code(type_index=PERIODIC), "cannot_decide",
            f"{GENUINE}; unknown status-stale; unknown status-stale; unknown conditions-unknown", at=week + timedelta(seconds=1),
        ),
        _case(
            "a condition overdue, without the list", code(type_index=PERIODIC, conditions_until=ended, status=(3, 1)), "cannot_decide",
            f"{GENUINE}; unknown status-absent; unknown status-absent; no condition-overdue",
        ),
        _case(
            "conditions unknown after a suspension that has run out", code("lapsed", type_index=PERIODIC), "cannot_decide",
            f"{GENUINE}; {CURRENT}; yes suspension-lapsed,in-force,within-dates; unknown conditions-unknown", rule=("SH-03",),
        ),
        *(
            _case(f"conditions are not asked of what is {name}", text, "not_valid", answers)
            for name, text, answers in (
                ("suspended", code("open", type_index=PERIODIC, conditions_until=ended), f"{GENUINE}; {CURRENT}; no suspended; not_asked "),
                ("ended", code("ended", type_index=PERIODIC), f"{GENUINE}; not_asked ; no listed-invalid; not_asked "),
                ("superseded", code("superseded", conditions_until=ended), f"{GENUINE}; no listed-superseded; unknown ask-newer-version; not_asked "),
                ("expired", code(type_index=PERIODIC, valid_to=ended), f"{GENUINE}; {CURRENT}; no expired; not_asked "),
                ("to come", code(type_index=PERIODIC, valid_from=date(2026, 11, 29)), f"{GENUINE}; {CURRENT}; no pending-effect; not_asked "),
            )
        ),
        _case(
            "a printed day, by a clock that runs behind", code(type_index=PERIODIC, conditions_until=ended), "cannot_decide",
            f"{GENUINE}; unknown clock-error; unknown clock-error; unknown clock-error", at=AS_OF - timedelta(minutes=5), rule=("SH-05",),
        ),
        _case(
            "conditions unknown, by a clock that runs behind", code(type_index=TRAINED), "cannot_decide",
            f"{GENUINE}; unknown clock-error; unknown clock-error; unknown conditions-unknown", at=AS_OF - timedelta(minutes=5), rule=("SH-05",),
        ),
        _case(
            "a clock that runs behind", code(), "cannot_decide", f"{GENUINE}; unknown clock-error; unknown clock-error; {NONE}",
            at=AS_OF - timedelta(minutes=5), rule=("SH-05",),
        ),
        _case(
            "a clock that runs a little behind", code(), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}", at=AS_OF - timedelta(minutes=4),
            rule=("SH-05",),
        ),
        _case(
            "a clock that the server contradicts", code(), "cannot_decide", f"{GENUINE}; unknown clock-error; unknown clock-error; {NONE}",
            server_time=AT - timedelta(minutes=6), rule=("SH-05",),
        ),
        _case(
            "a suspension that only a fast clock has let run out", code("suspended"), "cannot_decide",
            f"{GENUINE}; unknown clock-error; unknown suspended,clock-error; {NONE}", at=AT + timedelta(hours=20), server_time=AT, rule=("SH-03", "SH-05"),
        ),
        _case(
            "a clock that the server contradicts by not more than is allowed", code(), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}",
            server_time=AT - timedelta(minutes=5), rule=("SH-05",),
        ),
        _case("ended, whatever the clock", code("ended"), "not_valid", f"{GENUINE}; not_asked ; no listed-invalid; not_asked ", at=AS_OF - timedelta(days=9)),
        _case("a list that the device has not got", code(status=(3, 1)), "cannot_decide", f"{GENUINE}; unknown status-absent; unknown status-absent; {NONE}"),
        _case("a place beyond the list", code(status=(0, 1 << 20)), "cannot_decide", f"{GENUINE}; unknown status-absent; unknown status-absent; {NONE}"),
        _case(
            "a type that the device does not know", code(type_index=99), "cannot_decide",
            f"{GENUINE}; unknown status-stale; unknown status-stale; unknown conditions-unknown",
        ),
        _case(
            "a type that the device does not know, with a status of this instant", code(type_index=99), "cannot_decide",
            f"{GENUINE}; unknown status-stale; unknown status-stale; unknown conditions-unknown", at=AS_OF, rule=("SH-06",),
        ),
        _case(
            "a type that the device does not know, with a printed day", code(type_index=99, conditions_until=TODAY), "cannot_decide",
            f"{GENUINE}; unknown status-stale; unknown status-stale; yes condition-date-ahead",
        ),
        _case("a key that the device does not know", code(by=STRANGER), "cannot_decide", f"unknown key-not-listed; {NOTHING}"),
        _case("a key of this department for licences", code(by=OWN_KEYS[Purpose.LICENCE]), "valid", f"{GENUINE}; {CURRENT}; {FORCE}; {NONE}", rule=("SE-04",)),
        *(
            _case(f"a key of this department for {purpose}", code(by=key), "cannot_decide", f"unknown key-not-listed; {NOTHING}", rule=("SE-04",))
            for purpose, key in OWN_KEYS.items()
            if purpose is not Purpose.LICENCE
        ),
        _case("another department's key", code(by=NEIGHBOUR), "not_valid", f"no code-at-odds; {NOTHING}"),
        _case("a foreign host", code(book="https://licence-example.cn"), "not_valid", f"no foreign-host; {NOTHING}", rule=("SH-02",)),
        _case("a host behind our name", code(book="https://licence.example.cn@evil.example"), "not_valid", f"no foreign-host; {NOTHING}"),
        _case("a host that goes on after our name", code(book="https://licence.example.cn.evil.example"), "not_valid", f"no foreign-host; {NOTHING}"),
        _case("a host in look-alike letters", "https://licence.ехаmple.cn/Q/1123", "not_valid", f"no foreign-host; {NOTHING}"),
        _case("a host whose capitals are ours", code().replace("LICENCE", "L\u0131CENCE", 1), "not_valid", f"no foreign-host; {NOTHING}"),
        _case("our host without encryption", code(book="http://licence.example.cn"), "not_valid", f"no foreign-host; {NOTHING}"),
        _case("any other code", "WIFI:S:guest;T:WPA;P:12345678;;", "not_valid", f"no code-not-genuine; {NOTHING}"),
        _case("nothing", "", "not_valid", f"no code-not-genuine; {NOTHING}"),
        _case("our address with other digits", f"{BOOK}/Q/1999", "not_valid", f"no code-not-genuine; {NOTHING}"),
        _case("our address with letters", f"{BOOK}/Q/1abc", "not_valid", f"no code-not-genuine; {NOTHING}"),
        _case("very many digits", f"{BOOK}/Q/1" + "9" * 1201, "not_valid", f"no code-not-genuine; {NOTHING}"),
    ]  # fmt: skip
