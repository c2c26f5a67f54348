"""Random histories through the register itself: what is read back from a real database answers as the slow reading does.

All histories of a run share one book, whose recorded times must rise: each begins a number of four-year spans after the one before, so that leap
days stay leap days. A book takes so many and no more, before its calendar runs out; long runs open several.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licence_service.errors import NotInRegister
from licence_service.identifiers import licence_id
from licence_service.licence import Entry
from licence_service.store.book import Book
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.record import Appendix, Opening, Record
from tests.builders import ORGAN
from tests.histories import histories, how_many, questions, rehomed
from tests.parts.databases import Clock
from tests.reference import Reading, as_reading, read

HERE, PER_BOOK = 200, 500
FOUR_YEARS = timedelta(days=1461)
TYPE = "practitioner_qualification"


class Scribe:
    """Enters one history after another, each as a licence of its own, at the instants that it names."""

    def __init__(self, database: Database) -> None:
        """Open an empty book."""
        self.clock = Clock()
        self.book = Book(database, Vault(b"v" * 32), self.clock)
        self.licences = 0
        self.last: datetime | None = None

    def enter(self, history: Sequence[Entry]) -> Record:
        """Append the entries and read them back."""
        self.licences += 1
        own = licence_id(self.licences)
        later_by = timedelta()
        begins = history[0].recorded_at
        assert begins
        while self.last and begins + later_by <= self.last:
            later_by += FOUR_YEARS
        for entry in rehomed(history, own, self.licences, later_by):
            assert entry.recorded_at
            self.clock.now = self.last = entry.recorded_at
            opening = Opening(TYPE, ORGAN, live_key=own) if entry.sequence == 1 else None
            code = f"{own}-{entry.version.version}" if entry.version else None
            self.book.append(entry, Appendix(delivery_code=code, opening=opening))
        return self.book.get(own)


def answer(record: Record, valid_at: date, known_at: datetime | None) -> Reading | None:
    """Ask what was read back."""
    try:
        return as_reading(record.at(valid_at, known_at))
    except NotInRegister:
        return None


@pytest.fixture
def scribe(database: Database) -> Scribe:
    """A scribe with an empty book."""
    return Scribe(database)


@pytest.fixture(params=range(2, 21))
def volume(request: pytest.FixtureRequest) -> int:
    """Number the books of a long run: with the one above they hold ten thousand histories."""
    return int(request.param)


def agrees(scribe: Scribe, data: st.DataObject, history: tuple[Entry, ...]) -> None:
    """Enter a history and ask about what was read back."""
    record = scribe.enter(history)
    kept = record.entries
    assert [(entry.act, entry.sequence) for entry in kept] == [(entry.act, entry.sequence) for entry in history]
    for question in data.draw(st.lists(questions(kept), min_size=3, max_size=3)):
        assert answer(record, question.valid_at, question.known_at) == read(kept, question.valid_at, question.known_at), question


@pytest.mark.timeout(900)
@pytest.mark.rule("LC-01", "LC-02")
@settings(max_examples=how_many(HERE, PER_BOOK))
@given(data=st.data(), history=histories(most=4))
def test_the_book_answers_as_a_slow_reading_of_its_entries_does(scribe: Scribe, data: st.DataObject, history: tuple[Entry, ...]) -> None:
    agrees(scribe, data, history)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("volume")
@settings(max_examples=PER_BOOK)
@given(data=st.data(), history=histories(most=9))
def test_many_more_histories_are_answered_alike(scribe: Scribe, data: st.DataObject, history: tuple[Entry, ...]) -> None:
    agrees(scribe, data, history)
