"""Opening listeners, and the sentence for each way in which that fails."""

import contextlib
import errno
import os
import resource
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nbmon.serve import ListenError, close_all, listen, remove_socket_files, url_of
from nbmon.serve.listen import _explained
from nbmon.serve.portholder import holder_of_port, inodes_in


@contextlib.contextmanager
def listening(*args, **kwargs):
    sockets = listen(*args, **kwargs)
    try:
        yield sockets
    finally:
        close_all(sockets)


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


def test_a_listener_is_non_blocking_and_close_on_exec_and_shares_its_port_with_nobody():
    with listening("127.0.0.1", 0) as [sock]:
        assert not sock.getblocking()
        assert not os.get_inheritable(sock.fileno())
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_accepted_connections_inherit_nodelay():
    with listening("127.0.0.1", 0) as [sock], socket.create_connection(sock.getsockname()) as client:
        client.send(b"x")
        sock.settimeout(30)
        accepted, _ = sock.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_port_0_is_a_free_one_and_the_url_says_which():
    with listening("127.0.0.1", 0) as sockets:
        assert url_of(sockets) == f"http://127.0.0.1:{sockets[0].getsockname()[1]}/"


@needs_ipv6
def test_a_star_listens_in_both_families_on_one_port():
    with listening("*", 0) as sockets:
        assert [s.family for s in sockets] == [socket.AF_INET, socket.AF_INET6]
        assert len({s.getsockname()[1] for s in sockets}) == 1
        assert url_of(sockets).startswith("http://127.0.0.1:")


@needs_ipv6
def test_an_ipv6_listener_is_for_ipv6_alone_and_has_brackets_in_its_url():
    with listening("::1", 0) as sockets:
        assert sockets[0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        assert url_of(sockets) == f"http://[::1]:{sockets[0].getsockname()[1]}/"


@needs_ipv6
def test_the_ipv6_wildcard_has_a_url_that_can_be_visited():
    with listening("::", 0) as sockets:
        assert url_of(sockets).startswith("http://[::1]:")


def test_a_name_is_resolved():
    with listening("localhost", 0) as sockets:
        assert sockets
        assert {s.getsockname()[1] for s in sockets} == {sockets[0].getsockname()[1]}


def test_a_taken_port_is_said_with_its_holder_and_another_way():
    with listening("127.0.0.1", 0) as [sock]:
        port = sock.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            listen("127.0.0.1", port, another="--port 9086")
    sentence = str(caught.value)
    assert f"127.0.0.1:{port} is taken by " in sentence
    assert f"(pid {os.getpid()})" in sentence
    assert sentence.endswith("; choose another with --port 9086")


def test_a_failed_listen_leaves_no_descriptor_open():
    with listening("127.0.0.1", 0) as [sock]:
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(ListenError):
            listen("127.0.0.1", sock.getsockname()[1])
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_port_is_had_again_at_once_after_its_server_has_gone():
    with listening("127.0.0.1", 0) as [sock]:
        address = sock.getsockname()
        with socket.create_connection(address) as client:
            client.send(b"x")
            sock.settimeout(30)
            accepted, _ = sock.accept()
            accepted.recv(1)
            accepted.close()  # the server closes first: TIME_WAIT stays on its side
            assert client.recv(1) == b""
    with listening(*address):
        pass


@pytest.mark.parametrize("port", [-1, 65536, 70000, 1 << 40])
def test_a_port_out_of_range_is_said(port):
    with pytest.raises(ListenError, match=rf"port {port} is out of range: 1 to 65535"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 300, "a..b", "999.1.1.1", "1.2.3.4.5"])
def test_a_host_that_does_not_resolve_is_said(host):
    with pytest.raises(ListenError, match=r"(does not resolve: .*; give|not a name)"):
        listen(host, 0)


@pytest.mark.parametrize("host", ["", "a\0b"])
def test_no_host_at_all_is_said(host):
    with pytest.raises(ListenError, match=r"use 127\.0\.0\.1"):
        listen(host, 0)


