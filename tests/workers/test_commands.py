"""Commands under supervision: each way to say that it is ready, and logs of their own."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from support.proc import GROSS_HANG, wait_until
from workers.trees import running

NEXT = 'process("next", serve, ready=True)'


NOTIFIER = """
import os, socket, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect(os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1))
open("notes", "a").write("began\\n")
sock.send(b"STATUS=nearly")
sock.send(b"READY=1")
time.sleep(1000)
"""
LISTENER = """
import socket, sys, time
time.sleep(0.2)
open("notes", "a").write("began\\n")
sock = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    sock.accept()
"""


def test_a_command_is_ready_when_it_notifies(tmp_path):
    (tmp_path / "notifier.py").write_text(NOTIFIER)
    body = f"""
    tree = Supervisor(process("s", [sys.executable, "notifier.py"], ready="notify"), {NEXT})
    """
    with running(tmp_path, body) as tree:
        assert [note.split()[0] for note in tree.notes] == ["began", "up", "ready"]
        assert tree.stop() == 0


def test_a_command_is_ready_when_it_writes_a_line_to_its_descriptor(tmp_path):
    script = "echo began >> notes; echo up >&5; sleep 1000"
    body = f"""
    tree = Supervisor(process("s", ["sh", "-c", {script!r}], ready="fd:5"), {NEXT})
    """
    with running(tmp_path, body) as tree:
        assert [note.split()[0] for note in tree.notes] == ["began", "up", "ready"]
        assert tree.stop() == 0


def test_a_command_that_closes_its_descriptor_without_a_word_is_never_ready(tmp_path):
    script = "exec 5>&-; echo closed >> notes; sleep 1000"
    body = f"""
    tree = Supervisor(
        process("s", ["sh", "-c", {script!r}], ready="fd:5", start_timeout=0.5), intensity=0)
    """
    with running(tmp_path, body, ready=False) as tree:
        assert tree.process.wait(GROSS_HANG) == 1
        assert "s (pid" in tree.text
        assert "was not ready within 0.5 seconds and was killed by SIGKILL" in tree.text


def test_a_command_is_ready_when_its_port_answers(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "listener.py").write_text(LISTENER)
    body = f"""
    tree = Supervisor(process("s", [sys.executable, "listener.py", "{port}"], ready={port}), {NEXT})
    """
    with running(tmp_path, body) as tree:
        assert [note.split()[0] for note in tree.notes] == ["began", "up", "ready"]
        assert tree.stop() == 0


def test_a_notice_of_a_stranger_is_not_heard(tmp_path):
    body = """
    script = "echo $NOTIFY_SOCKET > address; sleep 1000"
    tree = Supervisor(process("s", ["sh", "-c", script], ready="notify", start_timeout=1000))
    """
    with running(tmp_path, body, ready=False) as tree:
        address = tmp_path / "address"
        wait_until(lambda: address.exists() and address.read_text().endswith("\n"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(address.read_text().strip().replace("@", "\0", 1))
            for _ in range(50):
                sock.send(b"READY=1")
                sock.send(os.urandom(100))
        assert tree.stop() == 0
        assert "ready" not in tree.notes


def test_output_goes_to_a_log_of_its_own_which_is_rotated(tmp_path):
    script = (
        "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo up s $$ >> notes; sleep 1000"
    )
    body = f"""
    tree = Supervisor(process("s", ["sh", "-c", {script!r}], log="own.log", log_bytes=10_000, log_files=2))
    """
    with running(tmp_path, body) as tree:
        tree.wait_for("up s")
        assert tree.stop() == 0
        files = ["own.log", "own.log.1", "own.log.2"]
        assert sorted(path.name for path in tmp_path.glob("own.log*")) == files
        assert all(9_000 < (tmp_path / name).stat().st_size <= 10_000 for name in files[1:])
        assert (tmp_path / "own.log").read_text().endswith("line 2999\n")
        assert "line 1" not in tree.text
        tree.wait_until_nothing_is_left()


def test_a_log_on_a_full_disk_holds_up_nobody(tmp_path):
    script = "yes | head -c 10000000; echo up s $$ >> notes; sleep 1000"
    body = f'tree = Supervisor(process("s", ["sh", "-c", {script!r}], log="/dev/full"))'
    with running(tmp_path, body) as tree:
        tree.wait_for("up s")
        assert tree.stop() == 0


def test_the_writer_of_a_log_that_is_killed_is_replaced(tmp_path):
    script = (
        "echo first; echo up s $$ >> notes; while [ ! -e go ]; do sleep 0.05; done; echo second; sleep 1000"
    )
    body = f"""
    tree = Supervisor(process("s", ["sh", "-c", {script!r}], log="own.log"), process("p", serve, ready=True))
    """
    with running(tmp_path, body) as tree:
        tree.wait_for("up s")
        own = tmp_path / "own.log"
        wait_until(lambda: own.read_text() == "first\n")
        others = {tree.pid_of("s"), tree.pid_of("p")}
        # The children are the keeper, the writer and the two workers; the writer has the log open.
        writer = next(
            c for c in tree.children() if str(own) in c.descriptors.values() and c.pid not in others
        )
        os.kill(writer.pid, signal.SIGKILL)
        wait_until(lambda: not writer.alive)  # else its last read(2) may take the line with it
        (tmp_path / "go").touch()
        wait_until(lambda: own.read_text() == "first\nsecond\n")
        assert tree.stop() == 0


def test_a_log_that_cannot_be_written_is_told(tmp_path):
    body = 'tree = Supervisor(process("s", ["true"], log="no/such/folder/log"), intensity=0)'
    with running(tmp_path, body, ready=False) as tree:
        assert tree.process.wait(GROSS_HANG) == 1
        assert "s could not be started: cannot write the log" in tree.text


@pytest.mark.parametrize("number", [0, 3])
def test_no_descriptor_left_is_told_and_survived(tmp_path, number):
    body = f"""
    import resource
    def starve(on_ready):
        used = max(map(int, os.listdir("/proc/self/fd"))) + 1
        run(on_ready=on_ready)
    tree = Supervisor(*[process(f"p{{n}}", serve) for n in range(40)], intensity=10_000, backoff=0.01)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150 + {number}, 150 + {number}))
    """
    with running(tmp_path, body, ready=False) as tree:
        tree.wait_for_log("no descriptor is left; see `ulimit -n`")
        wait_until(lambda: len(tree.children()) > 5)
        assert tree.stop() == 0
        tree.wait_until_nothing_is_left()
