"""The models that every case of this room is tried in, and what they serve."""

import contextlib
import os
import signal
import threading

import pytest

from nbmon.http import FileSlice, Response
from nbmon.serve import logs
from serve.talk import SERVERS, Client, serving
from support.proc import wait_until

SMALL = bytes(range(256)) * 16  # 4 KiB


@pytest.fixture(params=SERVERS)
def model(request):
    return request.param


class Application:
    """Answers that the tests ask for, and what became of their files. It may run in another process."""

    def __init__(self, folder):
        self.folder = folder
        self.files = []
        self._log = folder / "requests"
        self._log.touch()

    @property
    def requests(self):
        """The targets that were asked for, in order."""
        return self._log.read_bytes().splitlines()

    def __call__(self, request):
        with self._log.open("ab", buffering=0) as log:
            log.write(request.target + b"\n")
        name = request.path[1:].decode() or "small"
        return getattr(self, "_" + name)(request)

    def _long(self, request):
        """Takes until `release` is called."""
        (self.folder / "busy").touch()
        wait_until((self.folder / "release").exists)
        return self._small(request)

    def is_busy(self):
        return (self.folder / "busy").exists()

    def release(self):
        (self.folder / "release").touch()

    def _pid(self, _):
        return Response(200, [], str(os.getpid()).encode())

    def _dies(self, _):
        os.kill(os.getpid(), signal.SIGKILL)

    def _small(self, _):
        return Response(200, [(b"Content-Type", b"image/jpeg")], SMALL)

    def _empty(self, _):
        return Response(204)

    def _large(self, _):
        return Response(200, [], SMALL * 4096)  # 16 MiB: more than the kernel takes of one answer

    def _hugefile(self, _):
        return Response(200, [], self.slice("hugefile", SMALL * 4096))

    def _fails(self, _):
        raise RuntimeError("a secret of /some/place\nERROR forged \x1b[31mred")

    def _busy(self, _):
        raise OSError(24, "no descriptors")

    def _broken(self, _):
        return Response(200, [(b"X", b"a\r\nSet-Cookie: b")], self.slice("broken", b"x"))

    def _file(self, _):
        return Response(200, [], self.slice("file", SMALL))

    def _bigfile(self, _):
        return Response(200, [], self.slice("bigfile", SMALL * 512))  # 2 MiB

    def _cut(self, _):
        return Response(200, [], self.slice("cut", SMALL * 512, claimed=SMALL * 513))

    def _smallcut(self, _):
        return Response(200, [], self.slice("smallcut", SMALL, claimed=SMALL * 2))

    def _parts(self, _):
        return Response(206, [], self.parts())

    def parts(self):
        first, second = self.slice("one", SMALL), self.slice("two", SMALL * 512)
        return (
            b"--x\r\n\r\n",
            first,
            b"\r\n--x\r\n\r\n",
            second._replace(offset=7, length=second.length - 7),
            b"\r\n--x--",
        )

    def slice(self, name, content, claimed=None):
        path = self.folder / name
        if not path.exists():
            # Whole at once: other threads and processes may be asked for it, too.
            whole = path.with_name(f"{name}.{os.getpid()}.{threading.get_ident()}")
            whole.write_bytes(content)
            whole.replace(path)
        file = path.open("rb")
        self.files.append(file)
        return FileSlice(file, 0, len(claimed or content))

    def all_closed(self):
        return all(file.closed for file in self.files)


@pytest.fixture(autouse=True)
def a_full_budget_of_failures(monkeypatch):
    """What other tests logged is not held against this one."""
    monkeypatch.setattr(logs, "_failures", logs.Budget(logs.FAILURES, logs.PERIOD))


@pytest.fixture
def app(tmp_path):
    application = Application(tmp_path)
    yield application
    for file in application.files:
        file.close()


@pytest.fixture
def serve(model, app):
    """Start a server with options; all of them end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(serving(model, options.pop("app", app), **options))


@pytest.fixture
def said(caplog):
    """What a server has logged."""
    return lambda server: caplog.text if server.said is None else server.said


@pytest.fixture
def connect():
    """Open clients; all of them are closed with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda server, **options: stack.enter_context(Client(server.address, **options))


@pytest.fixture
def settled(monkeypatch):
    """Changes count at once: the tests' files are young, and nobody writes to them behind a tick's back."""
    monkeypatch.setattr("nbmon.pictures.pictures.SETTLED_AFTER", -(10**18))
