"""A client that sends exactly the bytes it is told to, and servers to talk to, in a thread or a process."""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

from nbmon.serve import CoroutineServer, ProcessServer, ThreadServer, listen
from nbmon.serve.tls import TlsListener
from support.proc import GROSS_HANG, Process

SERVERS = {"coroutine": CoroutineServer, "thread": ThreadServer, "process": ProcessServer}
IN_A_THREAD = ("coroutine", "thread")  # these can be served, and looked into, in the process of the tests


class Client:
    """A plain TCP client with a bound on waiting."""

    def __init__(self, address, receive_buffer=None):
        self.sock = socket.socket(socket.AF_INET)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(GROSS_HANG)
        self.sock.connect(address)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)
        return self

    def get(self, target="/", *fields, method="GET"):
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *fields, "", ""]
        return self.send("\r\n".join(lines).encode())

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def _more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def head(self):
        """The next answer's status and fields."""
        while b"\r\n\r\n" not in self.buffer:
            assert self._more(), f"closed within a head: {self.buffer[:200]!r}"
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        fields = {
            k.lower().decode(): v.strip().decode() for k, _, v in (line.partition(b":") for line in lines)
        }
        return int(first.split()[1]), fields

    def body(self, length):
        got = bytearray(self.buffer)
        while len(got) < length:
            data = self.sock.recv(1 << 20)
            assert data, f"closed with {len(got)} of {length} bytes"
            got += data
        self.buffer = bytes(got[length:])
        return bytes(got[:length])

    def answer(self):
        """Status, fields and body of the next answer to a request that was no HEAD."""
        status, fields = self.head()
        return status, fields, self.body(int(fields.get("content-length", 0)))

    def chunk(self):
        """The next chunk's data; b"" for the last one."""
        while b"\r\n" not in self.buffer:
            assert self._more(), f"closed within a chunk: {self.buffer[:200]!r}"
        size, _, self.buffer = self.buffer.partition(b"\r\n")
        *_, end = data = self.body(int(size, 16) + 2)
        assert end == ord("\n"), data[-20:]
        return data[:-2]

    def chunked(self):
        """The data of all chunks."""
        return b"".join(iter(self.chunk, b""))

    def rest(self):
        """All bytes until the server closes. A reset is an error here."""
        while self._more():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def is_closed(self):
        """Whether the server has closed, waiting for it; a reset counts, a byte is an error."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def hears_nothing(self):
        """Whether there is nothing to read at this moment."""
        return not select.select([self.sock], [], [], 0)[0]


@contextlib.contextmanager
def serving(model, app, host="127.0.0.1", certificates=None, **options):
    """A server of this model; ends with the block, whatever happens in it.

    It is in a thread, or, where it forks, in a process of its own that is forked here.
    """
    sockets = listen(host, 0)
    address = sockets[0].getsockname()
    if certificates is not None:
        sockets = [TlsListener.over(sock, certificates) for sock in sockets]
    start = InAThread if model in IN_A_THREAD else InAProcess
    server = start(SERVERS[model], app, sockets, address, options)
    try:
        yield server
    finally:
        server.stop()
        ended = server.has_ended()
        server.clear_away()
        assert ended, "the server did not stop"


class Served:
    """What the tests ask of any server."""

    def connections(self):
        """How many of its clients' sockets it has open, as the kernel counts them."""
        return len(sockets_of_port(self.address[1]))

    def has_heard_stop(self):
        """Whether nobody new is taken."""
        try:
            socket.create_connection(self.address, GROSS_HANG).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:  # it was just about to
            return False
        return False


class InAThread(Served):
    """A server in a thread of the tests; what it has inside can be looked at."""

    def __init__(self, kind, app, sockets, address, options):
        self.address = address
        ready = threading.Event()
        self._server = kind(app, sockets, on_serving=ready.set, **options)
        self.thread = threading.Thread(target=self._server.serve, name="server", daemon=True)
        self.thread.start()
        assert ready.wait(GROSS_HANG)

    def __getattr__(self, name):
        return getattr(self._server, name)

    def has_ended(self):
        self.thread.join(GROSS_HANG)
        return not self.thread.is_alive()

    def clear_away(self):
        pass

    def open_files(self, app):
        return not app.all_closed()

    said = None  # `said` of the tests reads caplog


class InAProcess(Served):
    """A server in a process that is forked here: it serves the test's own application."""

    def __init__(self, kind, app, sockets, address, options):
        self.address = address
        self._log = Path(tempfile.mkstemp(prefix="nbmon-test-")[1])
        reading, writing = os.pipe()
        with (
            warnings.catch_warnings()
        ):  # 3.12 and later warn of threads; those of the tests hold nothing here
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            os.close(reading)
            self._serve(kind, app, sockets, options, writing)
        os.close(writing)
        self._pidfd = os.pidfd_open(self.pid)
        for sock in sockets:
            sock.close()
        said = os.read(reading, 64)  # the pipe's end may never come: the server's children have it too
        os.close(reading)
        assert said == b"serving", self.said

    def _serve(self, kind, app, sockets, options, writing):
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, lambda *_: server.stop())
            signal.signal(signal.SIGHUP, lambda *_: self._reload(server, sockets))
            os.dup2(os.open(self._log, os.O_WRONLY | os.O_APPEND), 2)
            logging.basicConfig(stream=os.fdopen(2, "w", closefd=False), force=True)

            def tell():
                os.write(writing, b"serving")
                os.close(writing)

            server = kind(app, sockets, on_serving=tell, **options)
            server.serve()
            code = 0
        except BaseException:
            logging.exception("the server failed")
        finally:
            os._exit(code)

    def _reload(self, server, sockets):
        for sock in sockets:
            if hasattr(sock, "certificates"):
                sock.certificates.reload()
        server.renew()

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)

    def has_ended(self):
        return bool(select.select([self._pidfd], [], [], GROSS_HANG)[0])

    def clear_away(self):
        for pid in children_of(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._pidfd)
        self._log.unlink()

    @property
    def said(self):
        return self._log.read_text()

    def open_files(self, app):
        """Files of the application's folder that are open in the server or its children."""
        found = []
        for pid in (self.pid, *children_of(self.pid)):
            with contextlib.suppress(FileNotFoundError):  # a child that has ended meanwhile
                found += [d for d in Process(pid).descriptors.values() if d.startswith(str(app.folder))]
        return found


def children_of(pid):
    """The children that a process has now."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def sockets_of_port(port):
    """Inodes of connections whose near end is `port` and still some process's: proc(5), /proc/net/tcp."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                local, state, inode = fields[1].rpartition(":")[2], fields[3], fields[9]
                if int(local, 16) == port and state != "0A" and inode != "0":
                    found.add(inode)
    return found


@contextlib.contextmanager
def served_by_a_process(model, folder, *words):
    """`program.py` in this folder as a process of its own; yields (process, address)."""
    program = Path(__file__).with_name("program.py")
    command = [sys.executable, str(program), model, str(folder), *words]
    paths = [str(program.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, tuple(json.loads(line))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=GROSS_HANG)
