"""Real outside things for the contract tests: a demo PKI, an S3 server, a small page."""

import dataclasses
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import obstore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from moto.server import ThreadedMotoServer
from obstore.store import S3Store
from reportlab.pdfgen.canvas import Canvas

from licence_service.archive import Archive, open_archive
from licence_service.seal.demo import DemoDepartment, make_demo_keys, read_demo_departments
from licence_service.seal.keyring import Keyring, read_keyring
from tests.pdfa import VeraPdf

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
PASSPHRASE = b"a passphrase of the tests"
DEMO_TOML = Path(__file__).parents[2] / "keys" / "demo.toml"
SCHEMES = ("pades-p256", "pades-rsa2048", "pades-rsa3072")


@pytest.fixture(scope="session")
def departments() -> tuple[DemoDepartment, ...]:
    """The four organs; the first three with a scheme each, the fourth on P-256 again."""
    organs = read_demo_departments(DEMO_TOML)
    return tuple(dataclasses.replace(organ, scheme=SCHEMES[number % len(SCHEMES)]) for number, organ in enumerate(organs))


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory, departments: tuple[DemoDepartment, ...]) -> Path:
    """A demo PKI, made once; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("keys")
    make_demo_keys(folder, departments, passphrase=PASSPHRASE, now=NOW, impression=lambda name: name.encode())
    return folder


@pytest.fixture(scope="session")
def keyring(keys_folder: Path) -> Keyring:
    """The demo PKI as the service reads it."""
    return read_keyring(keys_folder, passphrase=PASSPHRASE, allow_demo=True)


@pytest.fixture(scope="session")
def page() -> bytes:
    """A small page, always the same bytes."""
    return draw_page()


def draw_page(text: str = "licence", pages: int = 1) -> bytes:
    """Draw a small PDF."""
    target = BytesIO()
    canvas = Canvas(target, pagesize=(300, 200), invariant=True)
    for _ in range(pages):
        canvas.drawString(40, 120, text)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def der(path: Path) -> bytes:
    """Return the first certificate of a PEM file as DER."""
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


@pytest.fixture
def folder_archive(tmp_path: Path) -> Archive:
    """An archive in a folder."""
    return open_archive(f"file:{tmp_path}/archive")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A real S3 server on loopback."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3_options(s3_server: str) -> dict[str, str]:
    """How to reach it."""
    return {
        "endpoint": s3_server,
        "region": "us-east-1",
        "access_key_id": "tests",
        "secret_access_key": "tests",
        "virtual_hosted_style_request": "false",
    }


@pytest.fixture
def bucket(s3_options: dict[str, str]) -> str:
    """A new, empty bucket."""
    name = f"archive-{uuid.uuid4().hex}"
    request = urllib.request.Request(f"{s3_options['endpoint']}/{name}", method="PUT")
    request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=tests/20260301/us-east-1/s3/aws4_request")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    return name


@pytest.fixture
def s3_archive(bucket: str, s3_options: dict[str, str]) -> Archive:
    """An archive in a bucket."""
    return open_archive(f"s3://{bucket}/documents", options=s3_options)


@pytest.fixture
def s3_store(bucket: str, s3_options: dict[str, str]) -> S3Store:
    """The same bucket behind the archive's back."""
    return S3Store(bucket, prefix="documents", config=s3_options, client_options={"allow_http": True})  # type: ignore[arg-type]


def overwrite(store: S3Store, digest: str, content: bytes) -> None:
    """Damage a stored document."""
    obstore.put(store, f"{digest[:2]}/{digest[2:4]}/{digest}", content)


@pytest.fixture(scope="session")
def verapdf() -> VeraPdf:
    """The PDF/A validator; its JVM starts once a process."""
    return VeraPdf()
