"""The side of the examiner that touches files of strangers: a program that forks a bounded worker for every file.

It loads the libraries once and never looks into a stranger's file itself. For each question it forks; the worker answers through
a pipe of its own and is gone, so that no file meets what another one left behind, and a kill costs no new start. A file that
this service sealed a moment ago it reads itself: a fork takes longer than the examination.

Limits of one worker: CPU time, which is what a file can be blamed for; wall time, much longer, because on a busy
machine an innocent file waits for its turn; address space, the libraries' own included; no file written, no core
dump, and a low priority, so that scanning goes first. Frames are `length (4 bytes, big-endian) ‖ bytes`; nothing is pickled.
"""

import base64
import contextlib
import ctypes
import gc
import json
import logging
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import IO, Any, TypeAlias

from licence_service.seal import KnownSeal
from licence_service.seal.examination import examine

MOST_ANSWER = 4 << 20
COURTESY = 10  # of nice(2)

_LENGTH = struct.Struct(">I")
_CHUNK = 1 << 16
_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG

Answerer: TypeAlias = Callable[[Mapping[str, Any], Sequence[bytes]], object]
Answerers: TypeAlias = Mapping[str, Answerer]


def answerers(setting: Mapping[str, Any]) -> Answerers:
    """Return what can be asked of one file: its finding, as JSON values."""
    trust = [base64.b64decode(der) for der in setting["trust"]]
    certificates = {item["certificate_sha256"]: _known(item) for item in setting["certificates"]}

    def examined(question: Mapping[str, Any], files: Sequence[bytes]) -> dict[str, Any]:
        at = datetime.fromisoformat(question["at"]) if question["at"] else None
        found = examine(files[0], trust, certificates, at)
        return {
            "signed": found.signed, "intact": found.intact, "covers_whole_file": found.covers_whole_file, "trusted": found.trusted,
            "department": found.department, "certificate_sha256": found.certificate_sha256, "seal_id": found.seal_id,
            "sealed_at": found.sealed_at.isoformat() if found.sealed_at else None, "reasons": list(found.reasons),
            "licence_type": found.licence_type,
        }  # fmt: skip

    return {"examine": examined}


def _known(item: Mapping[str, Any]) -> KnownSeal:
    days = [date.fromisoformat(item[name]) if item[name] else None for name in ("used_from", "used_to")]
    return KnownSeal(item["seal_id"], item["department"], item["certificate_sha256"], tuple(item["chain"]), *days)


def serve(questions: IO[bytes], answers: IO[bytes], of: Callable[[Mapping[str, Any]], Answerers] = answerers) -> None:
    """Answer files until the parent is gone; the body of the program."""
    setting = json.loads(received(questions))
    does = of(setting)
    gc.freeze()  # what was loaded stays shared between the workers
    send(answers, b"{}")
    while True:
        try:
            question = json.loads(received(questions))
        except EOFError:
            return
        files = [received(questions) for _ in range(question["files"])]
        work = partial(does[question["do"]], question, files)
        send(answers, _by_itself(work) if question["own"] else _by_a_worker(work, setting))


def _by_itself(work: Callable[[], object]) -> bytes:
    """Do one piece of work over a file of our own; return its answer and what it spent."""
    began = time.process_time()
    answer = work()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return _told(answer, time.process_time() - began, used.ru_maxrss)


def _told(answer: object, cpu_seconds: float, kibibytes: int) -> bytes:
    return json.dumps({"answer": answer, "cpu_seconds": round(cpu_seconds, 4), "memory_bytes": kibibytes * 1024}).encode()


def _by_a_worker(work: Callable[[], object], setting: Mapping[str, Any]) -> bytes:
    """Do one piece of work in a fork; return its answer, None where it was ended, and what it spent."""
    reading, writing = os.pipe()
    worker = os.fork()
    if worker == 0:
        try:
            os.close(reading)
            _bound(setting)
            _write(writing, json.dumps(work(), ensure_ascii=False).encode("utf-8", "replace"))
        finally:
            _end()
    os.close(writing)
    said = _all_of(reading)
    if len(said) > MOST_ANSWER:
        os.kill(worker, signal.SIGKILL)
    os.close(reading)
    _, _, used = os.wait4(worker, 0)
    try:
        answer = json.loads(said) if len(said) <= MOST_ANSWER else None
    except ValueError:
        answer = None  # ended before it had said everything
    return _told(answer, used.ru_utime + used.ru_stime, used.ru_maxrss)


def _bound(setting: Mapping[str, Any]) -> None:
    """Bound this worker before it touches its file, and take the conversation with the parent out of its reach."""
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it; elsewhere the parent ends the whole group
        ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    for one in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(one, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, setting["wall_seconds"])
    signal.setitimer(signal.ITIMER_PROF, setting["cpu_seconds"])
    seconds = int(setting["cpu_seconds"]) + 2  # for one that turns the timer off
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (setting["memory_bytes"], setting["memory_bytes"]))


def _write(pipe: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(pipe, view) :]


def _end() -> None:
    """End a worker without running anything that belongs to the program it was forked from."""
    try:
        os._exit(0)
    finally:  # coverage wraps `_exit` and may fail where no file can be written
        os.kill(os.getpid(), signal.SIGKILL)


def _all_of(pipe: int) -> bytes:
    said = bytearray()
    while len(said) <= MOST_ANSWER and (piece := os.read(pipe, _CHUNK)):
        said += piece
    return bytes(said)


def confine() -> None:
    """Bound this process before it hears of a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(COURTESY)
    logging.disable(logging.CRITICAL)  # what pyHanko logs may name the signer of a stranger's file


def send(pipe: IO[bytes], *frames: bytes) -> None:
    """Write frames."""
    for frame in frames:
        pipe.write(_LENGTH.pack(len(frame)))
        pipe.write(frame)
    pipe.flush()


def received(pipe: IO[bytes], limit: int | None = None) -> bytes:
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


if __name__ == "__main__":
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)
