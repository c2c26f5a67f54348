"""A bounded pool of signing lanes of one seal: as many signatures under way at once as the store of its key takes well.

A key in a hardware module answers after milliseconds in which nothing happens here: n lanes make n signatures in that time.
What may go wrong, and what becomes of it:

* A signing that fails in passing (`Passing`) is tried again after a pause, in a lane opened anew; a few times in all.
* One that takes too long is given up, which counts as two tries: whatever it returns later is never used, and another lane takes its
  place. A call that hangs in a foreign library cannot be ended, so only as many as there are lanes may hang beside the working ones;
  where more hang, lanes are missing until one comes back.
* Where the seal is really gone, `SealUnavailable` stands in the place of the first signature that is missing. All that were made
  are remembered for a while: who asks again goes on from there, and gets the same bytes for what it had, whatever nonce the key draws.

No thread outlives its work, but for those that hang.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from queue import Empty, LifoQueue, PriorityQueue, SimpleQueue
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Protocol

from licence_service.errors import SealUnavailable

PATIENCE_SECONDS = 10.0
PAUSES = (0.005, 0.02, 0.08, 0.32)  # seconds before another try; as many tries and one more
_STALL = 2  # so many tries is one that was given up
AHEAD = 16  # messages under way or waiting, for each lane: none runs dry while a signature is put to use
REMEMBERED = 5_000  # signatures, some chunks of them
_LOOKS = 10  # for signings that take too long it is looked so many times while one may take its time


class Passing(Exception):  # noqa: N818 - facts are named without a suffix
    """This signing failed in a way that may pass; its lane is closed and not used again."""


class Lane(Protocol):
    """One way to the key; used by one thread at a time."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`; raise `Passing`, or `SealUnavailable` where trying again would be wrong."""

    def close(self) -> None:
        """Let go of what is held; never raises."""


@dataclass(slots=True, order=True)
class _Task:
    """One message on its way to its signature; whichever stands first is signed first, also when it is tried again."""

    at: int
    message: bytes = field(default=b"", repr=False, compare=False)
    tries: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """One signing under way, and when patience with it ends (by the monotonic clock)."""

    run: "_Run"
    task: _Task
    until: float


