"""The archive's contract, over a folder and over a real S3 server."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import obstore
import pytest
from obstore.store import S3Store

from licence_service.archive import Archive, open_archive, open_second_place
from licence_service.errors import ArchiveUnavailable, Misconfigured, NotInRegister
from tests.parts.conftest import overwrite


@pytest.fixture(params=["folder", "s3"])
def archive(request: pytest.FixtureRequest) -> Archive:
    found: Archive = request.getfixturevalue(f"{request.param}_archive")
    return found


def test_what_was_put_comes_back_under_its_sha256(archive: Archive) -> None:
    digest = archive.put(b"a document")
    assert digest == hashlib.sha256(b"a document").hexdigest()
    assert archive.get(digest) == b"a document"


def test_putting_twice_is_harmless(archive: Archive) -> None:
    assert archive.put(b"x") == archive.put(b"x")
    assert archive.get(archive.put(b"x")) == b"x"


def test_an_empty_document_and_a_large_one_are_kept_alike(archive: Archive) -> None:
    for content in (b"", bytes(range(256)) * 40_000):
        assert archive.get(archive.put(content)) == content


def test_twenty_putting_the_same_at_once_all_succeed(archive: Archive) -> None:
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(archive.put(b"the same"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 20
    assert len(set(digests)) == 1


@pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_not_there_is_not_in_the_register(archive: Archive, digest: str) -> None:
    with pytest.raises(NotInRegister):
        archive.get(digest)


def test_a_reachable_archive_is_ready(archive: Archive) -> None:
    archive.ready()
    archive.put(b"x")
    archive.ready()


def test_a_damaged_document_in_a_folder_is_never_given_out_nor_taken_for_good(folder_archive: Archive, tmp_path: Path) -> None:
    digest = folder_archive.put(b"x")
    (tmp_path / "archive" / digest[:2] / digest[2:4] / digest).write_bytes(b"y")
    with pytest.raises(ArchiveUnavailable):
        folder_archive.get(digest)
    with pytest.raises(ArchiveUnavailable):
        folder_archive.put(b"x")


@pytest.mark.parametrize("left", [b"", b"a docu", b"a docu\0\0\0\0"])
def test_what_a_loss_of_power_left_of_a_document_in_a_folder_is_written_again(
    folder_archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture, left: bytes
) -> None:
    """A file's name may be on the disk before its bytes are; else the same document, plate or dictionary could never be kept again."""
    digest = hashlib.sha256(b"a document").hexdigest()
    file = tmp_path / "archive" / digest[:2] / digest[2:4] / digest
    file.parent.mkdir(parents=True)
    file.write_bytes(left)
    with pytest.raises(ArchiveUnavailable):
        folder_archive.get(digest)
    assert folder_archive.put(b"a document") == digest
    assert folder_archive.get(digest) == b"a document"
    assert "half written" in caplog.text


def test_a_damaged_document_in_a_bucket_is_never_given_out(s3_archive: Archive, s3_store: S3Store) -> None:
    digest = s3_archive.put(b"x")
    overwrite(s3_store, digest, b"y")
    with pytest.raises(ArchiveUnavailable):
        s3_archive.get(digest)


def test_a_folder_that_is_gone_is_unavailable(folder_archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "archive").rmdir()
    with pytest.raises(ArchiveUnavailable):
        folder_archive.ready()


