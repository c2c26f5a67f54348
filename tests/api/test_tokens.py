"""Access tokens: client credentials by secret and by signed assertion, scopes, removal (RFC 6749, 7523, 8414, 9068)."""

import base64
import hmac
import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy import event

from licence_service import admission
from licence_service.admission import ASSERTION_TYPE, LIFE, public_key
from licence_service.errors import RequestRejected
from licence_service.exchange import GRANT
from licence_service.licence import beijing_day
from licence_service.store.clients import Client
from licence_service.store.credentials import MOST_LIVING
from tests.world import DRIVER, NOW, TRIP, VEHICLE, Clock, World, decision

WRONG = {"client_id": "x", "client_secret": "y"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NAMES = (f"system-{number}" for number in itertools.count())


def _added(world: World, *, acts: tuple[str, ...] = ("*",), types: tuple[str, ...] = ("*",)) -> tuple[Client, str]:
    client = Client(next(NAMES), world.service.catalogue.samples[TRIP].issuer, types, 1000, acts=acts)
    return client, world.service.clients.add(client, world.service.now())


def _asked(world: World, **form: str) -> Any:
    return world.http.post("/oauth/token", data={"grant_type": "client_credentials", **form})


def _token(world: World, client: Client, secret: str, scope: str = "") -> dict[str, str]:
    answer = _asked(world, client_id=client.name, client_secret=secret, scope=scope)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _signed(world: World, client: Client, key: Any, algorithm: str = "ES256", **changed: object) -> str:
    now = int(world.service.now().timestamp())
    claims = {
        "iss": client.name, "sub": client.name, "aud": world.service.admission.token_url, "exp": now + 60, "iat": now, "jti": next(NAMES), **changed
    }  # fmt: skip
    return jwt.encode({"alg": algorithm}, {name: value for name, value in claims.items() if value is not None}, key, algorithms=[algorithm])


def _made(shape: str) -> Any:
    return RSAKey.generate_key(2048) if shape == "RSA" else OKPKey.generate_key("Ed25519") if shape == "Ed25519" else ECKey.generate_key(shape)


def _with_key(world: World, key: Any) -> Client:
    client = Client(next(NAMES), world.service.catalogue.samples[TRIP].issuer, ("*",), 1000)
    world.service.clients.add_with_key(client, public_key(key.as_pem(private=False)), world.service.now())
    return client


def test_a_token_got_by_a_secret_issues_and_reads(world: World) -> None:
    client, secret = _added(world)
    answer = _asked(world, client_id=client.name, client_secret=secret)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert (given["token_type"], given["expires_in"], given["scope"]) == ("Bearer", 600, "*:*")
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    issued = world.http.post("/licences", json=world.request(TRIP), headers={**headers, "Idempotency-Key": "by-token-1"})
    assert issued.status_code == 201, issued.text
    assert world.http.get(f"/licences/{issued.json()['licence_id']}", headers=headers).status_code == 200


def test_name_and_secret_may_come_by_http_basic_whatever_script_the_name_is_in(world: World) -> None:
    uscc = world.service.catalogue.samples[TRIP].issuer
    secret = world.service.clients.add(Client("审批 系统", uscc, ("*",), 10), world.service.now())
    for said, status in (
        (f"%E5%AE%A1%E6%89%B9+%E7%B3%BB%E7%BB%9F:{secret}", 200),
        (f"审批 系统:{secret}", 200),
        (f"other:{secret}", 401),
        ("no", 401),
    ):
        basic = {"Authorization": f"Basic {base64.b64encode(said.encode()).decode()}"}
        answer = world.http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic)
        assert answer.status_code == status, said
        if status == 401:
            assert answer.json()["error"] == "invalid_client"
            assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", ECKey.generate_key("P-256")), ("ES384", ECKey.generate_key("P-384")), ("PS256", RSAKey.generate_key(2048)),
        ("RS256", RSAKey.generate_key(2048)), ("Ed25519", OKPKey.generate_key("Ed25519")),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_a_client_without_a_secret_signs_for_its_token_once(world: World, algorithm: str, key: Any) -> None:
    client = _with_key(world, key)
    shown = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": _signed(world, client, key, algorithm)}
    first, again = _asked(world, **shown), _asked(world, **shown)
    assert first.status_code == 200, first.text
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    headers = {"Authorization": f"Bearer {first.json()['access_token']}"}
    assert world.http.post("/licences/search", json={"type": TRIP}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None}, {"exp": int(NOW.timestamp()) - 120}, {"exp": int(NOW.timestamp()) + 86_400}, {"exp": True}, {"exp": "soon"}, {"exp": 1e300},
        {"iat": int(NOW.timestamp()) + 600}, {"nbf": int(NOW.timestamp()) + 600}, {"nbf": "x"}, {"aud": "https://elsewhere.example"}, {"aud": None},
        {"aud": [["x"]]}, {"iss": "somebody"}, {"sub": "somebody"}, {"sub": None}, {"sub": ["x"]}, {"jti": None}, {"jti": ""}, {"jti": 7}, {"jti": "x" * 201},
    ],
    ids=str,
)  # fmt: skip
def test_an_assertion_that_is_not_for_us_now_is_refused(world: World, changed: dict[str, Any]) -> None:
    key = ECKey.generate_key("P-256")
    client = _with_key(world, key)
    answer = _asked(world, client_assertion_type=ASSERTION_TYPE, client_assertion=_signed(world, client, key, **changed))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_by_another_key_or_none_is_refused(world: World) -> None:
    key = ECKey.generate_key("P-256")
    client = _with_key(world, key)
    stranger = _signed(world, client, ECKey.generate_key("P-256"))
    head, body, _ = _signed(world, client, key).split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    shared = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    mac = hmac.digest(key.as_pem(private=False), f"{shared}.{body}".encode(), "sha256")
    by_public_key = f"{shared}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    for assertion in (stranger, f"{unsigned}.{body}.", f"{head}.{body}.", by_public_key, "a.b.c", "x", "é.é.é", "." * 5000):
        answer = _asked(world, client_assertion_type=ASSERTION_TYPE, client_assertion=assertion)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), assertion


