"""What lies outside the database, in a folder or an S3 bucket; what was put once never changes.

A document lies under `ab/cd/<sha256>`, the first two pairs of its own hexadecimal digest. The second place of the
book's heads holds objects that are named by a running number: `heads/<20 digits>`.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions
from obstore.store import LocalStore, S3Store

from licence_service.errors import ArchiveUnavailable, Misconfigured, NotInRegister

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

TIMEOUT_SECONDS = 10

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBERED = "heads"


class Archive(Protocol):
    """Keeps bytes under their own digest; what was put once never changes."""

    def put(self, content: bytes) -> str:
        """Keep `content` durably and return its hex SHA-256. Repeating it is harmless.

        Raise `ArchiveUnavailable` if it cannot be kept now.
        """

    def get(self, digest: str) -> bytes:
        """Return the bytes of this hex SHA-256, having checked them against it.

        Raise `NotInRegister` if there are none, `ArchiveUnavailable` if they cannot be had or are damaged.
        """

    def ready(self) -> None:
        """Return if the archive can be reached, or raise `ArchiveUnavailable`."""


class SecondPlace(Protocol):
    """Keeps numbered objects outside the database; what was kept once is never written over."""

    def keep(self, number: int, content: bytes) -> bool:
        """Keep `content` durably; False where an object of this number is there already, which stays as it is.

        Raise `ArchiveUnavailable` if it cannot be kept now.
        """

    def get(self, number: int) -> bytes | None:
        """Return the object of this number, None where there is none; raise `ArchiveUnavailable`."""

    def numbers(self, after: int = 0) -> Iterator[int]:
        """Yield the numbers kept beyond `after`, rising; raise `ArchiveUnavailable`."""


def open_archive(url: str, *, options: Mapping[str, str] | None = None) -> Archive:
    """Open the archive at `file:<folder>` or `s3://<bucket>/<prefix>`; a missing folder is made.

    `options` are the S3 client's (`endpoint`, `region`, `access_key_id`, `secret_access_key` …); what is not given
    comes from the usual `AWS_…` variables. Raise `Misconfigured` for any other address or an unknown option.
    """
    place = _address(url)
    return _FolderArchive(place) if isinstance(place, Path) else _BucketArchive(*place, dict(options or {}))


def open_second_place(url: str, *, options: Mapping[str, str] | None = None) -> SecondPlace:
    """Open a second place at an address as `open_archive` takes it, with the same options and refusals."""
    place = _address(url)
    if isinstance(place, Path):
        return _NumberedFolder(place)
    return _Numbered(_bucket(*place, dict(options or {})))


def _address(url: str) -> Path | tuple[str, str]:
    """Return the folder, or bucket and prefix."""
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return Path(unquote(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return parts.netloc, parts.path.strip("/")
    raise Misconfigured("an archive is file:<folder> or s3://<bucket>/<prefix>")


class _StoreArchive:
    """What folder and bucket have in common."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store

    def put(self, content: bytes) -> str:
        """See `Archive.put`."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            obstore.put(self._store, _key(digest), content, mode="create")
        except exceptions.AlreadyExistsError:
            # The first writer may have died half-way, so what is there counts only once it was read.
            self.get(digest)
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("the document cannot be kept now") from trouble
        self._make_durable(digest)
        return digest

    def get(self, digest: str) -> bytes:
        """See `Archive.get`."""
        if not _DIGEST.fullmatch(digest):
            raise NotInRegister("not a digest")
        try:
            content = bytes(obstore.get(self._store, _key(digest)).bytes())
        except (exceptions.NotFoundError, FileNotFoundError) as absent:
            raise NotInRegister("no document of this digest") from absent
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("the document cannot be fetched now") from trouble
        if hashlib.sha256(content).hexdigest() != digest:
            raise ArchiveUnavailable("the stored document is damaged")
        return content

    def ready(self) -> None:
        """See `Archive.ready`."""
        try:
            # Listing, not looking for one key: a missing bucket and a missing key give the same 404.
            next(iter(obstore.list(self._store, prefix="00", chunk_size=1)), None)
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable from trouble

    def _make_durable(self, digest: str) -> None:
        """Return once the document would survive a loss of power; a bucket answers only then."""


class _FolderArchive(_StoreArchive):
    """Documents in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        super().__init__(_folder(self._folder))

    def ready(self) -> None:
        """See `Archive.ready`."""
        if not self._folder.is_dir() or not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise ArchiveUnavailable
        super().ready()

    def _make_durable(self, digest: str) -> None:
        _sync(self._folder / _key(digest), self._folder)


class _BucketArchive(_StoreArchive):
    """Documents in an S3 bucket."""

    def __init__(self, bucket: str, prefix: str, options: dict[str, str]) -> None:
        super().__init__(_bucket(bucket, prefix, options))


class _Numbered:
    """A second place, in a bucket."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store

    def keep(self, number: int, content: bytes) -> bool:
        """See `SecondPlace.keep`."""
        try:
            obstore.put(self._store, _number_key(number), content, mode="create")
        except exceptions.AlreadyExistsError:
            return False
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("the second place cannot be written now") from trouble
        self._make_durable(number)
        return True

    def get(self, number: int) -> bytes | None:
        """See `SecondPlace.get`."""
        try:
            return bytes(obstore.get(self._store, _number_key(number)).bytes())
        except (exceptions.NotFoundError, FileNotFoundError):
            return None
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("the second place cannot be read now") from trouble

    def numbers(self, after: int = 0) -> Iterator[int]:
        """See `SecondPlace.numbers`."""
        found: list[int] = []
        try:
            for batch in obstore.list(self._store, prefix=_NUMBERED, offset=_number_key(after)):
                found += [int(name) for one in batch if (name := one["path"].rpartition("/")[2]).isdecimal()]
        except (exceptions.BaseError, OSError) as trouble:
            raise ArchiveUnavailable("the second place cannot be read now") from trouble
        yield from sorted(number for number in found if number > after)  # a folder is listed in no order

    def _make_durable(self, number: int) -> None:
        """Return once the object would survive a loss of power; a bucket answers only then."""


class _NumberedFolder(_Numbered):
    """A second place in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        super().__init__(_folder(self._folder))

    def _make_durable(self, number: int) -> None:
        _sync(self._folder / _number_key(number), self._folder)


def _folder(folder: Path) -> LocalStore:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(folder)
    except (exceptions.BaseError, OSError) as trouble:
        raise Misconfigured("the archive's folder cannot be made or opened") from trouble


def _bucket(bucket: str, prefix: str, options: dict[str, str]) -> S3Store:
    endpoint = options.get("endpoint", "")
    config = cast("S3Config", options)  # the library checks the names
    client: ClientConfig = {
        "timeout": timedelta(seconds=TIMEOUT_SECONDS),
        "connect_timeout": timedelta(seconds=TIMEOUT_SECONDS),
        "allow_http": endpoint.startswith("http://"),
    }
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=TIMEOUT_SECONDS)}
    try:
        return S3Store(bucket, prefix=prefix or None, config=config, client_options=client, retry_config=retry)
    except (exceptions.BaseError, ValueError) as trouble:
        raise Misconfigured("the archive's bucket or options are not right") from trouble


def _sync(file: Path, top: Path) -> None:
    """Bring a new file, its name, and the folders that may be new to the disk."""
    try:
        for path in (file, *(parent for parent in file.parents if parent == top or top in parent.parents)):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as trouble:
        raise ArchiveUnavailable("the document cannot be kept now") from trouble


def _number_key(number: int) -> str:
    return f"{_NUMBERED}/{number:020d}"


def _key(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"
