"""A client that sends exactly the bytes it is told to, and servers to talk to, in a thread or a process."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from nbmon.serve import CoroutineServer, listen
from support.proc import GROSS_HANG

SERVERS = {"coroutine": CoroutineServer}


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
def serving(model, app, host="127.0.0.1", **options):
    """A server of this model in a thread; ends with the block, whatever happens in it."""
    ready = threading.Event()
    server = SERVERS[model](app, listen(host, 0), on_serving=ready.set, **options)
    server.address = server._sockets[0].getsockname()
    thread = threading.Thread(target=server.serve, name="server", daemon=True)
    thread.start()
    server.thread = thread
    try:
        assert ready.wait(GROSS_HANG)
        yield server
    finally:
        server.stop()
        thread.join(GROSS_HANG)
        assert not thread.is_alive(), "the server did not stop"


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
