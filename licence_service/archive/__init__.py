"""What lies outside the database, in a folder or an S3 bucket; what was put once never changes.

A document lies under `ab/cd/<sha256>`, the first two pairs of its own hexadecimal digest, or with many others in a
segment, `segments/<sha256>`. The second place of the book's heads holds objects that are named by a running number:
`heads/<20 digits>`. What a bulk run needs until it is done lies under `runs/`, and is the only thing that is ever taken away.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from licence_service.archive.documents import DocumentArchive
from licence_service.archive.numbered import NumberedObjects
from licence_service.archive.objects import open_objects
from licence_service.archive.passing import PassingObjects
from licence_service.segments import Place

__all__ = ["Archive", "Passing", "SecondPlace", "open_archive", "open_passing", "open_second_place"]


class Archive(Protocol):
    """Keeps bytes under their own digest; what was put once never changes."""

    def put(self, content: bytes) -> str:
        """Keep `content` durably and return its hex SHA-256. Repeating it is harmless.

        Raise `ArchiveUnavailable` if it cannot be kept now.
        """

    def put_segment(self, content: bytes) -> str:
        """Keep a segment as `put` does. What its documents share must have been put before: see `licence_service.segments`."""

    def get(self, digest: str) -> bytes:
        """Return the bytes of this hex SHA-256, having checked them against it, wherever they lie.

        Raise `NotInRegister` if there are none, `ArchiveUnavailable` if they cannot be had or are damaged.
        """

    def get_place(self, place: Place, digest: str) -> bytes:
        """Return the document of this hex SHA-256 at a place, byte for byte and checked, from stored bytes alone; raise as `get` does."""

    def holding(self, wanted: Mapping[Place, bytes]) -> set[Place]:
        """Return the places of segments at which these bytes lie, which can be fetched now; those that are near together are fetched together."""

    def segments(self) -> Iterator[str]:
        """Yield the digests of all segments, in no order; raise `ArchiveUnavailable`."""

    def get_segment(self, digest: str) -> bytes:
        """Return a whole segment, checked: `segments.documents` tells what is in it. Raise as `get` does."""

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


class Passing(Protocol):
    """Keeps objects in groups until they are done with; nothing in them may be readable by itself. All raise `ArchiveUnavailable`."""

    def keep(self, group: str, content: bytes) -> str:
        """Keep `content` durably and return its name: the group, and what is drawn by chance, so that nothing is ever written over."""

    def get(self, name: str) -> bytes | None:
        """Return the object of this name, None where there is none."""

    def drop(self, name: str) -> None:
        """Take an object away; repeating it is harmless. A bucket with versions or locks may keep it: its secret is what must go."""

    def drop_all(self, group: str) -> None:
        """Take every object of a group away."""


def _nowhere(_digest: str) -> None:
    """Say that a document is in no segment."""


def open_archive(url: str, *, options: Mapping[str, str] | None = None, place_of: Callable[[str], Place | None] = _nowhere) -> Archive:
    """Open the archive at `file:<folder>` or `s3://<bucket>/<prefix>`; a missing folder is made.

    `options` are the S3 client's (`endpoint`, `region`, `access_key_id`, `secret_access_key` …); what is not given
    comes from the usual `AWS_…` variables. `place_of` knows where a document lies that is in a segment, by its hex SHA-256.
    Raise `Misconfigured` for any other address or an unknown option.
    """
    return DocumentArchive(open_objects(url, options or {}), place_of)


def open_second_place(url: str, *, options: Mapping[str, str] | None = None) -> SecondPlace:
    """Open a second place at an address as `open_archive` takes it, with the same options and refusals."""
    return NumberedObjects(open_objects(url, options or {}))


def open_passing(url: str, *, options: Mapping[str, str] | None = None) -> Passing:
    """Open the passing objects of the archive at an address as `open_archive` takes it, with the same options and refusals."""
    return PassingObjects(open_objects(url, options or {}))
