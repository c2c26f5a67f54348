"""What a campaign is to do, as data: a TOML file with its lists beside it (docs/campaigns.md).

Read once. What is kept is the plan with the lists inside; the file is not asked again.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from licence_service.acts import GROUNDS
from licence_service.digests import canonical
from licence_service.envelope import ORGANISATION, Reading
from licence_service.errors import Fault, RequestRejected
from licence_service.fields import Field, check_face, comparison_form
from licence_service.licence import Act, Decision

MOST_FILE_BYTES = 64 << 20
MOST_LISTED = 1_000_000
MOST_FAULTS = 20
HOLDER, NUMBER, LICENCE = LISTED_BY = ("holder", "number", "licence_id")
ACTS = (Act.REINSTATE.value,)  # what a plan may be about
AGE_CEILING, DAY = "age_ceiling", "day"


def _text(label: str, **more: Any) -> Field:  # noqa: ANN401 - what a field declares
    return Field(label=label, type="string", disclose={}, **more)


def _day(label: str, **more: Any) -> Field:  # noqa: ANN401
    return Field(label=label, type="date", disclose={}, **more)


def _one_of(label: str, codes: Sequence[str]) -> Field:
    return Field(label=label, type="enum", disclose={}, required=True, codes={code: code for code in codes})


_TITLE = {"zh": _text("名称", required=True, max_length=120), "en": _text("名称", required=True, max_length=160)}
_TYPE = _text("证照类型", pattern=r"[a-z][a-z0-9_]{2,78}")
_VALUE = _text("值", max_length=80)
_SELECT = {
    "ground": _one_of("注销事由", tuple(GROUNDS)),
    "decided_from": _day("起", required=True),
    "decided_to": _day("止", required=True, after="decided_from"),
}
_END = {"rule": _one_of("期限", (AGE_CEILING, DAY)), "day": _day("日")}
_EXCLUSION = {
    "id": _text("标识", required=True, pattern=r"[a-z][a-z0-9-]{0,27}"),
    "zh": _text("名称", required=True, max_length=120),
    "en": _text("名称", required=True, max_length=160),
    "field": _text("字段", pattern=r"[a-z][a-z0-9_]{0,59}"),
}
_LISTED = {"by": _one_of("依据", (HOLDER, NUMBER, LICENCE)), "file": _text("文件", required=True)}
_KEYS = frozenset({"act", "title", "departments", "types", "select", "decision", "effective_on", "end", "exclusions"})
_WAYS = ("listed", "any_of", "none_of")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Who is left out, and how that is decided: by a list given with the plan, or by a field of the face.

    `listed` are holders, numbers or licence ids in comparison form, as `by` says; `any_of` excludes a face whose field has one of the
    values, `none_of` one that has none of them.
    """

    id: str
    zh: str
    en: str
    by: str | None = None
    listed: frozenset[str] = field(default=frozenset(), repr=False)
    face_field: str | None = None
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The new last day of the right: a fixed `day`, or without one the birthday that the age ceiling in force on the decision day names."""

    day: date | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked plan. Licences of these types and issuers of record whose acting cancellation has the ground and was decided in the span.

    Without an `end` the old last day stays (RULINGS 14).
    """

    zh: str
    en: str
    act: Act
    departments: tuple[str, ...]
    types: tuple[str, ...]
    ground: str
    decided_from: date
    decided_to: date
    decision: Decision
    effective_on: date
    end: End | None
    exclusions: tuple[Exclusion, ...]


# -- the file --------------------------------------------------------------------------------------


def read_file(path: Path) -> dict[str, Any]:
    """Return what a plan's file says, with its lists in place of their files; `RequestRejected` names what is wrong, never a value."""
    said = read_toml(path, "plan")
    exclusions = said.get("exclusions")
    for place, one in enumerate(exclusions if isinstance(exclusions, list) else ()):
        if isinstance(one, dict) and "listed" in one:
            one["listed"] = _with_values(one["listed"], path.parent, f"exclusions[{place}].listed")
    plan_of(said)
    return said


