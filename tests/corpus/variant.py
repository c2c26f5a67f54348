"""One row of the corpus: how an attack, an accident or a harmless program changes a licence, and what must be answered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.corpus.material import Material

Answer = Literal["yes", "no", "unknown"]
Make = Callable[[Material], bytes]


@dataclass(frozen=True)
class Variant:
    """`register` is what the verifier must answer to "authentic?", `alone` what the seal by itself says.

    `alone` is never "yes", and "unknown" where only the register can tell: a good seal on a file that it does not hold, or
    a seal that was revoked since. `reason` must be among the reasons of the finding; `content` what the comparison must say.
    """

    family: str
    name: str
    how: str
    make: Make
    register: Answer = "no"
    alone: Answer = "no"
    reason: str | None = None
    content: str | None = None


ALL: list[Variant] = []


def variant(
    family: str, *, register: Answer = "no", alone: Answer = "no", reason: str | None = None, content: str | None = None
) -> Callable[[Make], Make]:  # fmt: skip
    """Enter a function into the corpus under its name; its docstring says how the file is made."""

    def entered(make: Make) -> Make:
        add(family, make.__name__, make.__doc__ or "", make, register=register, alone=alone, reason=reason, content=content)
        return make

    return entered


def add(
    family: str, name: str, how: str, make: Make, *, register: Answer = "no", alone: Answer = "no", reason: str | None = None,
    content: str | None = None,
) -> None:  # fmt: skip
    """Enter one row."""
    assert all(one.name != name for one in ALL), name
    ALL.append(Variant(family, name.replace("_", " "), how, make, register, alone, reason, content))
