"""The folder whose pictures are shown: opened once, or again when told, every name resolved beneath it.

It hands out descriptors and lists of names; what they mean to a browser is decided elsewhere.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from nbmon.pictures.beneath import NotHere, Unavailable, have_openat2, look_plain, open_plain, translate, walk
from nbmon.pictures.held import Held

MAX_NAMES = 50_000  # names read from one directory; what lies beyond is served but not listed
MAX_COUNTED = 1_000  # names looked at to say how many pictures a sub-folder has


class FolderError(Exception):
    """The folder cannot be shown; `str()` is a finished sentence for whoever named it."""


class Entry(Held):
    """An open regular file or directory."""

    __slots__ = ("status",)

    def __init__(self, fd: int, status: os.stat_result) -> None:
        super().__init__(fd)
        self.status = status

    @property
    def is_folder(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`, fewer at the end of the file; OSError if the disk fails."""
        return os.pread(self._fd, length, offset)

    def look(self) -> os.stat_result:
        """The status as it is now; `status` is as old as the opening."""
        return os.fstat(self._fd)

    def __enter__(self) -> Entry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Names:
    """What a directory shows, in no order; `complete` is False where there was more than the limit."""

    __slots__ = ("complete", "files", "folders")

    def __init__(self) -> None:
        self.folders: list[bytes] = []
        self.files: list[bytes] = []
        self.complete = True


class Folder:
    """A folder to be shown, opened once. Raises FolderError if it cannot be.

    `path` is resolved where the caller stands. With `by_hand` openat2(2) is not used even where the
    kernel has it.
    """

    def __init__(self, path: str | bytes | os.PathLike[str], *, by_hand: bool = False) -> None:
        given = os.fsencode(path)
        self.path = os.fsdecode(os.path.abspath(given))  # noqa: PTH100  # the name as given, links and all
        self._root = -1
        self._root = _open_root(given)
        self._homes = tuple({os.fsencode(self.path), os.path.realpath(given)})
        self._openat2 = not by_hand and have_openat2(self._root)

    @property
    def title(self) -> str:
        """The folder's own name, to head its page."""
        return Path(self.path).name or "/"

    @property
    def removed(self) -> bool:
        """Whether the opened folder was removed; another may stand at its path since."""
        return os.fstat(self._root).st_nlink == 0

    def reopen(self) -> None:
        """Go on with what is at `path` now. FolderError, after which all is as it was.

        The descriptor's number stays (dup2(2) changes it in one step): a thread, or the code that a signal
        interrupted, may be about to use it.
        """
        given = os.fsencode(self.path)
        fresh = _open_root(given)
        try:
            os.dup2(fresh, self._root, inheritable=False)
        finally:
            os.close(fresh)
        self._homes = tuple({given, os.path.realpath(given)})

    def open(self, segments: list[bytes]) -> Entry:
        """Open what the decoded `segments` name; NotHere, or Unavailable where the system lacks the means.

        An empty last segment asks for a folder. Names that start with a dot, and those that are no single
        name, are never there: that is checked here again, because all that is opened passes here.
        """
        if any(name[:1] == b"." or b"/" in name or b"\0" in name for name in segments):
            raise NotHere
        entry = Entry(*self._open(segments))
        if entry.is_folder or not segments or segments[-1]:
            return entry
        entry.close()
        raise NotHere

    def look(self, segments: list[bytes]) -> os.stat_result:
        """The status of what `segments` name, as `open` would find it; cheaper, since nothing is opened."""
        path = b"/".join(filter(None, segments))
        plain = path[:1] != b"." and b"/." not in path and b"\0" not in path  # else `open` says what it is
        if self._openat2 and plain and path.count(b"/") < len(segments):
            try:
                return look_plain(self._root, path or b".")
            except OSError as error:
                assert error.errno == errno.ELOOP, error  # a link
        with self.open(segments) as entry:
            return entry.status

    def _open(self, segments: list[bytes]) -> tuple[int, os.stat_result]:
        if self._openat2:
            try:
                return open_plain(self._root, b"/".join([name for name in segments if name]) or b".")
            except OSError as error:
                assert error.errno == errno.ELOOP, error  # a link: to be followed with care
        return walk(self._root, segments, self._homes)

    def names(
        self,
        folder: Entry,
        segments: list[bytes],
        limit: int = MAX_NAMES,
        tell: Callable[[int], None] | None = None,
    ) -> Names:
        """What the open `folder`, which `segments` name, shows: nothing hidden, no link out, no fifo.

        `tell` is called with the number of each name as it is read.
        """
        found = Names()
        inside = [name for name in segments if name]
        try:
            with os.scandir(folder.fileno()) as scan:
                for seen, item in enumerate(scan):
                    if seen >= limit:
                        found.complete = False
                        break
                    self._sort_in(item, inside, found)
                    if tell is not None:
                        tell(seen)
        except OSError as error:
            raise translate(error) from None
        return found

    def _sort_in(self, item: os.DirEntry[str], inside: list[bytes], found: Names) -> None:
        name = os.fsencode(item.name)
        if name.startswith(b"."):
            return
        if item.is_symlink():
            self._sort_in_link(name, inside, found)
        elif item.is_dir(follow_symlinks=False):
            found.folders.append(name)
        elif item.is_file(follow_symlinks=False):
            found.files.append(name)

    def _sort_in_link(self, name: bytes, inside: list[bytes], found: Names) -> None:
        try:
            with self.open([*inside, name]) as entry:
                (found.folders if entry.is_folder else found.files).append(name)
        except (NotHere, Unavailable):
            return

    def close(self) -> None:
        """Close the folder's descriptor; harmless twice. What was opened from it stays open."""
        root, self._root = self._root, -1
        if root >= 0:
            os.close(root)

    __del__ = close

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open_root(given: bytes) -> int:
    """The folder's descriptor, after a proof that it can be listed and that names in it can be reached."""
    shown = repr(os.fsdecode(given))
    if not given or b"\0" in given:
        raise FolderError(f"{shown} is no name of a folder; give a folder of pictures, such as ./holiday")
    try:
        fd = os.open(given, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FolderError(_why(shown, error)) from None
    try:
        os.close(os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd))
    except OSError as error:
        os.close(fd)
        raise FolderError(_why(shown, error)) from None
    return fd


def _why(shown: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return f"there is no folder {shown}; give one that exists, or make it first: mkdir -p {shown}"
    if error.errno == errno.ENOTDIR:
        return f"{shown} is not a folder; give the folder that holds the pictures, not one of its files"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"the folder {shown} may not be read by this user: give the rights to list and enter it (r-x)"
    return f"the folder {shown} cannot be opened: {error.strerror}"
