"""The parts of production: PostgreSQL and an S3 server, a restart between, and what happens while one of them is gone."""

import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from moto.server import ThreadedMotoServer
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from licence_service.app import create_app
from licence_service.licence import beijing_day
from licence_service.service import told_of_steps
from licence_service.store.reservations import LEASE
from tests.parts.databases import empty_postgres
from tests.world import DRIVER, TRIP, VEHICLE, World, a_world

PDF = {"Content-Type": "application/pdf"}


@dataclass
class Bucket:
    """A real S3 server that can be stopped and started again, keeping what it holds, and one bucket in it."""

    server: ThreadedMotoServer
    name: str
    port: int

    @property
    def settings(self) -> dict[str, Any]:
        """How a service is told of it."""
        return {
            "archive_url": f"s3://{self.name}/documents", "archive_endpoint": f"http://127.0.0.1:{self.port}", "archive_region": "us-east-1",
            "archive_access_key_id": SecretStr("tests"), "archive_secret_access_key": SecretStr("tests"),
        }  # fmt: skip

    def create(self) -> None:
        """Make the bucket."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{self.name}", method="PUT")
        request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=tests/20260301/us-east-1/s3/aws4_request")
        urllib.request.urlopen(request).close()

    def stop(self) -> None:
        """Go away."""
        self.server.stop()

    def start(self) -> None:
        """Come back at the same address."""
        self.server = ThreadedMotoServer("127.0.0.1", port=self.port, verbose=False)
        self.server.start()


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """An empty bucket on a server of its own."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    made = Bucket(server, f"archive-{uuid.uuid4().hex}", port)
    made.create()
    yield made
    made.stop()


@pytest.fixture
def database_url(postgres_address: str, migrated_postgres: str) -> str:
    """A PostgreSQL database with the newest schema."""
    return empty_postgres(postgres_address, migrated_postgres)


def _pair(world: World, issued: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}).json()
    return found


def test_everything_is_still_there_after_a_restart(tmp_path: Path, demo_keys: Path, database_url: str, bucket: Bucket) -> None:
    with a_world(tmp_path, demo_keys, database_url, **bucket.settings) as world:
        issued = {slug: world.issue(slug, f"issue-{slug}") for slug in (DRIVER, VEHICLE, TRIP)}
        vehicle = issued[VEHICLE]
        day = beijing_day(world.clock())
        facts = {"date": day.isoformat(), "result": "1", "next_due": (day + timedelta(days=365)).isoformat(), "authority": "示例机关"}
        body = {"act": "endorse", "kind": "annual_review", "facts": facts, "external_ref": "review-1"}
        endorsed = world.act(VEHICLE, vehicle["licence_id"], body, "endorse-01").json()
        files = {
            one["delivery_code"]: world.http.post("/download", json={"delivery_code": one["delivery_code"]}).content
            for one in (*issued.values(), endorsed)
        }
        assert len(set(files.values())) == 4
        tokens = world.tokens
        history = world.http.get(f"/licences/{vehicle['licence_id']}/entries", headers=world.headers(VEHICLE)).json()
    assert not (tmp_path / "archive").exists()
    with a_world(tmp_path, demo_keys, database_url, tokens, **bucket.settings) as world:
        assert world.http.get("/readyz").status_code == 200
        for code, content in files.items():
            assert content.startswith(b"%PDF-")
            assert world.http.post("/download", json={"delivery_code": code}).content == content
            overall = world.http.post("/verify/document", content=content, headers=PDF).json()["overall"]
            assert overall == ("not_valid" if code == vehicle["delivery_code"] else "valid")
        assert _pair(world, issued[DRIVER])["overall"] == "valid"
        assert _pair(world, vehicle)["answers"]["current"]["reasons"][0]["code"] == "superseded"
        assert _pair(world, {**vehicle, **endorsed})["overall"] == "valid"
        assert world.http.get(f"/licences/{vehicle['licence_id']}/entries", headers=world.headers(VEHICLE)).json() == history
        again = world.http.post("/licences", json=world.request(TRIP), headers=world.headers(TRIP, f"issue-{TRIP}"))
        assert (again.status_code, again.json()) == (201, issued[TRIP])
        assert not list(world.service.seal_log.breaks())
        assert len(world.service.seal_log.uses()) == 8


