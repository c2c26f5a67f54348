"""The second place: objects that are named by a running number."""

from collections.abc import Iterator

from licence_service.archive.objects import Objects

_FOLDER = "heads"
_DIGITS = 20


class NumberedObjects:
    """See `SecondPlace`."""

    def __init__(self, objects: Objects) -> None:
        """Take the objects."""
        self._objects = objects

    def keep(self, number: int, content: bytes) -> bool:
        """See `SecondPlace.keep`."""
        return self._objects.create(_key(number), content)

    def get(self, number: int) -> bytes | None:
        """See `SecondPlace.get`."""
        return self._objects.get(_key(number))

    def numbers(self, after: int = 0) -> Iterator[int]:
        """See `SecondPlace.numbers`."""
        found = [int(name) for name in self._objects.names(_FOLDER, _name(after)) if name.isdecimal()]
        yield from sorted(number for number in found if number > after)


def _name(number: int) -> str:
    return f"{number:0{_DIGITS}d}"


def _key(number: int) -> str:
    return f"{_FOLDER}/{_name(number)}"
