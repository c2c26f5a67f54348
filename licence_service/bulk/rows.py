"""Rows as platforms send them: a number with a plate or a name, and the sender's own reference. Every fault is named by its path. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from licence_service.errors import Fault, RequestRejected
from licence_service.fields import Field, check_face

MOST_ROWS = 10_000
MOST_FAULTS = 100
FIELDS: Mapping[str, Field] = {
    "ref": Field(label="编号", type="string", disclose={}, max_length=120),
    "number": Field(label="证号", type="string", disclose={}, required=True, max_length=200),
    "plate": Field(label="车辆号牌", type="string", disclose={}, max_length=20),
    "name": Field(label="姓名或名称", type="string", disclose={}, max_length=200),
    "type": Field(label="证照类型", type="string", disclose={}, max_length=80),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `index` is its place from 0 (of a file: the line that it stands on); `type` narrows where one number has several licences."""

    index: int
    number: str = field(repr=False)
    plate: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    type: str | None = None
    ref: str | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return the row as it is kept."""
        return {"index": self.index, "number": self.number, "plate": self.plate, "name": self.name, "type": self.type, "ref": self.ref}


def read_rows(given: Sequence[tuple[int, object]], types: Iterable[str], *, most: int = MOST_ROWS, path: str = "rows") -> list[Row]:
    """Read rows, each with its index; `RequestRejected` with every fault found (`MOST_FAULTS` named, the rest counted), or all rows.

    `types` are the types that may be named.
    """
    if not given:
        raise RequestRejected(faults=[Fault(path, "missing", "at least one row is wanted here")])
    if len(given) > most:
        raise RequestRejected(faults=[Fault(path, "too-many", f"at most {most} rows")])
    known, rows, faults = frozenset(types), [], Faults()
    for index, raw in given:
        row = _row(index, raw, known, f"{path}[{index}]", faults)
        if row:
            rows.append(row)
    faults.refuse_if_any(path)
    return rows


class Faults:
    """Faults of many rows: the first ones are named, all are counted."""

    def __init__(self) -> None:
        """Start without any."""
        self._named: list[Fault] = []
        self._count = 0

    def add(self, *faults: Fault) -> None:
        """Add faults."""
        self._count += len(faults)
        self._named += faults[: MOST_FAULTS - len(self._named)]

    def refuse_if_any(self, path: str) -> None:
        """Raise `RequestRejected` with the faults, and how many more there are."""
        if not self._count:
            return
        more = self._count - len(self._named)
        rest = [Fault(path, "more-faults", f"{more} more faults are not named")] if more else []
        raise RequestRejected(faults=[*self._named, *rest])


def _row(index: int, raw: object, types: frozenset[str], path: str, faults: Faults) -> Row | None:
    if not isinstance(raw, Mapping):
        faults.add(Fault(path, "not-an-object", "an object is wanted here"))
        return None
    values, found = check_face(FIELDS, raw, path=path)
    if not {"plate", "name"} & values.keys() and not any(one.path.endswith((".plate", ".name")) for one in found):
        found = (*found, Fault(path, "missing", "a plate or a name is wanted beside the number"))
    if "type" in values and values["type"] not in types:
        found = (*found, Fault(f"{path}.type", "unknown-type", "no type of that name may be asked for"))
    faults.add(*found)
    if found:
        return None
    texts = {name: str(value) for name, value in values.items()}
    return Row(index, texts["number"], texts.get("plate"), texts.get("name"), texts.get("type"), texts.get("ref"))
