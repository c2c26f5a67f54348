"""Files of rows from the page: taken in, worked off part by part by whichever process is free, shown while they are kept (SH-14)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from licence_service.bulk.checking import PART, Checking
from licence_service.bulk.judging import Said
from licence_service.bulk.rows import Row, read_rows
from licence_service.bulk.sheets import read_sheet
from licence_service.licence import beijing_day
from licence_service.store.checks import Checks, Part
from licence_service.store.clients import Client, Clients


@dataclass(frozen=True, slots=True)
class Files:
    """Takes files in and works them off."""

    checking: Checking
    checks: Checks
    clients: Clients
    now: Callable[[], datetime] = field(repr=False)

    def take(self, client: Client, content: bytes, valid_at: date | None) -> str:
        """Keep a CSV file for working off and return its code; every fault of the file is named by its line, and nothing is kept then."""
        rows = read_rows(read_sheet(content), self.checking.types(client), path="line")
        self.checking.admit(client, len(rows))
        kept = [row.as_json() for row in rows]
        parts = [kept[start : start + PART] for start in range(0, len(kept), PART)]
        now = self.now()
        return self.checks.add(client.name, parts, valid_at or beijing_day(now), now)

    def work(self) -> int:
        """Answer the next part that waits, and forget what is over; return how many rows were answered."""
        self.checks.sweep(self.now())
        part = self.checks.next_part(self.now())
        return self._answered(part) if part else 0

    def _answered(self, part: Part) -> int:
        client = next((one for one in self.clients.all() if one.name == part.client), None)
        if client is None:
            self.checks.drop(part.check)  # it was shut out since
            return 0
        rows = [Row(**one) for one in part.rows]
        said = [one for each in self.checking.parts(client, rows, part.valid_at) for one in each]
        self.checks.answer(part, [line_of(row, one) for row, one in zip(rows, said, strict=True)], self.now())
        return len(rows)


def line_of(row: Row, said: Said) -> dict[str, object]:
    """Return the line of an answer: the row's place and reference, and what is said."""
    return {"index": row.index, "ref": row.ref, **said.as_json()}
