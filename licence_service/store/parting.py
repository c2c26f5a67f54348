"""Many values a part at a time: a condition with all of them would be more than a statement may hold, and slow to plan."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

AT_ONCE = 400  # values in one condition, where nothing speaks for another number
T = TypeVar("T")


def parts(values: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Yield the values in their order, `size` at a time."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part