def test_an_issue_whose_document_cannot_be_kept_is_finished_once_the_archive_is_back(
    tmp_path: Path, demo_keys: Path, database_url: str, bucket: Bucket
) -> None:
    with a_world(tmp_path, demo_keys, database_url, **bucket.settings) as world:
        request, headers = world.request(TRIP), world.headers(TRIP, "unkept-001")
        bucket.stop()
        assert world.http.get("/readyz").status_code == 503
        refused = world.http.post("/licences", json=request, headers=headers)
        assert refused.status_code == 503, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"].endswith("archive-unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert world.service.book.all_ids() == []
        bucket.start()
        assert world.http.get("/readyz").status_code == 200
        issued = world.http.post("/licences", json=request, headers=headers)
        assert issued.status_code == 201, issued.text
        assert world.service.book.all_ids() == [issued.json()["licence_id"]]
        assert [use["event"] for use in world.service.seal_log.uses()] == ["requested", "done", "requested", "done"]
        assert len({use["sealed_sha256"] for use in world.service.seal_log.uses() if use["event"] == "done"}) == 1
        assert world.http.post("/download", json={"delivery_code": issued.json()["delivery_code"]}).status_code == 200


def test_a_database_that_goes_away_and_comes_back_is_503_between_and_never_500(
    tmp_path: Path, demo_keys: Path, postgres_address: str, database_url: str
) -> None:
    """The database is shut for connections while its server lives, and those that are open are ended in the middle of their work."""
    name = database_url.rpartition("/")[2].partition("?")[0]
    admin = create_engine(postgres_address, isolation_level="AUTOCOMMIT")

    def allow(answer: str) -> None:
        with admin.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {answer}"))
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"), {"name": name}
            )

    with a_world(tmp_path, demo_keys, database_url) as world:
        issued = world.issue(TRIP)
        allow("false")
        headers = world.headers(TRIP, "database-1")
        answers = {
            "issue": world.http.post("/licences", json=world.request(VEHICLE), headers=world.headers(VEHICLE, "database-1")),
            "read": world.http.get(f"/licences/{issued['licence_id']}", headers=headers),
            "pair": world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}),
            "code": world.http.get("/Q/1" + issued["verify_url"].rpartition("/Q/1")[2]),
            "download": world.http.post("/download", json={"delivery_code": issued["delivery_code"]}),
            "readyz": world.http.get("/readyz"),
        }
        for what, answer in answers.items():
            assert answer.status_code == 503, (what, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["type"].endswith(":unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert world.http.get("/healthz").status_code == 200
        allow("true")
        assert world.http.get("/readyz").status_code == 200
        assert _pair(world, issued)["overall"] == "valid"
        assert world.issue(VEHICLE, "database-1")["version"] == 1
    admin.dispose()


def test_connections_that_break_in_the_middle_of_an_issue_leave_one_licence_after_the_retry(
    tmp_path: Path, demo_keys: Path, postgres_address: str, database_url: str
) -> None:
    name = database_url.rpartition("/")[2].partition("?")[0]
    admin = create_engine(postgres_address, isolation_level="AUTOCOMMIT")
    cut: list[str] = []

    def cut_once(step: str) -> None:
        if step == "append" and not cut:
            with admin.connect() as connection:
                connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
                connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name})
            cut.append(step)

    with a_world(tmp_path, demo_keys, database_url) as world:
        http = TestClient(create_app(told_of_steps(world.service, cut_once)), raise_server_exceptions=False)
        request, headers = world.request(TRIP), world.headers(TRIP, "cut-000001")
        assert http.post("/licences", json=request, headers=headers).status_code == 503
        with admin.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
        assert http.post("/licences", json=request, headers=headers).status_code == 201
        (licence_id,) = world.service.book.all_ids()
        assert len(world.service.book.get(licence_id).entries) == 1
        assert [use["event"] for use in world.service.seal_log.uses()] == ["requested", "done", "requested", "done"]
    admin.dispose()
