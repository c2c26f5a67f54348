"""Signing in to the desk: with the real mock of a provider, and with one that lies."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import OctKey, RSAKey

from licence_service.duties import Role
from licence_service.errors import Misconfigured, Unavailable
from licence_service.settings import read_settings
from tests.desks import seat
from tests.provider import Forger, authorised, come_back, desk_world, forging, person, provider, sign_in  # noqa: F401 - a fixture
from tests.serving import Silent
from tests.waiting import until
from tests.world import World

HTML = {"Accept": "text/html"}


@pytest.fixture
def desk(tmp_path: Path, demo_keys: Path, provider: str) -> Iterator[World]:  # noqa: F811
    with desk_world(tmp_path, demo_keys, provider) as world:
        yield world


def shown(world: World) -> str:
    """Return the desk's first page."""
    return str(world.http.get("/desk", headers=HTML).text)


def test_a_person_signs_in_sees_the_desk_and_signs_out(desk: World) -> None:
    person(desk, "u-17", Role.CLERK)
    assert "登录" in shown(desk)

    answer = sign_in(desk, "u-17")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("desk_session="))
    assert {"HttpOnly", "SameSite=lax", "Path=/desk"} <= {one.strip() for one in cookie.split(";")}
    assert "Secure" not in cookie  # this desk is spoken to without TLS
    page = shown(desk)
    assert "罗青石" in page
    assert "窗口办事员" in page

    token = desk.http.cookies["desk_session"]
    key = desk.service.sign_in.form_key(token)
    out = desk.http.post("/desk/sign-out", data={"form_key": key}, headers=HTML)
    assert "已退出" in out.text
    desk.http.cookies.set("desk_session", token, path="/desk")
    assert "罗青石" not in shown(desk)  # the token is worth nothing any more


def test_the_browser_is_sent_with_state_nonce_and_a_hashed_verifier(desk: World) -> None:
    left = desk.http.get("/desk/sign-in", follow_redirects=False)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(left.headers["location"]).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://testserver/desk/sign-in/back"
    assert "openid" in asked["scope"]
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert all(len(asked[name]) >= 32 for name in ("state", "nonce", "code_challenge"))
    again = parse_qs(urlsplit(desk.http.get("/desk/sign-in", follow_redirects=False).headers["location"]).query)
    assert again["state"] != [asked["state"]]
    assert again["nonce"] != [asked["nonce"]]


def test_cookies_go_over_tls_only_where_the_desk_has_it(tmp_path: Path, demo_keys: Path, provider: str) -> None:  # noqa: F811
    with desk_world(tmp_path, demo_keys, provider, "https://desk.example.cn") as world:
        left = world.http.get("/desk/sign-in", follow_redirects=False)
        assert "Secure" in left.headers["set-cookie"]


def test_who_is_no_person_of_the_desk_stays_out_and_is_told_what_to_give_the_administrator(desk: World) -> None:
    answer = sign_in(desk, "stranger-9")

    assert answer.status_code == 403
    assert "stranger-9" in answer.text
    assert "desk_session" not in desk.http.cookies


def test_a_code_is_good_in_the_browser_that_left_and_once(desk: World) -> None:
    person(desk, "u-17", Role.CLERK)
    left = desk.http.get("/desk/sign-in", follow_redirects=False)
    address = authorised(left.headers["location"], "u-17")
    kept = desk.http.cookies["desk_sign_in"]

    desk.http.cookies.clear()
    assert come_back(desk, address).status_code == 401  # another browser
    other = desk.http.get("/desk/sign-in", follow_redirects=False)
    assert other.status_code == 303
    assert come_back(desk, address).status_code == 401  # that left by itself
    desk.http.cookies.clear()
    desk.http.cookies.set("desk_sign_in", kept, path="/desk/sign-in")
    assert come_back(desk, address).status_code == 303
    desk.http.cookies.set("desk_sign_in", kept, path="/desk/sign-in")
    assert come_back(desk, address).status_code == 401


def test_who_stays_away_too_long_begins_anew(desk: World) -> None:
    person(desk, "u-17", Role.CLERK)
    address = authorised(desk.http.get("/desk/sign-in", follow_redirects=False).headers["location"], "u-17")
    desk.clock.now += timedelta(minutes=11)  # type: ignore[attr-defined]
    assert come_back(desk, address).status_code == 401


