"""The darkroom's loop: takes jobs from the server's workers, makes each result once, answers all who wait.

One thread, epoll(7), no timers but the jobs' deadlines. A connection carries one job and its answer. Nothing
is loaded before the first job comes, and then once for all of their processes.
"""

from __future__ import annotations

import array
import contextlib
import gc
import os
import resource
import select
import signal
import socket
import stat
import struct
from collections.abc import Callable
from time import monotonic
from typing import Any

from nbmon.pictures.cache.entry import Stored, digest_of
from nbmon.pictures.cache.keeper import Keeper
from nbmon.pictures.darkroom import child
from nbmon.pictures.darkroom.desk import Desk, Taken
from nbmon.pictures.darkroom.job import LARGEST, BadMessage, Job, Reply, read_job, reply_bytes
from nbmon.pictures.darkroom.limits import Limits
from nbmon.pictures.darkroom.work import DIED, Work
from nbmon.pictures.tally import Outcome, Tally
from nbmon.workers import stopping

FULL = "Too many pictures are being made at the moment; try again soon."
LONGEST_PAUSE = 30  # seconds, of a Retry-After
SPARE = 64  # descriptors that no client gets
PIPE_BYTES = 4_096
USUAL = 0.1  # seconds that a job takes, until it is known
_READ = select.EPOLLIN