def test_a_folder_where_a_file_stands_in_the_way_is_unavailable(folder_archive: Archive, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    (tmp_path / "archive" / digest[:2]).write_bytes(b"in the way")
    with pytest.raises(ArchiveUnavailable):
        folder_archive.put(b"x")


def test_a_missing_bucket_is_unavailable_and_not_merely_empty(s3_options: dict[str, str]) -> None:
    archive = open_archive("s3://no-such-bucket/documents", options=s3_options)
    for question in (archive.ready, lambda: archive.put(b"x")):
        with pytest.raises(ArchiveUnavailable):
            question()


def test_a_server_that_does_not_listen_is_unavailable(s3_options: dict[str, str]) -> None:
    archive = open_archive("s3://bucket/x", options={**s3_options, "endpoint": "http://127.0.0.1:9"})
    for question in (archive.ready, lambda: archive.put(b"x"), lambda: archive.get("0" * 64)):
        with pytest.raises(ArchiveUnavailable):
            question()


class _Overwriting(BaseHTTPRequestHandler):
    """A server that speaks enough of S3 to keep objects, and takes no heed of `If-None-Match`."""

    kept: ClassVar[dict[str, list[bytes]]] = {}  # all that was put, the newest last

    def do_PUT(self) -> None:
        self.kept.setdefault(self.path, []).append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(200)

    def do_GET(self) -> None:
        listed = "?" in self.path
        found = self.kept.get(self.path)
        if listed:
            self._answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        else:
            self._answer(200 if found else 404, found[-1] if found else b"")

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (("ETag", '"x"'), ("Last-Modified", "Mon, 02 Nov 2026 00:00:00 GMT"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def overwriting(s3_options: dict[str, str]) -> Iterator[dict[str, str]]:
    """The options of a bucket that writes over what is there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Overwriting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Overwriting.kept.clear()
    yield {**s3_options, "endpoint": f"http://127.0.0.1:{server.server_port}"}
    server.shutdown()
    server.server_close()


def test_a_bucket_that_writes_over_what_is_there_is_never_relied_on(overwriting: dict[str, str]) -> None:
    archive = open_archive("s3://bucket/x", options=overwriting)
    archive.ready()
    with pytest.raises(ArchiveUnavailable, match="writes over"):
        archive.put(b"one")
    assert list(_Overwriting.kept.values()) == [[b"one", b"one"]]  # the object, and once more
    for question in (archive.ready, lambda: archive.put(b"two")):
        with pytest.raises(ArchiveUnavailable, match="writes over"):
            question()
    assert list(_Overwriting.kept.values()) == [[b"one", b"one"]]


def test_a_head_that_is_there_is_not_written_over_before_the_bucket_is_found_out(overwriting: dict[str, str]) -> None:
    """Heads are named by number: another process, or a register that was turned back, may come with another of the same."""
    with suppress(ArchiveUnavailable):
        open_second_place("s3://bucket/x", options=overwriting).keep(1, b"the head")
    later = open_second_place("s3://bucket/x", options=overwriting)
    assert later.keep(1, b"another") is False
    assert later.get(1) == b"the head"


def test_of_two_that_write_the_first_objects_at_once_neither_relies_on_a_bucket_that_writes_over(
    overwriting: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, archive = threading.Barrier(2), open_archive("s3://bucket/x", options=overwriting)
    put = obstore.put

    def together(store: S3Store, key: str, content: bytes, **options: Any) -> Any:
        if key not in begun:
            begun.append(key)
            both.wait(10)  # each has seen that nothing is known of the bucket yet
            if content == b"two":
                found.wait(10)
        return put(store, key, content, **options)

    def tried(content: bytes) -> None:
        try:
            archive.put(content)
        except ArchiveUnavailable:
            refused.append(content)
        found.set()

    begun, refused, found = list[str](), list[bytes](), threading.Event()
    monkeypatch.setattr("obstore.put", together)
    threads = [threading.Thread(target=tried, args=(content,)) for content in (b"one", b"two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(refused) == [b"one", b"two"]


@pytest.mark.parametrize("url", ["", "var/archive", "http://host/x", "s3:///x", "file:", "file://host/x"])
def test_an_address_of_another_kind_is_refused_at_start(url: str) -> None:
    with pytest.raises(Misconfigured):
        open_archive(url)


def test_an_unknown_option_is_refused_at_start() -> None:
    with pytest.raises(Misconfigured):
        open_archive("s3://bucket/x", options={"no_such_option": "1"})


def test_a_folder_that_cannot_be_made_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Misconfigured):
        open_archive(f"file:{tmp_path}/file/archive")
