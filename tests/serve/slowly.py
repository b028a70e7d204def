"""Answers that wait for a word of the test's, written into a FIFO: they may be made in any process."""

import contextlib
import os

from nbmon.http import Response


class Words:
    """What the test says, and what became of those that listen to it."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "closed").touch()

    def fifo(self, name):
        path = self.folder / name
        with contextlib.suppress(FileExistsError):  # the test and the application both come first
            os.mkfifo(path)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def say(self, name, word=b"."):
        fd = self.fifo(name)
        os.write(fd, word)
        return fd  # to be closed once it was read: a FIFO that nobody has open forgets

    def closed(self):
        """Names of those that were closed, in order."""
        return (self.folder / "closed").read_text().split()


class Heard:
    """One that listens to the word `name`."""

    def __init__(self, words, name):
        self.name = name
        self._words = words
        self._fd = words.fifo(name)

    def fileno(self):
        return self._fd

    def close(self):
        os.close(self._fd)
        with (self._words.folder / "closed").open("a") as file:
            file.write(self.name + "\n")


class Later(Heard):
    """Given once the word was said: "." the answer, "e" an error, "w" another wait, "n" another later."""

    def __init__(self, words, name, response):
        super().__init__(words, name)
        self._response = response

    def result(self):
        match os.read(self._fd, 1):
            case b"e":
                raise RuntimeError("a secret of /some/place")
            case b"w":
                return self
            case b"n":
                return Later(self._words, "next", self._response)
        return self._response


class Spoken(Heard):
    """A stream of what is said, up to "$"; "!" is an error. `length`: what it promises."""

    def __init__(self, words, name, length=None):
        super().__init__(words, name)
        self.length = length
        self._over = False

    def next_piece(self):
        if self._over:
            return None
        try:
            said = os.read(self._fd, 65536)
        except BlockingIOError:
            return b""
        if b"!" in said:
            raise RuntimeError("a secret of /some/place")
        self._over = b"$" in said
        return said.partition(b"$")[0] or self.next_piece()


class Plain:
    """A stream of pieces that are there at once."""

    def __init__(self, words, pieces, length=None):
        self.length = length
        self._words = words
        self._pieces = iter(pieces)

    def fileno(self):
        return -1

    def next_piece(self):
        return next(self._pieces, None)

    def close(self):
        with (self._words.folder / "closed").open("a") as file:
            file.write("plain\n")


PIECE = bytes(range(256)) * 256  # 64 KiB


class SlowApplication:
    """One method for each path; any other path says "here"."""

    def __init__(self, folder):
        self.words = Words(folder)

    def __call__(self, request):
        name = request.path[1:].decode()
        return getattr(self, f"_{name}", self._here)()

    def _here(self):
        return Response(200, [], b"here")

    def _later(self):
        return Later(self.words, "later", Response(200, [], b"at last"))

    def _later_stream(self):
        return Later(self.words, "later", Response(200, [], Spoken(self.words, "spoken")))

    def _spoken(self):
        return Response(200, [], Spoken(self.words, "spoken"))

    def _spoken5(self):
        return Response(200, [], Spoken(self.words, "spoken", 5))

    def _plain(self):
        return Response(200, [], Plain(self.words, [b"a", b"bc", PIECE]))

    def _sized(self):
        return Response(200, [], Plain(self.words, [PIECE] * 100, 100 * len(PIECE)))

    def _endless(self):
        return Response(200, [], Plain(self.words, iter(lambda: PIECE, None)))

    def _long(self):
        return Response(200, [], Plain(self.words, [b"abc", b"def"], 5))

    def _short(self):
        return Response(200, [], Plain(self.words, [b"abc"], 5))

    def _idle(self):
        return Response(200, [], Plain(self.words, [b"abc", b""]))

    def _bodiless(self):
        return Response(304, [], Plain(self.words, [b"abc"]))
