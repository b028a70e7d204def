"""What the table of prices does not show: `make bench-bounds`. Idle connections, half load, workers, large files.

Each part prints lines of Markdown; docs/performance.md says what they mean.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import machine
from bench.http import CLIENT_CPU, LOADS, SERVER_CPU, SETTLING, folder
from bench.peers import PEERS, Peer, running

SMALL = LOADS[0]
IDLE = 20_000  # connections
WATCHED = 5  # seconds of their idleness
IDLE_CLIENTS = 2  # processes, since one may not hold so many descriptors
CLIENTS = 64
MOST_OF_H2LOAD = 60_000  # requests a second
ROUNDS = 5
SECONDS = 4
READERS = 64
FILE_SIZES = (10 << 20, 1 << 30)  # bytes
BOTH = f"{SERVER_CPU},{CLIENT_CPU}"


def nbmon(*options: str) -> Peer:
    """A picture server with these options, as a peer."""
    run = (sys.executable, "-m", "nbmon", "run")
    return Peer("nbmon", sys.executable, lambda p, r, _d: [*run, str(r), "--port", str(p), *options])


@contextlib.contextmanager
def serving(peer: Peer, load: object, cpus: str) -> Iterator[tuple[int, int]]:
    """(pid, port) of `peer` over `load`'s folder, on these cores."""
    with folder(load) as root, running(peer, root, SERVER_CPU) as (pid, port):  # type: ignore[arg-type]
        for one in machine.family(pid):
            subprocess.run(["taskset", "-a", "-c", "-p", cpus, str(one)], capture_output=True, check=True)
        yield pid, port


# Idle connections


def hold(port: int, count: int) -> None:
    """A client: open `count` connections, ask once on each, say so, and hold them until stdin ends."""
    request = b"GET /served.jpg HTTP/1.1\r\nHost: localhost\r\nUser-Agent: idle\r\n\r\n"
    held = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port), 30, ("127.0.0.1", 0))
        one.sendall(request)
        left = SMALL.size
        head, _, body = one.recv(65536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        left -= len(body)
        while left > 0:
            left -= len(one.recv(65536))
        held.append(one)
    print("held", flush=True)
    sys.stdin.read()
    alive = 0
    for one in held:
        one.setblocking(False)
        try:
            alive += one.recv(1) != b""
        except BlockingIOError:
            alive += 1
    print(alive, flush=True)


def idle() -> None:
    """Memory of the server with and without idle connections."""
    options = (
        "--workers",
        "2",
        "--limit",
        f"connections={IDLE}",
        "--limit",
        f"per_address={IDLE}",
        "--limit",
        "idle=600",
    )
    with serving(nbmon(*options), SMALL, BOTH) as (pid, port):
        before = machine.memory_of(pid)
        command = [sys.executable, "-m", "bench.bounds", "--hold", str(port), str(IDLE // IDLE_CLIENTS)]
        clients = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(IDLE_CLIENTS)
        ]
        said = [client.stdout.readline() for client in clients if client.stdout]
        time.sleep(SETTLING)
        after = machine.memory_of(pid)
        cpu = machine.cpu_of(pid)
        time.sleep(WATCHED)  # doing nothing is what is measured
        cpu = machine.cpu_of(pid) - cpu
        alive = sum(int(client.communicate()[0]) for client in clients)
    each, held = (after - before) / IDLE, said.count("held\n")
    print(
        f"- {IDLE:,} idle connections over 2 workers ({held} of {IDLE_CLIENTS} clients held all, {alive:,} alive at"
        f" the end): {before / 2**20:.1f} MiB before, {after / 2**20:.1f} after, {each / 1024:.2f} KiB each;"
        f" {cpu * 1e3 / WATCHED:.0f} ms of CPU a second"
    )


# Half load


def most(peer: Peer) -> float:
    """Requests a second that wrk gets of it at most."""
    command = ["taskset", "-c", str(CLIENT_CPU), "wrk", "-t1", f"-c{CLIENTS}", "-d2s"]
    with serving(peer, SMALL, str(SERVER_CPU)) as (_, port):
        said = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/served.jpg"], capture_output=True, check=True, text=True
        ).stdout
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])


