"""The processes that run: started, heard, told, forced, reaped; each known by its pidfd.

Must not decide anything: what happens is told to `heard`, in words of the core.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nbmon.workers import deaths, group, notices, orphans, settings
from nbmon.workers.cgroups import Cgroup, Cgroups
from nbmon.workers.child import Child, _prctl
from nbmon.workers.errors import WorkerError
from nbmon.workers.highfds import HighDescriptors
from nbmon.workers.keeper import Keeper
from nbmon.workers.launch import Ground, start_command, start_function
from nbmon.workers.loop import Loop
from nbmon.workers.nodes import Death
from nbmon.workers.spec import Worker

NO_CGROUPS = Cgroups(None)
KEEPER_PAUSE = 1.0  # seconds until it is tried again to replace a keeper


@dataclass
class Job:
    """What a process is started for; `live` makes it a function's, else `spec.argv` is executed."""

    name: str
    spec: Worker
    live: Callable[[socket.socket], int] | None
    ended: Callable[[Death], None]
    noticed: Callable[[str], None]  # "ready", "beat", "full"
    output: int = -1  # a descriptor for stdout and stderr, if not negative
    extra: dict[int, int] = field(default_factory=dict)  # a command's descriptor numbers, and ours


@dataclass
class Running:
    """A process that has not been reaped."""

    job: Job
    child: Child
    since: float  # monotonic seconds
    why: str = ""  # what the supervisor kills it for
    words: str = ""  # what it said of its own death
    frames: str = ""
    cgroup: Cgroup | None = None  # its own, where one could be made


