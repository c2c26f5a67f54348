"""Signing lanes: the order kept, what fails tried again, what hangs replaced, nothing lost and nothing given to two."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from licence_service.errors import SealUnavailable
from licence_service.seal.lanes import AHEAD, Lanes, Passing
from tests.slow_keys import SlowKey, SlowLane, is_over
from tests.waiting import until

MESSAGES = [b"message %d" % number for number in range(200)]


def all_own(signatures: list[bytes], messages: list[bytes]) -> bool:
    """Say whether each message has its own signature, in order."""
    return len(set(signatures)) == len(messages) and all(map(is_over, signatures, messages))


class Waiting(SlowLane):
    """A lane that signs when it is let."""

    def __init__(self, key: SlowKey, let: Callable[[], object]) -> None:
        super().__init__(key)
        self._let = let

    def sign(self, message: bytes) -> bytes:
        self._let()
        return super().sign(message)


def meeting(key: SlowKey, count: int) -> Callable[[], SlowLane]:
    """Open lanes that sign only when so many are asked at once; each waits for the others."""
    together = threading.Barrier(count, timeout=60)

    def opening() -> SlowLane:
        key.opened += 1
        return Waiting(key, together.wait)

    return opening


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Threads of lanes end with their work."""
    yield
    until(lambda: not any(one.name.startswith("signing lane") for one in threading.enumerate()))


@pytest.mark.parametrize("count", [1, 3, 16])
def test_signatures_come_in_the_order_of_their_messages_whichever_is_made_first(count: int) -> None:
    key = SlowKey(latency=0.002, spread=0.9)
    assert all_own(list(Lanes(key.open, count).each(MESSAGES)), MESSAGES)
    assert set(key.made.values()) == {1}


def test_as_many_signatures_are_under_way_as_there_are_lanes_and_never_more() -> None:
    key = SlowKey()
    lanes = Lanes(meeting(key, 8), 8, patience_seconds=120)
    assert all_own(list(lanes.each(MESSAGES[:160])), MESSAGES[:160])  # twenty times eight, each eight together
    assert key.opened == 8


