"""Where packed documents lie, and which dictionary new ones are packed with."""

from datetime import datetime

from sqlalchemy import bindparam, insert, select

from licence_service.segments import Place
from licence_service.store.database import Database
from licence_service.store.tables import versions
from licence_service.store.tables_of_packing import dictionaries, packed_documents, segments

_PLACE = (
    select(segments.c.sha256, packed_documents.c.offset, packed_documents.c.length)
    .join(versions, versions.c.id == packed_documents.c.version)
    .join(segments, segments.c.id == packed_documents.c.segment)
    .where(versions.c.document_sha256 == bindparam("digest"))
)


class Packed:
    """The places of packed documents."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def place_of(self, document_sha256: str) -> Place | None:
        """Return where a document lies that is in a segment; None for one that is not."""
        with self._database.read() as connection:
            found = connection.execute(_PLACE, {"digest": document_sha256}).first()
        return Place(found.sha256, found.offset, found.length) if found else None

    def dictionary(self) -> str | None:
        """Return the digest of the newest dictionary; None where none was made yet."""
        with self._database.read() as connection:
            return connection.execute(select(dictionaries.c.sha256).order_by(dictionaries.c.id.desc()).limit(1)).scalar_one_or_none()

    def use_dictionary(self, sha256: str, now: datetime) -> None:
        """Pack with this dictionary from now on; the archive has it already."""
        with self._database.write() as connection:
            if connection.execute(select(dictionaries.c.id).where(dictionaries.c.sha256 == sha256)).first() is None:
                connection.execute(insert(dictionaries).values(sha256=sha256, made_at=now))
