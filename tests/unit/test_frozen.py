"""Frozen dataclasses made the quick way behave as those of the standard library."""

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from licence_service import frozen


@frozen.dataclass(frozen=True, slots=True)
class Quick:
    """One field of each sort."""

    given: int
    usual: str = "usual"
    own: dict[str, int] = frozen.field(default_factory=dict, repr=False)
    silent: int = frozen.field(default=3, compare=False)
    kept: list[int] = frozen.field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.kept.append(self.given)


@dataclasses.dataclass(frozen=True, slots=True)
class Usual:
    """The same as the standard library makes it."""

    given: int
    usual: str = "usual"
    own: dict[str, int] = dataclasses.field(default_factory=dict, repr=False)
    silent: int = dataclasses.field(default=3, compare=False)
    kept: list[int] = dataclasses.field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.kept.append(self.given)


GIVEN: list[dict[str, Any]] = [{"given": 1}, {"given": 2, "usual": "other"}, {"given": 3, "own": {"a": 1}, "silent": 4}]


@pytest.mark.parametrize("given", GIVEN)
def test_both_are_made_alike(given: dict[str, Any]) -> None:
    quick, usual = Quick(**given), Usual(**given)

    assert dataclasses.asdict(quick) == dataclasses.asdict(usual)
    assert repr(quick) == repr(usual).replace("Usual", "Quick")
    assert quick == Quick(**given)
    assert type(quick) is Quick


def test_each_has_defaults_of_its_own() -> None:
    one, other = Quick(1), Quick(1)

    assert one.own is not other.own
    assert one.kept is not other.kept


def test_none_can_be_written_to() -> None:
    one = Quick(1)

    with pytest.raises(dataclasses.FrozenInstanceError):
        one.given = 2  # type: ignore[misc]  # that is the point
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.given
    with pytest.raises((AttributeError, TypeError)):
        one.other = 2  # type: ignore[attr-defined]  # that is the point


@pytest.mark.parametrize(("values", "named"), [((), {}), ((1, "a", {}, 3, []), {}), ((1,), {"given": 1}), ((1,), {"unknown": 1})])
def test_wrong_arguments_are_refused(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Quick(*values, **named)


@pytest.mark.parametrize("one", [Quick(1, own={"a": 1}), Usual(1, own={"a": 1})])
def test_a_changed_one_is_made_anew(one: Any) -> None:
    changed = frozen.replace(one, usual="other")

    assert changed == dataclasses.replace(one, usual="other")
    assert changed.kept == [1]
    assert one.usual == "usual"


def test_a_field_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises((KeyError, TypeError)):
        frozen.replace(Quick(1), kept=[])


def test_copies_and_pickles_are_equal() -> None:
    one = Quick(1, own={"a": 1})

    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - its own


def test_two_of_equal_fields_have_one_hash() -> None:
    @frozen.dataclass(frozen=True, slots=True)
    class Named:
        name: str

    assert hash(Named("a")) == hash(Named("a"))


def test_classes_of_another_sort_are_refused() -> None:
    with pytest.raises(TypeError):

        @frozen.dataclass(frozen=True, slots=True)
        class _Based(Quick):
            more: int = 0

    with pytest.raises(TypeError):
        frozen.dataclass(frozen=False, slots=True)
