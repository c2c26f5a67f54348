"""What acted when: stretches of days on one axis, as the fold says them day by day (docs/lifecycle.md)."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from licence_service.fields import Asker
from licence_service.fold import DAY, ENDINGS, Decisions, first_day, granted_on
from licence_service.history import words
from licence_service.history.numbering import OF_PENALTIES, Shown
from licence_service.history.words import said
from licence_service.licence import Act, Entry, Licence, LicenceState, Version
from licence_service.rules import Conditions
from licence_service.store.record import Record
from licence_service.template import EndorsementKind, Template

Bar = dict[str, Any]
_OVER = frozenset({*ENDINGS.values(), LicenceState.EXPIRED})
_NO_DUE_DAYS = frozenset({Asker.PUBLIC, Asker.PASSENGER})
_TURNING = frozenset(Act) - {Act.ASSERT, Act.ENDORSE, Act.REFUSE_ENDORSEMENT, Act.WITHDRAW_ENDORSEMENT}  # may turn state or flags


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Days on which nothing turns; the last one is open."""

    first: date
    last: date | None
    licence: Licence


def bars_of(record: Record, known_at: datetime, shown: Shown) -> dict[str, Any]:
    """Return the stretches of a licence as known at an instant: states, terms, suspensions, endings, gaps and flags.

    Days are inclusive, `last` is absent where a stretch is open. `acted` of a suspension or an ending are the days on which it really
    acted: until it lapsed, was lifted, stayed, reversed or undone.
    """
    turning = _turning(record, known_at)
    stretches = list(_stretches(turning, known_at))
    decisions = Decisions(turning.entries)

    def acted(entry: Entry) -> list[Bar]:
        return [_bar(first, last) for _, first, last in _runs(stretches, lambda one: decisions.acts_on(entry, one.first))]

    states = list(_runs(stretches, lambda one: one.licence.state))
    alive = [first for state, first, _ in states if state not in _OVER]
    flags = sorted({flag for one in stretches for flag in one.licence.flags})
    return {
        "states": [{**_bar(first, last), "state": said(words.STATES, state)} for state, first, last in states],
        "terms": [
            {**_bar(version.valid_from, version.valid_to), "sequence": shown.numbers.get(entry.sequence), "version": version.version}
            for entry, version in _carriers(turning.entries)
        ],
        "suspensions": [
            {
                **_bar(entry.suspension.first, entry.suspension.last), "sequence": shown.numbers.get(entry.sequence), "acted": acted(entry),
                "kind": said(words.SUSPENSIONS, entry.suspension.kind) if shown.asker in OF_PENALTIES else None,
            }
            for entry in turning.entries if entry.suspension
        ],
        "endings": [
            {"sequence": shown.numbers.get(entry.sequence), "act": said(words.ACTS, entry.act), "first": first_day(entry).isoformat(), "acted": acted(entry)}
            for entry in decisions.endings
        ],
        "gaps": [_bar(first, last) for state, first, last in states if state in _OVER and alive and first < max(alive)],
        "flags": [
            {**said(words.FLAGS, flag), **_bar(first, last)}
            for flag in flags for _, first, last in _runs(stretches, _has(flag))
        ],
    }  # fmt: skip


def due_of(conditions: Conditions, template: Template, kinds: Mapping[str, EndorsementKind], asker: Asker) -> list[Bar]:
    """Return the days on which conditions fall due; the public and passengers are told only whether they hold (DOMAIN §2d)."""
    if asker in _NO_DUE_DAYS:
        return []
    named: list[Bar] = []
    for one in conditions.every:
        kind, declared = kinds.get(one.kind), template.fields.get(one.kind)
        words_of = (kind.title.zh, kind.title.en) if kind else (declared.label, declared.label_en) if declared else (one.kind, one.kind)
        if one.due_on and (kind is None or asker in kind.disclose):
            named.append({"kind": one.kind, "zh": words_of[0], "en": words_of[1], "due_on": one.due_on.isoformat(), "result": one.outcome.value})
    return named


def _has(flag: str) -> Callable[[_Stretch], bool]:
    return lambda one: flag in one.licence.flags


def _bar(first: date, last: date | None) -> Bar:
    return {"first": first.isoformat(), "last": last.isoformat() if last else None}


def _turning(record: Record, known_at: datetime) -> Record:
    """Return the record with only those known entries that can turn state or flags, its parent likewise: a fold of it is cheap."""
    known = [one for one in record.entries if one.recorded_at and one.recorded_at <= known_at and not one.recorded_only]
    carriers = {entry.sequence for entry, _ in _carriers(known)}
    kept = tuple(one for one in known if one.sequence in carriers or one.act in _TURNING)
    return replace(record, entries=kept or record.entries[:1], parent=_turning(record.parent, known_at) if record.parent else None)


def _carriers(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Version]]:
    """Return the entries that carry a term: one that differs from the version before."""
    last: Version | None = None
    for entry in entries:
        if entry.version:
            if last is None or (entry.version.valid_from, entry.version.valid_to) != (last.valid_from, last.valid_to):
                yield entry, entry.version
            last = entry.version


def _stretches(record: Record, known_at: datetime) -> Iterator[_Stretch]:
    days = sorted(day for day in set(_turning_days(record)) if day >= granted_on(record.entries[0]))
    for first, following in zip(days, [*days[1:], None], strict=True):
        licence = record.on(first, known_at)
        if licence:
            yield _Stretch(first, following - DAY if following else None, licence)


def _turning_days(record: Record) -> Iterator[date]:
    """Return every day on which state or flags may turn; days on which they do not only cost a fold."""
    yield granted_on(record.entries[0])
    for entry in record.entries:
        lasts = [entry.until, entry.suspension.last if entry.suspension else None]
        yield from (entry.effective_on, first_day(entry))
        if entry.version:
            yield entry.version.valid_from
            lasts.append(entry.version.valid_to)
        yield from (last + DAY for last in lasts if last and last < date.max)
    if record.parent:
        yield from _turning_days(record.parent)


def _runs(stretches: Sequence[_Stretch], value_of: Callable[[_Stretch], Hashable]) -> Iterator[tuple[Any, date, date | None]]:
    """Join neighbouring stretches of one value; a value that says nothing (false) is passed over."""
    run: tuple[Any, date, date | None] | None = None
    for one in stretches:
        value = value_of(one)
        if run and run[0] == value:
            run = (value, run[1], one.last)
            continue
        if run and run[0]:
            yield run
        run = (value, one.first, one.last)
    if run and run[0]:
        yield run