def test_threads_that_ask_at_once_share_the_lanes() -> None:
    key = SlowKey()
    lanes = Lanes(meeting(key, 3), 3, patience_seconds=120)
    told: dict[int, bytes] = {}
    threads = [threading.Thread(target=lambda n=n: told.update({n: lanes.sign(MESSAGES[n])})) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all_own([told[n] for n in range(30)], MESSAGES[:30])
    assert key.opened == 3


def test_a_lane_that_failed_is_closed_and_its_message_signed_in_another() -> None:
    key = SlowKey(latency=0.001, failing=0.05, seed=7)
    lanes = Lanes(key.open, 4)
    assert all_own(list(lanes.each(MESSAGES)), MESSAGES)
    assert key.failures >= 5
    assert key.closed == key.failures
    lanes.close()
    assert key.opened == key.closed


@pytest.mark.parametrize("seed", range(5))
def test_whatever_fails_and_hangs_nothing_is_lost_and_no_two_messages_share_a_signature(seed: int) -> None:
    key = SlowKey(latency=0.001, spread=0.5, failing=0.05, stalling=0.01, stall=0.4, seed=seed)
    lanes = Lanes(key.open, 6, patience_seconds=0.1)
    signatures: list[bytes] = []
    for _ in range(50):  # a message that has no luck at all ends a run; the next goes on where it was
        with suppress(SealUnavailable):
            signatures = list(lanes.each(MESSAGES))
            break
    assert all_own(signatures, MESSAGES)
    assert key.stalls


def test_a_signing_that_hangs_is_given_up_and_what_it_returns_late_is_never_used() -> None:
    key, released = SlowKey(), threading.Event()
    doors = iter([Waiting(key, released.wait)])
    lanes = Lanes(lambda: next(doors, None) or key.open(), 1, patience_seconds=0.5)
    signature = lanes.sign(b"once")  # the first hangs and is given up
    assert key.made[b"once"] == 1
    released.set()
    until(lambda: key.made[b"once"] == 2)  # it comes to its end all the same
    until(lambda: not lanes._hanging)
    assert lanes.sign(b"once") == signature
    assert key.made[b"once"] == 2


def test_a_key_that_does_not_answer_is_unavailable_in_a_bounded_time_and_works_again_when_it_does() -> None:
    key = SlowKey(hanging=True)
    lanes = Lanes(key.open, 2, patience_seconds=0.1)
    began = time.monotonic()
    with pytest.raises(SealUnavailable):
        list(lanes.each(MESSAGES))
    assert time.monotonic() - began < 30  # it is some tenths of a second where nothing else is to be done
    for _ in range(3):
        with pytest.raises(SealUnavailable):
            lanes.sign(b"another")
    assert key.most <= 4  # no more hang than twice the lanes, however often it is asked
    lanes.patience = 600
    with pytest.raises(SealUnavailable, match="no signing lane of this seal answers"):  # at once: not after ten minutes
        lanes.sign(b"another")
    key.hanging = False
    until(lambda: not lanes._hanging)
    assert all_own(list(lanes.each(MESSAGES)), MESSAGES)
    assert key.most <= 4


def test_what_fails_every_time_is_given_up_with_its_reason_in_the_place_of_the_first() -> None:
    key = SlowKey(latency=0.001)
    lanes = Lanes(key.open, 3)
    asked = lanes.each(MESSAGES)
    signatures = [next(asked) for _ in range(50)]
    key.failing = 1.0
    with pytest.raises(SealUnavailable, match="it failed in passing"):
        signatures += asked
    key.failing = 0.0
    assert all_own([*lanes.each(MESSAGES)], MESSAGES)
    assert [lanes.remembered(one) for one in MESSAGES[:50]] == signatures[:50]


def test_who_asks_again_gets_the_same_bytes_and_nothing_is_signed_a_second_time() -> None:
    key = SlowKey()
    lanes = Lanes(key.open, 2)
    first = list(lanes.each(MESSAGES))
    assert list(lanes.each(MESSAGES)) == first
    assert set(key.made.values()) == {1}


def test_a_key_that_is_gone_is_not_tried_again_and_again() -> None:
    key = SlowKey(gone=True)
    lanes = Lanes(key.open, 1)
    with pytest.raises(SealUnavailable, match="gone"):
        lanes.sign(b"x")
    assert key.opened == key.closed == 1


def test_a_lane_that_does_not_open_is_tried_again() -> None:
    key, doors = SlowKey(), iter([Passing("shut"), Passing("shut")])

    def opening() -> SlowLane:
        if trouble := next(doors, None):
            raise trouble
        return key.open()

    assert is_over(Lanes(opening, 1).sign(b"x"), b"x")


def test_messages_are_taken_ahead_of_their_signatures_but_not_without_bound() -> None:
    taken = []

    def messages() -> Iterator[bytes]:
        for message in (b"%d" % number for number in range(10_000)):
            taken.append(message)
            yield message

    key = SlowKey(hanging=True)
    with pytest.raises(SealUnavailable):  # there was no signature at all
        next(Lanes(key.open, 2, patience_seconds=0.1).each(messages()))
    assert len(taken) == AHEAD * 2
    key.hanging = False


def test_trouble_among_the_messages_ends_the_run_and_is_the_callers() -> None:
    key = SlowKey()

    def messages() -> Iterator[bytes]:
        yield b"first"
        raise KeyError("among the messages")

    lanes = Lanes(key.open, 2)
    with pytest.raises(KeyError):
        list(lanes.each(messages()))
    assert is_over(lanes.sign(b"first"), b"first")


def test_no_messages_have_no_signatures_and_open_nothing() -> None:
    key = SlowKey()
    assert not list(Lanes(key.open, 2).each([]))
    assert key.opened == 0


def test_a_key_is_reached_without_a_signature_or_said_to_be_unreachable() -> None:
    key = SlowKey()
    Lanes(key.open, 2).reach()
    assert (key.opened, key.closed, key.whole) == (1, 1, 0)

    def shut() -> SlowLane:
        raise Passing("the door is shut")

    with pytest.raises(SealUnavailable, match="the door is shut"):
        Lanes(shut, 1).reach()

    let = threading.Event()

    def slow() -> SlowLane:
        let.wait()
        return key.open()

    with pytest.raises(SealUnavailable, match="does not answer in time"):
        Lanes(slow, 1, patience_seconds=0.05).reach()
    let.set()
    until(lambda: key.opened == key.closed == 2)  # a lane that opens too late is closed all the same
