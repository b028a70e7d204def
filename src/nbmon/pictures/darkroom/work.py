"""One job under way, as its parent sees it: forked, timed, ended, and what it left behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from time import monotonic
from typing import Any

from nbmon.pictures.cache.colours import COLOURS_BYTES
from nbmon.pictures.darkroom.job import Job, Reply
from nbmon.pictures.darkroom.limits import Limits
from nbmon.pictures.kinds import SNIFF_BYTES, sniff
from nbmon.pictures.processing.negotiation import KINDS
from nbmon.workers.fork import fork

WORD_BYTES = 4_096  # of a child's word
TOO_SLOW = "The picture took longer than one picture may take here."
DIED = "The picture could not be made: what reads it broke down over it."
CHANGED = "The picture is being changed; try again in a moment."
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


class Work:
    """A job's process. Whoever makes one calls `end` once `pidfd` is readable, and `close`."""

    def __init__(
        self, job: Job, source: int, limits: Limits, waited: float, live: Callable[..., Any]
    ) -> None:
        """Takes `source` over. OSError if there is no room for a process or a descriptor."""
        self.job = job
        self.waited = waited
        self.source = source
        self.pidfd = self.out = self._word = -1
        self.began = monotonic()
        self.deadline = self.began + limits.seconds
        self.late = self.unwanted = False
        self.corners = b""  # colours of the result's, if it shows all of the picture
        self._before = _state(source)
        try:
            self._start(limits, live)
        except OSError:
            self.close()
            raise

    def _start(self, limits: Limits, live: Callable[..., Any]) -> None:
        self.out = os.memfd_create("nbmon-picture", os.MFD_CLOEXEC)
        self._word, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        given = self.source, self.out, theirs
        try:
            pid = fork(lambda parent: live(self.job, given, limits, parent))
        finally:
            os.close(theirs)
        self.pidfd = os.pidfd_open(pid)

    def kill(self) -> None:
        """End it now; it is not waited for."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def end(self) -> Reply:
        """Its end, which has come: what to answer. The result, with status 200, lies in `out`."""
        ended = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        took = monotonic() - self.began
        said = self._said()
        if self.late or (ended is not None and ended.si_status == signal.SIGXCPU and not said):
            return Reply(504, TOO_SLOW, took=took)
        if not said:
            return Reply(422, DIED, took=took)
        if _state(self.source) != self._before:
            return Reply(503, CHANGED, took=took, retry_after=1)
        reply = Reply(waited=self.waited, took=took, **said)
        if reply.status != 200 or self._is_what_it_says():
            return reply
        return Reply(422, DIED, took=took)

    def _said(self) -> dict[str, Any]:
        """The child's word, of which nothing is believed: it had a stranger's bytes in hand."""
        try:
            found = json.loads(os.read(self._word, WORD_BYTES))
            status, sentence = int(found["status"]), str(found.get("sentence", ""))
            width, height = int(found.get("width", 0)), int(found.get("height", 0))
            self.corners = bytes.fromhex(found.get("corners", ""))[:COLOURS_BYTES]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        if status not in (200, 400, 422) or not (0 <= width < 1 << 16 and 0 <= height < 1 << 16):
            return {}
        return {"status": status, "sentence": sentence, "width": width, "height": height}

    def _is_what_it_says(self) -> bool:
        """Whether the result begins as its format does: nothing else is ever sent under that name."""
        fm = self.job.recipe.fm
        start = os.pread(self.out, SNIFF_BYTES, 0)
        if fm == "thumbhash":
            return bool(start) and _BASE64.issuperset(start) and os.fstat(self.out).st_size <= 64
        return sniff(start) == KINDS[fm or ""]

    def close(self) -> None:
        """Close what is open; harmless twice."""
        for name in ("pidfd", "out", "_word", "source"):
            fd = getattr(self, name)
            setattr(self, name, -1)
            if fd >= 0:
                os.close(fd)


def _state(fd: int) -> tuple[int, ...]:
    status = os.fstat(fd)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