@pytest.mark.parametrize("query", [
    "", "state=x&code=y", "error=access_denied&error_description=%3Cscript%3E", "state=" + "9" * 4000 + "&code=1", "state=%00.%ff&code=%00", "code=1",
    "state=99999999999999999999.a&code=b", "state=１.a&code=b",
])  # fmt: skip
def test_coming_back_with_rubbish_is_refused_in_words(desk: World, query: str) -> None:
    desk.http.cookies.set("desk_sign_in", "x", path="/desk/sign-in")
    answer = desk.http.get(f"/desk/sign-in/back?{query}", headers=HTML, follow_redirects=False)
    assert answer.status_code in {401, 422}
    assert "<script>" not in answer.text


def test_without_a_provider_the_desk_says_plainly_that_it_is_closed(world: World) -> None:
    assert "尚未设置登录服务" in shown(world)
    answer = world.http.get("/desk/sign-in", headers=HTML)
    assert answer.status_code == 503


def test_a_provider_without_tls_on_another_machine_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICENCE_OPENID_ISSUER", "http://id.example.cn")
    with pytest.raises(Misconfigured, match="LICENCE_OPENID_ISSUER"):
        read_settings()


def test_a_provider_that_does_not_answer_is_not_available_and_no_bug(tmp_path: Path, demo_keys: Path) -> None:
    with desk_world(tmp_path, demo_keys, "http://127.0.0.1:9") as world:
        assert world.http.get("/desk/sign-in", headers=HTML).status_code == 503


# -- a provider that lies ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forger() -> Iterator[Forger]:
    with forging() as one:
        yield one


def met(world: World, forger: Forger, token: Callable[[Forger, str], Any] | None = None) -> Any:
    """Sign in at the forger, with what it makes of the nonce."""
    world.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    asked = parse_qs(urlsplit(world.http.get("/desk/sign-in", follow_redirects=False).headers["location"]).query)
    forger.nonce, forger.token = asked["nonce"][0], token or (lambda one, nonce: one.signed(nonce))
    return come_back(world, f"http://testserver/desk/sign-in/back?code=c&state={asked['state'][0]}")


LIES: dict[str, Callable[[Forger, str], Any]] = {
    "for another client": lambda one, nonce: one.signed(nonce, aud="other"),
    "for several, and us not named": lambda one, nonce: one.signed(nonce, aud=["licence-desk", "other"]),
    "of another party": lambda one, nonce: one.signed(nonce, azp="other"),
    "of another issuer": lambda one, nonce: one.signed(nonce, iss="https://evil.example"),
    "over": lambda one, nonce: one.signed(nonce, exp=1),
    "without an end": lambda one, nonce: one.signed(nonce, exp=None),
    "to come": lambda one, nonce: one.signed(nonce, iat=2**33),
    "of another sign-in": lambda one, _nonce: one.signed("n" * 32),
    "with a nonce beyond ASCII": lambda one, _nonce: one.signed("另一次"),
    "without a nonce": lambda one, nonce: one.signed(nonce, nonce=None),
    "about nobody": lambda one, nonce: one.signed(nonce, sub=None),
    "about a list": lambda one, nonce: one.signed(nonce, sub=["u-17"]),
    "about a control character": lambda one, nonce: one.signed(nonce, sub="u\x00"),
    "under another key": lambda one, nonce: one.signed(nonce, key=RSAKey.generate_key(2048, {"kid": "one"})),
    "under a shared key": lambda one, nonce: one.signed(nonce, key=OctKey.import_key("licence-desk" * 4), alg="HS256"),
    "unsigned": lambda one, nonce: "eyJhbGciOiJub25lIn0." + one.signed(nonce).split(".")[1] + ".",
    "no token": lambda _one, _nonce: "a.b.c",
    "a number": lambda _one, _nonce: 7,
    "nothing": lambda _one, _nonce: None,
}


@pytest.fixture(scope="module")
def lied_to(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path, forger: Forger) -> Iterator[World]:
    with desk_world(tmp_path_factory.mktemp("lied"), demo_keys, forger.issuer) as world:
        person(world, "u-17", Role.CLERK)
        yield world


