"""The process of one job: it has the source, a memory file for the result and a pipe for its word. No more.

Whatever a decoder does with a stranger's bytes, it does in here, after `cell.enter`. It never returns.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
from typing import TYPE_CHECKING, NoReturn

from nbmon.pictures.darkroom import cell
from nbmon.pictures.darkroom.job import Job
from nbmon.pictures.darkroom.limits import Limits, memory
from nbmon.pictures.processing.parsing import BadRecipe

if TYPE_CHECKING:
    from PIL.Image import Image

HIGH = 16  # descriptors are moved above this, before those that stay get the lowest numbers
SOURCE, OUT, WORD = 3, 4, 5  # their numbers in here

TOO_MUCH_MEMORY = "The picture needs more memory than one picture may take here."
BROKEN = "The picture is broken, or of a kind that cannot be read here."
TOO_LARGE = "The result is larger than results may be here."


def live(job: Job, descriptors: tuple[int, int, int], limits: Limits, parent: int) -> NoReturn:
    """In the forked process: make the result of `job` from and in its descriptors, say how it went, end."""
    try:
        _alone(*descriptors)
        cell.enter(limits, parent)
        os.write(WORD, json.dumps(_made(job, limits)).encode())
    except BaseException:  # noqa: S110 - nobody is there to hear it; no word means that it failed
        pass
    finally:
        os._exit(0)


def _alone(source: int, out: int, word: int) -> None:
    """Only these descriptors, and the three usual ones on /dev/null."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    kept = (null, null, null, _reopened(source), out, word)
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH) for fd in kept]
    for number, fd in enumerate(high):
        os.dup2(fd, number, inheritable=False)
    os.closerange(len(high), resource.getrlimit(resource.RLIMIT_NOFILE)[1] % (1 << 31))


def _reopened(source: int) -> int:
    """The source with a position of its own: that of `source` is the server's, too."""
    try:
        return os.open(f"/proc/self/fd/{source}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # its rights have changed; so its position is shared, and nobody else uses it
        os.lseek(source, 0, os.SEEK_SET)
        return source


def _made(job: Job, limits: Limits) -> dict[str, object]:
    """What is said of the job: a status, and a sentence or the size."""
    from nbmon.pictures.darkroom.opening import Unreadable
    from nbmon.pictures.darkroom.pixels import corners_of
    from nbmon.pictures.darkroom.render import render

    corners: list[str] = []

    def opened(pixels: int) -> None:
        cell.limit(resource.RLIMIT_AS, memory(limits, pixels))

    def seen(picture: Image) -> None:
        if job.recipe.shows_all:
            corners.append(corners_of(picture).hex())

    try:
        with os.fdopen(SOURCE, "rb") as file, os.fdopen(OUT, "wb") as to:
            size = render(file, job.recipe, to, limits, opened, seen=seen)
    except BadRecipe as wrong:
        return {"status": 400, "sentence": str(wrong)}
    except Unreadable as wrong:
        return {"status": 422, "sentence": str(wrong)}
    except MemoryError:
        return {"status": 422, "sentence": TOO_MUCH_MEMORY}
    except OSError as error:
        return {"status": 422, "sentence": TOO_LARGE if error.errno == errno.EFBIG else BROKEN}
    except Exception:  # decoders raise whatever they come upon
        return {"status": 422, "sentence": BROKEN}
    return {"status": 200, "width": size[0], "height": size[1], "corners": "".join(corners)}
