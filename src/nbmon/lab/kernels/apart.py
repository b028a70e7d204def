"""Runs a kernel in a fresh interpreter: one thread, so that it may fork, and nothing of the caller's.

The kernel is a generator function of plain values; each value that it yields comes back at once, as a line of
JSON. Whatever happens, its whole process group is dead when the caller goes on.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

from nbmon.lab.errors import LabError

TIMEOUT = 300.0  # seconds that one kernel may take
READ = 1 << 16  # bytes
END = b"."  # the line after the last value: no JSON
LAST_WORDS = 2000  # bytes of a failed kernel's standard error that are shown
PR_SET_PDEATHSIG = 1  # prctl(2)


class KernelError(LabError):
    """A kernel failed; the message has its own last words."""


def each(where: str, arguments: Mapping[str, Any], timeout: float = TIMEOUT) -> Iterator[Any]:
    """What the kernel `where` ("module:function") yields. KernelError if it fails or takes too long."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "nbmon.lab.kernels.apart", where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for the caller, who ends the group
        )
        try:
            assert child.stdin is not None and child.stdout is not None
            _tell(child.stdin, arguments)
            for line in _lines(child.stdout.fileno(), where, time.monotonic() + timeout):
                if line == END:
                    return
                yield json.loads(line)
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        finally:
            _end(child)
        raise KernelError(
            f"the measurement {where} failed ({_reason(child.returncode)}): {_last_words(errors)}"
        )


def value(where: str, arguments: Mapping[str, Any], timeout: float = TIMEOUT) -> Any:
    """The last value that the kernel yields, None without any."""
    last = None
    for last in each(where, arguments, timeout):  # noqa: B007 - the last one is what is wanted
        pass
    return last


def _tell(stream: IO[bytes], arguments: Mapping[str, Any]) -> None:
    try:
        stream.write(json.dumps(dict(arguments)).encode())
        stream.close()
    except BrokenPipeError:
        pass  # it is dead already: its exit code says why


def _lines(descriptor: int, where: str, deadline: float) -> Iterator[bytes]:
    rest = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            raise KernelError(f"the measurement {where} took too long and was ended")
        data = os.read(descriptor, READ)
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        yield from whole


def _end(child: subprocess.Popen[bytes]) -> None:
    """All of its group. Its number is not another's: the leader is not reaped before."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has no group yet, or none but the leader's, who has ended
    child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                pass  # it died before it had read what it was to do


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - LAST_WORDS))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def bound_to_parent() -> None:
    """SIGKILL for this process when its parent dies: prctl(2). For what was forked, too."""
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    """In the fresh interpreter: arguments from standard input, values to what was standard output."""
    import importlib

    bound_to_parent()
    arguments = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a measured function prints is no answer
    module, _, function = sys.argv[1].partition(":")
    for one in getattr(importlib.import_module(module), function)(**arguments):
        answers.write(json.dumps(one).encode() + b"\n")
    answers.write(END + b"\n")
    signal.pause()  # the caller ends this process with all that it began


if __name__ == "__main__":
    main()
