"""The Python client of approval systems against a live server, also where the line breaks at the worst moment."""

import base64
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from licence_client import Decision, LicenceClient, Receipt, Refused, Unreachable, Waiting, WebhookRejected, verify_webhook

from licence_service.admission import public_key
from licence_service.app import served
from licence_service.licence import beijing_day
from licence_service.message import headers_of, new_secret
from licence_service.store.clients import Client
from tests.serving import serving
from tests.world import NOW, TRIP, World, a_world

HAILING = "ride_hailing_transport_certificate"
TODAY = beijing_day(NOW).isoformat()
DECISION = Decision("示许〔2026〕001号", "示例机关", TODAY, "示例条例第一条", officer="许可科01")


class Breaking:
    """Stands before a server; of the connections to come it lets so many requests through and loses their answers."""

    def __init__(self, port: int) -> None:
        self._port, self.losing, self.lost = port, 0, 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._carry, args=(self._listening.accept()[0],), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        lose, self.losing = self.losing > 0, max(0, self.losing - 1)
        with caller, socket.create_connection(("127.0.0.1", self._port)) as server, suppress(OSError):
            upward = threading.Thread(target=self._pump, args=(caller, server), daemon=True)
            upward.start()
            if lose:
                server.recv(1)  # it is answered: the act is done
                self.lost += 1
                caller.shutdown(socket.SHUT_RDWR)
            else:
                self._pump(server, caller)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65_536):
                sink.sendall(content)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[tuple[World, Breaking]]:
    """A live server behind a line that can break."""
    with a_world(tmp_path_factory.mktemp("client"), demo_keys) as world, serving(served(world.service)) as port:
        line = Breaking(port)
        yield world, line
        line.close()


@pytest.fixture(scope="module")
def secret(lived: tuple[World, Breaking]) -> str:
    """The secret of a client named as people would name it."""
    world, _ = lived
    return world.service.clients.add(Client("审批 系统", world.service.catalogue.samples[TRIP].issuer, ("*",), 10_000), NOW)


@pytest.fixture
def client(lived: tuple[World, Breaking], secret: str) -> LicenceClient:
    """The client behind the line."""
    return LicenceClient(f"http://127.0.0.1:{lived[1].port}", "审批 系统", secret=secret, patience=20.0)


def _request(world: World, number: int) -> dict[str, Any]:
    asked = world.request(TRIP, face={"license_no": f"519900261200{number:04}"})
    return {"type": TRIP, "case_no": f"PY-{number}", "face": asked["face"]}


def test_a_licence_is_issued_read_verified_changed_and_heard_of(lived: tuple[World, Breaking], client: LicenceClient) -> None:
    world, _ = lived
    assert client.template(TRIP)["sample"]
    assert client.preview(TRIP, _request(world, 1)["face"]).startswith(b"%PDF")
    before = client.events()
    list(before)
    issued = client.issue(decision=DECISION, **_request(world, 1))
    assert issued.check_code
    assert issued.check_code not in repr(issued)
    assert client.licence(issued.licence_id)["licence_id"] == issued.licence_id
    pdf = client.document(issued.licence_id, issued.version)
    assert client.verify(pdf).overall == "valid"
    done = client.act(issued.licence_id, "suspend", DECISION, suspension={"kind": "measure", "first": TODAY})
    assert (done.act, done.sequence, done.version) == ("suspend", 2, None)
    assert client.verify(pdf).overall == "not_valid"
    assert [one.type for one in client.events(before.cursor)] == ["licence.issue", "licence.suspend"]
    assert client.case("PY-1")[0]["licence_id"] == issued.licence_id
    assert world.http.post("/download", data={"delivery_code": issued.delivery_code}).status_code == 200
    arrived, cursor = client.arrivals()
    assert [(one["type"], one["data"]["case_no"]) for one in arrived if one["data"]["licence_id"] == issued.licence_id] == [
        ("issuance.delivered", "PY-1")
    ]
    assert client.arrivals(cursor)[0] == []
    assert [one["licence_id"] for one in client.search(field="number", value=issued.number)] == [issued.licence_id]


