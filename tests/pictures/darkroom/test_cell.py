"""What the process of a job cannot do any more. Each is tried, in a process that has given it up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from nbmon.pictures.darkroom.cell import ARCHITECTURES, program

TRIED = """
import ctypes, errno, json, os, resource, socket, sys
from nbmon.pictures.darkroom import cell
from nbmon.pictures.darkroom.limits import Limits

def word(action):
    try:
        action()
    except BaseException as error:
        return type(error).__name__ if not isinstance(error, OSError) else errno.errorcode[error.errno]
    return "done"

tried = {
    "open": lambda: open("/etc/hostname"),
    "make": lambda: os.open(sys.argv[1] + "/made", os.O_CREAT | os.O_WRONLY),
    "unlink": lambda: os.unlink(sys.argv[1] + "/there"),
    "rename": lambda: os.rename(sys.argv[1] + "/there", sys.argv[1] + "/here"),
    "mkdir": lambda: os.mkdir(sys.argv[1] + "/folder"),
    "chmod": lambda: os.chmod(sys.argv[1] + "/there", 0o777),
    "socket": lambda: socket.socket(),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "pair": lambda: socket.socketpair(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(os.getppid(), 0),
    "pidfd": lambda: os.pidfd_open(os.getppid()),
    "large": lambda: b"x" * (3 << 30),
    "write": lambda: os.write(os.memfd_create("m"), b"x" * (2 << 20)),
    "descriptors": lambda: [os.dup(1) for _ in range(100)],
    "priority": lambda: os.nice(-20),
    "memory": lambda: bytearray(1 << 20),
}
cell.enter(Limits(pixels=1, result_bytes=1 << 20), os.getppid())
found = {name: word(action) for name, action in tried.items()}
found["cpu"] = resource.getrlimit(resource.RLIMIT_CPU)[1]
found["core"] = resource.getrlimit(resource.RLIMIT_CORE)[1]
found["uid"] = os.getuid()
print(json.dumps(found))
"""
filtered = pytest.mark.skipif(not program(os.uname().machine), reason="no filter for this architecture")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("cell")
    folder.chmod(0o777)
    (folder / "there").write_text("still there")
    done = subprocess.run(
        [sys.executable, "-c", TRIED, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    assert (folder / "there").read_text() == "still there"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@filtered
@pytest.mark.parametrize(
    "what",
    ["open", "make", "unlink", "rename", "mkdir", "chmod", "socket", "unix", "pair", "exec", "kill", "pidfd"],
)
def test_it_cannot_reach_files_the_network_or_others(found: dict[str, Any], what: str) -> None:
    assert found[what] == "EPERM"


def test_it_cannot_take_much(found: dict[str, Any]) -> None:
    assert found["large"] == "MemoryError"
    assert found["descriptors"] == "EMFILE"
    assert found["priority"] in ("EACCES", "EPERM")
    assert (found["cpu"], found["core"]) == (20, 0)


def test_it_writes_no_more_than_a_result_may_have(found: dict[str, Any]) -> None:
    assert found["write"] == "done"  # as much as fits: write(2) is cut short there


def test_it_can_do_its_work(found: dict[str, Any]) -> None:
    assert found["memory"] == "done"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_roots_rights_are_gone(found: dict[str, Any]) -> None:
    assert found["uid"] == 65_534


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_jump_of_the_filter_lands_within_it(machine: str) -> None:
    code = program(machine)
    lines = [code[i : i + 8] for i in range(0, len(code), 8)]
    for place, line in enumerate(lines):
        if line[0] in (0x15, 0x35):  # jump if equal, if not below
            assert place + 1 + max(line[2], line[3]) < len(lines)
    assert [line[0] for line in lines[-2:]] == [0x06, 0x06]


def test_an_unknown_architecture_has_no_filter() -> None:
    assert program("vax") == b""
