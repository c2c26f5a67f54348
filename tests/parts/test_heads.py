"""Signed heads over the book, on both databases: what they cover, what is kept elsewhere, and what the follower refuses to sign."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from licence_service.archive import SecondPlace, open_second_place
from licence_service.digests import canonical, digests, sha256
from licence_service.errors import ArchiveUnavailable, Misconfigured
from licence_service.follower import BookBroken, Follower, keeper_of
from licence_service.identifiers import ElicenceId, licence_id
from licence_service.log.heads import BadHead, KeptHead, KeptLine, Statement, leaves, read_kept, read_statement
from licence_service.log.tree import root_of
from licence_service.seal.keyring import Keyring
from licence_service.seal.tokens import Purpose
from licence_service.second_place import kept_heads, opened
from licence_service.store.book import Book
from licence_service.store.counting import next_line
from licence_service.store.database import Database
from licence_service.store.heads import Heads
from licence_service.store.payload import Vault
from licence_service.store.record import Appendix, Opening
from licence_service.store.tables import foundations
from tests.builders import ORGAN, TYPE_CODE, a_version, an_entry
from tests.parts.databases import Clock, at_once

NAME = "https://licence.example.cn"
NewFollower = Callable[..., Follower]


@pytest.fixture
def book(database: Database, vault: Vault, clock: Clock) -> Book:
    """An empty register."""
    return Book(database, vault, clock)


@pytest.fixture
def second(tmp_path: Path) -> SecondPlace:
    """A second place in a folder."""
    return open_second_place(f"file:{tmp_path}/second")


@pytest.fixture
def follower(database: Database, second: SecondPlace, keyring: Keyring, clock: Clock) -> NewFollower:
    """A follower as a process of its own would make it."""

    def made(place: SecondPlace | None = second) -> Follower:
        return Follower(Heads(database), place, keeper_of(keyring.departments).signers[Purpose.EVIDENCE], NAME, clock)

    return made


def enter(book: Book, *numbers: int) -> None:
    """Issue licences, one line each."""
    for number in numbers:
        own = licence_id(number)
        version = a_version(1, elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, own, 1)), document=digests(own.encode()), status=(0, number))
        opening = Opening("practitioner_qualification", ORGAN, live_key=own)
        book.append(an_entry(licence_id=own, version=version), Appendix(delivery_code=own, searchable={"number": own}, opening=opening))


def found(database: Database, clock: Clock, name: str) -> None:
    """Enter a foundation."""
    with database.write() as connection:
        place, recorded_at = next_line(connection, clock())
        body = canonical({"kind": "template", "name": name, "recorded_at": recorded_at.isoformat(timespec="microseconds")})
        values = {"place": place, "kind": "template", "name": name, "recorded_at": recorded_at, "body": body.decode(), "sha256": sha256(body)}
        connection.execute(insert(foundations).values(values))


def without_guards(database: Database, statement: str) -> None:
    """Do what only somebody who owns the database can."""
    with database.write() as connection:
        if database.is_sqlite:
            connection.execute(text("DROP TRIGGER entries_no_update"))
            connection.execute(text("DROP TRIGGER entries_no_delete"))
            connection.execute(text("DELETE FROM payloads"))
        else:
            connection.execute(text("ALTER TABLE entries DISABLE TRIGGER ALL"))
        connection.execute(text(statement))


# -- heads -----------------------------------------------------------------------------------------------


def test_a_head_covers_entries_and_foundations_in_the_order_of_their_places(
    database: Database, book: Book, follower: NewFollower, clock: Clock, keyring: Keyring
) -> None:
    enter(book, 1)
    found(database, clock, "a")
    enter(book, 2)

    assert follower().follow() == 3

    heads = Heads(database)
    head, lines = heads.last(), heads.lines(0, 10)
    assert head
    assert [(line.place, line.kind) for line in lines] == [(1, "entry"), (2, "foundation"), (3, "entry")]
    assert head.root == root_of(leaves(line.body for line in lines)).hex()
    assert (head.size, head.until) == (3, lines[-1].recorded_at)
    assert opened(keyring, head.message) == Statement(NAME, 3, head.until, bytes.fromhex(head.root), clock())


def test_the_next_head_grows_from_the_last(database: Database, book: Book, follower: NewFollower) -> None:
    one = follower()
    for number in range(1, 6):
        enter(book, number)
        assert one.follow() == 1
    assert one.follow() == 0
    heads = Heads(database)

    assert [head.size for head in heads.all()] == [1, 2, 3, 4, 5]
    for head in heads.all():
        assert head.root == root_of(leaves(line.body for line in heads.lines(0, head.size))).hex()


def test_a_long_book_is_covered_in_parts(database: Database, book: Book, follower: NewFollower) -> None:
    enter(book, *range(1, 6))
    one = follower()

    assert [one.follow(2), one.follow(2), one.follow(2), one.follow(2)] == [2, 2, 1, 0]
    assert [head.size for head in Heads(database).all()] == [2, 4, 5]


def test_the_head_that_is_closed_at_an_instant_stays_the_same_whatever_comes_later(
    database: Database, book: Book, follower: NewFollower, clock: Clock
) -> None:
    heads, first = Heads(database), clock()
    assert heads.closed_at(first) is None
    enter(book, 1)
    follower().follow()
    clock.forward(hours=1)
    enter(book, 2)
    follower().follow()

    early = heads.closed_at(first)
    late = heads.closed_at(clock() + timedelta(days=1))
    assert early
    assert late
    assert (early.size, late.size) == (1, 2)
    assert heads.closed_at(first - timedelta(seconds=1)) is None
    assert heads.before(2) == early


def test_the_lag_is_what_no_head_covers(database: Database, book: Book, follower: NewFollower, clock: Clock) -> None:
    one = follower()
    assert (one.lag().lines, one.lag().seconds) == (0, 0.0)
    enter(book, 1)
    found(database, clock, "a")
    clock.forward(seconds=7)
    assert (one.lag().lines, round(one.lag().seconds, 3)) == (2, 7.0)

    one.follow()

    assert (one.lag().lines, one.lag().seconds) == (0, 0.0)


def test_followers_at_once_sign_one_history(database: Database, book: Book, follower: NewFollower, second: SecondPlace) -> None:
    for number in range(1, 9):
        enter(book, number)
        told = at_once([follower().follow for _ in range(4)])
        assert not [one for one in told if isinstance(one, Exception)]
        assert 1 in told

    heads = list(Heads(database).all())
    assert [head.size for head in heads] == list(range(1, 9))
    assert [number for number, _ in kept_heads(second)] == list(range(1, 9))


# -- the second place ------------------------------------------------------------------------------------


def test_the_second_place_keeps_the_signed_message_and_the_lines_to_the_byte(
    database: Database, book: Book, follower: NewFollower, second: SecondPlace
) -> None:
    enter(book, 1, 2)
    follower().follow()
    enter(book, 3)
    follower().follow()

    kept = dict(kept_heads(second))
    lines = [line for one in kept.values() if one for line in one.lines]
    assert [(one.message, one.after) for one in kept.values() if one] == [
        (head.message, after) for head, after in zip(Heads(database).all(), (0, 2), strict=True)
    ]
    assert [(one.place, one.kind, one.body) for one in lines] == [(one.place, one.kind, one.body) for one in Heads(database).lines(0, 9)]


def test_what_a_killed_follower_did_not_keep_is_kept_by_the_next(book: Book, follower: NewFollower, second: SecondPlace) -> None:
    enter(book, 1)
    follower().follow()
    for number in (2, 3):  # killed each time between table and second place
        enter(book, number)
        follower(None).follow()
    assert list(second.numbers()) == [1]

    assert follower().follow() == 0

    assert list(second.numbers()) == [1, 2, 3]
    assert [len(one.lines) for _, one in kept_heads(second) if one] == [1, 1, 1]


def test_a_head_of_which_a_loss_of_power_left_the_beginning_is_kept_again(book: Book, follower: NewFollower, tmp_path: Path) -> None:
    for number in (1, 2):
        enter(book, number)
        follower().follow()
    file = tmp_path / "second" / "heads" / f"{2:020d}"
    whole = file.read_bytes()
    for left in (b"", whole[:100]):
        file.write_bytes(left)
        assert follower().follow() == 0
        assert file.read_bytes() == whole
    file.write_bytes(b"x" + whole[1:])  # this is no beginning of it
    with pytest.raises(BookBroken, match="another head"):
        follower().follow()


def test_a_second_place_that_cannot_be_reached_stops_the_heads(book: Book, follower: NewFollower, tmp_path: Path) -> None:
    place = open_second_place(f"file:{tmp_path}/gone")
    enter(book, 1)
    (tmp_path / "gone").rmdir()
    (tmp_path / "gone").write_text("no folder")

    with pytest.raises(ArchiveUnavailable):
        follower(place).follow()


def test_no_head_is_signed_over_a_book_that_is_shorter_than_its_second_place(
    database: Database, book: Book, follower: NewFollower, second: SecondPlace
) -> None:
    enter(book, 1)
    follower().follow()
    second.keep(5, KeptHead(b"a head of lines that are lost", 1, ()).packed())
    enter(book, 2)

    with pytest.raises(BookBroken, match="knows more"):
        follower().follow()
    assert [head.size for head in Heads(database).all()] == [1]


def test_no_head_is_signed_where_the_second_place_keeps_another(book: Book, follower: NewFollower, second: SecondPlace) -> None:
    enter(book, 1)
    second.keep(1, KeptHead(b"another", 0, ()).packed())
    follower(None).follow()
    enter(book, 2)

    with pytest.raises(BookBroken, match="another head"):
        follower().follow()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM entries WHERE place = 2", "line 2 of the book is missing"),
        ("UPDATE entries SET body = '{}' WHERE place = 2", "line 2 .* changed"),
    ],
)
def test_no_head_is_signed_over_a_book_that_is_not_whole(database: Database, book: Book, follower: NewFollower, statement: str, said: str) -> None:
    enter(book, 1, 2, 3)
    without_guards(database, statement)

    with pytest.raises(BookBroken, match=said):
        follower().follow()
    assert Heads(database).last() is None


def test_a_second_place_in_a_bucket_keeps_what_was_kept_first(bucket: str, s3_options: dict[str, str]) -> None:
    place = open_second_place(f"s3://{bucket}/second", options=s3_options)

    assert place.get(3) is None
    assert [place.keep(number, str(number).encode()) for number in (3, 12, 100)] == [True] * 3
    assert not place.keep(3, b"other")
    assert place.get(3) == b"3"
    assert list(place.numbers()) == [3, 12, 100]
    assert list(place.numbers(3)) == [12, 100]


@pytest.mark.parametrize("url", ["", "heads", "ftp://host/heads", "file://host/heads"])
def test_a_second_place_that_is_none_is_refused_at_start(url: str) -> None:
    with pytest.raises(Misconfigured):
        open_second_place(url)


# -- forms -----------------------------------------------------------------------------------------------


def test_only_what_was_written_is_read_as_a_statement(clock: Clock) -> None:
    said = Statement(NAME, 3, clock(), b"\1" * 32, clock())

    assert read_statement(said.payload()) == said
    assert json.loads(said.payload())["format"] == "head/1"
    for other in (b"", b"[]", b"{}", said.payload() + b" ", said.payload().replace(b"head/1", b"head/2"), said.payload().replace(b":3,", b":true,")):
        with pytest.raises(BadHead):
            read_statement(other)


def test_only_what_was_kept_is_read_as_a_kept_head() -> None:
    kept = KeptHead(b"message", 4, (KeptLine(5, "entry", '{"a":"\\u4e2d"}'), KeptLine(6, "foundation", "{}")))

    assert read_kept(kept.packed()) == kept
    packed = kept.packed()
    gap = replace(kept, lines=(kept.lines[0], replace(kept.lines[1], place=7))).packed()
    for other in (b"", b"no gzip", packed[:-9], gap, KeptHead(b"", 0, (KeptLine(2, "entry", "{}"),)).packed()):
        with pytest.raises(BadHead):
            read_kept(other)


def test_a_head_that_no_department_signed_is_none(keyring: Keyring) -> None:
    for message in (b"", b"\x84", b"{}"):
        with pytest.raises(BadHead):
            opened(keyring, message)