def test_who_tries_names_by_signing_learns_from_neither_answer_nor_work_whether_there_is_such_a_client(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    keys = {"ES256": "P-256", "ES384": "P-384", "Ed25519": "Ed25519", "PS256": "RSA", "RS256": "RSA"}
    strangers = {shape: _made(shape) for shape in sorted({*keys.values()})}
    known = {shape: _with_key(world, _made(shape)) for shape in strangers}
    several, off, (by_secret, _) = _with_key(world, _made("P-256")), _with_key(world, _made("P-256")), _added(world)
    for _ in range(3):
        world.service.admission.credentials.add_key(several.name, public_key(_made("P-256").as_pem(private=False)), NOW)
    world.service.clients.switch(off.name, NOW, off=True)
    nobody = replace(several, name="nobody-here")
    tried: list[str] = []
    verified = admission._verified

    def watched(assertion: str, key: str) -> Any:
        tried.append(json.loads(key)["kty"])
        return verified(assertion, key)

    monkeypatch.setattr(admission, "_verified", watched)
    monkeypatch.setattr(world.service.failures, "_tick", lambda: 0.0)  # or whoever asks when a second is over settles the counts of all
    event.listen(world.service.database.engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_more: tried.append(statement))
    for algorithm, shape in keys.items():
        works = []
        for client in (nobody, nobody, by_secret, several, off, *known.values()):  # nobody first, so that all is in its place
            tried.clear()
            assertion = _signed(world, client, strangers[shape], algorithm)
            answer = _asked(world, client_assertion_type=ASSERTION_TYPE, client_assertion=assertion)
            works.append((answer.status_code, answer.json(), list(tried)))
            world.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]  # as often as this nobody may err
        assert all(one == works[1] for one in works[1:]), (algorithm, works)
        assert works[1][0] == 401
        assert len([one for one in works[1][2] if one in {"EC", "RSA", "OKP"}]) == MOST_LIVING


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({}, "invalid_client"),
        ({"client_id": "x", "client_secret": "y"}, "invalid_client"),
        ({"client_secret": "y", "client_assertion": "z"}, "invalid_request"),
        ({"client_assertion": "z"}, "invalid_request"),
        ({"client_assertion": "z", "client_assertion_type": "other"}, "invalid_request"),
    ],
)
def test_the_endpoint_refuses_in_the_words_of_oauth(world: World, form: dict[str, str], error: str) -> None:
    answer = _asked(world, **form)
    assert answer.json()["error"] == error
    assert answer.status_code == (401 if error == "invalid_client" else 400)


def test_a_parameter_said_twice_and_a_body_of_another_kind_are_refused(world: World) -> None:
    twice = world.http.post("/oauth/token", content="grant_type=client_credentials&scope=a:b&scope=c:d", headers=FORM)
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    assert world.http.post("/oauth/token", json={"grant_type": "client_credentials"}).status_code == 415


