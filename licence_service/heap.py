"""The memory of a process that works in chunks: not searched while a chunk is under way, given back when it is done.

glibc makes an arena for each thread, and keeps what is free below what is in use: a process would hold several chunks' worth where it needs
one's. Another C library has not these functions, and then nothing happens.
"""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def in_one_arena() -> None:
    """Let threads that begin from now on share the first arena; they wait for each other's turn in the interpreter anyway."""
    if hasattr(_library(), "mallopt"):
        _library().mallopt(_ARENA_MAX, 1)


@contextmanager
def unhurried() -> Iterator[None]:
    """Look for cyclic garbage when the chunk is done: what lives as long as it does would be looked at again and again, and none of it is any.

    Then the pages that are free go back to the system, which takes some milliseconds. One chunk's steps within another's change nothing.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
            _give_back()


def _give_back() -> None:
    if hasattr(_library(), "malloc_trim"):
        _library().malloc_trim(0)


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