class Processes:
    """All of a master's, and the sockets they speak to."""

    def __init__(
        self,
        high: HighDescriptors,
        keeper: Keeper,
        low: list[int],
        loop: Loop,
        *,
        inherited: list[Any] | None = None,
        cgroups: Cgroups = NO_CGROUPS,
    ) -> None:
        self.running: dict[int, Running] = {}  # by pid
        self.asking: int = signal.SIGTERM  # the signal that asks a process to end
        self._keeper = keeper
        self._cgroups = cgroups
        self._leaving: dict[int, Cgroup] = {}  # by the descriptor that tells of their last process
        self._high = high
        self._loop = loop
        self._public: socket.socket | None = None
        self._public_name = ""
        if inherited is None:
            self._ours, self._theirs = notices.pair(high.lift)
        else:
            self._ours, self._theirs, self._public = notices.again(*inherited[:3])
            self._public_name = inherited[3]
        self._memory = deaths.MemoryWatch()
        self.ground = Ground(high, keeper.fileno(), _prctl(), low)
        loop.watch(self._ours.fileno(), self.hear)
        if self._public is not None:
            loop.watch(self._public.fileno(), self.hear)

    def notices(self) -> list[Any]:
        """The sockets for notices, for the next image of this process."""
        public = -1 if self._public is None else self._public.fileno()
        return [self._ours.fileno(), self._theirs.fileno(), public, self._public_name]

    def keeper(self) -> list[int]:
        """The keeper, likewise."""
        return [self._keeper.fileno(), self._keeper.pid]

    def watch_keeper(self) -> None:
        """Have the keeper replaced when somebody kills it."""
        pidfd = self._high.lift(os.pidfd_open(self._keeper.pid))

        def ended() -> None:
            self._loop.unwatch(pidfd)
            os.close(pidfd)
            self._renew_keeper()

        self._loop.watch(pidfd, ended)

    def _renew_keeper(self) -> None:
        try:
            self._keeper.renew(self.running)
        except (WorkerError, BrokenPipeError):
            self._loop.after(KEEPER_PAUSE, self._renew_keeper)
        else:
            self.watch_keeper()

    def close(self) -> None:
        """Close the sockets."""
        for sock in (self._ours, self._theirs, self._public):
            if sock is not None:
                sock.close()
        for fd in self._leaving:
            os.close(fd)
        self._cgroups.end()

    def start(self, job: Job) -> Running:
        """Start a process. WorkerError."""
        prepared = settings.prepare(job.spec)
        cgroup = self._cgroups.make(job.name)
        entrance = -1 if cgroup is None else self._lifted(cgroup.entrance())
        try:
            child = self._child(job, prepared, entrance)
        except BaseException:
            if cgroup is not None:
                self._leave(cgroup)
            raise
        finally:
            if entrance >= 0:
                os.close(entrance)
        running = Running(job, child, time.monotonic(), cgroup=cgroup)
        self._watch(running)
        return running

    def _lifted(self, fd: int) -> int:
        """Above those that a worker inherits; -1 if no descriptor is left."""
        try:
            return self._high.lift(fd) if fd >= 0 else -1
        except OSError:
            return -1

    def _child(self, job: Job, prepared: settings.Prepared, entrance: int) -> Child:
        if job.live is None:
            return self._command(job, prepared, entrance)
        live, theirs = job.live, self._theirs
        return start_function(
            job.name, self.ground, prepared, job.output, lambda: live(theirs), entrance=entrance
        )

    def go_on(self, running: Running) -> None:
        """It runs, started by a former image of this process: watch over it."""
        running.cgroup = self._cgroups.of(running.child.pid)
        self._watch(running)

    def _watch(self, running: Running) -> None:
        self.running[running.child.pid] = running
        self._loop.watch(running.child.pidfd, lambda: self.ended(running))

    def _command(self, job: Job, prepared: settings.Prepared, entrance: int) -> Child:
        if job.spec.ready == "notify" or job.spec.heartbeat is not None:
            prepared.environment["NOTIFY_SOCKET"] = self._named()
        if job.spec.heartbeat is not None:
            prepared.environment["WATCHDOG_USEC"] = str(int(job.spec.heartbeat * 1e6))
        return start_command(
            job.name,
            job.spec.argv,
            self.ground,
            prepared,
            job.output,
            extra=job.extra,
            entrance=entrance,
        )

    def _named(self) -> str:
        if self._public is None:
            self._public, self._public_name = notices.public(self._high.lift)
            self._loop.watch(self._public.fileno(), self.hear)
        return self._public_name

    def hear(self) -> None:
        """Take all notices that have come."""
        for sock in (self._ours, self._public):
            while sock is not None and (notice := notices.receive(sock)) is not None:
                self._heard(*notice)

    def _heard(self, pid: int, words: dict[bytes, bytes]) -> None:
        running = self.running.get(pid) or self._of_group(pid)
        if running is None:  # a stranger, or one who is gone
            return
        if notices.DIED[:-1] in words:
            running.words = notices.read_words(words[notices.DIED[:-1]])
            running.frames = notices.read_words(words.get(notices.FRAMES[:-1], b""))
        for word, line in notices.WORDS.items():
            name, _, value = line.partition(b"=")
            if words.get(name) == value:
                running.job.noticed(word)

    def _of_group(self, pid: int) -> Running | None:
        try:
            return self.running.get(os.getpgid(pid))
        except OSError:
            return None

    def ask(self, running: Running) -> None:
        """Ask it to end; a stopped process hears of SIGTERM only when it goes on."""
        running.child.send(self.asking)
        running.child.send(signal.SIGCONT)

    def kill(self, running: Running, why: str) -> None:
        """Force it to end, with whatever it has started in its group."""
        running.why = why
        group.send(running.child.pid, signal.SIGKILL)
        running.child.send(signal.SIGKILL)  # it may have left its group
        if running.cgroup is not None:
            running.cgroup.kill()  # and whatever has left it, too

    def ended(self, running: Running) -> None:
        """Its pidfd is readable: end what it left in its group, reap it, tell of what it died."""
        self.hear()  # its last words come first
        pidfd = running.child.pidfd
        end = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if end is None:
            return
        pid = running.child.pid
        group.send(pid, signal.SIGKILL)
        self._keeper.release(pid)  # before it is reaped: then the number may be another's
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        self._loop.unwatch(pidfd)
        os.close(pidfd)
        del self.running[pid]
        if running.cgroup is not None:
            self._leave(running.cgroup)
        running.job.ended(self._death(running, end.si_code, end.si_status))

    def _leave(self, cgroup: Cgroup) -> None:
        """End whoever is left in it, and remove it: now, or when the last one is gone."""
        if cgroup.remove():
            return
        cgroup.kill()
        fd = self._lifted(cgroup.events())
        if fd < 0:  # no descriptor is left; at the latest, `close` removes it
            return

        def changed() -> None:
            os.pread(fd, 4096, 0)  # what it tells next is a change since now
            if cgroup.remove():
                self._loop.unwatch(fd)
                os.close(fd)
                del self._leaving[fd]

        self._leaving[fd] = cgroup
        self._loop.watch(fd, changed, reading=False)
        changed()  # it may have been before the watch

    def _death(self, running: Running, code: int, status: int) -> Death:
        life = time.monotonic() - running.since
        normal = code == os.CLD_EXITED and status == 0 and not running.why
        return Death(self._sentence(running, code, status), normal, life, time.time(), running.frames)

    def _sentence(self, running: Running, code: int, status: int) -> str:
        if running.why:
            return f"{running.why} and {deaths.of_end(code, status)}"
        if running.words and code == os.CLD_EXITED:
            return f"died of {running.words}" if status == 1 else f"died: {running.words}"
        if code == os.CLD_EXITED and status == 0:
            return "ended"
        if status == signal.SIGKILL and code == os.CLD_KILLED and self._memory.has_killed():
            return "was killed by SIGKILL: out of memory"
        return deaths.of_end(code, status)

    def end_all(self) -> None:
        """Whoever is left (the loop was left by an exception) is killed and reaped."""
        for running in list(self.running.values()):
            self.kill(running, "was left when the supervisor failed")
            pid = running.child.pid
            group.kill(pid)
            self._keeper.release(pid)
            running.child.reap()
        self.running.clear()

    def reap_orphans(self) -> None:
        """As PID 1 or subreaper: take others' dead off the process table, never one's own."""
        while (pid := orphans.reap(lambda pid: pid in self.running or pid == self._keeper.pid)) is not None:
            if pid not in self.running:  # the keeper
                return
            self.ended(self.running[pid])
