"""CPU a request, side by side: `make bench`. One worker on one core, wrk on the other, rounds taken in turn."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import machine, report
from bench.peers import HERE, LARGE, PEERS, POOLS, SMALL, Peer, missing, running
from bench.report import Round

SERVER_CPU, CLIENT_CPU = 0, 1
CONNECTIONS = 64
MANY = 2000  # files
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SETTLING = 2.5  # seconds: what has just changed is not answered from memory, in nbmon at least


@dataclass(frozen=True)
class Load:
    """One row of the table: what wrk asks for."""

    name: str
    size: int  # bytes
    kind: str
    wrk: tuple[str, ...] = ()
    single: bool = True


LOADS = (
    Load("4 KiB", 4 << 10, SMALL),
    Load("64 KiB", 64 << 10, SMALL),
    Load("varied", 4 << 10, SMALL, ("-s", str(HERE / "varied.lua")), single=False),
    Load("new connections", 4 << 10, SMALL, ("-H", "Connection: close"), single=False),
    Load("512 KiB", 512 << 10, LARGE),
    Load("10 MiB", 10 << 20, LARGE),
)


def measure(load: Load, peer: Peer, root: Path, seconds: float) -> Round:
    """One round; anything but clean answers is said in `trouble` instead of being counted."""
    with running(peer, root, SERVER_CPU) as (pid, port):
        command = [
            "taskset",
            "-c",
            str(CLIENT_CPU),
            "wrk",
            "--latency",
            "--timeout",
            "30s",
            "-t1",
            f"-c{CONNECTIONS}",
            *load.wrk,
        ]
        address = f"http://127.0.0.1:{port}/served.jpg"
        subprocess.run([*command, "-d1s", address], capture_output=True, check=True)  # warm-up
        before, before_all = machine.cpu_of(pid), machine.cpu_of_machine()
        said = subprocess.run(
            [*command, f"-d{seconds:g}s", address], capture_output=True, check=True, text=True
        ).stdout
        spent, spent_all = machine.cpu_of(pid) - before, machine.cpu_of_machine() - before_all
        memory = machine.memory_of(pid)
    count, took = _number(r"(\d+) requests in ([\d.]+)s", said)
    trouble = "; ".join(re.findall(r"(Socket errors:.*|Non-2xx.*)", said))
    micro = 1e6 / max(count, 1)
    return Round(
        load.name, peer.name, spent * micro, spent_all * micro, count / took, _p99(said), memory, trouble
    )


def _measured(load: Load, peer: Peer, root: Path, seconds: float) -> Round:
    """As `measure`; a server that does not start, or a client that fails, spoils its own row alone."""
    try:
        return measure(load, peer, root, seconds)
    except (RuntimeError, subprocess.SubprocessError) as error:
        nothing = float("nan")
        trouble = " ".join(str(error).split())[-200:]
        return Round(load.name, peer.name, nothing, nothing, nothing, nothing, 0, trouble)


def _number(pattern: str, text: str) -> tuple[float, float]:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"wrk said something else:\n{text}")
    return float(match[1]), float(match[2])


def _p99(text: str) -> float:
    match = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    return float(match[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[match[2]] if match else float("nan")


@contextlib.contextmanager
def folder(load: Load):  # type: ignore[no-untyped-def]
    """A folder with what `load` asks for; the bytes are no picture, which no server here looks at."""
    with tempfile.TemporaryDirectory(prefix="bench-root-") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "served.jpg").write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(load.size - 4))
        if load.name == "varied":
            (root / "many").mkdir()
            for n in range(MANY):
                (root / "many" / f"{n}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(load.size - 4))
        time.sleep(SETTLING)
        yield root


def run(loads: list[Load], peers: list[Peer], rounds: int, seconds: float) -> list[Round]:
    """All rounds, peers in turn within each, so that a drift of the machine meets all alike."""
    results = []
    for load in loads:
        with folder(load) as root:
            able = [p for p in peers if load.kind in p.sizes and (load.single or not p.one_file)]
            for number in range(rounds):
                for peer in able:
                    one = _measured(load, peer, root, seconds)
                    results.append(one)
                    note = f"  TROUBLE: {one.trouble}" if one.trouble else ""
                    print(
                        f"{load.name:>16} round {number + 1}/{rounds} {peer.name:<18} {one.server_us:8.2f} us server"
                        f" {one.machine_us:8.2f} us machine {one.per_second:9.0f}/s p99 {one.p99_ms:7.2f} ms{note}",
                        file=sys.stderr, flush=True,
                    )  # fmt: skip
    return results


def write(document: Path, text: str, picture: str) -> None:
    """The document between its two marks is replaced, or begun; the plot lies beside it."""
    before = document.read_text() if document.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    document.write_text(f"{head}{BEGIN}\n\n{text}\n\n![The same as bars]({document.stem}.svg)\n\n{END}{tail}")
    document.with_suffix(".svg").write_text(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--load", action="append", help="only these rows, by name")
    parser.add_argument("--peer", action="append", help="only these servers, by name")
    parser.add_argument("--pools", action="store_true", help="the thread and process models and Apache's")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, metavar="DOCUMENT", help="put the tables and a plot there")
    given = parser.parse_args()
    peers = [p for p in (POOLS if given.pools else PEERS) if not given.peer or p.name in given.peer]
    for peer in filter(missing, peers):
        print(f"left out: {peer.name} ({peer.program} is not installed)", file=sys.stderr)
    described = machine.described()
    results = run(
        [load for load in LOADS if not given.load or load.name in given.load],
        [p for p in peers if not missing(p)], given.rounds, given.seconds,
    )  # fmt: skip
    text = "\n\n".join((
        f"{described}. {given.rounds} rounds of {given.seconds:g} s, in turn.", report.table(results), report.aims(results)
    ))  # fmt: skip
    print(text)
    if given.write:
        write(given.write, text, report.plot(results))
    if given.json:
        given.json.write_text(json.dumps([asdict(r) for r in results], indent=1))


if __name__ == "__main__":
    main()
