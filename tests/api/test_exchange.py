"""Host apps that act for a holder: token exchange (RFC 8693) of the identity service's assertions."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from licence_service.errors import AccessRefused, Misconfigured
from licence_service.exchange import GRANT, ID_TOKEN, JWT
from licence_service.holding import ALL, Holding, read_levels
from licence_service.identity import reading
from licence_service.settings import read_settings
from licence_service.store.clients import HOST, Client
from tests.host import OPERATOR, HostApp, Hosts, Somebody, hosting
from tests.serving import Silent
from tests.world import a_world

DRIVER = Somebody("519902198506120111", "陈安途")
OTHER = Somebody("519902199001010034", "周望川")
COMPANY = Somebody("91519902MA99011003", "蜀安江川航运有限公司", "company")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Hosts]:
    with hosting(tmp_path_factory.mktemp("hosts"), demo_keys, failures_before_slowing=100_000) as opened:
        yield opened


@pytest.fixture(scope="module")
def app(hosts: Hosts) -> HostApp:
    return hosts.app()


def holding(app: HostApp, headers: Mapping[str, str]) -> Holding:
    return app.world.service.holder_desk.exchange.holding(headers["Authorization"].removeprefix("Bearer "))


def test_a_host_exchanges_an_assertion_for_a_token_that_names_holder_host_and_session(app: HostApp) -> None:
    answer = app.exchanged(DRIVER, "2")

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["token_type"], said["expires_in"], said["issued_token_type"]) == ("Bearer", 600, "urn:ietf:params:oauth:token-type:access_token")
    assert answer.headers["cache-control"] == "no-store"
    found = holding(app, {"Authorization": f"Bearer {said['access_token']}"})
    assert (found.holder.holder_id, found.holder.kind, found.holder.level) == (said["holder"], "person", 2)
    assert (found.host, found.acts, found.delegation) == ("super-app", ALL, None)
    assert DRIVER.number not in json.dumps(said)
    assert DRIVER.number not in str(jwt.decode(said["access_token"], app.world.service.admission._key, algorithms=["HS256"]).claims)


def test_a_holder_is_the_same_whenever_they_come_and_however_their_number_is_written(app: HostApp) -> None:
    first = app.exchanged(Somebody("51990219850612011x", "陈安途")).json()["holder"]
    assert app.exchanged(Somebody("51990219850612011X", "陈安塗")).json()["holder"] == first
    assert app.exchanged(OTHER).json()["holder"] != first
    assert app.world.service.holder_desk.exchange.holders.identity(first) == ("51990219850612011X", "陈安塗")  # as it was said last


def test_a_session_is_the_log_in_of_the_identity_service_as_one_host_knows_it(hosts: Hosts, app: HostApp) -> None:
    other = hosts.app("another-app")
    one, again = (holding(app, app.acting(DRIVER, sid="log-in-1")).session for _ in range(2))
    assert one == again
    assert holding(app, app.acting(DRIVER, sid="log-in-2")).session != one
    assert holding(other, other.acting(DRIVER, sid="log-in-1")).session != one
    assert holding(app, app.acting(OTHER, sid="log-in-1")).session != one
    assert len({holding(app, app.acting(DRIVER)).session for _ in range(3)}) == 3  # an exchange is a session where none is named


def test_a_company_is_spoken_for_by_its_legal_representative(app: HostApp) -> None:
    found = holding(app, app.acting(COMPANY, agent_number=DRIVER.number, agent_name=DRIVER.name))
    assert found.holder.kind == "company"
    assert found.person == app.exchanged(DRIVER).json()["holder"]
    for role in ("clerk", None, ""):
        answer = app.exchanged(COMPANY, company_role=role)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert "legal representative" in answer.json()["error_description"]


Change = Callable[[HostApp], dict[str, Any]]
LIES: Mapping[str, Change] = {
    "for another service": lambda _app: {"aud": "https://other.example.cn"},
    "for several, and us not named": lambda _app: {"aud": ["https://licence.example.cn", "other"]},
    "of another issuer": lambda _app: {"iss": "https://evil.example"},
    "over": lambda app: {"exp": int(app.world.clock().timestamp()) - 120},
    "without an end": lambda _app: {"exp": None},
    "good for longer than ten minutes": lambda app: {"exp": int(app.world.clock().timestamp()) + 1000},
    "to come": lambda app: {"iat": int(app.world.clock().timestamp()) + 600},
    "without a name of its own": lambda _app: {"jti": None},
    "with a list as its name": lambda _app: {"jti": ["a"]},
    "with an empty name": lambda _app: {"jti": ""},
    "under another key": lambda _app: {"key": RSAKey.generate_key(2048, {"kid": "one"})},
    "under a shared key": lambda _app: {"key": OctKey.import_key("licence-desk" * 4), "alg": "HS256"},
    "about no kind of holder": lambda _app: {"holder_kind": "vessel"},
    "about nobody": lambda _app: {"id_number": None},
    "about a list": lambda _app: {"id_number": ["519902198506120111"]},
    "about a control character": lambda _app: {"id_number": "5199\x0002"},
    "about a long number": lambda _app: {"id_number": "5" * 41},
    "without a person's name": lambda _app: {"name": " "},
    "of no level": lambda _app: {"acr": None},
    "of a level that there is not": lambda _app: {"acr": "4"},
    "of a level that is true": lambda _app: {"acr": True},
    "about a company by no code": lambda _app: {"holder_kind": "company", "company_role": "legal_representative"},
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_an_assertion_that_is_not_right_in_everything_is_exchanged_for_nothing(app: HostApp, lie: str) -> None:
    answer = app.exchanged(DRIVER, **LIES[lie](app))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert DRIVER.number not in answer.text


@pytest.mark.parametrize("token", ["a.b.c", "", "x" * 9000, "eyJhbGciOiJub25lIn0.e30.", "é.é.é"])
def test_what_is_no_assertion_is_refused(app: HostApp, token: str) -> None:
    form = {"grant_type": GRANT, "subject_token": token, "subject_token_type": JWT}
    answer = app.world.http.post("/oauth/token", data=form, auth=(app.name, app.secret))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_assertion_serves_once_whoever_brings_it(hosts: Hosts, app: HostApp) -> None:
    assertion, second = app.assertion(DRIVER), hosts.app("second-app")
    form = {"grant_type": GRANT, "subject_token": assertion, "subject_token_type": ID_TOKEN}
    answers = [app.world.http.post("/oauth/token", data=form, auth=(one.name, one.secret)).status_code for one in (app, app, second)]
    assert answers == [200, 400, 400]


@pytest.mark.parametrize(("form", "code"), [
    ({"subject_token": None}, "invalid_request"), ({"subject_token_type": None}, "invalid_request"),
    ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"), ({"actor_token": "x"}, "invalid_request"),
    ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"), ({"scope": "*:*"}, "invalid_scope"),
    ({"delegation": "0" * 26}, "invalid_request"), ({"delegation": "\x00"}, "invalid_request"), ({"grant_type": "password"}, "unsupported_grant_type"),
])  # fmt: skip
def test_an_exchange_of_another_shape_is_refused_in_the_words_of_the_standard(app: HostApp, form: dict[str, str | None], code: str) -> None:
    whole = {"grant_type": GRANT, "subject_token": app.assertion(DRIVER), "subject_token_type": JWT, **form}
    said = {name: value for name, value in whole.items() if value is not None}
    answer = app.world.http.post("/oauth/token", data=said, auth=(app.name, app.secret))
    assert (answer.status_code, answer.json()["error"]) == (400, code)


def test_only_host_apps_act_for_holders_and_each_shows_its_secret(hosts: Hosts, app: HostApp) -> None:
    world = hosts.world
    secret = world.service.clients.add(Client("approving", world.client("road_transport_certificate").department, ("*",), 10), world.clock())
    other = HostApp(world, hosts.identity, "approving", secret)
    assert (other.exchanged(DRIVER).status_code, other.exchanged(DRIVER).json()["error"]) == (400, "unauthorized_client")
    for wrong in (HostApp(world, hosts.identity, app.name, "lst_wrong"), HostApp(world, hosts.identity, "nobody", app.secret)):
        assert wrong.exchanged(DRIVER).status_code == 401


def test_a_host_that_is_switched_off_or_removed_is_out_with_the_next_request(hosts: Hosts) -> None:
    app, clients = hosts.app("going"), hosts.world.service.clients
    headers = app.acting(DRIVER)
    assert holding(app, headers).host == "going"
    clients.switch("going", hosts.world.clock(), off=True)
    with pytest.raises(AccessRefused):
        holding(app, headers)
    assert app.exchanged(DRIVER).status_code == 401
    clients.switch("going", hosts.world.clock(), off=False)
    assert holding(app, headers).host == "going"
    clients.remove("going", hosts.world.clock())
    with pytest.raises(AccessRefused):
        holding(app, headers)


def test_a_token_for_a_holder_lives_for_ten_minutes(tmp_path: Path, demo_keys: Path) -> None:
    with hosting(tmp_path, demo_keys) as hosts:
        app = hosts.app()
        headers = app.acting(DRIVER)
        hosts.world.clock.now += timedelta(minutes=10, seconds=1)  # type: ignore[attr-defined]
        with pytest.raises(AccessRefused):
            holding(app, headers)


def test_a_clients_own_token_opens_no_cards_and_a_holders_token_nothing_of_a_client(app: HostApp) -> None:
    form = {"grant_type": "client_credentials", "client_id": app.name, "client_secret": app.secret}
    own = app.world.http.post("/oauth/token", data=form).json()["access_token"]
    for token in (own, app.secret, "", "x.y.z"):
        with pytest.raises(AccessRefused):
            holding(app, {"Authorization": f"Bearer {token}"})
    holders = app.acting(DRIVER)["Authorization"].removeprefix("Bearer ")
    assert app.world.service.admission.caller(holders) is None


def test_its_own_names_and_words_are_read_as_the_settings_say(tmp_path: Path, demo_keys: Path) -> None:
    names = "kind=userType number=certNo name=userName level=authLevel role=legalRole"
    with hosting(tmp_path, demo_keys, identity_claims=names, identity_words="natural=person L2=2") as hosts:
        app = hosts.app()
        said = {"userType": "natural", "certNo": DRIVER.number, "userName": DRIVER.name, "authLevel": "L2"}
        found = holding(app, app.acting(DRIVER, **said))
        assert (found.holder.kind, found.holder.level) == ("person", 2)


def test_keys_may_lie_in_a_file_and_the_identity_service_is_never_asked(tmp_path: Path, demo_keys: Path) -> None:
    file = tmp_path / "identity.jwks"
    with hosting(tmp_path / "world", demo_keys, identity_keys_file=file) as hosts:
        app = hosts.app()
        assert app.exchanged(DRIVER).status_code == 503
        file.write_text(json.dumps({"keys": [hosts.identity.key.as_dict(private=False)]}), "utf-8")
        hosts.identity.keys, hosts.identity.said = {}, {"issuer": "https://evil.example"}
        assert app.exchanged(DRIVER).status_code == 200


def test_without_an_identity_service_nobody_is_a_holder(tmp_path: Path, demo_keys: Path, hosts: Hosts) -> None:
    with a_world(tmp_path, demo_keys) as world:
        app = HostApp(world, hosts.identity, "lonely", world.service.clients.add(Client("lonely", OPERATOR, ("*",), 10, HOST), world.clock()))
        assert app.exchanged(DRIVER).status_code == 503


def test_settings_that_do_not_fit_are_said_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for levels in (
        "",
        "read=1",
        "read=0 claim=2 show=2 lend=2 download=2 looks=2 staff=2 delegate=3",
        "read=1 claim=2 show=2 lend=2 download=2 looks=2 delegate=3",
    ):
        with pytest.raises(Misconfigured, match="LICENCE_HOLDER_LEVELS"):
            read_levels(levels)
    for names in ("kind=a number=b name=c level=d", "kind=a number=b name=c level=d role=e height=f"):
        with pytest.raises(Misconfigured, match="LICENCE_IDENTITY_CLAIMS"):
            reading(names, "")
    monkeypatch.setenv("LICENCE_IDENTITY_ISSUER", "http://id.example.cn")
    with pytest.raises(Misconfigured, match="LICENCE_IDENTITY_ISSUER"):
        read_settings()


def test_an_identity_service_that_is_silent_is_not_asked_again_at_once(tmp_path: Path, demo_keys: Path, hosts: Hosts) -> None:
    with Silent() as silent, a_world(tmp_path, demo_keys, identity_issuer=silent.url, seal_timeout_seconds=0.3) as world:
        app = HostApp(world, hosts.identity, "waiting", world.service.clients.add(Client("waiting", OPERATOR, ("*",), 10, HOST), world.clock()))
        assert [app.exchanged(DRIVER).status_code for _ in range(5)] == [503] * 5
        assert silent.asked == 1