def test_a_token_holds_to_the_scopes_it_was_asked_with(world: World) -> None:
    client, secret = _added(world)
    issued = world.issue(TRIP)
    address = f"/licences/{issued['licence_id']}"
    reading = _token(world, client, secret, f"read:{TRIP}")
    assert world.http.get(address, headers=reading).status_code == 200
    assert world.http.get(f"{address}/entries", headers=reading).status_code == 200
    for method, path, body in (
        ("POST", "/licences", world.request(TRIP)),
        ("POST", f"{address}/entries", {"act": "revoke", "decision": decision(beijing_day(NOW))}),
        ("POST", f"/templates/{TRIP}/preview", {"face": {}}),
        ("POST", f"{address}/stickers", {}),
        ("POST", f"{address}/signals", {"source": "s", "signal": "s", "occurred_on": "2026-01-01", "external_ref": "x"}),
        ("GET", "/tasks", None),
        ("GET", "/webhooks", None),
        ("POST", "/webhooks", {"url": "https://receiver.example/"}),
    ):
        answer = world.http.request(method, path, json=body, headers={**reading, "Idempotency-Key": "reading-only"})
        assert answer.status_code == 403, (path, answer.text)
    assert [one["data"]["licence_id"] for one in world.http.get("/events", headers=reading).json()["events"]] == [issued["licence_id"]]
    acting = _token(world, client, secret, f"revoke:{TRIP}")
    assert world.http.get("/events", headers=acting).status_code == 403
    assert world.http.get("/cases/X", headers=acting).status_code == 403
    assert world.http.get(address, headers=acting).status_code == 403
    assert world.http.post("/licences/search", json={"type": TRIP}, headers=acting).json()["licences"] == []
    other = _token(world, client, secret, f"*:{VEHICLE}")
    assert world.http.get("/events", headers=other).json()["events"] == []
    assert world.http.get(address, headers=other).status_code == 404  # of another type: as if it did not exist
    revocation = {"act": "revoke", "decision": decision(beijing_day(NOW))}
    done = world.http.post(f"{address}/entries", json=revocation, headers={**acting, "Idempotency-Key": "acting-001"})
    assert done.status_code == 201, done.text


def test_acts_of_a_client_bind_all_its_tokens_and_its_secret(world: World) -> None:
    client, secret = _added(world, acts=("read",), types=(TRIP,))
    assert _asked(world, client_id=client.name, client_secret=secret).json()["scope"] == f"read:{TRIP}"
    assert _asked(world, client_id=client.name, client_secret=secret, scope="read:*").json()["scope"] == "read:*"  # all that it holds
    for scope in (f"issue:{TRIP}", "issue:*", "read", f":{TRIP}", "read:", f"read:{DRIVER}", "x" * 3000):
        refused = _asked(world, client_id=client.name, client_secret=secret, scope=scope)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope"), scope
    for headers in (_token(world, client, secret), {"Authorization": f"Bearer {secret}"}):
        assert world.http.post("/licences", json=world.request(TRIP), headers={**headers, "Idempotency-Key": "acts-only-1"}).status_code == 403


def test_a_token_ends_with_its_time_and_at_once_with_its_client(world: World) -> None:
    client, secret = _added(world)
    headers = _token(world, client, secret)
    assert _searched(world, headers) == 200
    assert isinstance(world.clock, Clock)
    world.clock.now += LIFE + timedelta(seconds=1)
    assert _searched(world, headers) == 401
    headers = _token(world, client, secret)
    assert _searched(world, headers) == 200
    world.service.clients.remove(client.name, world.service.now())
    assert _searched(world, headers) == 401
    assert _asked(world, client_id=client.name, client_secret=secret).status_code == 401


def test_a_token_ends_with_the_secret_that_it_was_got_by(world: World) -> None:
    client, secret = _added(world)
    credentials = world.service.admission.credentials
    other = credentials.add_secret(client.name, NOW)
    headers, others = _token(world, client, secret), _token(world, client, other)
    credentials.remove(client.name, credentials.of(client.name)[0].number, NOW)
    assert (_searched(world, headers), _searched(world, others)) == (401, 200)


def test_what_an_act_became_is_told_to_who_may_do_it_or_read_it(world: World) -> None:
    client, secret = _added(world)
    headers = {**_token(world, client, secret, f"issue:{TRIP}"), "Idempotency-Key": "telling-01"}
    seal_id = world.service.keyring.departments[client.department].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="drill")
    where = world.http.post("/licences", json=world.request(TRIP), headers=headers).json()["reservation_url"]
    nothing = world.http.get(f"/reservations/{'0' * 26}", headers=headers)
    for scope, status in ((f"issue:{TRIP}", 202), (f"read:{TRIP}", 202), (f"webhook:{TRIP}", 404), (f"issue:{VEHICLE}", 404)):
        answer = world.http.get(where, headers=_token(world, client, secret, scope))
        assert answer.status_code == status, scope
        if status == 404:
            assert answer.json() == nothing.json()


