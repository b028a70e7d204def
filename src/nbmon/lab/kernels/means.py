"""The means by which two workers hand over to each other: what the one calls, what the other, and both alone.

A means is three functions: `ping` (the leader's round: give, take), `pong` (the follower's: take, give) and
`alone` (the same two calls by one worker, with no switch), whose cost is taken off.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import threading
from collections.abc import Callable
from typing import NamedTuple

Step = Callable[[], object]

FUTEX_WAIT, FUTEX_WAKE = 0, 1  # futex(2)
SYS_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}


class Means(NamedTuple):
    """One way to hand over."""

    ping: Step
    pong: Step
    alone: Step


def pipe() -> Means:
    """A byte through a pipe each way."""
    (there, to), (here, back) = os.pipe(), os.pipe()
    read, write = os.read, os.write

    def ping() -> None:
        write(to, b"x")
        read(here, 1)

    def pong() -> None:
        read(there, 1)
        write(back, b"x")

    def alone() -> None:
        write(to, b"x")
        read(there, 1)

    return Means(ping, pong, alone)


def eventfd() -> Means:
    """The kernel's counter behind a descriptor: eventfd(2)."""
    there, back = os.eventfd(0), os.eventfd(0)
    read, write = os.eventfd_read, os.eventfd_write

    def ping() -> None:
        write(there, 1)
        read(back)

    def pong() -> None:
        read(there)
        write(back, 1)

    def alone() -> None:
        write(there, 1)
        read(there)

    return Means(ping, pong, alone)


def futex() -> Means:
    """A word in shared memory that both watch: futex(2), by ctypes. OSError where its number is not known."""
    number = SYS_FUTEX.get(platform.machine())
    if number is None:
        raise OSError(f"the number of futex(2) on {platform.machine()} is not known here")
    words = (ctypes.c_int * 2).from_buffer(mmap.mmap(-1, mmap.PAGESIZE))
    call = ctypes.CDLL(None, use_errno=True).syscall
    there, back = (ctypes.byref(words, at * ctypes.sizeof(ctypes.c_int)) for at in (0, 1))

    def give(at: int, word: object) -> None:
        words[at] = 1
        call(number, word, FUTEX_WAKE, 1, None, None, 0)

    def take(at: int, word: object) -> None:
        while words[at] == 0:
            call(number, word, FUTEX_WAIT, 0, None, None, 0)
        words[at] = 0

    def ping() -> None:
        give(0, there)
        take(1, back)

    def pong() -> None:
        take(0, there)
        give(1, back)

    def alone() -> None:
        give(0, there)
        call(number, there, FUTEX_WAIT, 0, None, None, 0)  # the word is 1: it returns at once
        take(0, there)

    return Means(ping, pong, alone)


def lock() -> Means:
    """Two locks of threading, each released by the other thread."""
    there, back = threading.Lock(), threading.Lock()
    there.acquire()
    back.acquire()

    def ping() -> None:
        there.release()
        back.acquire()

    def pong() -> None:
        there.acquire()
        back.release()

    def alone() -> None:
        there.release()
        there.acquire()

    return Means(ping, pong, alone)


MEANS: dict[str, Callable[[], Means]] = {"pipe": pipe, "eventfd": eventfd, "futex": futex, "lock": lock}
