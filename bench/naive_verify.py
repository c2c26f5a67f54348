"""The naive peer of verification by code: a synchronous FastAPI route, SQLAlchemy's ORM, a response model, and the same verdict.

Written as a tutorial would: a session a request by a dependency, mapped classes with relationships, everything worked out for every
request. What it works out is our own verifier's, on entries that the ORM loaded, so that the answers are the same.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

from bench.issue import settings_in
from licence_service.digests import Digests
from licence_service.entry_form import entry_of
from licence_service.errors import NotInRegister
from licence_service.service import build
from licence_service.store.record import Record
from licence_service.verification import Question


class Base(DeclarativeBase):
    """The mapped classes."""


class Licence(Base):
    """A licence with its entries."""

    __tablename__ = "licences"
    id: Mapped[int] = mapped_column(primary_key=True)
    licence_id: Mapped[str]
    type: Mapped[str]
    department: Mapped[str]
    entries: Mapped[list["Entry"]] = relationship(order_by="Entry.sequence")


class Entry(Base):
    """An entry with its private part."""

    __tablename__ = "entries"
    id: Mapped[int] = mapped_column(primary_key=True)
    licence: Mapped[int] = mapped_column(ForeignKey("licences.id"))
    sequence: Mapped[int]
    body: Mapped[str]
    sha256: Mapped[str]
    sm3: Mapped[str]
    payload: Mapped["Payload"] = relationship()


class Payload(Base):
    """What is encrypted of an entry."""

    __tablename__ = "payloads"
    entry: Mapped[int] = mapped_column(ForeignKey("entries.id"), primary_key=True)
    sealed: Mapped[bytes]


class Said(BaseModel):
    """The verdict as the route promises it."""

    overall: str
    checked_at: str
    valid_at: str
    known_at: str
    head: dict[str, Any]
    sources: list[dict[str, Any]]
    answers: dict[str, Any]
    licence: dict[str, Any] | None
    checks: list[dict[str, Any]]
    conditions: dict[str, Any] | None
    comparison: dict[str, Any] | None
    host: str | None


class OrmBook:
    """Reads a licence with the session of the request, where the product asks its own book."""

    def __init__(self, session: Session, book: Any) -> None:
        self._session, self._book = session, book

    def get(self, licence_id: str) -> Record:
        found = self._session.scalars(select(Licence).where(Licence.licence_id == licence_id)).one_or_none()
        if found is None:
            raise NotInRegister
        lines = [
            entry_of(
                json.loads(one.body), self._book._vault.open_json(one.payload.sealed, f"entry:{licence_id}:{one.sequence}"), Digests(one.sha256, one.sm3)
            )
            for one in found.entries
        ]  # fmt: skip
        return Record(found.licence_id, found.type, found.department, tuple(lines))

    def head(self) -> Any:
        return self._book.head()


service = build(settings_in(Path(os.environ["BENCH_FOLDER"])))
sessions = sessionmaker(create_engine(service.settings.database_url.get_secret_value()))
app = FastAPI()


def a_session() -> Iterator[Session]:
    """Give a request its session."""
    with sessions() as session:
        yield session


@app.get("/Q/1{digits}")
def verify(digits: str, session: Annotated[Session, Depends(a_session)]) -> Said:
    """Answer a code."""
    verifier = replace(service.verifier, book=OrmBook(session, service.book))  # type: ignore[arg-type]
    return Said(**verifier.by_code(digits, Question()).as_json())
