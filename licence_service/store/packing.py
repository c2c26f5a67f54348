"""Where packed documents and photos lie, and which dictionary new ones are packed with."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.segments import Place
from licence_service.store.database import Database
from licence_service.store.keys import Kind, ids_of, key_of, owners
from licence_service.store.parting import parts
from licence_service.store.tables import versions
from licence_service.store.tables_of_packing import dictionaries, packed_documents, packed_photos, segments

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

    def photos(self, digests: Collection[str]) -> dict[str, Place]:
        """Return where those of these photos lie, by their hex SHA-256, that a segment has; a document may name them there."""
        wanted, found = sorted(digests), {}
        kept = select(packed_photos.c.sha256, segments.c.sha256.label("segment"), packed_photos.c.offset, packed_photos.c.length)
        kept = kept.join(segments, segments.c.id == packed_photos.c.segment)
        with self._database.read() as connection:
            for part in parts(wanted):
                for row in connection.execute(kept.where(packed_photos.c.sha256.in_(part))):
                    found[row.sha256] = Place(row.segment, row.offset, row.length)
        return found

    def keep_photos(self, places: Mapping[str, Place], instead_of: Mapping[str, Place]) -> None:
        """Write down where photos lie; one that another was quicker to write down stays where it was, unless it is `instead_of` that place.

        Their segments hold documents that are entered: whatever keeps these keeps them.
        """
        known = self.photos(places) if places else {}
        wanted = {digest: place for digest, place in sorted(places.items()) if known.get(digest) == instead_of.get(digest)}
        if not wanted:
            return
        with suppress(IntegrityError), self._database.write() as connection:  # a photo that lies there twice does no harm
            there = {one.segment for one in (*wanted.values(), *instead_of.values())}
            numbers = {row.sha256: row.id for row in connection.execute(select(segments).where(segments.c.sha256.in_(there)))}
            kept = [
                {"sha256": digest, "segment": numbers[one.segment], "offset": one.offset, "length": one.length}
                for digest, one in wanted.items()
                if one.segment in numbers
            ]
            if fresh := [one for one in kept if one["sha256"] not in known]:
                connection.execute(insert(packed_photos), fresh)
            for one in kept:
                if old := known.get(str(one["sha256"])):
                    before = (packed_photos.c.segment == numbers[old.segment]) & (packed_photos.c.offset == old.offset)
                    connection.execute(update(packed_photos).where(packed_photos.c.sha256 == one["sha256"], before).values(one))

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
