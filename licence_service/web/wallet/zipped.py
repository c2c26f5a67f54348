"""A ZIP file every byte of which is settled before the first is sent: it has its true length, an ETag, and goes on where a download broke off.

Files are stored as they are, for a PDF is packed already, and fetched one by one as their turn comes. Headers and directory are those that the
standard library writes (PKWARE APPNOTE 6.3, §4.3).
"""

import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from licence_service.digests import json_of, sha256

_UNIX, _READABLE = 3, 0o100600 << 16  # where a file was made, and what it may: a file that its owner reads and writes


@dataclass(frozen=True, slots=True)
class Member:
    """A file to be put in: its name (ASCII), hex SHA-256, size in bytes, CRC-32, and what fetches exactly these bytes."""

    name: str
    digest: str
    size: int
    crc: int
    fetch: Callable[[], bytes] = field(repr=False)


def member_of(name: str, content: bytes) -> Member:
    """Return a file whose bytes are at hand."""
    return Member(name, sha256(content), len(content), zlib.crc32(content), lambda: content)


class Zipped:
    """A ZIP of these files in this order, all dated with one day. The same files give the same bytes."""

    def __init__(self, members: Sequence[Member], day: date) -> None:
        """Lay it out; nothing is fetched."""
        self._pieces: list[tuple[int, int, Callable[[], bytes]]] = []  # where each begins, where it ends, and its bytes
        infos, self.size = [], 0
        for one in members:
            info = _info(one, day, self.size)
            infos.append(info)
            self._put(info.FileHeader())
            self._pieces.append((self.size, self.size + one.size, one.fetch))
            self.size += one.size
        self._put(_directory(infos, self.size))
        self.digest = sha256(json_of({"day": day.isoformat(), "files": [[one.name, one.digest, one.size] for one in members]}))

    def part(self, first: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `first` up to `end`; of files that lie outside none is fetched, and one file at most is held at a time."""
        for begin, until, fetch in self._pieces:
            if until > first and begin < end:
                yield fetch()[max(first - begin, 0) : end - begin]

    def _put(self, content: bytes) -> None:
        self._pieces.append((self.size, self.size + len(content), lambda: content))
        self.size += len(content)


def _info(one: Member, day: date, offset: int) -> ZipInfo:
    info = ZipInfo(one.name, (day.year, day.month, day.day, 0, 0, 0))
    info.compress_type, info.create_system, info.external_attr = ZIP_STORED, _UNIX, _READABLE
    info.CRC, info.header_offset, info.file_size, info.compress_size = one.crc, offset, one.size, one.size
    return info


class _From(io.BytesIO):
    """The end of a file whose first bytes lie elsewhere; places are counted from its beginning."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start = start

    def tell(self) -> int:
        return super().tell() + self._start

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return super().seek(offset - self._start if whence == 0 else offset, whence)


def _directory(infos: Sequence[ZipInfo], start: int) -> bytes:
    """Return the directory at the end of an archive whose files end at `start`."""
    sink = _From(start)
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        archive.filelist.extend(infos)
    return sink.getvalue()
