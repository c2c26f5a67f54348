"""Objects that do not stay: what a bulk run needs until it is done (docs/formats.md §13)."""

import secrets

from licence_service.archive.objects import Objects

_FOLDER = "runs"
_TOKEN = 8


class PassingObjects:
    """See `Passing`."""

    def __init__(self, objects: Objects) -> None:
        """Take the objects."""
        self._objects = objects

    def keep(self, group: str, content: bytes) -> str:
        """See `Passing.keep`."""
        name = f"{group}/{secrets.token_hex(_TOKEN)}"
        self._objects.create(f"{_FOLDER}/{name}", content)  # the name was just drawn: there is none of it
        return name

    def get(self, name: str) -> bytes | None:
        """See `Passing.get`."""
        return self._objects.get(f"{_FOLDER}/{name}")

    def drop(self, name: str) -> None:
        """See `Passing.drop`."""
        self._objects.drop(f"{_FOLDER}/{name}")

    def drop_all(self, group: str) -> None:
        """See `Passing.drop_all`."""
        for name in list(self._objects.names(f"{_FOLDER}/{group}")):
            self.drop(f"{group}/{name}")
