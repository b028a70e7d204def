"""The key by which the pages' own links are signed, kept beside the results.

So a page that is open goes on to work after an upgrade or a restart. It is made once, whole or not at all, by
whichever of several daemons comes first.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import stat

from nbmon.pictures.cache.store import write_whole

FILE = "pages.key"
KEY_BYTES = 32


def pages_key(cache: str, folder: str) -> bytes | None:
    """The key for the pages of `folder`, from the file in `cache`; None where none can be kept there.

    Each folder has its own, or the links of one server's pages would hold at another server's, too.
    """
    path = f"{cache}/{FILE}"
    secret = _read(path)
    if secret is None:
        secret = os.urandom(KEY_BYTES)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108 - one that is none, or that others may have read
            write_whole(cache, path, (secret,))
        except FileExistsError:  # another daemon was quicker
            secret = _read(path)
        except OSError:
            return None
    return hmac.digest(secret, b"pages of " + os.fsencode(folder), "sha256") if secret is not None else None


def _read(path: str) -> bytes | None:
    """The secret; None where there is none that only this user could have read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
        secret = os.read(fd, KEY_BYTES + 1) if ours else b""
    except OSError:
        return None
    finally:
        os.close(fd)
    return secret if len(secret) == KEY_BYTES else None
