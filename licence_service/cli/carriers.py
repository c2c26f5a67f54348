"""Who carries the chunks of a run while a command waits for them: this process, processes beside it, or workers elsewhere."""

import atexit
import os
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Thread
from typing import Protocol

from licence_service import heap
from licence_service.cli.talking import err
from licence_service.errors import Unavailable
from licence_service.runs import Runs
from licence_service.service import Service, build
from licence_service.settings import read_settings
from licence_service.store.runs import DONE, Run

_PAUSE = 0.2  # seconds between two looks at a chunk that another carries
_MOST_KILLED = 12  # processes that end one after the other before a chunk is done


class Carriers(Protocol):
    """Carry chunks that they were asked for."""

    ahead: int  # how many chunks are worth asking for before the first is done

    def ask(self, number: int) -> None:
        """Have a chunk carried, soon."""

    def wait(self, number: int) -> None:
        """Return when a chunk that was asked for is done; raise what stopped it."""


class Here:
    """This process carries them, one after the other."""

    ahead = 1

    def __init__(self, runs: Runs, run: Run) -> None:
        """Take the run."""
        self._runs, self._run, self._holder = runs, run, command_holder()

    def ask(self, number: int) -> None:
        """See `Carriers.ask`: it is begun when it is waited for."""

    def wait(self, number: int) -> None:
        """See `Carriers.wait`."""
        while self._runs.state(self._run, number) != DONE:
            if not self._runs.carry(self._run.run_id, number, self._holder):
                time.sleep(_PAUSE)


class Workers:
    """Workers on any machine carry them; `tell` puts a chunk in their queue."""

    ahead = 64

    def __init__(self, runs: Runs, run: Run, tell: Callable[[str, int], None]) -> None:
        """Take the run."""
        self._runs, self._run, self._tell = runs, run, tell
        self._said: tuple[int, str] | None = None

    def ask(self, number: int) -> None:
        """See `Carriers.ask`."""
        self._tell(self._run.run_id, number)

    def wait(self, number: int) -> None:
        """See `Carriers.wait`."""
        while self._runs.state(self._run, number) != DONE:
            reason = self._runs.trouble(self._run, number)
            if reason and (number, reason) != self._said:
                self._said = (number, reason)
                err.print(f"chunk {number} waits: {reason}")
            time.sleep(_PAUSE)


class Beside:
    """Processes of this machine carry them, so many at a time; one that is killed is replaced, and what it had is done again."""

    def __init__(self, runs: Runs, run: Run, count: int) -> None:
        """Take the run."""
        self._runs, self._run, self._count, self._killed = runs, run, count, 0
        self._holder = command_holder()
        self.ahead = count + 1
        self._asked: dict[int, Future[None]] = {}
        self._pool = self._begin()

    def ask(self, number: int) -> None:
        """See `Carriers.ask`."""
        try:
            self._asked[number] = self._pool.submit(_Carrier.carry, self._run.run_id, number, self._holder)
        except BrokenProcessPool:
            self._asked[number] = Future()
            self._again()

    def wait(self, number: int) -> None:
        """See `Carriers.wait`."""
        while number in self._asked:
            try:
                self._asked[number].result()
            except BrokenProcessPool:
                self._again()
                continue
            del self._asked[number]
            self._killed = 0
            if self._runs.state(self._run, number) != DONE:  # another command, or a worker, has it
                time.sleep(_PAUSE)
                self.ask(number)

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self) -> ProcessPoolExecutor:
        context = get_context("spawn")  # a fork would share the connections of its parent
        return ProcessPoolExecutor(self._count, context, _Carrier.begin, (os.getpid(),))

    def _again(self) -> None:
        """Replace the processes, all of which ended with the one that was killed."""
        self._killed += 1
        if self._killed > _MOST_KILLED:
            raise Unavailable("processes end again and again before a chunk is done: is there memory enough for so many?")
        err.print("a worker was killed; its chunks are done again")
        self._pool.shutdown()
        self._runs.kept.bereave(self._holder)
        self._pool = self._begin()
        for number in sorted(self._asked):
            self._asked[number] = self._pool.submit(_Carrier.carry, self._run.run_id, number, self._holder)


@contextmanager
def beside(runs: Runs, run: Run, count: int) -> Iterator[Beside]:
    """Open processes beside this one, and end them."""
    made = Beside(runs, run, count)
    try:
        yield made
    finally:
        made.close()


class _Carrier:
    """What a process keeps open until it ends."""

    runs: Runs

    @classmethod
    def begin(cls, parent: int) -> None:
        """Open the service in this process."""
        cls.runs = opened_beside(parent).runs

    @classmethod
    def carry(cls, run_id: str, number: int, holder: str) -> None:
        """Carry one chunk, if nobody else has it."""
        cls.runs.carry(run_id, number, holder)


def command_holder() -> str:
    """Return a name under which a command holds chunks: whoever goes on with a run after it takes them over (`KeptRuns.begin`)."""
    return f"command:{secrets.token_hex(8)}"


def opened_beside(parent: int) -> Service:
    """Open the service of this process, which ends when its parent does, however that ends; it is closed with the process."""
    heap.in_one_arena()
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    opened = build(read_settings())
    atexit.register(opened.close)
    return opened


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)  # nothing is lost: what it had reserved is carried on by the next