def latencies(port: int, rate: float) -> list[float]:
    """Milliseconds of each request at `rate` requests a second, in order of size."""
    each = max(1, round(rate / CLIENTS))
    with tempfile.NamedTemporaryFile(prefix="h2load-") as log:
        subprocess.run(
            [
                "taskset", "-c", str(CLIENT_CPU), "h2load", "--h1", f"-c{CLIENTS}", "-t1", f"--rps={each}",
                f"-n{each * CLIENTS * SECONDS}", f"--log-file={log.name}", f"http://127.0.0.1:{port}/served.jpg",
            ],
            capture_output=True, check=True,
        )  # fmt: skip
        lines = Path(log.name).read_text().splitlines()
    assert all(line.split()[1] == "200" for line in lines)
    return sorted(int(line.split()[2]) / 1e3 for line in lines)


def half() -> None:
    """The 50th and 99th percentile at half of what the slowest server, or h2load, can do."""
    peers = [p for p in PEERS if p.name in {"nbmon", "nginx", "lighttpd", "h2o"} and SMALL.kind in p.sizes]
    seen: dict[str, list[tuple[float, float]]] = {p.name: [] for p in peers}
    rate = min(MOST_OF_H2LOAD, *map(most, peers)) / 2
    for _ in range(ROUNDS):
        for peer in peers:
            with serving(peer, SMALL, str(SERVER_CPU)) as (_, port):
                found = latencies(port, rate)
            seen[peer.name].append((found[len(found) // 2], found[len(found) * 99 // 100]))
    for name, rounds in seen.items():
        p50, p99 = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"- {name}: {rate:.0f} requests a second: p50 {p50:.2f} ms, p99 {p99:.2f} ms ({ROUNDS} rounds)")


# Workers


def workers() -> None:
    """Requests a second of one worker and of two, for requests that cost the server more than the client."""
    told: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(3):
        for count, rates in told.items():
            peer = nbmon("--workers", str(count), "--limit", "memory_bytes=1")
            with serving(peer, SMALL, BOTH) as (_, port):
                said = subprocess.run(
                    ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", f"http://127.0.0.1:{port}/served.jpg"],
                    capture_output=True, check=True, text=True,
                ).stdout  # fmt: skip
            rates.append(float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0]))
    one, two = (statistics.median(told[count]) for count in (1, 2))
    print(
        f"- without the memory, 4 KiB: 1 worker {one:.0f}/s, 2 workers {two:.0f}/s: {two / one:.2f} times, the client included"
    )


# Large files


def large() -> None:
    """The most memory of the server while many read files of different sizes."""
    for size in FILE_SIZES:
        with tempfile.TemporaryDirectory(prefix="bench-root-") as name:
            root = Path(name)
            root.chmod(0o755)
            with (root / "served.jpg").open("wb") as file:
                file.write(b"\xff\xd8\xff\xe0")
                file.truncate(size)
            with running(nbmon(), root, SERVER_CPU) as (pid, port):
                command = [
                    "taskset",
                    "-c",
                    str(CLIENT_CPU),
                    "wrk",
                    "-t1",
                    f"-c{READERS}",
                    "-d6s",
                    "--timeout",
                    "30s",
                ]
                client = subprocess.Popen(
                    [*command, f"http://127.0.0.1:{port}/served.jpg"], stdout=subprocess.DEVNULL
                )
                peak = 0
                while client.poll() is None:
                    peak = max(peak, anonymous(pid))
                    time.sleep(0.2)
        print(
            f"- {READERS} readers of a file of {size >> 20:,} MiB: {peak / 2**20:.1f} MiB of the server's own at most"
        )


def anonymous(pid: int) -> int:
    """Bytes of the family that are no file's pages."""
    total = 0
    for one in machine.family(pid):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += int(re.findall(r"Pss_Anon:\s+(\d+)", text)[0]) * 1024
    return total


PARTS = {"idle": idle, "half": half, "workers": workers, "large": large}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all, if none is given"
    )
    parser.add_argument("--hold", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.hold:
        hold(*given.hold)
        return
    print(machine.described() + ".\n")
    for part in given.parts or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