@pytest.mark.parametrize("lie", LIES)
def test_an_id_token_that_is_not_right_in_everything_lets_nobody_in(lied_to: World, forger: Forger, lie: str) -> None:
    answer = met(lied_to, forger, LIES[lie])
    assert answer.status_code == 401, answer.text
    assert "desk_session" not in lied_to.http.cookies


def test_one_that_is_right_does_and_the_code_came_with_its_verifier(lied_to: World, forger: Forger) -> None:
    answer = met(lied_to, forger)
    assert answer.status_code == 303
    assert len(forger.asked[-1]["code_verifier"][0]) >= 43
    lied_to.http.cookies.clear()


def test_a_key_that_the_provider_changed_is_read_anew(lied_to: World, forger: Forger) -> None:
    assert met(lied_to, forger).status_code == 303
    lied_to.http.cookies.clear()
    forger.key = RSAKey.generate_key(2048, {"kid": "two"})
    provider_known = lied_to.service.sign_in.provider
    assert provider_known
    keys = provider_known.voucher._keys
    assert keys
    provider_known.voucher._keys = (keys[0] - timedelta(minutes=1), keys[1])  # it was read a while ago
    assert met(lied_to, forger).status_code == 303
    lied_to.http.cookies.clear()


@pytest.mark.parametrize("said", [{"issuer": "https://evil.example"}, {"jwks_uri": None}, {"token_endpoint": 7}])
def test_a_provider_that_is_another_or_says_too_little_is_not_used(tmp_path: Path, demo_keys: Path, forger: Forger, said: dict[str, Any]) -> None:
    forger.said = said
    try:
        with desk_world(tmp_path, demo_keys, forger.issuer) as world:
            assert world.http.get("/desk/sign-in", headers=HTML).status_code == 503
    finally:
        forger.said = {}


def test_signing_out_waits_for_no_provider(tmp_path: Path, demo_keys: Path) -> None:
    with desk_world(tmp_path, demo_keys, "http://127.0.0.1:9") as world:
        one = seat(world, Role.CLERK)
        answer = one.post("/desk/sign-out")
        assert answer.status_code == 200
        assert "已退出" in answer.text
        assert "Sign out there too" not in answer.text  # nobody knows where that is now
        assert "desk_session=" in answer.headers["set-cookie"]
        assert one.get("/desk/issue").status_code == 303


def test_a_silent_provider_holds_few_and_briefly_and_is_not_asked_again_at_once(tmp_path: Path, demo_keys: Path) -> None:
    with Silent() as silent, desk_world(tmp_path, demo_keys, silent.url, seal_timeout_seconds=60) as world:
        provider = world.service.sign_in.provider
        assert provider

        def refused(_number: int) -> str:
            with pytest.raises(Unavailable) as told:
                provider.address("state", "nonce", "v" * 43)
            return told.value.detail

        with ThreadPoolExecutor(40) as many:
            told = [many.submit(refused, number) for number in range(40)]
            until(lambda: silent.asked == 8)
            until(lambda: sum(one.done() for one in told) == 32)  # all but the eight whom the provider holds
            assert {one.result() for one in told if one.done()} == {"the OpenID provider is slow to answer"}
            assert silent.asked == 8
            silent.hang_up()
        assert refused(0) == "the OpenID provider did not answer a moment ago"
        assert silent.asked == 8
        world.clock.now += timedelta(seconds=16)  # type: ignore[attr-defined]
        provider.voucher.seconds = 0.3
        assert refused(0) == "a service outside did not answer"  # by itself, after so many seconds
        assert silent.asked == 9


@pytest.mark.parametrize("keys", [{}, {"keys": "x"}, {"keys": [{}]}, {"keys": [1]}, {"keys": [{"kty": "RSA"}]}])
def test_a_provider_that_does_not_say_its_keys_is_no_fault_of_ours(tmp_path: Path, demo_keys: Path, keys: dict[str, Any]) -> None:
    with forging() as forger, desk_world(tmp_path, demo_keys, forger.issuer) as world:
        forger.keys = keys
        left = world.http.get("/desk/sign-in", follow_redirects=False)
        asked = parse_qs(urlsplit(left.headers["location"]).query)
        forger.nonce = asked["nonce"][0]
        answer = come_back(world, f"http://testserver/desk/sign-in/back?code=c&state={asked['state'][0]}")
        assert answer.status_code in {401, 503}
