"""Examines files of strangers in processes of their own, bounded in time and memory, that can be killed.

`Examiner` keeps up to two long-lived children (this module run as a program) and replaces one that died, ran over
its time or ate its memory. Parent and child speak frames over pipes, `length (4 bytes, big-endian) ‖ bytes`: first
one JSON frame with the trust roots and known certificates, answered by `{}`, then for each file a JSON frame and a
frame with the file, answered by a JSON frame. Nothing is pickled, so a child taken over by a file can say nothing
but a finding.
"""

import base64
import dataclasses
import json
import logging
import os
import queue
import resource
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from licence_service.errors import Unavailable
from licence_service.seal import Finding, KnownSeal
from licence_service.seal.examination import examine

CHILDREN = 2
WALL_SECONDS = 5.0
START_SECONDS = 30.0  # loading the libraries on a busy machine; not the file's fault, so not on its account
WAIT_SECONDS = 10.0
MEMORY_BYTES = 1 << 30
MAX_ANSWER_BYTES = 1 << 16

_LENGTH = struct.Struct(">I")
_STOPPED = Finding(reasons=("examination-stopped",))


class Examiner:
    """Asks a child process what a file is; safe to share between threads, to be closed at the end."""

    def __init__(
        self,
        trust: Sequence[bytes],
        certificates: Mapping[str, KnownSeal],
        *,
        children: int = CHILDREN,
        wall_seconds: float = WALL_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """Take the roots as DER and the known certificates by digest; children start with their first file."""
        setting = {
            "trust": [base64.b64encode(der).decode() for der in trust],
            "certificates": [dataclasses.asdict(known) for known in certificates.values()],
            "cpu_seconds": max(1, round(wall_seconds)),
        }
        self._wait_seconds = wait_seconds
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._children = [_Child(json.dumps(setting).encode(), wall_seconds) for _ in range(children)]
        for child in self._children:
            self._idle.put(child)

    def examine(self, document: bytes, at: datetime | None = None) -> Finding:
        """Examine `document` (see `examination.examine`) within the limits.

        A file that needs more than them gets the reason `examination-stopped`. Raise `Unavailable` when every child
        stays busy with other files for `wait_seconds`.
        """
        try:
            child = self._idle.get(timeout=self._wait_seconds)
        except queue.Empty:
            raise Unavailable("too many files are being examined") from None
        try:
            return child.examine(document, at)
        finally:
            self._idle.put(child)

    def close(self) -> None:
        """Kill the children; a file under examination is answered as stopped."""
        for child in self._children:
            child.kill()


class _Child:
    """One child process at a time, used by one thread at a time."""

    def __init__(self, setting: bytes, wall_seconds: float) -> None:
        self._setting = setting
        self._wall_seconds = wall_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def examine(self, document: bytes, at: datetime | None) -> Finding:
        """Put one question; whatever breaks the conversation is the file's doing and ends the child."""
        try:
            process = self._running()
            with _alarm(process, self._wall_seconds):
                return _asked(process, document, at)
        except (OSError, EOFError, ValueError, TypeError):
            self.kill()
            return _STOPPED

    def kill(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _close(pipe)

    def _running(self) -> subprocess.Popen[bytes]:
        """Return a child that is ready for a question, started now if there is none."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.kill()
        # The child finds this package where the parent did, installed or not, and sees no secret in its environment.
        environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "licence_service.seal.examiner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        with _alarm(self._process, START_SECONDS):
            _exchange(self._process, self._setting)
        return self._process


@contextmanager
def _alarm(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    """Kill `process` if the block takes longer; this unblocks its pipes, reading and writing alike."""
    timer = threading.Timer(seconds, process.kill)
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
    _send(process.stdin, *frames)
    return _received(process.stdout, MAX_ANSWER_BYTES)


def _asked(process: subprocess.Popen[bytes], document: bytes, at: datetime | None) -> Finding:
    """Send one file and read the finding."""
    question = json.dumps({"at": at.isoformat() if at else None}).encode()
    answer = json.loads(_exchange(process, question, document))
    sealed_at = answer.pop("sealed_at")
    reasons = tuple(str(reason) for reason in answer.pop("reasons"))
    return Finding(**answer, sealed_at=datetime.fromisoformat(sealed_at) if sealed_at else None, reasons=reasons)


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer files until the parent is gone; the body of the child process."""
    setting = json.loads(_received(questions))
    trust = [base64.b64decode(der) for der in setting["trust"]]
    certificates = {item["certificate_sha256"]: KnownSeal(**item) for item in setting["certificates"]}
    _send(answers, b"{}")
    while True:
        try:
            question = json.loads(_received(questions))
        except EOFError:
            return
        document = _received(questions)
        _renew_cpu_limit(setting["cpu_seconds"])
        at = datetime.fromisoformat(question["at"]) if question["at"] else None
        finding = dataclasses.asdict(examine(document, trust, certificates, at))
        finding["sealed_at"] = finding["sealed_at"].isoformat() if finding["sealed_at"] else None
        _send(answers, json.dumps(finding).encode())


def confine() -> None:
    """Bound this process before it touches a file: memory, no files written, no core dump, no word on a terminal."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)  # what pyHanko logs may name the signer of a stranger's file


def _renew_cpu_limit(seconds: int) -> None:
    """Allow this file so many seconds of CPU time from now; the kernel ends the child after them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


def _send(pipe: IO[bytes], *frames: bytes) -> None:
    for frame in frames:
        pipe.write(_LENGTH.pack(len(frame)))
        pipe.write(frame)
    pipe.flush()


def _received(pipe: IO[bytes], limit: int | None = None) -> bytes:
    """Read one frame; raise `EOFError` where the other side is gone or says more than `limit` bytes."""
    header = pipe.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(header)
    if limit is not None and length > limit:
        raise EOFError
    frame = pipe.read(length)
    if len(frame) < length:
        raise EOFError
    return frame


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is None:
        return
    try:
        pipe.close()
    except BrokenPipeError:
        # The rest of a question that a dead child will not read.
        return


if __name__ == "__main__":
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)
