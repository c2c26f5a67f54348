"""Where packed documents lie, and which dictionary new ones are packed with."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from licence_service.segments import Place
from licence_service.store.database import Database
from licence_service.store.keys import Kind, ids_of, key_of, owners
from licence_service.store.tables import versions
from licence_service.store.tables_of_packing import dictionaries, packed_documents, segments

_PLACE = (
    select(segments.c.sha256, packed_documents.c.offset, packed_documents.c.length)
    .join(versions, versions.c.id == packed_documents.c.version)
    .join(segments, segments.c.id == packed_documents.c.segment)
    .where(versions.c.id.in_(owners()), versions.c.document_sha256 == bindparam("digest"))
)


class Packed:
    """The places of packed documents."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def place_of(self, document_sha256: str) -> Place | None:
        """Return where a document lies that is in a segment; None for one that is not."""
        with self._database.read() as connection:
            found = connection.execute(_PLACE, _named(document_sha256)).first()
        return Place(found.sha256, found.offset, found.length) if found else None

    def segments(self) -> set[str]:
        """Return the digests of the segments that a document is known to lie in."""
        with self._database.read() as connection:
            return set(connection.execute(select(segments.c.sha256)).scalars())

    def put(self, places: Mapping[str, Place]) -> None:
        """Write down where documents lie, by their hex SHA-256; what no version names, or is written down already, is left out."""
        with self._database.write() as connection:
            for digest, place in places.items():
                version = ids_of(connection, Kind.DOCUMENT, [digest]).get(digest)
                if version is None or connection.execute(_PLACE, _named(digest)).first():
                    continue
                known = connection.execute(select(segments.c.id).where(segments.c.sha256 == place.segment)).scalar_one_or_none()
                segment = known or connection.execute(insert(segments).values(sha256=place.segment).returning(segments.c.id)).scalar_one()
                connection.execute(insert(packed_documents).values(version=version, segment=segment, offset=place.offset, length=place.length))

    def dictionary(self, made_of: str) -> str | None:
        """Return the digest of the dictionary that was made of this; None where there is none yet."""
        with self._database.read() as connection:
            return connection.execute(select(dictionaries.c.sha256).where(dictionaries.c.made_of == made_of)).scalar_one_or_none()

    def use_dictionary(self, made_of: str, sha256: str, now: datetime) -> str:
        """Write down which dictionary was made of this, or find the one that another process was quicker to make; return its digest.

        The archive has it already.
        """
        try:
            with self._database.write() as connection:
                connection.execute(insert(dictionaries).values(sha256=sha256, made_at=now, made_of=made_of))
        except IntegrityError:
            return self.dictionary(made_of) or sha256
        return sha256


def _named(document_sha256: str) -> dict[str, object]:
    return {"key": key_of(Kind.DOCUMENT, document_sha256), "digest": document_sha256}