@pytest.mark.parametrize("name", [r'"\ud800"', r'"a\u0000b"', "[]", "null", '""', '"' + "x" * 300 + '"', "1e999"])
def test_an_assertion_of_a_name_that_is_none_is_refused(world: World, name: str) -> None:
    said = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ('{"alg":"ES256"}', f'{{"sub":{name}}}', "x" * 64)]
    answer = _asked(world, client_assertion_type=ASSERTION_TYPE, client_assertion=".".join(said))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_token_of_other_make_is_none(world: World) -> None:
    client, secret = _added(world)
    good = _token(world, client, secret)["Authorization"].removeprefix("Bearer ")
    key = OctKey.import_key(world.service.admission.token_key)
    now = int(world.service.now().timestamp())
    ours = world.service.admission.issuer
    number = world.service.admission.credentials.of(client.name)[0].number
    claims = {"iss": ours, "aud": ours, "sub": client.name, "credential": number, "exp": now + 60, "scope": ""}

    def made(header: dict[str, str], **changed: object) -> str:
        return jwt.encode({"alg": "HS256", **header}, {**claims, **changed}, key)

    assert _status(world, made({"typ": "at+jwt"})) == 200
    foreign = OctKey.generate_key(256)
    for token in (
        made({"typ": "JWT"}), made({"typ": "at+jwt"}, iss="https://elsewhere.example"), made({"typ": "at+jwt"}, aud="other"),
        made({"typ": "at+jwt"}, exp=now - 1), jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims, foreign), good[:-2], good + "x" * 5000, "a.b.c", "",
        made({"typ": "at+jwt"}, sub="nobody"), made({"typ": "at+jwt"}, credential=None), made({"typ": "at+jwt"}, credential=number + 1),
    ):  # fmt: skip
        assert _status(world, token) == 401, token


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60), body=st.binary(max_size=60))
def test_whatever_is_sent_is_answered_and_never_a_bug(world: World, token: str, body: bytes) -> None:
    assert world.service.admission.caller(token) is None
    answer = world.http.post("/oauth/token", content=body, headers=FORM)
    assert answer.status_code in {400, 401, 429}
    shown = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token or "x"}
    assert _asked(world, **shown).status_code in {401, 429}


def test_who_tries_secrets_is_slowed(world: World) -> None:
    for _ in range(world.service.settings.failures_before_slowing):
        assert _asked(world, **WRONG).status_code == 401
    assert _asked(world, **WRONG).status_code == 429
    client, secret = _added(world)
    assert _asked(world, client_id=client.name, client_secret=secret).status_code == 200  # a right one is never refused


def test_the_metadata_says_where_tokens_are_got(world: World) -> None:
    said = world.http.get("/.well-known/oauth-authorization-server").json()
    assert said["token_endpoint"] == f"{said['issuer']}/oauth/token"
    assert said["grant_types_supported"] == ["client_credentials", GRANT]
    assert "private_key_jwt" in said["token_endpoint_auth_methods_supported"]


@pytest.mark.parametrize("key", [ECKey.generate_key("secp256k1"), ECKey.generate_key("P-521"), OKPKey.generate_key("X25519")])
def test_keys_for_something_else_are_not_taken(key: Any) -> None:
    with pytest.raises(RequestRejected):
        public_key(key.as_pem(private=False))


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_weak_key_is_not_taken() -> None:
    with pytest.raises(RequestRejected):
        public_key(RSAKey.generate_key(1024).as_pem(private=False))


def test_a_private_key_is_not_taken_and_a_public_one_in_both_forms() -> None:
    key = ECKey.generate_key("P-256")
    for private in (key.as_pem(private=True), json.dumps(key.as_dict(private=True)).encode()):
        with pytest.raises(RequestRejected, match="private"):
            public_key(private)
    assert public_key(key.as_pem(private=False)) == public_key(json.dumps(key.as_dict(private=False)).encode())
    for nonsense in (b"", b"{}", b"[]", b"{", b"-----BEGIN PUBLIC KEY-----", b"\xff", b'{"kty":"oct","k":"AAAA"}', b'{"kty":{}}'):
        with pytest.raises(RequestRejected):
            public_key(nonsense)


def _status(world: World, token: str) -> int:
    return _searched(world, {"Authorization": f"Bearer {token}"})


def _searched(world: World, headers: Mapping[str, str]) -> int:
    status: int = world.http.post("/licences/search", json={"type": TRIP}, headers=headers).status_code
    return status
