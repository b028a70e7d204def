"""What happens in a folder, told to the pages of it as it happens (Server-Sent Events over inotify(7)).

One inotify instance serves all feeds of a process (a user may have few), and each feed is told through an
eventfd of its own what another has read from it. No thread and no timer: whoever sends waits for `fileno`.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading

MAX_FEEDS = 200  # in one process; whoever comes later sees what is new on reload
BEGIN = b"retry: 3000\n\n"  # milliseconds until a browser that lost its connection comes back
CHANGE = b"event: change\ndata: 1\n\n"

_EVENT = struct.Struct("iIII")  # inotify_event: watch, mask, cookie, length of the name
_BUFFER = 65_536  # bytes
_CLOEXEC_NONBLOCK = os.O_CLOEXEC | os.O_NONBLOCK
_CHANGES = 0x00000FC8  # CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF
_OVERFLOW = 0x4000
_ONLY_FOLDERS = 0x01000000

_libc = ctypes.CDLL(None, use_errno=True)


class NoFeed(Exception):  # noqa: N818  # an answer, not an accident
    """What happens cannot be told: the system, or this process, tells of enough folders already."""


class Hub:
    """All feeds of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._fd = -1
        self._feeds: dict[int, set[Feed]] = {}  # by watch

    def feed(self, folder: int) -> Feed:
        """A feed of the directory that the descriptor is open for. NoFeed."""
        with self._lock:
            if self._pid != os.getpid():  # a child shares its parent's queue: leave that alone
                self._reset()
            if sum(map(len, self._feeds.values())) >= MAX_FEEDS:
                raise NoFeed
            try:
                return self._begin(folder)
            except OSError as error:
                self._close_unused()
                raise NoFeed from error

    def _begin(self, folder: int) -> Feed:
        queue, watch = self._opened(), self._watch(folder)
        feeds = self._feeds.setdefault(watch, set())
        try:
            feed = Feed(self, queue, watch)
        except OSError:
            self._unwatch(watch)
            raise
        feeds.add(feed)
        return feed

    def _opened(self) -> int:
        if self._fd < 0:
            self._fd = _checked(_libc.inotify_init1(_CLOEXEC_NONBLOCK))
        return self._fd

    def _watch(self, folder: int) -> int:
        path = b"/proc/self/fd/%d" % folder  # the directory itself, wherever its name leads by now
        return _checked(_libc.inotify_add_watch(self._fd, path, _CHANGES | _ONLY_FOLDERS))

    def read(self) -> None:
        """Tell every feed what has happened in its folder."""
        with self._lock:
            while data := self._read():
                at = 0
                while at < len(data):
                    watch, mask, _, length = _EVENT.unpack_from(data, at)
                    at += _EVENT.size
                    if length == 0 or data[at : at + 1] != b"." or mask & _OVERFLOW:
                        self._tell(watch, mask)
                    at += length

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _BUFFER)
        except OSError:  # EAGAIN: that was all
            return b""

    def _tell(self, watch: int, mask: int) -> None:
        told = self._feeds.values() if mask & _OVERFLOW else [self._feeds.get(watch, set())]
        for feeds in told:
            for feed in feeds:
                feed.ring()

    def leave(self, feed: Feed) -> None:
        """Tell that feed no more; watch its folder no more if no other does."""
        with self._lock:
            self._feeds.get(feed.watch, set()).discard(feed)
            self._unwatch(feed.watch)
            self._close_unused()

    def _unwatch(self, watch: int) -> None:
        if self._feeds.get(watch) == set():
            del self._feeds[watch]
            _libc.inotify_rm_watch(self._fd, watch)  # fails where the folder is gone, and its watch with it

    def _close_unused(self) -> None:
        if not self._feeds and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Feed:
    """An `http.Stream` of what happens in one folder; without an end."""

    length = None

    def __init__(self, hub: Hub, queue: int, watch: int) -> None:
        """Raises OSError where there are no more descriptors."""
        self.watch = watch
        self._hub = hub
        self._begun = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        try:
            self._either = select.epoll()
            self._either.register(self._bell, select.EPOLLIN)
            self._either.register(queue, select.EPOLLIN)
        except OSError:
            os.close(self._bell)
            raise

    def fileno(self) -> int:
        """Readable when something may have happened."""
        return self._either.fileno()

    def ring(self) -> None:
        """Something has happened."""
        os.eventfd_write(self._bell, 1)

    def next_piece(self) -> bytes | None:
        """An event for all that has happened since the last; empty if nothing has."""
        if not self._begun:
            self._begun = True
            return BEGIN
        self._hub.read()
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return b""
        return CHANGE

    def close(self) -> None:
        """Give back what the feed holds."""
        self._hub.leave(self)
        self._either.close()
        os.close(self._bell)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
