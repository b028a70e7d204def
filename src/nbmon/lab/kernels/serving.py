"""The kernel of `serve`: the picture server in one model, on one core, under loads from the other.

The server is the command that a person would type, with places of its own, so that it meets no other service.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nbmon.lab import sampling, system
from nbmon.lab.kernels import client

JPEG = b"\xff\xd8\xff\xe0"  # what makes a file a JPEG at first sight
FILES = {"small.jpg": 4 << 10, "large.jpg": 4 << 20}  # bytes
STILL = "still.jpg"  # as the small one, but it does not change, so that the server may remember its answer
LONG_AGO = 1_000_000_000  # seconds of the clock
SETTLED = 2.1  # seconds without a change, after which the server does
STARTS = 20.0  # seconds that the server may take to be ready
ENDS = 10.0
TICK = 1.0 / os.sysconf("SC_CLK_TCK")  # seconds
WARM = 0.1  # seconds


def served(
    model: str, cpus: list[int], loads: list[dict[str, Any]], seconds: float
) -> Iterator[dict[str, Any]]:
    """One object a load, which is {"name", "file", "busy", "idle", "slow"}: how many of each."""
    with tempfile.TemporaryDirectory(prefix="nbmon-lab-serve-") as name:
        folder = Path(name) / "pictures"
        folder.mkdir()
        for file, size in {STILL: FILES["small.jpg"], **FILES}.items():
            (folder / file).write_bytes(JPEG + bytes(size - len(JPEG)))
        _touch(folder)
        made = time.monotonic()
        os.sched_setaffinity(0, {cpus[0]})  # which the server inherits
        server = _started(model, folder, name)
        try:
            port = _port(server)
            os.sched_setaffinity(0, {cpus[1]})
            for load in loads:
                if load["file"] == STILL:
                    time.sleep(max(0.0, made + SETTLED - time.monotonic()))
                yield _loaded(server.pid, port, load, seconds, lambda: _touch(folder))
        finally:
            _end(server)


def _touch(folder: Path) -> None:
    """The server makes each answer about these anew: it remembers none about what has just changed.

    The time of the last change of status (st_ctime) is now; that of the content stays.
    """
    for file in FILES:
        os.utime(folder / file, times=(LONG_AGO, LONG_AGO))


def _started(model: str, folder: Path, places: str) -> subprocess.Popen[bytes]:
    own = {f"XDG_{one}_HOME": places for one in ("CONFIG", "STATE", "CACHE", "DATA")}
    command = [sys.executable, "-m", "nbmon", "run", str(folder), "--port", "0", "--model", model]
    return subprocess.Popen(
        [*command, "--name", f"lab-{model}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=places,
        env={**os.environ, **own, "XDG_RUNTIME_DIR": places},
    )


def _port(server: subprocess.Popen[bytes]) -> int:
    """From the address that it prints when it is ready. RuntimeError."""
    assert server.stdout is not None
    if select.select([server.stdout], [], [], STARTS)[0]:
        said = server.stdout.readline().decode(errors="replace").strip()
        port = said.rstrip("/").rpartition(":")[2]
        if port.isdigit():
            return int(port)
        raise RuntimeError(f"the server did not start: {said or 'it said nothing'}")
    raise RuntimeError(f"the server was not ready after {STARTS:g} s")


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(ENDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _loaded(
    pid: int, port: int, load: dict[str, Any], seconds: float, touch: Callable[[], None]
) -> dict[str, Any]:
    touch()
    asked = client.request(f"/{load['file']}", port)
    idle = [client.connected(port) for _ in range(load.get("idle", 0))]
    slow = client.slow(port, client.request("/large.jpg", port), load.get("slow", 0))
    tally = client.Tally()
    busy = [client.Busy(port, asked, client.Tally()) for _ in range(load["busy"])]
    client.drive(busy, slow, WARM, touch)
    for one in busy:
        one.line.close()
    busy = [client.Busy(port, asked, tally) for _ in range(load["busy"])]
    cpu, switches = used(pid)
    client.drive(busy, slow, seconds, touch)
    cpu_after, switches_after = used(pid)
    memory = memory_of(pid)
    for line in [*idle, *slow, *(one.line for one in busy)]:
        line.close()
    return _figures(load["name"], tally) | {
        "cpu_us": (cpu_after - cpu) * 1e6 / max(1, tally.requests),
        "switches": (switches_after - switches) / max(1, tally.requests),
        "memory_bytes": memory,
    }


def _figures(name: str, tally: client.Tally) -> dict[str, Any]:
    seen = tally.latencies or [0.0]
    return {
        "load": name,
        "per_second": tally.requests / max(tally.seconds, 1e-9),
        "bytes_per_second": tally.bytes / max(tally.seconds, 1e-9),
        "p50_ms": sampling.percentile(seen, 50) * 1e3,
        "p99_ms": sampling.percentile(seen, 99) * 1e3,
        "errors": tally.errors,
    }


def family(pid: int) -> list[int]:
    """The process and what descends from it."""
    return [pid, *system.descendants(pid)]


def used(pid: int) -> tuple[float, int]:
    """Seconds of CPU and switches, voluntary or not, of the whole family until now."""
    seconds, switches = 0.0, 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            seconds += sum(map(int, fields[11:13])) * TICK
            switches += sum(map(_switches, Path(f"/proc/{one}/task").iterdir()))
        except OSError:
            continue  # it ended meanwhile
    return seconds, switches


def _switches(task: Path) -> int:
    lines = (task / "status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)


def memory_of(pid: int) -> int:
    """Bytes of the family, shared pages by shares (PSS)."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it ended meanwhile
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return total