def test_an_address_of_another_machine_is_said():
    with pytest.raises(ListenError, match=r"192\.0\.2\.1 is not an address of this machine"):
        listen("192.0.2.1", 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root, to become nobody")
def test_a_port_below_1024_without_the_right_is_said():
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if int(start.read_text()) <= 81:
        pytest.skip("this machine gives low ports to everybody")
    program = (
        "import os; from nbmon.serve import close_all, listen, ListenError\n"
        "close_all(listen('127.0.0.1', 0))  # all is imported: another user may not read it\n"
        "os.setuid(65534)\n"
        "try: listen('127.0.0.1', 81)\n"
        "except ListenError as e: print(e)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "no permission to listen on 127.0.0.1:81: ports below 1024" in said


def test_without_the_right_the_sentence_names_the_first_free_port():
    said = str(_explained(PermissionError(errno.EACCES, "x"), "127.0.0.1", 80, "PORT=8000"))
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip()
    assert f"ports below {first} are for root" in said
    assert said.endswith("choose another with PORT=8000")


def test_no_descriptors_left_is_said():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        highest = max(map(int, os.listdir("/proc/self/fd"))) + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with contextlib.suppress(OSError):
            while True:
                stack.callback(os.close, os.open("/dev/null", os.O_RDONLY))
        with pytest.raises(ListenError, match="no file descriptors left"):
            listen("127.0.0.1", 8099)


def test_the_table_of_sockets_is_read_for_listeners_alone():
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:237D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1\n"
        "   1: 0100007F:237D 0100007F:E1F2 01 00000000:00000000 00:00000000 00000000     0        0 42 1\n"
        "   2: 0100007F:237E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1\n"
    )
    assert inodes_in(table, 0x237D) == {"41"}


def test_a_name_that_the_kernel_cut_behind_a_space_is_shown_without_it():
    """As that of `nbmon: holiday (pictures)`, of which PR_SET_NAME keeps 15 bytes."""
    comm = Path("/proc/self/comm")
    before = comm.read_text()
    comm.write_text("nbmon: holiday ")
    try:
        with listening("127.0.0.1", 0) as [sock]:
            holder = holder_of_port(sock.getsockname()[1])
    finally:
        comm.write_text(before)
    assert holder == f"nbmon: holiday (pid {os.getpid()})"


def test_a_port_that_nobody_holds_has_no_holder():
    with listening("127.0.0.1", 0) as [sock]:
        port = sock.getsockname()[1]
    assert holder_of_port(port) is None


# Unix sockets


@pytest.fixture
def short_path(tmp_path, monkeypatch):
    """A name that fits into sun_path however deep pytest's folder lies."""
    monkeypatch.chdir(tmp_path)
    return Path("s.sock")


def test_a_unix_socket_is_for_user_and_group(short_path):
    os.umask(os.umask(0o022))
    with listening("unix:s.sock", 0) as sockets:
        assert stat.S_IMODE(short_path.stat().st_mode) == 0o660
        assert url_of(sockets) == f"unix:{short_path.resolve()}"


def test_a_leftover_socket_file_is_replaced(short_path):
    with listening("unix:s.sock", 0):
        pass
    assert short_path.exists()
    with listening("unix:s.sock", 0) as [sock], socket.socket(socket.AF_UNIX) as client:
        client.connect("s.sock")
        sock.accept()[0].close()


def test_a_unix_socket_in_use_is_left_alone(short_path):
    with listening("unix:s.sock", 0) as [sock]:
        with pytest.raises(ListenError, match="already taken"):
            listen("unix:s.sock", 0)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("s.sock")
            sock.accept()[0].close()


def test_a_file_that_is_no_socket_is_left_alone(short_path):
    short_path.write_text("dear")
    with pytest.raises(ListenError, match="is no socket"):
        listen("unix:s.sock", 0)
    assert short_path.read_text() == "dear"


@pytest.mark.parametrize(
    ("host", "said"),
    [("unix:", "names no file"), ("unix:a\0b", "names no file"), ("unix:" + "x" * 200, "107 bytes"),
     ("unix:no/such/folder/s", "No such file or directory")],
)  # fmt: skip
def test_an_impossible_socket_path_is_said(short_path, host, said):
    with pytest.raises(ListenError, match=said):
        listen(host, 0)


def test_the_file_of_a_socket_is_removed_when_its_service_ends(short_path):
    with listening("unix:s.sock", 0) as sockets:
        remove_socket_files(sockets)
        assert not short_path.exists()
        remove_socket_files(sockets)
