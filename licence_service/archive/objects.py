"""Objects by key in a folder or an S3 bucket, with obstore: made once, never written over."""

import logging
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions
from obstore.store import LocalStore, S3Store

from licence_service.errors import ArchiveUnavailable, Misconfigured

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

TIMEOUT_SECONDS = 10
_LOG = logging.getLogger(__name__)


def open_objects(url: str, options: Mapping[str, str]) -> "Objects":
    """Open `file:<folder>`, which is made where it is missing, or `s3://<bucket>/<prefix>`; raise `Misconfigured`."""
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return _Folder(Path(unquote(parts.path)).absolute())
    if parts.scheme == "s3" and parts.netloc:
        return _Bucket(_bucket(parts.netloc, parts.path.strip("/"), options))
    raise Misconfigured("an archive is file:<folder> or s3://<bucket>/<prefix>")


class Objects:
    """Objects in a bucket. Every question raises `ArchiveUnavailable` where it cannot be answered now."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        """Take obstore's store."""
        self._store = store

    def create(self, key: str, content: bytes) -> bool:
        """Keep an object durably; False where there is one of this key, which stays as it is."""
        try:
            obstore.put(self._store, key, content, mode="create")
        except exceptions.AlreadyExistsError:
            return False
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("nothing can be kept now") from trouble
        self.make_durable(key)
        return True

    def get(self, key: str) -> bytes | None:
        """Return an object, None where there is none."""
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except (exceptions.NotFoundError, FileNotFoundError):
            return None
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("what is kept cannot be fetched now") from trouble

    def part(self, key: str, offset: int, length: int) -> bytes | None:
        """Return some bytes of an object, None where there is no such object; no others are fetched."""
        try:
            return bytes(obstore.get_range(self._store, key, start=offset, length=length))
        except (exceptions.NotFoundError, FileNotFoundError):
            return None
        except (exceptions.BaseError, OSError, ValueError) as trouble:  # the object may end before
            raise ArchiveUnavailable("what is kept cannot be fetched now") from trouble

    def names(self, folder: str, after: str = "") -> Iterator[str]:
        """Yield what the keys `<folder>/<name>` end in, beyond the name `after`; those of a folder come in no order."""
        try:
            for batch in obstore.list(self._store, prefix=folder, offset=f"{folder}/{after}"):
                for one in batch:
                    yield one["path"].rpartition("/")[2]
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("what is kept cannot be listed now") from trouble

    def drop(self, key: str) -> None:
        """Take an object away that was never meant to stay; where there is none, nothing happens."""
        try:
            obstore.delete(self._store, key)
        except (exceptions.NotFoundError, FileNotFoundError):
            return
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("what is kept cannot be taken away now") from trouble

    def ready(self) -> None:
        """Return if the place can be reached."""
        try:
            # Listing, not looking for one key: a missing bucket and a missing key give the same 404.
            next(iter(obstore.list(self._store, prefix="00", chunk_size=1)), None)
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable from trouble

    def make_durable(self, key: str) -> None:
        """Return once an object would survive a loss of power; a bucket answers `create` only then."""


class _Bucket(Objects):
    """Objects in a bucket, which must refuse to write over what is there (`If-None-Match: *`, RFC 9110 §13.1.2): not every server that speaks S3 does."""

    def __init__(self, store: S3Store) -> None:
        super().__init__(store)
        self._refuses: bool | None = None  # not known before this process has made its first object

    def ready(self) -> None:
        super().ready()
        self._must_refuse()

    def create(self, key: str, content: bytes) -> bool:
        """See `Objects.create`; until one was refused, what is there is looked for first, and what comes to be is made once more."""
        self._must_refuse()
        if self._refuses:
            return super().create(key, content)
        if self.get(key) is not None:  # a bucket that takes no heed would write over it, before that could be found out
            return False
        created = super().create(key, content)
        self._refuses = not (created and super().create(key, content))
        self._must_refuse()
        return created

    def _must_refuse(self) -> None:
        if self._refuses is False:
            raise ArchiveUnavailable("the bucket writes over what is there (it takes no heed of If-None-Match); nothing is kept in it")


class _Folder(Objects):
    """Objects in a folder."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            super().__init__(LocalStore(folder))
        except (exceptions.BaseError, OSError) as trouble:
            raise Misconfigured("the archive's folder cannot be made or opened") from trouble
        self._folder = folder

    def ready(self) -> None:
        if not self._folder.is_dir() or not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise ArchiveUnavailable
        super().ready()

    def create(self, key: str, content: bytes) -> bool:
        """See `Objects.create`; what a loss of power left of the same object, before it was durable, is no object and is written anew."""
        if super().create(key, content):
            return True
        found = self.get(key)
        if found is None or found == content or len(found) > len(content) or not content.startswith(found.rstrip(b"\0")):
            return False
        _LOG.warning("%s was half written; it is written again", key)
        try:
            obstore.put(self._store, key, content)  # beside it and then over it, never half
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("nothing can be kept now") from trouble
        self.make_durable(key)
        return True

    def make_durable(self, key: str) -> None:
        """Bring the file, its name, and the folders that may be new to the disk."""
        file, top = self._folder / key, self._folder
        try:
            for path in (file, *(parent for parent in file.parents if parent == top or top in parent.parents)):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as trouble:
            raise ArchiveUnavailable("nothing can be kept now") from trouble


def _bucket(bucket: str, prefix: str, options: Mapping[str, str]) -> S3Store:
    config = cast("S3Config", dict(options))  # the library checks the names
    client: ClientConfig = {
        "timeout": timedelta(seconds=TIMEOUT_SECONDS),
        "connect_timeout": timedelta(seconds=TIMEOUT_SECONDS),
        "allow_http": options.get("endpoint", "").startswith("http://"),
    }
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=TIMEOUT_SECONDS)}
    try:
        return S3Store(bucket, prefix=prefix or None, config=config, client_options=client, retry_config=retry)
    except (exceptions.BaseError, ValueError) as trouble:
        raise Misconfigured("the archive's bucket or options are not right") from trouble
