"""Examines files of strangers in processes of their own, bounded in time and memory, that can be killed.

`Examiner` keeps up to two children (`examining` run as a program), each of which forks a worker for every file. It is
a pool of its own: what scans codes never waits for it, and its waiting room is small, so that uploads can neither
take all threads of a server nor fill its memory.

Two seconds bound the CPU time of a file, not the time on the wall: beside an issuing campaign and a hundred uploads a
genuine licence may wait for its turn many times the 0.1 s that it needs, and must not be told that it took too much.
"""

import base64
import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from licence_service.errors import Unavailable
from licence_service.seal import Finding, KnownSeal
from licence_service.seal.examining import MOST_ANSWER, received, send

CHILDREN = 2
WAITING = 8
RETRY_SECONDS = 5
START_SECONDS = 30.0  # loading the libraries on a busy machine; not the file's fault, so not on its account
WAIT_SECONDS = 10.0
_GRACE_SECONDS = 2.0  # a child ends its worker itself; only one that does not is ended from here

_STOPPED = Finding(reasons=("examination-stopped",))


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may use: seconds of CPU, seconds on the wall, bytes of address space."""

    cpu_seconds: float = 2.0
    wall_seconds: float = 15.0
    memory_bytes: int = 250 << 20


@dataclass(frozen=True, slots=True)
class Answered:
    """What a worker said, None where it was ended, and what it spent."""

    answer: Any
    cpu_seconds: float = 0.0
    memory_bytes: int = 0


class Examiner:
    """Asks a child process what a file is; safe to share between threads, to be closed at the end."""

    def __init__(
        self,
        trust: Sequence[bytes],
        certificates: Mapping[str, KnownSeal],
        *,
        children: int = CHILDREN,
        waiting: int = WAITING,
        wait_seconds: float = WAIT_SECONDS,
        limits: Limits | None = None,
        program: str = "licence_service.seal.examining",
    ) -> None:
        """Take the roots as DER and the known certificates by digest; children start with their first file or with `start`.

        `waiting` files may wait, each for `wait_seconds`, while every child is busy. `program` is the module that the
        children run: one that answers `examine`, and whatever else is asked of it.
        """
        limits = limits or Limits()
        setting = {
            "trust": [base64.b64encode(der).decode() for der in trust],
            "certificates": [dataclasses.asdict(known) for known in certificates.values()],
            **dataclasses.asdict(limits),
        }
        self._wait_seconds = wait_seconds
        self._room = threading.BoundedSemaphore(max(children + waiting, 1))
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._children = [_Child(program, json.dumps(setting, default=str).encode(), limits.wall_seconds + _GRACE_SECONDS) for _ in range(children)]
        for child in self._children:
            self._idle.put(child)

    def start(self) -> None:
        """Start every child now; a server does so before its first visitor comes."""
        for child in self._children:
            self.ask("examine", b"", at=None, child=child)

    def examine(self, document: bytes, at: datetime | None = None, *, own: bool = False) -> Finding:
        """Examine `document` (see `examination.examine`) within the limits; of one that was sealed here just now (`own`) only its time on the wall.

        A file that needs more than them gets the reason `examination-stopped`. Raise `Unavailable` when too many
        files wait already, or every child stays busy with other files for `wait_seconds`.
        """
        return finding_of(self.ask("examine", document, own=own, at=at.isoformat() if at else None))

    def ask(self, do: str, *files: bytes, own: bool = False, child: "_Child | None" = None, **question: object) -> Answered:
        """Put any question that the program answers about some files, which may be our `own`; `Unavailable` as in `examine`."""
        if not self._room.acquire(blocking=False):
            raise Unavailable("too many files are being examined", retry_after=RETRY_SECONDS)
        try:
            free = self._free(child)
            try:
                return free.ask({"do": do, "files": len(files), "own": own, **question}, files)
            finally:
                self._idle.put(free)
        finally:
            self._room.release()

    def _free(self, child: "_Child | None") -> "_Child":
        """Take a child that has nothing to do: any, or that one."""
        try:
            taken = self._idle.get(timeout=self._wait_seconds)
        except queue.Empty:
            raise Unavailable("too many files are being examined", retry_after=RETRY_SECONDS) from None
        if child is None or taken is child:
            return taken
        try:
            return self._free(child)
        finally:
            self._idle.put(taken)

    def close(self) -> None:
        """Kill the children; a file under examination is answered as stopped."""
        for child in self._children:
            child.kill()


def finding_of(answered: Answered) -> Finding:
    """Return the finding that a worker told; `examination-stopped` where it was ended or told nothing that is one."""
    try:
        said = dict(answered.answer)
        sealed_at, reasons = said.pop("sealed_at"), tuple(str(reason) for reason in said.pop("reasons"))
        return Finding(**said, sealed_at=datetime.fromisoformat(sealed_at) if sealed_at else None, reasons=reasons)
    except (TypeError, ValueError, KeyError):
        return _STOPPED


class _Child:
    """One child process at a time, used by one thread at a time."""

    def __init__(self, program: str, setting: bytes, wall_seconds: float) -> None:
        self._program = program
        self._setting = setting
        self._wall_seconds = wall_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: Mapping[str, object], files: Sequence[bytes]) -> Answered:
        """Put one question; whatever breaks the conversation is the file's doing and ends the child."""
        try:
            process = self._running()
            with _alarm(process, self._wall_seconds):
                said = json.loads(_exchange(process, json.dumps(question).encode(), *files))
            return Answered(said["answer"], said["cpu_seconds"], said["memory_bytes"])
        except (OSError, EOFError, ValueError, TypeError, KeyError):
            self.kill()
            return Answered(None)
        except BaseException:  # whatever it is, and it is raised again: an answer left in the pipe would be taken for the next file's
            self.kill()
            raise

    def kill(self) -> None:
        """End the process with its worker, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _close(pipe)

    def _running(self) -> subprocess.Popen[bytes]:
        """Return a child that is ready for a question, started now if there is none."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.kill()
        # The child finds this package where the parent did, installed or not, and sees no secret in its environment.
        environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.defpath, "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and one of our own modules
            [sys.executable, "-m", self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        with _alarm(self._process, START_SECONDS):
            _exchange(self._process, self._setting)
        return self._process


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a child and its worker: they are a process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _alarm(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    """Kill `process` if the block takes longer; this unblocks its pipes, reading and writing alike."""
    timer = threading.Timer(seconds, _kill, (process,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _exchange(process: subprocess.Popen[bytes], *frames: bytes) -> bytes:
    """Send frames and return the one that answers them; `EOFError` where the child is gone."""
    if process.stdin is None or process.stdout is None:
        raise EOFError
    send(process.stdin, *frames)
    return received(process.stdout, 2 * MOST_ANSWER)


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is None:
        return
    try:
        pipe.close()
    except BrokenPipeError:
        # The rest of a question that a dead child will not read.
        return