def listen() -> socket.socket:
    """A socket for the broker, made before any process is forked that shall reach it.

    Its name is one that the kernel chose (unix(7), autobind), so that no file is left behind by whatever
    death; who comes is asked for its user.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind("")
    listener.listen(socket.SOMAXCONN)
    listener.setblocking(False)
    return listener


class Broker:
    """As a worker, it ends by SIGTERM once those who wait have their answers."""

    def __init__(
        self,
        listener: socket.socket,
        limits: Limits,
        keeper: Keeper | None = None,
        live: Callable[..., Any] = child.live,
        tally: Tally | None = None,
    ) -> None:
        """OSError, if there is no memory for a `tally` and none is given."""
        self._tally = tally or Tally()
        self._listener = listener
        self._limits = limits
        self._keeper = keeper
        self._live = live
        at_once = limits.at_once or len(os.sched_getaffinity(0))
        self._desk: Desk[tuple[Job, int]] = Desk(at_once, limits.queue)
        self._at_once = at_once
        self._clients: dict[int, socket.socket] = {}
        self._works: dict[str, Work] = {}
        self._of_pidfd: dict[int, Work] = {}
        self._usual = USUAL
        self._told = (-1, -1)  # waiting and running, as last said
        self._loaded = False
        self._most = _room(limits.clients)
        self._poll = select.epoll()

    def run(self) -> None:
        """Serve, in the main thread."""
        self._poll.register(self._listener, _READ)
        woken, waker = socket.socketpair()
        waker.setblocking(False)
        woken.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._poll.register(woken, _READ)
        try:
            while not (stopping() and self._idle()):
                for fd, _ in self._poll.poll(self._pause()):
                    if fd == woken.fileno():
                        woken.recv(PIPE_BYTES)
                    else:
                        self._happened(fd)
                self._in_time()
                self._begin()
                self._tell_state()
        finally:
            signal.set_wakeup_fd(-1)
            for work in self._of_pidfd.values():
                work.kill()

    def _idle(self) -> bool:
        """Whether nobody waits here; who comes from now on is the next broker's, with the same socket."""
        if self._listener.fileno() >= 0:
            self._poll.unregister(self._listener)
            self._listener.close()
        return not self._clients

    def _pause(self) -> float:
        """Seconds until the next deadline; -1 for none."""
        if not self._of_pidfd:
            return -1
        return max(0.0, min(work.deadline for work in self._of_pidfd.values()) - monotonic())

    def _happened(self, fd: int) -> None:
        if fd == self._listener.fileno():
            self._accept()
        elif fd in self._clients:
            self._read(fd)
        elif (work := self._of_pidfd.get(fd)) is not None:
            self._ended(work)
        elif self._keeper is not None and fd == self._keeper.sweeper:
            self._poll.unregister(fd)
            self._keeper.over()
            self._heed_sweep(-1)

    def _tell_state(self) -> None:
        """How much there is to do; once another broker has come, it says so."""
        state = self._desk.waiting, self._desk.running
        if state != self._told and not stopping():
            self._told = state
            self._tally.at_work(*state)

    # Clients

    def _accept(self) -> None:
        while len(self._clients) < self._most:
            try:
                sock, _ = self._listener.accept()
            except OSError:  # nobody more, or no descriptor: they wait in the kernel's queue
                return
            if not _is_ours(sock):
                sock.close()
                continue
            sock.setblocking(False)
            self._clients[sock.fileno()] = sock
            self._poll.register(sock, _READ)
        self._listen_on(0)

    def _read(self, fd: int) -> None:
        sock = self._clients[fd]
        try:
            data, sent = _receive(sock)
        except BlockingIOError:  # what was told of that number, was of one that is closed
            return
        except OSError:
            self._gone(fd)
            return
        try:
            job = read_job(data)
            if len(sent) != 1 or not stat.S_ISREG(os.fstat(sent[0]).st_mode) or self._desk.knows(fd):
                raise BadMessage("one regular file, and one job")
        except BadMessage:  # also an empty one: it has gone
            _close(sent)
            self._gone(fd)
            return
        self._ask(fd, job, sent[0])

    def _ask(self, fd: int, job: Job, source: int) -> None:
        now = monotonic()
        failure = self._desk.known_failure(job.key, now)
        if failure is not None:
            os.close(source)
            self._tally.came(Outcome.KNOWN)
            self._answer(fd, failure, -1)
            return
        taken, kept = self._desk.ask(fd, job.key, (job, source), now)
        if not kept:
            os.close(source)
        if taken is Taken.FULL:
            self._tally.came(Outcome.FULL)
            self._answer(fd, Reply(503, FULL, retry_after=self._retry_after()), -1)

    def _retry_after(self) -> int:
        """Seconds in which about half of the queue will be done."""
        return max(1, min(LONGEST_PAUSE, round(self._desk.waiting * self._usual / self._at_once / 2)))

    def _gone(self, fd: int) -> None:
        left = self._desk.leave(fd)
        for _job, source in left.dropped:
            os.close(source)
            self._tally.came(Outcome.UNWANTED)
        for key in left.stop:
            work = self._works.pop(key)
            work.unwanted = True
            work.kill()
        self._forget(fd)

    def _forget(self, fd: int) -> None:
        sock = self._clients.pop(fd)
        self._poll.unregister(sock)
        sock.close()
        if len(self._clients) == self._most - 1:
            self._listen_on(_READ)

    def _listen_on(self, events: int) -> None:
        if self._listener.fileno() >= 0:
            self._poll.modify(self._listener, events)

    def _answer(self, fd: int, reply: Reply, result: int) -> None:
        sock = self._clients[fd]
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [result]))] if result >= 0 else []
        try:
            sock.sendmsg([reply_bytes(reply)], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:  # it has gone
            pass
        self._forget(fd)

    # Jobs

    def _begin(self) -> None:
        while (order := self._desk.next(monotonic())) is not None:
            key, (job, source), waited = order
            try:
                self._load()
                work = Work(job, source, self._limits, waited, self._live)
            except OSError as error:
                _log(f"no process for a picture: {error.strerror}")
                self._tell(key, Reply(503, FULL, retry_after=self._retry_after()), -1)
                continue
            self._works[key] = self._of_pidfd[work.pidfd] = work
            self._poll.register(work.pidfd, _READ)

    def _load(self) -> None:
        if not self._loaded:
            from nbmon.pictures.darkroom.warming import warm

            warm()
            gc.collect()
            gc.freeze()  # what is loaded stays shared with the jobs' processes
            self._loaded = True

    def _in_time(self) -> None:
        now = monotonic()
        for work in self._of_pidfd.values():
            if work.deadline <= now:
                work.late = True
                work.deadline = now + self._limits.seconds
                work.kill()

    def _ended(self, work: Work) -> None:
        key = work.job.key
        self._poll.unregister(work.pidfd)
        del self._of_pidfd[work.pidfd]
        try:
            reply = work.end()
            self._tally.ended(_outcome(reply, work), reply.took, work.waited)
            if work.unwanted:
                self._desk.stopped()
            else:
                del self._works[key]
                self._finish(work, key, reply)
        finally:
            work.close()

    def _finish(self, work: Work, key: str, reply: Reply) -> None:
        self._usual += (reply.took - self._usual) / 8
        if reply.status == 200:
            self._tell(key, self._kept(work, key, reply), work.out)
            return
        if reply.status in (400, 422, 504):
            self._desk.failed(key, reply, monotonic())
        if reply.status == 504 or reply.sentence == DIED:
            _log(f"a picture was given up after {reply.took:.1f} s: {reply.sentence}")
        self._tell(key, reply, -1)

    def _kept(self, work: Work, key: str, reply: Reply) -> Reply:
        """The reply with what the result is, which is put into the cache."""
        length = os.fstat(work.out).st_size
        content = os.pread(work.out, length, 0)
        digest = digest_of(content)
        stored = Stored(work.job.recipe.fm or "", reply.width, reply.height, length, digest)
        if self._keeper is not None and work.job.keep:
            swept = self._keeper.sweeper
            self._keeper.keep(key, content, stored)
            self._keeper.note(work.source, work.corners)
            self._heed_sweep(swept)
        return Reply(
            200, "", reply.width, reply.height, length, digest.hex(), waited=reply.waited, took=reply.took
        )

    def _heed_sweep(self, before: int) -> None:
        """Hear of the end of a sweep that has begun since `before` was the sweeper's."""
        if self._keeper is not None and self._keeper.sweeper not in (before, -1):
            self._poll.register(self._keeper.sweeper, _READ)

    def _tell(self, key: str, reply: Reply, result: int) -> None:
        for fd in self._desk.done(key):
            self._answer(fd, reply, result)


_OUTCOMES = {
    200: Outcome.MADE,
    400: Outcome.REFUSED,
    422: Outcome.BROKEN,
    503: Outcome.CHANGED,
    504: Outcome.LATE,
}  # fmt: skip


def _outcome(reply: Reply, work: Work) -> Outcome:
    if work.unwanted:
        return Outcome.UNWANTED
    return Outcome.DIED if reply.sentence == DIED else _OUTCOMES[reply.status]


def _room(wanted: int) -> int:
    """How many clients there is room for, after the limit of descriptors is raised as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2 * wanted + SPARE
    if soft < most:
        wanted_soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted_soft, hard))
            soft = wanted_soft
    return max(1, min(wanted, (soft - SPARE) // 2))


def _is_ours(sock: socket.socket) -> bool:
    """Whether the other side is of this user."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(uid == os.geteuid())


def _receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    data, sent, _flags, _ = socket.recv_fds(sock, LARGEST, 4)
    for fd in sent:
        os.set_inheritable(fd, False)
    return data, list(sent)


def _close(descriptors: list[int]) -> None:
    for fd in descriptors:
        os.close(fd)


def _log(text: str) -> None:
    import logging

    logging.getLogger(__name__).warning(text)
