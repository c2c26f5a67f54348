"""What goes in and what comes out, as plain values."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision behind an act: by an `officer`, or `unattended` by a rule set, one of the two. `decided_on` is a day, `2026-11-20`."""

    number: str
    organ: str
    decided_on: str
    legal_basis: str
    officer: str | None = None
    unattended: str | None = None

    def body(self) -> dict[str, Any]:
        """Return it as it is sent."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a data source said: times with their zone (ISO 8601), `result` pass, fail, conflict or unavailable, SHA-256 of its answer in hexadecimal.

    `case_no` and `type` are those that the source was asked for; a request with another case or type is refused.
    """

    source: str
    asked_at: str
    answered_at: str
    result: str
    compared: tuple[str, ...]
    digest: str
    case_no: str
    type: str
    reference: str | None = None

    def body(self) -> dict[str, Any]:
        """Return it as it is sent."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Act:
    """An act that is entered."""

    licence_id: str
    sequence: int
    act: str
    recorded_at: str
    version: int | None = None
    endorsement_ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Read an answer; what a later release adds is left out."""
        return cls(
            said["licence_id"], said["sequence"], said["act"], said["recorded_at"], said.get("version"), tuple(said.get("endorsement_ids", ()))
        )


@dataclass(frozen=True, slots=True)
class Issued:
    """An act that made a document. The two codes are told to the client that issued, and to nobody else."""

    licence_id: str
    elicence_id: str
    number: str
    version: int
    recorded_at: str
    document_url: str
    verify_url: str | None
    check_code: str | None = field(repr=False)
    delivery_code: str | None = field(repr=False)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Read an answer; what a later release adds is left out."""
        return cls(
            said["licence_id"], said["elicence_id"], said["number"], said["version"], said["recorded_at"], said["document_url"],
            said.get("verify_url"), said.get("check_code"), said.get("delivery_code"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a verification: `overall` is valid, valid_conditions_unmet, not_valid or cannot_decide; `answers` the five questions."""

    overall: str
    answers: Mapping[str, Any]
    licence: Mapping[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a licence. The same event may come again: drop an `id` that you had."""

    id: str
    type: str
    timestamp: str
    data: Mapping[str, Any]


class Events:
    """Events beyond a cursor, each once for each time that it is gone through; `cursor` is where to go on.

    It goes on past a page only once all of that page was taken: whoever keeps it and falls in the middle of a page has that page again, and loses
    nothing. It goes on also where nothing came, past what is others'.
    """

    def __init__(self, page: Callable[[str | None], Mapping[str, Any]], after: str | None) -> None:
        """Take what asks for the page beyond a cursor, and where to begin."""
        self._page, self.cursor = page, after

    def __iter__(self) -> Iterator[Event]:
        """Yield events until an answer has none."""
        while True:
            page = self._page(self.cursor)
            for one in page["events"]:
                yield Event(one["id"], one["type"], one["timestamp"], one["data"])
            self.cursor = page["next"]
            if not page["events"]:
                return
