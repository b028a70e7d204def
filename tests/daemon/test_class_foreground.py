"""The class in the foreground: under systemd, under another manager, with Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess

import pytest

from support.kit import SLEEP, environment
from support.proc import GROSS_HANG, Process, wait_until


def in_foreground(kit, env, **more):
    return subprocess.Popen(
        kit.argv("start"),
        cwd=kit.folder,
        env={**environment(), **env},
        stdin=subprocess.DEVNULL,
        text=True,
        **more,
    )


@pytest.mark.parametrize("abstract", [True, False], ids=["abstract", "path"])
def test_under_systemd_it_stays_and_speaks(kit, abstract):
    kit.daemon("self.ready('all well')\n" + SLEEP, attributes="wait_ready = True")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"@nbmon-test-{os.getpid()}-{id(kit)}" if abstract else str(kit.folder / "notify")
        manager.bind(name.replace("@", "\0"))
        manager.settimeout(GROSS_HANG)
        process = in_foreground(kit, {"NOTIFY_SOCKET": name})
        assert manager.recv(4096) == b"READY=1\nSTATUS=all well"
        assert kit.process().pid == process.pid
        process.send_signal(signal.SIGHUP)
        assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(4096) == b"READY=1"
        process.send_signal(signal.SIGTERM)
        assert manager.recv(4096) == b"STOPPING=1"
        assert process.wait(GROSS_HANG) == 0
    assert not kit.pidfile.exists()


def test_ready_is_said_for_a_program_that_does_not_know_of_it(kit):
    kit.daemon(SLEEP)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(kit.folder / "notify"))
        manager.settimeout(GROSS_HANG)
        process = in_foreground(kit, {"NOTIFY_SOCKET": str(kit.folder / "notify")})
        assert manager.recv(4096) == b"READY=1"
        process.terminate()
        process.wait(GROSS_HANG)


def test_a_manager_that_is_gone_does_no_harm(kit):
    kit.daemon("self.ready()\nprint('ran')")
    assert in_foreground(kit, {"NOTIFY_SOCKET": str(kit.folder / "no")}, stdout=subprocess.PIPE).communicate(
        timeout=GROSS_HANG
    ) == ("ran\n", None)


def test_with_an_invocation_id_it_stays(kit):
    kit.daemon("print(os.getpid())")
    process = in_foreground(kit, {"INVOCATION_ID": "0" * 32}, stdout=subprocess.PIPE)
    assert int(process.communicate(timeout=GROSS_HANG)[0]) == process.pid


def test_a_second_one_in_the_foreground_is_refused(kit):
    kit.daemon(SLEEP)
    pid = kit.start().pid
    process = in_foreground(kit, {"INVOCATION_ID": "0" * 32}, stderr=subprocess.PIPE)
    assert f"already running with pid {pid}" in process.communicate(timeout=GROSS_HANG)[1]
    assert process.returncode == 1


def test_ctrl_c_ends_the_foreground_quietly(kit):
    kit.daemon(SLEEP)
    process = in_foreground(kit, {"INVOCATION_ID": "0" * 32}, stderr=subprocess.PIPE)
    wait_until(lambda: kit.pidfile.exists() and signal.SIGHUP in Process(process.pid).signals("SigCgt"))
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=GROSS_HANG)[1] == ""
    assert process.returncode == 0
    assert not kit.pidfile.exists()
