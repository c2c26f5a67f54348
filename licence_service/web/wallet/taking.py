"""Sealed files of many cards as one ZIP: what is in it is settled first, so that it has a length and can be gone on with, and what is missing is said in it."""

import csv
import io
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from licence_service.archive import Archive
from licence_service.deadlines import Deadline
from licence_service.errors import ArchiveUnavailable, NotInRegister
from licence_service.history.words import STATES
from licence_service.web.wallet.listed import Row
from licence_service.web.wallet.zipped import Member, Zipped, member_of

_AT_ONCE = 4  # files that are looked at together
_KNOWN = 50_000  # files whose sizes are remembered
_GIVEN_UP_AFTER = 20  # files in a row that the archive does not give: it is down
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what a spreadsheet takes for a formula (OWASP, CSV injection)
_HEADING = (
    "文件 File", "证照 Type", "证号 Number", "号牌 Plate", "状态 State", "有效期起 From", "有效期止 To", "下一日期 Next date", "事项 What",
    "证照编号 Licence id",
)  # fmt: skip
_MISSING = "未能取得，请稍后单独下载 Missing: download it by itself later"


class Sizes:
    """Size and CRC-32 of documents by their digest: what a digest means never changes, so nothing that is remembered grows old."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._known: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def of(self, archive: Archive, digest: str) -> tuple[int, int] | None:
        """Return what is known, else fetch the document; None where the archive does not give it."""
        known = self._known.get(digest)
        if known is None:
            try:
                content = archive.get(digest)
            except (ArchiveUnavailable, NotInRegister):
                return None
            known = self._known[digest] = len(content), zlib.crc32(content)
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        return known

    def fetch(self, archive: Archive, digest: str) -> bytes:
        """Return a document; one that the archive does not give any more is looked at anew when it is asked for again."""
        try:
            return archive.get(digest)
        except (ArchiveUnavailable, NotInRegister):
            self._known.pop(digest, None)
            raise


SIZES = Sizes()


def name_of(row: Row) -> str:
    """Return the name of a card's file: type, licence id and version, nothing about a person."""
    return f"{row.type}-{row.licence_id}-{row.version:03d}.pdf"


def taken(archive: Archive, rows: Sequence[Row], day: date) -> tuple[Zipped, list[Row]]:
    """Return the ZIP of these cards' files with `list.csv`, and the cards whose files are missing; `ArchiveUnavailable` where it gives none."""
    found = list(_looked_at(archive, rows))
    missing = [row for row, size in zip(rows, found, strict=True) if size is None]
    if rows and len(missing) == len(rows):
        raise ArchiveUnavailable("none of these files can be fetched now")
    members = [member_of("list.csv", _list(rows, {row.licence_id for row in missing}))]
    for row, size in zip(rows, found, strict=True):
        if size is not None:
            members.append(Member(name_of(row), row.document, *size, lambda digest=row.document: SIZES.fetch(archive, digest)))  # type: ignore[misc]
    return Zipped(members, day), missing


def _looked_at(archive: Archive, rows: Sequence[Row]) -> Iterator[tuple[int, int] | None]:
    """Yield size and CRC of each card's file, None for one that is missing; an archive that is down is not asked for every file."""
    failed = 0
    with ThreadPoolExecutor(_AT_ONCE, "sizes") as pool:
        for begin in range(0, len(rows), _GIVEN_UP_AFTER):
            if failed >= _GIVEN_UP_AFTER:
                raise ArchiveUnavailable("the files cannot be fetched now")
            for size in pool.map(lambda row: SIZES.of(archive, row.document), rows[begin : begin + _GIVEN_UP_AFTER]):
                failed = failed + 1 if size is None else 0
                yield size


def _list(rows: Sequence[Row], missing: set[str]) -> bytes:
    """Return the table of what is what."""
    cells = []
    for row in rows:
        file = _MISSING if row.licence_id in missing else name_of(row)
        begin, state = row.valid_from.isoformat(), " ".join(STATES[row.state])
        cells.append((file, f"{row.title.zh} {row.title.en}", row.number, row.plate, state, begin, *ending(row.valid_to, row.next), row.licence_id))
    return table(_HEADING, cells)


def ending(valid_to: date | None, due: Deadline | None) -> tuple[str, str, str]:
    """Return the cells of the last day, of the next day that must be known, and of what falls due on it."""
    last = valid_to.isoformat() if valid_to else "长期 no end"
    return (last, due.day.isoformat(), f"{due.title.zh} {due.title.en}") if due else (last, "", "")


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a table as spreadsheets in China open it: UTF-8 with a byte order mark, and no cell a formula."""
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(heading)
    for cells in rows:
        writer.writerow([_harmless(one) for one in cells])
    return b"\xef\xbb\xbf" + sink.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
