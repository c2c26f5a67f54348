"""Frozen dataclasses with many fields that are made and changed quickly; for a type checker they are those of the standard library.

A frozen dataclass sets each field through `object.__setattr__`, ten times as slow as an assignment, and `dataclasses.replace` looks every
field up anew. What is made several times for every licence says `from licence_service.frozen import dataclass, field, replace` instead.
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

__all__ = ["dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    field = dataclasses.field
    _Class = TypeVar("_Class", bound=type)
    _Made = TypeVar("_Made")

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[_Class], _Class]:
        """Do what `dataclasses.dataclass(frozen=True, slots=True)` does, for a class without bases."""
        if not (frozen and slots):
            raise TypeError("only frozen classes with slots are made here")

        def made(cls: _Class) -> _Class:
            if cls.__bases__ != (object,):
                raise TypeError("a class with bases cannot be made here")
            lasting = dataclasses.dataclass(frozen=True, slots=True)(cls)
            lasting.__init__ = _beginning(lasting)
            return lasting

        return made

    def _beginning(lasting: type) -> Callable[..., None]:
        """Return `__init__`: while the fields are set, an object is one of a class with the same slots that may be written to."""
        opened = type(lasting.__name__, (), {"__slots__": lasting.__slots__})
        known = {"become": object.__setattr__, "opened": opened, "lasting": lasting, "absent": dataclasses.MISSING}
        lines = list(_lines(dataclasses.fields(lasting), known))
        asked = ", ".join(line for line, _ in lines if line)
        after = "self.__post_init__()" if hasattr(lasting, "__post_init__") else "pass"
        steps = ["become(self, '__class__', opened)", *(line for _, line in lines), "self.__class__ = lasting", after]
        exec(f"def __init__(self, {asked}):\n " + "\n ".join(steps), known)  # noqa: S102 - as the standard library makes it
        return known["__init__"]

    def _lines(fields: tuple[dataclasses.Field, ...], known: dict[str, object]) -> Iterator[tuple[str, str]]:
        """Yield for each field how it is asked for, and how it is set."""
        for one in fields:
            if one.default is not dataclasses.MISSING:
                known[f"_{one.name}"] = one.default
                yield f"{one.name}=_{one.name}", f"self.{one.name} = {one.name}"
            elif one.default_factory is not dataclasses.MISSING:
                known[f"_{one.name}"] = one.default_factory
                given = f"_{one.name}() if {one.name} is absent else {one.name}" if one.init else f"_{one.name}()"
                yield f"{one.name}=absent" * one.init, f"self.{one.name} = {given}"
            else:
                yield one.name, f"self.{one.name} = {one.name}"

    def replace(one: _Made, /, **changed: object) -> _Made:
        """Do what `dataclasses.replace` does, for any dataclass whose fields may be given in their order."""
        places, values = _fields(type(one))
        *given, kind = values(one)
        for name, value in changed.items():
            given[places[name]] = value
        return kind(*given)

    @lru_cache(maxsize=256)
    def _fields(kind: type) -> tuple[dict[str, int], Callable[[object], tuple[object, ...]]]:
        """Return the places of the fields that a class is made with, and what reads all of them and the class."""
        names = [each.name for each in dataclasses.fields(kind) if each.init]
        return {name: place for place, name in enumerate(names)}, attrgetter(*names, "__class__")
