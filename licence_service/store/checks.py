"""Files of rows that are worked off: kept in encrypted parts, each answered once, all forgotten after a day (SH-14)."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, or_, select, update

from licence_service.store.database import Database
from licence_service.store.payload import Vault, token_digest
from licence_service.store.tables_of_bulk import check_parts, checks

KEPT = timedelta(hours=24)
CLAIM = timedelta(seconds=60)  # how long a part may take before another process goes on with the file
_CODE_BYTES = 24
_LEFT = check_parts.c.answers.is_(None)


@dataclass(frozen=True, slots=True)
class Progress:
    """A file on its way: how many rows it has, how many are answered, the day they are about."""

    rows: int
    answered: int
    valid_at: date
    at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Part:
    """A part that waits for its answers."""

    check: int
    part: int
    client: str
    valid_at: date
    rows: list[dict[str, Any]] = field(repr=False)


class Checks:
    """The files of one service."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database, and the vault for rows and answers."""
        self._database = database
        self._vault = vault

    def add(self, client: str, parts: Sequence[Sequence[dict[str, Any]]], valid_at: date, now: datetime) -> str:
        """Keep a file and return the code under which it is found, shown this once: 192 random bits."""
        code = secrets.token_urlsafe(_CODE_BYTES)
        digest = token_digest(code)
        count = sum(map(len, parts))
        row = {
            "code_digest": digest, "client": client, "at": now, "expires_at": now + KEPT, "valid_at": valid_at.isoformat(), "rows": count,
        }  # fmt: skip
        with self._database.write() as connection:
            made = connection.execute(insert(checks).values(row)).inserted_primary_key
            key = made[0] if made else 0
            lines = [
                {"job": key, "part": number, "count": len(rows), "rows": self._closed(rows, key, number, "rows")} for number, rows in enumerate(parts)
            ]
            connection.execute(insert(check_parts), lines)
        return code

    def progress(self, code: str, now: datetime) -> Progress | None:
        """Return how far a file is; None where there is none under this code, or not any more."""
        answered = func.coalesce(func.sum(case((_LEFT, 0), else_=check_parts.c.count)), 0)
        found = select(checks.c.rows, checks.c.valid_at, checks.c.at, checks.c.done_at, answered.label("answered"))
        mine = found.join(check_parts, check_parts.c.job == checks.c.id).where(checks.c.code_digest == token_digest(code), checks.c.expires_at > now)
        with self._database.read() as connection:
            row = connection.execute(mine.group_by(checks.c.id)).first()
        return Progress(row.rows, int(row.answered), date.fromisoformat(row.valid_at), row.at, row.done_at) if row else None

    def answers(self, code: str, now: datetime) -> list[dict[str, Any]]:
        """Return the answers there are, in the order of the file."""
        mine = (
            select(check_parts)
            .join(checks, checks.c.id == check_parts.c.job)
            .where(checks.c.code_digest == token_digest(code), checks.c.expires_at > now)
        )
        with self._database.read() as connection:
            rows = connection.execute(mine.where(~_LEFT).order_by(check_parts.c.part)).all()
        return [one for row in rows for one in self._opened(row.answers, row.job, row.part, "answers")]

    def next_part(self, now: datetime) -> Part | None:
        """Claim the next part of the oldest file that nobody works on; None where nothing waits."""
        free = or_(checks.c.claimed_until.is_(None), checks.c.claimed_until <= now)
        waiting = select(checks).where(checks.c.done_at.is_(None), checks.c.expires_at > now, free).order_by(checks.c.id)
        with self._database.write() as connection:
            for row in connection.execute(waiting).all():
                claimed = connection.execute(update(checks).where(checks.c.id == row.id, free).values(claimed_until=now + CLAIM))
                if claimed.rowcount:
                    part = connection.execute(
                        select(check_parts).where(check_parts.c.job == row.id, _LEFT).order_by(check_parts.c.part).limit(1)
                    ).one()
                    rows = self._opened(part.rows, row.id, part.part, "rows")
                    return Part(row.id, part.part, row.client, date.fromisoformat(row.valid_at), rows)
        return None

    def answer(self, part: Part, answers: Sequence[dict[str, Any]], now: datetime) -> bool:
        """Keep the answers of a part in place of its rows; False where another process was first, and nothing changes. The file is free again."""
        sealed = self._closed(answers, part.check, part.part, "answers")
        mine = (check_parts.c.job == part.check) & (check_parts.c.part == part.part) & _LEFT
        with self._database.write() as connection:
            connection.execute(select(checks.c.id).where(checks.c.id == part.check).with_for_update())  # before its parts, as whoever forgets it
            first = connection.execute(update(check_parts).where(mine).values(answers=sealed, rows=None)).rowcount == 1
            left = connection.execute(select(func.count()).select_from(check_parts).where(check_parts.c.job == part.check, _LEFT)).scalar_one()
            done = {} if left else {"done_at": now}
            connection.execute(update(checks).where(checks.c.id == part.check).values(claimed_until=None, **done))
        return first

    def drop(self, check: int) -> None:
        """Forget one file."""
        with self._database.write() as connection:
            _forget(connection, checks.c.id == check)

    def sweep(self, now: datetime) -> int:
        """Forget files whose day is over; return how many."""
        with self._database.read() as connection:
            if not connection.execute(select(checks.c.id).where(checks.c.expires_at <= now).limit(1)).first():
                return 0
        with self._database.write() as connection:
            return _forget(connection, checks.c.expires_at <= now)

    def _closed(self, rows: Sequence[dict[str, Any]], check: int, part: int, what: str) -> bytes:
        return self._vault.close_up(json.dumps(rows, ensure_ascii=False).encode(), f"check:{check}:{part}:{what}")

    def _opened(self, sealed: bytes, check: int, part: int, what: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self._vault.open(sealed, f"check:{check}:{part}:{what}"))
        return rows


def _forget(connection: Connection, which: ColumnElement[bool]) -> int:
    """Forget files with their parts, but for those that another transaction holds now; return how many."""
    keys = connection.execute(select(checks.c.id).where(which).with_for_update(skip_locked=True)).scalars().all()
    connection.execute(delete(check_parts).where(check_parts.c.job.in_(keys)))
    connection.execute(delete(checks).where(checks.c.id.in_(keys)))
    return len(keys)
