"""How each server of the comparison is started at its best; the configurations beside this file say why."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "peers"
START_LIMIT = 20.0  # seconds
SMALL, LARGE = "small", "large"


@dataclass(frozen=True)
class Peer:
    """A server: `command(port, root, directory)` gives the argument vector; `sizes` for which it is the best setting."""

    name: str
    program: str
    command: Callable[[int, Path, Path], list[str]]
    sizes: tuple[str, ...] = (SMALL, LARGE)
    one_file: bool = False  # can only send a single file


def _filled(template: str, port: int, root: Path, directory: Path, **more: str) -> Path:
    text = (HERE / template).read_text()
    for key, value in {"PORT": str(port), "ROOT": str(root), "DIR": str(directory), **more}.items():
        text = text.replace(f"@{key}@", value)
    target = directory / template
    target.write_text(text)
    return target


def _nginx(sending: str) -> Callable[[int, Path, Path], list[str]]:
    return lambda p, r, d: [
        "nginx",
        "-e",
        f"{d}/error.log",
        "-c",
        str(_filled("nginx.conf", p, r, d, SENDING=sending)),
    ]


def _lighttpd(sending: str) -> Callable[[int, Path, Path], list[str]]:
    return lambda p, r, d: ["lighttpd", "-D", "-f", str(_filled("lighttpd.conf", p, r, d, SENDING=sending))]


def _apache(mpm: str, pool: str) -> Callable[[int, Path, Path], list[str]]:
    return lambda p, r, d: [
        "apache2", "-D", "FOREGROUND", "-f", str(_filled("apache.conf", p, r, d, MPM=mpm, POOL=pool))
    ]  # fmt: skip


def _nbmon(*options: str) -> Callable[[int, Path, Path], list[str]]:
    return lambda p, r, _d: [sys.executable, "-m", "nbmon", "run", str(r), "--port", str(p), *options]


def _floor(port: int, root: Path, directory: Path) -> list[str]:
    binary = directory / "floor"
    subprocess.run(["cc", "-O2", "-o", str(binary), str(HERE / "floor.c")], check=True)
    return [str(binary), str(port), str(root / "served.jpg")]


PEERS = (
    Peer("nbmon", sys.executable, _nbmon()),
    Peer("nginx", "nginx", _nginx("sendfile off; output_buffers 2 512k;"), (SMALL,)),
    Peer("nginx", "nginx", _nginx("sendfile on; tcp_nopush off;"), (LARGE,)),
    Peer("lighttpd", "lighttpd", _lighttpd("writev")),
    Peer("lighttpd sendfile", "lighttpd", _lighttpd("sendfile"), (LARGE,)),
    Peer("h2o", "h2o", lambda p, r, d: ["h2o", "-m", "worker", "-c", str(_filled("h2o.conf", p, r, d))]),
    Peer("C loop", "cc", _floor, one_file=True),
)
POOLS = (
    Peer("nbmon thread", sys.executable, _nbmon("--model", "thread")),
    Peer(
        "apache worker",
        "apache2",
        _apache("worker", "StartServers 1\nServerLimit 1\nThreadsPerChild 64\nMaxRequestWorkers 64"),
    ),
    # As many processes from the start as Apache is given: growing the pool is not what is measured.
    Peer("nbmon process", sys.executable, _nbmon("--model", "process", "--limit", "spare_processes=64")),
    Peer(
        "apache prefork",
        "apache2",
        _apache("prefork", "StartServers 64\nServerLimit 64\nMaxRequestWorkers 64"),
    ),
)


def missing(peer: Peer) -> bool:
    """Whether its program is not on this machine."""
    return shutil.which(peer.program) is None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(peer: Peer, root: Path, cpu: int) -> Iterator[tuple[int, int]]:
    """(pid, port) of `peer`, pinned to one core, ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        directory.chmod(0o777)
        port = free_port()
        process = subprocess.Popen(
            ["taskset", "-c", str(cpu), *peer.command(port, root, directory)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
            env=dict(os.environ, PYTHONDONTWRITEBYTECODE="", XDG_CACHE_HOME=name),
        )  # fmt: skip
        try:
            _wait_for(port, process)
            yield process.pid, port
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise RuntimeError(f"{process.args!r} ended: {said[-800:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not listen within {START_LIMIT} s")