def test_who_pulls_events_and_falls_in_the_middle_has_them_again_and_gets_past_what_is_others(
    lived: tuple[World, Breaking], client: LicenceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = lived
    client.issue(decision=DECISION, **_request(world, 8))  # so that the cursor stands behind the lines that every book begins with
    seen = client.events()
    assert len({one.id for one in seen}) == len(list(client.events()))
    first = client.issue(decision=DECISION, **_request(world, 6))
    client.act(first.licence_id, "suspend", DECISION, suspension={"kind": "measure", "first": TODAY})
    for number in range(4):
        world.issue(HAILING, f"others-{number}", face={"license_no": f"51990026130000{number:02}"}, case_no=f"OTHERS-{number}")
    last = client.issue(decision=DECISION, **_request(world, 7))

    monkeypatch.setattr("licence_service.store.events.STRETCH", 1)  # so that what is others' fills an answer by itself
    kept, heard = seen.cursor, list[str]()
    for _ in range(8):
        events = client.events(kept)
        for one in events:
            heard.append(one.id)
            if len(heard) == 1:
                break  # it fell: the cursor is kept as it stands
        kept = events.cursor
    assert heard == [f"{first.licence_id}-1", f"{first.licence_id}-1", f"{first.licence_id}-2", f"{last.licence_id}-1"]


def test_an_answer_that_is_lost_on_the_way_is_asked_for_again_and_nothing_is_doubled(lived: tuple[World, Breaking], client: LicenceClient) -> None:
    world, line = lived
    client.template(TRIP)  # the token is there
    line.losing, line.lost = 2, 0
    issued = client.issue(decision=DECISION, **_request(world, 2))
    assert line.lost == 2
    assert len(client.case("PY-2")) == 1
    assert client.issue(decision=DECISION, **_request(world, 2)) == issued  # whoever calls again gets the same


def test_all_faults_come_at_once_and_a_wrong_secret_is_said(lived: tuple[World, Breaking], client: LicenceClient, secret: str) -> None:
    world, line = lived
    asked = _request(world, 3)
    with pytest.raises(Refused) as refused:
        client.issue(decision=DECISION, **{**asked, "face": {**asked["face"], "no_such_field": "x", "issue_date": "never"}})
    assert refused.value.status == 422
    assert refused.value.type == "face-rejected"
    assert {"face", "face.issue_date"} <= {one.path for one in refused.value.faults}
    url = f"http://127.0.0.1:{line.port}"
    with pytest.raises(Refused) as unknown:
        LicenceClient(url, "审批 系统", secret="lst_wrong", patience=2.0).template(TRIP)  # noqa: S106 - that is the point
    assert (unknown.value.status, unknown.value.type) == (401, "invalid_client")
    narrow = LicenceClient(url, "审批 系统", secret=secret, scope="read:*", patience=2.0)
    with pytest.raises(Refused) as forbidden:
        narrow.issue(decision=DECISION, **asked)
    assert forbidden.value.status == 403


def test_what_waits_for_a_seal_is_waited_for_and_then_said(lived: tuple[World, Breaking], secret: str) -> None:
    world, line = lived
    seal_id = world.service.keyring.departments[world.service.catalogue.samples[TRIP].issuer].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="drill")
    hasty = LicenceClient(f"http://127.0.0.1:{line.port}", "审批 系统", secret=secret, patience=1.0)
    with pytest.raises(Waiting) as waiting:
        hasty.issue(decision=DECISION, **_request(world, 4))
    assert waiting.value.waits_for == "seal-stopped"
    world.service.seal_log.order(seal_id, stopped=False, at=NOW, by="officer", reason="over")
    assert hasty.issue(decision=DECISION, **_request(world, 4)).licence_id == waiting.value.licence_id


