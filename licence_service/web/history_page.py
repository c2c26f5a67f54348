"""A history laid out for its page: where on the axis each bar lies, in percent of the width, and what stands beside each entry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from licence_service.history.words import FLAGS, GROUNDS, MARK_WORDS, STATES, mark_of, said
from licence_service.licence import BEIJING, Act

DAY = timedelta(days=1)
LEAST_AHEAD = 90  # days of the future that the axis may show, where the past is shorter
MOST_TICKS = 6
_IN_DAYS = 62  # a shorter axis counts days, a longer one months
_DAY_STEPS, _MONTH_STEPS = (1, 2, 3, 5, 7, 10, 15), (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000)
_A_YEAR = 12
_EDGE = 7.0  # percent: a label nearer to an end of the axis is set inwards
_LEAST = 0.6  # percent: a shorter stretch is still seen
BANDS = {"in_force": "valid", "pending_effect": "valid_conditions_unmet", "suspended": "valid_conditions_unmet"}


@dataclass(frozen=True, slots=True)
class Axis:
    """Days from left to right, both ends shown."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Return how many days the axis shows."""
        return (self.last - self.first).days + 1

    def at(self, day: date) -> float:
        """Return the left edge of a day, in percent of the width."""
        return round(100 * (day - self.first).days / self.days, 2)

    def piece(self, first: str, last: str | None, **more: Any) -> dict[str, Any] | None:  # noqa: ANN401 - classes for the template
        """Return a stretch as far as the axis shows it; `on` says that it runs beyond its right end."""
        begin, end = date.fromisoformat(first), date.fromisoformat(last) if last else None
        runs_on = end is None or end > self.last
        if begin > self.last or (end and end < self.first):
            return None
        left = max(self.at(begin), 0.0)
        right = 100.0 if end is None or runs_on else self.at(end + DAY)
        return {"x": left, "width": round(max(right - left, _LEAST), 2), "on": runs_on, **more}

    def ticks(self) -> list[dict[str, Any]]:
        """Return at most six named days or months."""
        found = []
        for day, text in self._days() if self.days <= _IN_DAYS else self._months():
            x = self.at(day)
            found.append({"x": x, "text": text, "anchor": "start" if x < _EDGE else "end" if x > 100 - _EDGE else "middle"})
        return found

    def _days(self) -> Iterator[tuple[date, str]]:
        step = next((one for one in _DAY_STEPS if self.days <= one * MOST_TICKS), _DAY_STEPS[-1])
        for number in range(0, self.days, step):
            day = self.first + number * DAY
            yield day, f"{day.month}月{day.day}日"

    def _months(self) -> Iterator[tuple[date, str]]:
        begin, end = self.first.year * _A_YEAR + self.first.month - 1, self.last.year * _A_YEAR + self.last.month - 1
        step = next((one for one in _MONTH_STEPS if (end - begin) // one < MOST_TICKS), _MONTH_STEPS[-1])
        for month in range(-(-begin // step) * step, end + 1, step):
            day = date(month // _A_YEAR, month % _A_YEAR + 1, 1)
            if day >= self.first:
                yield day, f"{day.year}" if step >= _A_YEAR else f"{day.year}-{day.month:02d}"


def values(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a history in the shape of `GET /licences/{licence_id}/history`."""
    licence, bars, valid_at = told["licence"], told["bars"], date.fromisoformat(told["valid_at"])
    axis = _axis(bars, valid_at)
    known_at = datetime.fromisoformat(told["known_at"]).astimezone(BEIJING)
    return {
        "licence": licence, "state": said(STATES, licence["state"]), "band": BANDS.get(licence["state"], "not_valid"),
        "flags": [said(FLAGS, flag) for flag in licence["flags"]], "ground": said(GROUNDS, licence["ground"]) if licence["ground"] else None,
        "valid_at": told["valid_at"], "known_at": known_at.strftime("%Y-%m-%d %H:%M:%S"),
        "ticks": axis.ticks(), "asked": axis.at(valid_at), "rows": _rows(axis, bars),
        "stretches": [{**one, "look": _look(one["state"]["code"])} for one in bars["states"]],
        "marks": [{"mark": mark, **said(MARK_WORDS, mark)} for mark in MARK_WORDS],
        "items": [_item(one, valid_at) for one in told["history"]],
    }  # fmt: skip


def _axis(bars: Mapping[str, Any], valid_at: date) -> Axis:
    """Return the days to show: from the grant on; of what lies ahead no more than what lies behind, so that the past stays legible."""
    first = min(date.fromisoformat(bars["states"][0]["first"]), valid_at)
    named = [one["last"] for name in ("states", "terms", "suspensions", "flags") for one in bars[name] if one["last"]]
    named += [one["first"] for one in bars["states"]] + [one["due_on"] for one in bars["due"]]
    ahead = max((date.fromisoformat(one) for one in named), default=valid_at)
    room = max(LEAST_AHEAD * DAY, valid_at - first)
    return Axis(first, max(valid_at, min(ahead, valid_at + room)))


def _look(state: str) -> str:
    """Return the pattern in which a state is drawn; those that an act ended look alike and differ by their word."""
    return state if state in {"in_force", "pending_effect", "suspended", "expired"} else "ended"


def _rows(axis: Axis, bars: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the axis from above: the state, terms, suspensions, endings, flags, days that fall due."""
    drawn = [axis.piece(one["first"], one["last"], look=_look(one["state"]["code"])) for one in bars["states"]]
    return [
        _row(("效力", "State"), drawn),
        *(_dated(axis, one, (f"有效期 · 第 {one['version']} 版", f"Term, version {one['version']}"), "term") for one in bars["terms"]),
        *(_suspension(axis, one) for one in bars["suspensions"]),
        *(_ending(axis, one) for one in bars["endings"]),
        *(_dated(axis, one, (one["zh"], one["en"]), "flag") for one in bars["flags"]),
        *(_due(axis, one) for one in bars["due"]),
    ]


def _row(words: tuple[str, str], pieces: list[dict[str, Any] | None], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a row
    """Return a row: its words, what is drawn, the dates that stand under the words."""
    row: dict[str, Any] = {"zh": words[0], "en": words[1], "pieces": [one for one in pieces if one], "dates": None, "acted": None}
    return {**row, "point": None, "day": None, **more}


def _dated(axis: Axis, one: Mapping[str, Any], words: tuple[str, str], look: str) -> dict[str, Any]:
    return _row(words, [axis.piece(one["first"], one["last"], look=look)], dates=one)


def _suspension(axis: Axis, one: Mapping[str, Any]) -> dict[str, Any]:
    """Draw what was ordered as an outline, where it names its end, and what really acted within it."""
    kind = one["kind"]
    words = (f"暂扣（{kind['zh']}）", f"Suspension ({kind['en']})") if kind else ("暂扣", "Suspension")
    drawn = [axis.piece(each["first"], each["last"], look="suspended") for each in one["acted"]]
    ordered = axis.piece(one["first"], one["last"], look="planned") if one["last"] else None
    return _row(words, [ordered, *drawn], dates=one, acted=_unless_whole(one))


def _ending(axis: Axis, one: Mapping[str, Any]) -> dict[str, Any]:
    drawn = [axis.piece(each["first"], each["last"], look="ended") for each in one["acted"]]
    whole = {"first": one["first"], "last": None, "acted": one["acted"]}
    return _row((one["act"]["zh"], one["act"]["en"]), drawn, dates=whole, acted=_unless_whole(whole))


def _unless_whole(one: Mapping[str, Any]) -> list[Any] | None:
    """Return the days on which a decision really acted; None where these are just the days that it names."""
    return None if one["acted"] == [{"first": one["first"], "last": one["last"]}] else list(one["acted"])


def _due(axis: Axis, one: Mapping[str, Any]) -> dict[str, Any]:
    point = axis.piece(one["due_on"], one["due_on"])
    return _row((f"{one['zh']}到期", f"{one['en']} due"), [], point=point["x"] if point else None, day=one["due_on"])


def _item(item: Mapping[str, Any], valid_at: date) -> dict[str, Any]:
    """Return an entry with its mark, its recorded time in Beijing, and whether its legal day lies before or ahead."""
    recorded = datetime.fromisoformat(item["recorded_at"]).astimezone(BEIJING)
    effective = date.fromisoformat(item["effective_on"])
    mark = mark_of(Act(item["act"]["code"]))
    return {
        **item, "mark": mark, "recorded": recorded.strftime("%Y-%m-%d %H:%M"), "reaches_back": effective < recorded.date() and mark != "fact",
        "lies_ahead": effective > valid_at, "recorded_as": list(dict.fromkeys((one["zh"], one["en"]) for one in item["endorsements"] if one["written"])),
    }  # fmt: skip
