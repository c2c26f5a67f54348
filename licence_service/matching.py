"""Match boxes: does the name, or the end of the plate or identity number, belong to this licence? Yes or no (DOMAIN §2d, SH-09).

A genuine code copied onto another person's paper is found out without showing anybody's name. The answer is the same *no* for what does
not exist, and costs the same work.
"""

import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from licence_service.fields import comparison_form
from licence_service.identifiers import CHECK_CODE_LENGTH, CROCKFORD, normal_code
from licence_service.licence import beijing_day
from licence_service.store.decoy import Decoy
from licence_service.store.record import Record
from licence_service.template import Template
from licence_service.verdict import Check
from licence_service.verification import Verifier

TAIL_LENGTH = range(4, 7)
_TAILS = frozenset({"plate", "citizen_id"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What the boxes hold; an empty one is not asked. `tail`: the last 4 to 6 characters of a plate or an identity number."""

    name: str | None = field(default=None, repr=False)
    tail: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Matched:
    """Yes or no for each box that was filled; `licence_id` only for counting tries, never to be shown."""

    name: bool | None
    tail: bool | None
    licence_id: str | None

    @property
    def all_match(self) -> bool:
        """Say whether every box that was filled matches."""
        return False not in {self.name, self.tail}


@dataclass(frozen=True, slots=True)
class Matcher:
    """Compares what is on the paper with the register."""

    verifier: Verifier
    decoy: Decoy
    now: Callable[[], datetime] = field(repr=False)

    def by_pair(self, number: str, check_code: str, asked: Asked) -> Matched:
        """Compare for the number and the check code on the paper."""
        found = self.verifier.book.of_pair(number, normal_code(check_code))
        return self._matched(found[0] if found else None, asked)

    def by_code(self, digits: str, asked: Asked) -> Matched:
        """Compare for the code on the paper."""
        found = self.verifier.of_code(digits)
        return self._matched(None if isinstance(found, Check) else found[0], asked)

    def _matched(self, record: Record | None, asked: Asked) -> Matched:
        """Compare with the record, or with one that has nothing to do with it and never matches: one search and one reading either way."""
        book = self.verifier.book
        if record is not None:
            book.of_pair("", "".join(secrets.choice(CROCKFORD) for _ in range(CHECK_CODE_LENGTH)))
        stand_in = self.decoy.licence_id() if record is None else None
        compared = record or (book.get(stand_in) if stand_in else None)
        licence = compared.on(beijing_day(self.now())) if compared else None
        if compared is None or licence is None:
            return Matched(None if asked.name is None else False, None if asked.tail is None else False, None)
        template = self.verifier.catalogue.edition(compared.type, licence.current.edition)
        face = licence.current.face
        name = _same(asked.name, [str(face[one]) for one in _names(template) if one in face])
        tail = _ends(asked.tail, [str(face[one]) for one, declared in template.fields.items() if declared.type in _TAILS and one in face])
        there = record is not None
        return Matched(None if name is None else name and there, None if tail is None else tail and there, record.licence_id if record else None)


def _names(template: Template) -> Iterator[str]:
    """Return the fields with the name that a checker reads on the paper."""
    yield template.holder_name


def _same(given: str | None, values: list[str]) -> bool | None:
    if given is None:
        return None
    return any([_equal(comparison_form(given), comparison_form(value)) for value in values])  # noqa: C419 - every value is compared


def _ends(given: str | None, values: list[str]) -> bool | None:
    if given is None:
        return None
    wanted = comparison_form(given)
    return len(wanted) in TAIL_LENGTH and any([_equal(wanted, comparison_form(value)[-len(wanted) :]) for value in values])  # noqa: C419


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
