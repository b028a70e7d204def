"""TLS: what is agreed on, that every size arrives whole, that certificates change without a lost client."""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from nbmon.http import FileSlice, Response
from nbmon.serve import Bounds, Timeouts
from nbmon.serve.tls import Certificates, TlsError, chosen
from serve.talk import children_of, serving
from support.proc import GROSS_HANG, wait_until

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="certificates are made by the openssl program")
LARGE = bytes(range(256)) * 16 * 1024  # 4 MiB


def openssl(*words):
    subprocess.run([OPENSSL, *words], check=True, capture_output=True, timeout=GROSS_HANG)


def make(folder, name):
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", str(key), "-out", str(certificate), "-days", "2",
            "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")  # fmt: skip
    return str(certificate), str(key)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Two certificates with their keys."""
    folder = tmp_path_factory.mktemp("tls")
    return make(folder, "first"), make(folder, "second")


@pytest.fixture
def serve(model, tmp_path):
    (tmp_path / "large").write_bytes(LARGE)

    def app(request):
        if request.path == b"/file":
            return Response(200, [], FileSlice((tmp_path / "large").open("rb"), 0, len(LARGE)))
        if request.path == b"/bytes":
            return Response(200, [], LARGE)
        return Response(200, [], b"small")

    with contextlib.ExitStack() as stack:
        yield lambda certificates, **options: stack.enter_context(
            serving(model, app, certificates=certificates, **options)
        )


def reload(server, certificates):
    """Read the files again, wherever the server is."""
    if hasattr(server, "pid"):
        os.kill(server.pid, signal.SIGHUP)
    else:
        certificates.reload()


def is_trusted(server, certificate, name="127.0.0.1"):
    """Whether a new client that trusts this one alone is answered."""
    try:
        with connected(server.address, client(certificate), name) as sock:
            return get(sock) == b"small"
    except ssl.SSLCertVerificationError:
        return False


def client(trusted, **said):
    context = ssl.create_default_context(cafile=trusted)
    for key, value in said.items():
        setattr(context, key, value)
    return context


@contextlib.contextmanager
def connected(address, context, name="127.0.0.1"):
    raw = socket.create_connection(address, GROSS_HANG)
    with raw, context.wrap_socket(raw, server_hostname=name) as sock:
        yield sock


def get(sock, path="/", close=False):
    """The body of one answer."""
    end = "Connection: close\r\n" if close else ""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{end}\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    got = bytearray(body)
    while len(got) < length:
        more = sock.recv(1 << 20)
        assert more, f"closed with {len(got)} of {length} bytes"
        got += more
    return bytes(got)


def test_every_size_arrives_whole_and_the_connection_stays(serve, made):
    server = serve(Certificates(*made[0]))
    with connected(server.address, client(made[0][0])) as sock:
        for _ in range(3):
            assert get(sock) == b"small"
        assert get(sock, "/file") == LARGE
        assert get(sock, "/bytes") == LARGE
        assert get(sock) == b"small"


def test_pipelined_requests_in_one_record_and_a_request_in_many_are_answered(serve, made):
    server = serve(Certificates(*made[0]))
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(server.address, client(made[0][0])) as sock:
        sock.sendall(request * 20)
        for byte in request[:-4]:
            sock.sendall(bytes([byte]))
        sock.sendall(request[-4:])
        data = b""
        while data.count(b"small") < 21:
            more = sock.recv(65536)
            assert more, data
            data += more


def test_the_end_is_told_so_that_no_attacker_can_cut(serve, made):
    server = serve(Certificates(*made[0]))
    context = client(made[0][0])
    with socket.create_connection(server.address, GROSS_HANG) as raw:
        sock = context.wrap_socket(raw, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
        with sock:
            assert get(sock, close=True) == b"small"
            assert sock.recv(1) == b""  # without close_notify this raises SSLEOFError


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_modern_versions_are_spoken(serve, made, version):
    wanted = ssl.TLSVersion[version]
    server = serve(Certificates(*made[0]))
    with connected(
        server.address, client(made[0][0], minimum_version=wanted, maximum_version=wanted)
    ) as sock:
        assert get(sock) == b"small"
        assert sock.version() == version.replace("_", ".")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_refused(serve, made):
    server = serve(Certificates(*made[0]))
    old = client(made[0][0], minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError), connected(server.address, old):
        pass
    with connected(server.address, client(made[0][0])) as sock:
        assert get(sock) == b"small"


def test_who_speaks_no_tls_is_told_so_and_harms_nobody(serve, made):
    server = serve(Certificates(*made[0]))
    with socket.create_connection(server.address, GROSS_HANG) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.recv(65536).startswith(b"HTTP/1.1 400 ")
    for garbage in (b"\x16\x03\x01\xff\xff" + b"\0" * 70000, b"\x00", b""):
        with socket.create_connection(server.address, GROSS_HANG) as plain, contextlib.suppress(OSError):
            plain.sendall(garbage)
    with connected(server.address, client(made[0][0])) as sock:
        assert get(sock) == b"small"


def test_a_client_that_never_shakes_hands_holds_up_nobody(serve, made):
    server = serve(Certificates(*made[0]))
    with socket.create_connection(server.address, GROSS_HANG) as silent:
        silent.sendall(b"\x16\x03")
        with connected(server.address, client(made[0][0])) as sock:
            assert get(sock) == b"small"


def test_a_new_certificate_counts_for_new_connections_and_the_old_ones_go_on(serve, model, made, tmp_path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    shutil.copy(made[0][0], certificate)
    shutil.copy(made[0][1], key)
    certificates = Certificates(str(certificate), str(key))
    server = serve(certificates)
    with connected(server.address, client(made[0][0])) as old:
        assert get(old) == b"small"
        shutil.copy(made[1][0], certificate)
        shutil.copy(made[1][1], key)
        reload(server, certificates)
        wait_until(lambda: is_trusted(server, made[1][0]))
        if (
            model != "process"
        ):  # there a child that is replaced says with its next answer that it was the last
            assert get(old, "/file") == LARGE
        assert get(old, "/file") == LARGE


def test_a_certificate_that_cannot_be_used_leaves_the_old_one(serve, made, tmp_path, said):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    shutil.copy(made[0][0], certificate)
    shutil.copy(made[0][1], key)
    certificates = Certificates(str(certificate), str(key))
    server = serve(certificates)
    certificate.write_text("half a certificate")
    reload(server, certificates)
    wait_until(lambda: "the certificate in use goes on" in said(server))
    with connected(server.address, client(made[0][0])) as sock:
        assert get(sock) == b"small"


NAMES = [
    ("example.org", "exact"),
    ("EXAMPLE.org", "exact"),
    ("www.example.org", "wild"),
    ("a.www.example.org", "default"),
    ("other.org", "default"),
    ("127.0.0.1", "default"),  # no name is said
]


def test_a_folder_of_certificates_is_chosen_from_by_the_host_that_a_client_names(serve, tmp_path):
    folder = tmp_path / "certificates"
    folder.mkdir()
    hosts = {"exact": "example.org", "wild": "_.example.org", "default": "default"}
    for common, host in hosts.items():
        certificate, key = make(tmp_path, common)
        shutil.move(key, folder / f"{host}.key")
        shutil.move(certificate, folder / f"{host}.pem")
    (folder / "notes.txt").touch()
    server = serve(Certificates(str(folder)))
    for name, common in NAMES:
        trusting = client(folder / f"{hosts[common]}.pem", check_hostname=False)
        with connected(server.address, trusting, name) as sock:
            assert sock.getpeercert()["subject"] == ((("commonName", common),),)


CHOICES = [
    ({"a.org": 1, "_.a.org": 2}, "a.org", 1),
    ({"a.org": 1, "_.a.org": 2}, "b.a.org", 2),
    ({"a.org": 1, "_.a.org": 2}, "A.ORG.", 1),
    ({"a.org": 1, "_.a.org": 2}, "c.b.a.org", None),
    ({"a.org": 1}, "b.a.org", None),
    ({"_.org": 1}, "org", None),
    ({"default": 1}, None, None),
]


def test_a_client_that_names_no_host_in_ascii_is_refused_without_a_word_in_the_log(
    serve, tmp_path, said, capfd
):
    make(tmp_path, "default")
    server = serve(Certificates(str(tmp_path)))
    hello = client_hello("aaaa.example").replace(b"aaaa.example", b"\xff\xfeaa.example")
    for _ in range(3):
        with socket.create_connection(server.address, GROSS_HANG) as sock:
            sock.sendall(hello)
            assert sock.recv(1) in (b"\x15", b"")  # an alert
    assert is_trusted(server, str(tmp_path / "default.pem"))
    assert said(server) == ""
    assert "UnicodeDecodeError" not in capfd.readouterr().err


def client_hello(name):
    """The first bytes of a client that asks for the host `name`."""
    sent = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return sent.read()


@pytest.mark.parametrize(("by_name", "name", "found"), CHOICES)
def test_a_name_finds_itself_before_a_wildcard_of_one_label(by_name, name, found):
    assert chosen(by_name, name) == found


def test_a_folder_without_certificates_or_with_a_key_beside_it_is_a_sentence(made, tmp_path):
    with pytest.raises(TlsError, match="holds no certificate"):
        Certificates(str(tmp_path))
    with pytest.raises(TlsError, match="leave out --tls-key"):
        Certificates(str(tmp_path), made[0][1])


def test_an_idle_connection_is_kept_for_the_idle_time_and_then_told(serve, made):
    server = serve(Certificates(*made[0]), timeouts=Timeouts(idle=1.5))
    with connected(server.address, client(made[0][0])) as sock:
        for _ in range(4):
            assert get(sock) == b"small"
            time.sleep(0.6)  # longer than a child keeps a guest whom it can give back
        assert get(sock) == b"small"
        assert sock.recv(1) == b""


def test_stop_answers_what_is_in_flight_and_closes_what_rests(serve, made):
    server = serve(Certificates(*made[0]), timeouts=Timeouts(idle=3600.0, drain=3600.0))
    with (
        connected(server.address, client(made[0][0])) as resting,
        connected(server.address, client(made[0][0])) as busy,
    ):
        assert get(resting) == get(busy) == b"small"
        busy.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
        first = busy.recv(1)
        server.stop()
        got = len(first)
        while data := busy.recv(1 << 20):
            got += len(data)
        assert got > len(LARGE)
        assert resting.recv(1) == b""
    assert server.has_ended()


@pytest.mark.parametrize("model", ["process"], indirect=True)
def test_many_clients_under_tls_share_few_children(serve, made):
    server = serve(Certificates(*made[0]), bounds=Bounds(processes=2), timeouts=Timeouts(idle=3600.0))
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connected(server.address, client(made[0][0]))) for _ in range(8)]
        for _ in range(2):
            assert [get(sock) for sock in socks] == [b"small"] * 8
        assert len(children_of(server.pid)) == 2


def test_a_certificate_and_its_key_may_stand_in_one_file(made, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(Path(path).read_bytes() for path in made[0]))
    Certificates(str(both))


def wrong_files(made, folder):
    encrypted = folder / "encrypted.key"
    openssl("pkey", "-in", made[0][1], "-aes128", "-passout", "pass:x", "-out", str(encrypted))
    empty = folder / "empty.pem"
    empty.touch()
    return {
        "missing": (str(folder / "nothing.pem"), None, "cannot read"),
        "a folder of secrets": (made[0][0], str(folder / "nothing.key"), "cannot read"),
        "no key": (made[0][0], None, "give the key's file by --tls-key"),
        "another's key": (made[0][0], made[1][1], "is not that of the certificate"),
        "an encrypted key": (made[0][0], str(encrypted), "is encrypted"),
        "an empty file": (str(empty), made[0][1], "cannot use the certificate"),
        "a key as certificate": (made[0][1], made[0][1], "cannot use the certificate"),
        "NUL": ("a\0b", None, "cannot read"),
    }


def test_each_wrong_file_is_a_sentence(made, tmp_path):
    for certificate, key, sentence in wrong_files(made, tmp_path).values():
        with pytest.raises(TlsError) as caught:
            Certificates(certificate, key)
        assert sentence in str(caught.value)
        assert "\n" not in str(caught.value)