def read_toml(path: Path, where: str) -> dict[str, Any]:
    """Return what a TOML file says as JSON: days as ISO text; `RequestRejected` at `where`."""
    try:
        said: dict[str, Any] = _plain(tomllib.loads(_content(path, where)))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RequestRejected(faults=[Fault(where, "not-toml", "this file cannot be read as TOML")]) from error
    return said


def _content(path: Path, where: str) -> str:
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            raise RequestRejected(faults=[Fault(where, "too-large", f"at most {MOST_FILE_BYTES >> 20} megabytes")])
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestRejected(faults=[Fault(where, "unreadable", "this file cannot be read as UTF-8 text")]) from error


def _plain(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """Return a TOML value as JSON: days as ISO text."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def _with_values(listed: object, folder: Path, where: str) -> dict[str, Any]:
    """Read a list: one value a line; empty lines and lines that begin with # do not count."""
    raw = listed if isinstance(listed, dict) else {}
    said, faults = check_face(_LISTED, raw, path=where)
    if faults:
        raise RequestRejected(faults=faults)
    return {"by": said["by"], "values": values_of(_content(folder / str(said["file"]), f"{where}.file").splitlines(), f"{where}.file")}


def values_of(lines: Iterable[str], where: str) -> list[str]:
    """Return the values of a list in comparison form, one a line; `RequestRejected` at `where` for an empty one, and one too long."""
    lines = (line.strip() for line in lines)
    values = {comparison_form(line) for line in lines if line and not line.startswith("#")}
    if not values:
        # An empty list looks like a source that did not answer; whoever means nobody leaves the exclusion out.
        raise RequestRejected(faults=[Fault(where, "empty", "the list is empty; leave the exclusion out if nobody is meant")])
    if len(values) > MOST_LISTED:
        raise RequestRejected(faults=[Fault(where, "too-large", f"at most {MOST_LISTED} lines")])
    return sorted(values)


# -- what is kept ------------------------------------------------------------------------------------


def parted(said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the plan in two parts: what anybody with access to the register may read, and the officer and the lists, to be encrypted."""
    decision = {name: value for name, value in said["decision"].items() if name != "officer"}
    exclusions, lists = [], {}
    for one in said.get("exclusions", []):
        kept = dict(one)
        if "listed" in one:
            lists[one["id"]] = one["listed"]["values"]
            kept["listed"] = {"by": one["listed"]["by"], "count": len(one["listed"]["values"])}
        exclusions.append(kept)
    return {**said, "decision": decision, "exclusions": exclusions}, {"officer": said["decision"].get("officer"), "lists": lists}


def whole(public: Mapping[str, Any], private: Mapping[str, Any]) -> dict[str, Any]:
    """Put the two parts together again."""
    officer = {"officer": private["officer"]} if private.get("officer") else {}
    exclusions = [
        {**one, "listed": {"by": one["listed"]["by"], "values": private["lists"][one["id"]]}} if "listed" in one else one
        for one in public.get("exclusions", [])
    ]
    return {**public, "decision": {**public["decision"], **officer}, "exclusions": exclusions}


def text_of(said: Mapping[str, Any]) -> str:
    """Return the one text of a plan, over which its digest is made."""
    return canonical(said).decode()


# -- reading ------------------------------------------------------------------------------------------


def plan_of(said: Mapping[str, Any]) -> Plan:
    """Read a plan; raise `RequestRejected` with every fault of its form."""
    reading = Reading(said)
    reading.only(_KEYS)
    title = reading.group("title", _TITLE, required=True) or {}
    act = reading.one_of("act", ACTS, required=True)
    chosen = reading.group("select", _SELECT, required=True) or {}
    ends = reading.group("end", _END, required=False)
    effective_on = reading.day("effective_on")
    if said.get("effective_on") in (None, ""):
        reading.faults.append(Fault("effective_on", "missing", "this must be given"))
    if ends and (ends["rule"] == DAY) != ("day" in ends):
        reading.faults.append(Fault("end.day", "at-odds", "a day is named with the rule `day`, and only with it"))
    decision = reading.decision()
    departments, types = _several(reading, "departments", ORGANISATION), _several(reading, "types", _TYPE)
    exclusions = _exclusions(reading)
    reading.refuse_if_faulty()
    day = ends.get("day") if ends else None
    return Plan(
        str(title["zh"]), str(title["en"]), Act(act or ""), departments, types, str(chosen["ground"]),
        date.fromisoformat(str(chosen["decided_from"])), date.fromisoformat(str(chosen["decided_to"])), decision, effective_on or date.min,
        End(date.fromisoformat(str(day)) if day else None) if ends else None, exclusions,
    )  # fmt: skip


def _several(reading: Reading, name: str, declared: Field) -> tuple[str, ...]:
    """Take a list of different values, at least one."""
    found, faults = _values(reading.body.get(name), declared, name)
    reading.faults += faults
    return found


def _values(raw: object, declared: Field, path: str) -> tuple[tuple[str, ...], list[Fault]]:
    if not isinstance(raw, list) or not raw:
        return (), [Fault(path, "not-a-list", "a list with at least one value is wanted here")]
    found, faults = [], []
    for place, one in enumerate(raw):
        face, wrong = check_face({"value": declared}, {"value": one}, path=path)
        faults += [Fault(f"{path}[{place}]", fault.code, fault.message) for fault in wrong]
        found.append(str(face.get("value", "")))
    if len(set(found)) != len(found):
        faults.append(Fault(path, "repeated", "a value stands twice in the list"))
    return tuple(found), faults[:MOST_FAULTS]


def _exclusions(reading: Reading) -> tuple[Exclusion, ...]:
    raw = reading.body.get("exclusions", [])
    if not isinstance(raw, list):
        reading.faults.append(Fault("exclusions", "not-a-list", "a list of exclusions is wanted here"))
        return ()
    found = [one for place, each in enumerate(raw) if (one := _exclusion(reading, each, f"exclusions[{place}]"))]
    if len({one.id for one in found}) != len(found):
        reading.faults.append(Fault("exclusions", "repeated", "an id stands twice"))
    return tuple(found)


def _exclusion(reading: Reading, raw: object, path: str) -> Exclusion | None:
    if not isinstance(raw, Mapping) or raw.keys() - {*_EXCLUSION, *_WAYS}:
        known = ", ".join((*_EXCLUSION, *_WAYS))
        reading.faults.append(Fault(path, "unknown-key", f"only these are known: {known}"))
        return None
    said, faults = check_face(_EXCLUSION, {name: value for name, value in raw.items() if name in _EXCLUSION}, path=path)
    ways = [name for name in _WAYS if name in raw]
    if len(ways) != 1 or ("field" in said) != (ways != ["listed"]):
        faults += (Fault(path, "at-odds", "an exclusion is decided by `listed`, or by a `field` with `any_of` or `none_of`"),)
    values: dict[str, tuple[str, ...]] = {}
    for name in {"any_of", "none_of"} & raw.keys():
        values[name], wrong = _values(raw[name], _VALUE, f"{path}.{name}")
        faults += tuple(wrong)
    listed = raw.get("listed")
    if listed is not None and not _is_list(listed):
        faults += (Fault(f"{path}.listed", "at-odds", "a list names `by` and its `file`"),)
    reading.faults += faults
    if faults:
        return None
    by, members = (listed["by"], frozenset(listed["values"])) if listed else (None, frozenset[str]())
    column = str(said["field"]) if "field" in said else None
    return Exclusion(str(said["id"]), str(said["zh"]), str(said["en"]), by, members, column, values.get("any_of", ()), values.get("none_of", ()))


def _is_list(listed: object) -> bool:
    """Say whether this is a list that was read: who is meant by what, and at least one value."""
    if not isinstance(listed, Mapping) or listed.keys() != {"by", "values"} or listed["by"] not in {HOLDER, NUMBER, LICENCE}:
        return False
    return isinstance(listed["values"], list) and bool(listed["values"]) and all(isinstance(one, str) for one in listed["values"])