class Lanes:
    """The lanes of one seal; any number of threads may ask, together they never use more lanes than there are."""

    place = "token"

    def __init__(self, opening: Callable[[], Lane], count: int, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Take what opens a lane, how many there may be, and how long one signing, with the opening, may take."""
        self.count = count
        self.patience = patience_seconds
        self._opening = opening
        self._free: LifoQueue[Lane | None] = LifoQueue()  # None: may be opened; the last used first, so that few are open where few are needed
        for _ in range(count):
            self._free.put(None)
        self._lock = Lock()
        self._under_way: set[_Attempt] = set()
        self._hanging = 0
        self._missing = 0  # lanes that were not replaced
        self._made: OrderedDict[bytes, bytes] = OrderedDict()

    def sign(self, message: bytes) -> bytes:
        """Return the signature over one message; `SealUnavailable` where it cannot be had now."""
        with closing(self.each([message])) as signatures:
            return next(signatures)

    def each(self, messages: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Yield the signatures over all messages, in order.

        Messages are taken as lanes come free, at most `AHEAD` for each lane before their signatures are there, always in the caller's
        thread. Raise `SealUnavailable` in the place of the first signature that cannot be had. Close the generator if it is not
        used up.
        """
        run = _Run(self, messages)
        try:
            yield from run.signatures()
        finally:
            run.end()

    def reach(self) -> None:
        """Open a lane and close it again, without a signature; raise `SealUnavailable` where that does not come to an end in time."""
        answer: SimpleQueue[Exception | None] = SimpleQueue()
        Thread(target=lambda: answer.put(self._tried()), name="signing lane, tried", daemon=True).start()
        try:
            trouble = answer.get(timeout=self.patience)
        except Empty:
            raise SealUnavailable("the seal's key does not answer in time") from None
        if trouble:
            raise SealUnavailable(str(trouble)) from trouble

    def close(self) -> None:
        """Close the lanes that are not in use; they are opened anew when one is needed."""
        taken = 0
        with suppress(Empty):
            while True:
                lane = self._free.get_nowait()
                taken += 1
                if lane:
                    lane.close()
        for _ in range(taken):
            self._free.put(None)

    def _tried(self) -> Exception | None:
        """Open a lane and close it, be it after nobody waits any more: a session that stays open is a lane of the token lost."""
        try:
            self._opening().close()
        except Exception as trouble:  # noqa: BLE001 - whatever it is, a thread would swallow it: it is raised in the one that asked
            return trouble
        return None

    # -- for the runs --------------------------------------------------------------------------------

    def attempt(self, run: "_Run", task: _Task) -> bytes | Exception | None:
        """Sign once, in a lane of its own meanwhile; None where it was given up."""
        try:
            lane = self._free.get(timeout=self.patience)
        except Empty:
            return SealUnavailable("no signing lane of this seal came free")
        this = _Attempt(run, task, monotonic() + self.patience)
        with self._lock:
            self._under_way.add(this)
        outcome: bytes | Exception
        try:
            lane = lane or self._opening()
            outcome = lane.sign(task.message)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, a thread would swallow it: it is raised in the one that asked
            outcome = trouble
            if lane:
                lane.close()
            lane = None
        return outcome if self._ended(this, lane, outcome) else None

    def _ended(self, this: _Attempt, lane: Lane | None, outcome: bytes | Exception) -> bool:
        """Give a lane back; False where the attempt was given up meanwhile, and its lane replaced or missed."""
        with self._lock:
            mine = this in self._under_way
            if mine:
                self._under_way.discard(this)
                if isinstance(outcome, bytes):
                    self._made[this.task.message] = outcome
                    if len(self._made) > REMEMBERED:
                        self._made.popitem(last=False)
            missed = not mine and self._missing > 0
            self._hanging -= not mine
            self._missing -= missed
        if not mine and lane:
            lane.close()
        if mine or missed:
            self._free.put(lane if mine else None)
        return mine

    def give_up(self) -> None:
        """Give up all signings that take too long, of every run, and replace their lanes while not too many hang."""
        now = monotonic()
        with self._lock:
            overdue = [one for one in self._under_way if one.until < now]
            self._under_way.difference_update(overdue)
            for _ in overdue:
                self._hanging += 1
                if self._hanging <= self.count:
                    self._free.put(None)
                else:
                    self._missing += 1
        for one in overdue:
            one.run.again(one.task)

    def remembered(self, message: bytes) -> bytes | None:
        """Return a signature made before."""
        with self._lock:
            return self._made.get(message)

    def gone(self) -> bool:
        """Say whether all lanes hang."""
        return self._missing >= self.count


class _Run:
    """One caller's messages on their way; its threads, at most one for each lane, live as long as it does."""

    def __init__(self, lanes: Lanes, messages: Iterable[bytes]) -> None:
        self._lanes = lanes
        self._messages = iter(messages)
        self._tasks: PriorityQueue[_Task] = PriorityQueue()
        self._outcomes: SimpleQueue[tuple[int, bytes | Exception]] = SimpleQueue()
        self._there: dict[int, bytes | Exception] = {}
        self._taken = self._waiting = 0  # messages taken; of them under way or waiting
        self._all_taken = self._ended = False
        self._workers = 0
        self._look_at = monotonic() + lanes.patience / _LOOKS

    def signatures(self) -> Generator[bytes, None, None]:
        """Yield in order what comes in any order."""
        if self._lanes.gone():
            raise SealUnavailable("no signing lane of this seal answers")
        given = 0
        while True:
            self._take()
            if given == self._taken:
                return
            if given not in self._there:
                self._receive()
                continue
            outcome = self._there.pop(given)
            if isinstance(outcome, Exception):
                raise outcome
            given += 1
            yield outcome

    def end(self) -> None:
        """Let the threads end, each after what it has under way."""
        self._ended = True
        for _ in range(self._workers):
            self._tasks.put(_Task(-1))  # wakes a thread that waits

    def again(self, task: _Task) -> None:
        """Have a message signed again whose signing was given up; the thread that hangs is replaced."""
        task.tries += _STALL
        if task.tries > len(PAUSES):
            self._outcomes.put((task.at, SealUnavailable("the seal does not answer in time")))
        else:
            self._tasks.put(task)
        if not self._ended:
            self._start()

    def _take(self) -> None:
        """Take messages while there is room for them."""
        while not self._all_taken and self._waiting < AHEAD * self._lanes.count:
            message = next(self._messages, None)
            if message is None:
                self._all_taken = True
                return
            made = self._lanes.remembered(message)
            if made:
                self._there[self._taken] = made
            else:
                self._tasks.put(_Task(self._taken, message))
                self._waiting += 1
                if self._workers < min(self._waiting, self._lanes.count):
                    self._workers += 1
                    self._start()
            self._taken += 1

    def _receive(self) -> None:
        """Wait for the next outcome, and look meanwhile for signings that take too long."""
        while True:
            if monotonic() >= self._look_at:
                self._lanes.give_up()
                self._look_at = monotonic() + self._lanes.patience / _LOOKS
            try:
                at, outcome = self._outcomes.get(timeout=self._lanes.patience / _LOOKS)
            except Empty:
                continue
            self._waiting -= 1
            self._there[at] = outcome
            self._all_taken |= isinstance(outcome, Exception)  # what lies behind a failure would be signed for nothing
            return

    def _start(self) -> None:
        Thread(target=self._work, name="signing lane", daemon=True).start()  # one that hangs does not keep the process alive

    def _work(self) -> None:
        while (outcome := self._signed(task := self._tasks.get())) is not None:
            self._outcomes.put((task.at, outcome))

    def _signed(self, task: _Task) -> bytes | Exception | None:
        """Sign one message, trying again what fails in passing; None where it is not wanted from here any more."""
        while not self._ended:
            outcome = self._lanes.attempt(self, task)
            if not isinstance(outcome, Passing):
                return outcome
            if task.tries >= len(PAUSES):
                return SealUnavailable(f"the seal fails again and again: {outcome}")
            sleep(PAUSES[task.tries])
            task.tries += 1
        return None
