"""An answer is of one version of its file, whichever way it is sent: what was written to since is cut off."""

import contextlib
import os
import ssl

import pytest

from nbmon.http import FileSlice, Response
from serve import test_tls as tls
from serve.talk import Client, serving

PART = 100_000  # bytes: small enough to be gathered
OLD, NEW = b"a" * 64 * PART, b"b" * 64 * PART  # more than the kernel takes of one answer

SOME = 300_000  # bytes: the kernel takes them at once, and a slow reader has them long after


class Kept:
    """A file that remembers its status as it was when the answer was made, as a folder's entries do."""

    def __init__(self, path):
        self._file = path.open("rb")
        self.status = os.fstat(self._file.fileno())
        self.fileno, self.close = self._file.fileno, self._file.close


class Versions:
    """A file whole, and in many parts; `/late` changes it when its answer is made."""

    def __init__(self, folder):
        self.path = folder / "file"
        self.path.write_bytes(OLD)
        os.utime(self.path, (1_000_000_000, 1_000_000_000))

    def __call__(self, request):
        file = Kept(self.path) if request.path == b"/late" else self.path.open("rb")
        if request.path == b"/late":
            self.change()
            return Response(200, [], FileSlice(file, 0, 10))
        if request.path == b"/parts":
            slices = [FileSlice(file, start, PART) for start in range(0, len(OLD), PART)]
            return Response(206, [], tuple(piece for one in slices for piece in (b"--x\r\n\r\n", one)))
        return Response(200, [], FileSlice(file, 0, SOME if request.path == b"/some" else len(OLD)))

    def change(self):
        with self.path.open("r+b") as file:
            file.write(NEW)


@pytest.fixture
def app(tmp_path):
    return Versions(tmp_path)


@pytest.mark.parametrize("path", ["/parts", "/some"], ids=["many parts", "a copy that is on its way at once"])
def test_what_a_slow_reader_gets_is_never_of_two_versions(serve, connect, app, path):
    client = connect(serve(), receive_buffer=4096).get(path)
    client.head()
    client.body(1000)
    app.change()
    assert b"b" not in client.rest()


def test_what_was_written_to_before_its_first_byte_went_out_is_not_sent_under_the_old_head(
    serve, connect, app
):
    client = connect(serve()).get("/late")
    assert b"b" not in client.rest()


@pytest.mark.skipif(tls.OPENSSL is None, reason="certificates are made by the openssl program")
def test_under_tls_a_large_file_is_never_of_two_versions(model, app, tmp_path):
    certificate, key = tls.make(tmp_path, "here")
    context = ssl.create_default_context(cafile=certificate)
    options = {"certificates": tls.Certificates(certificate, key)}
    with serving(model, app, **options) as server, Client(server.address, receive_buffer=4096) as client:
        client.sock = context.wrap_socket(client.sock, server_hostname="127.0.0.1")
        client.get("/whole").head()
        client.body(1000)
        app.change()
        assert b"b" not in all_that_comes(client)


def all_that_comes(client):
    got = bytearray()
    with contextlib.suppress(OSError):  # an end without TLS's own is one
        while data := client.sock.recv(65536):
            got += data
    return bytes(got)
