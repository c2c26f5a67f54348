"""A licence to read where none was found, so that what does not exist takes as long as what does."""

from sqlalchemy import select

from licence_service.store.database import Database
from licence_service.store.tables import licences

_ANY = select(licences.c.licence_id).order_by(licences.c.id).limit(1)


class Decoy:
    """Names one licence, whichever; nothing of it is ever shown."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database
        self._licence_id: str | None = None

    def licence_id(self) -> str | None:
        """Return the licence, the same for the life of the process; None while the book is empty."""
        if self._licence_id is None:
            with self._database.read() as connection:
                self._licence_id = connection.execute(_ANY).scalar_one_or_none()
        return self._licence_id