def test_receipts_and_photos_go_along(lived: tuple[World, Breaking]) -> None:
    world, line = lived
    other = world.service.clients.add(Client("city", world.service.catalogue.samples[HAILING].issuer, ("*",), 10), NOW)
    client = LicenceClient(f"http://127.0.0.1:{line.port}", "city", secret=other, patience=20.0)
    at = (NOW - timedelta(hours=1)).isoformat()
    receipts = [
        Receipt("police_vehicle", at, at, "pass", ("plate_no", "vin", "vehicle_owner"), "ab" * 32, "PY-5", HAILING),
        Receipt("vehicle_inspection", at, at, "pass", ("vin",), "cd" * 32, "PY-5", HAILING, "R-1"),
    ]
    asked = world.request(HAILING, face={"license_no": "5199002612990001"})
    decision = Decision("无人干预", "示例机关", TODAY, "示例条例", unattended="unattended_ride_hailing_vehicles")
    photos = dict(_photos(asked))
    issued = client.issue(
        HAILING, "PY-5", decision, asked["face"], photos=photos, receipts=receipts, service_item_code="51990011800100101"
    )  # fmt: skip
    assert world.service.book.get(issued.licence_id).entries[0].decision.unattended == "unattended_ride_hailing_vehicles"


def test_a_client_with_a_key_signs_for_each_token_anew_also_when_an_answer_was_lost(lived: tuple[World, Breaking]) -> None:
    world, line = lived
    key, made = ECKey.generate_key("P-256"), list[str]()
    known = Client("with a key", world.service.catalogue.samples[TRIP].issuer, ("*",), 1000)
    world.service.clients.add_with_key(known, public_key(key.as_pem(private=False)), NOW)

    def sign(claims: Mapping[str, Any]) -> str:
        now = int(NOW.timestamp())  # the world's clock, not ours
        assert claims["exp"] - claims["iat"] == 60
        made.append(claims["jti"])
        return jwt.encode({"alg": "ES256"}, {**claims, "iat": now, "exp": now + 60}, key)

    audience = world.service.admission.token_url
    client = LicenceClient(f"http://127.0.0.1:{line.port}", known.name, sign=sign, audience=audience, patience=20.0)
    line.losing = 1  # the answer to the request for a token
    assert client.template(TRIP)["sample"]
    assert len(set(made)) == len(made) == 2
    with pytest.raises(Refused, match="invalid_client"):  # what was signed for another address
        LicenceClient(f"http://127.0.0.1:{line.port}", known.name, sign=sign).template(TRIP)


def test_a_client_has_a_secret_or_what_signs_and_never_both_or_none() -> None:
    for wrong in ({}, {"secret": "y", "sign": lambda _claims: "x"}):
        with pytest.raises(ValueError, match="either"):
            LicenceClient("http://127.0.0.1:9", "x", **wrong)  # type: ignore[arg-type]


def test_nobody_there_is_said_after_the_clients_patience() -> None:
    with socket.socket() as deaf:  # nobody else can have the port meanwhile
        deaf.bind(("127.0.0.1", 0))
        began = time.monotonic()
        with pytest.raises(Unreachable):
            LicenceClient(f"http://127.0.0.1:{deaf.getsockname()[1]}", "x", secret="y", patience=1.5).template(TRIP)  # noqa: S106 - no secret
        assert time.monotonic() - began < 30


def test_what_the_service_signs_the_client_verifies() -> None:
    secret, now = new_secret(), datetime.now(UTC)
    body = b'{"type":"licence.issue"}'
    headers = headers_of("evt-1", now, body, [secret])
    assert verify_webhook(secret, headers, body) == {"type": "licence.issue"}
    for wrong in (
        (new_secret(), headers, body),
        (secret, headers, body + b" "),
        (secret, {}, body),
        (secret, {**headers, "webhook-id": "evt-2"}, body),
    ):
        with pytest.raises(WebhookRejected):
            verify_webhook(*wrong)
    with pytest.raises(WebhookRejected):
        verify_webhook(secret, headers, body, now=now + timedelta(minutes=6))


def _photos(asked: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for name, text in asked["photos"].items():
        yield name, base64.b64decode(text)
