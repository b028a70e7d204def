"""python -m bench.supervisors [--write FILE] [--peers VENV]: nbmon beside supervisord, circus, runit and s6, in one run.

Rounds are taken in turn, so that the machine's moods meet all alike. A peer that is missing is named instead of measured.
"""

import argparse
import contextlib
import os
import selectors
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import cpu_of, described, family, memory_of
from bench.supervisors.peers import ALL, NEEDS, SCRIPT

ROUNDS = 9
COUNT = 100  # workers of the crowd
HEALTHY = 1.3  # seconds: all of them slow down what dies within its first second
IDLE = 5.0  # seconds
PATIENCE = 60.0  # seconds
MARK = "<!-- measured: begin -->", "<!-- measured: end -->"


class Running:
    """One supervisor at work in a folder of its own, and the FIFO in which its workers write their pids."""

    def __init__(self, make, count, venv):
        self.here = Path(tempfile.mkdtemp(prefix="bench-"))
        self.fifo = self.here / "fifo"
        os.mkfifo(self.fifo)
        script = self.here / "work"
        script.write_text(SCRIPT.format(fifo=self.fifo))
        script.chmod(0o755)
        self.peer = make(self.here, script, count, venv)
        self.reader = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)
        self.env = {**os.environ, **self.peer.env}
        self.process = subprocess.Popen(
            self.peer.argv, cwd=self.here, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._rest = b""
        self.pids = self.births(count)
        # The one that detached is the parent of what it began
        self.master = parent(self.pids[0]) if self.peer.detaches else self.process.pid

    def births(self, count):
        """The pids of the next `count` workers that begin."""
        found, until = [], time.monotonic() + PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(self.reader, selectors.EVENT_READ)
            while len(found) < count:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError(
                        f"{self.peer.name}: {len(found)} of {count} workers after {PATIENCE:g} s"
                    )
                self._rest += os.read(self.reader, 65536)
                *whole, self._rest = self._rest.split(b"\n")
                found += [int(line) for line in whole]
        return found

    def respawn(self):
        """Milliseconds from the kill to the first deed of the next."""
        began = time.monotonic()
        os.kill(self.pids[0], signal.SIGKILL)
        self.pids = self.births(1)
        return (time.monotonic() - began) * 1e3

    def status(self):
        """Milliseconds of the status command."""
        began = time.monotonic()
        done = subprocess.run(self.peer.status, cwd=self.here, env=self.env, capture_output=True, check=False)
        taken = (time.monotonic() - began) * 1e3
        if done.returncode:
            raise RuntimeError(f"{self.peer.name}: {done.stdout + done.stderr!r}")
        return taken

    def close(self):
        """End it, and whatever it left."""
        left = family(self.master) if alive(self.master) else []
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if pid == left[0] else signal.SIGCONT)
        until = time.monotonic() + 10
        while any(map(alive, left)) and time.monotonic() < until:
            self.process.poll()
            time.sleep(0.05)
        for pid in filter(alive, left):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.reader)
        shutil.rmtree(self.here, ignore_errors=True)


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def workless(pid, workers):
    """The supervisor's own processes."""
    return [one for one in family(pid) if one not in workers]


def switches(pids):
    """How often these processes, with all their threads, were woken."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            text = (task / "status").read_text()
            total += int(text.split("voluntary_ctxt_switches:")[1].split()[0])
    return total


def single(makers, venv):
    """Respawn, status, idle cost with one worker: rows by name."""
    rows, running = {}, []
    try:
        for make in makers:
            running.append(Running(make, 1, venv))
        for each in running:
            rows[each.peer.name] = {"respawn": [], "status": [], "settings": each.peer.said}
        for _ in range(ROUNDS):
            time.sleep(HEALTHY)
            for each in running:
                rows[each.peer.name]["respawn"].append(each.respawn())
        for _ in range(ROUNDS):
            for each in running:
                rows[each.peer.name]["status"].append(each.status())
        own = [(each, workless(each.master, each.pids)) for each in running]
        before = [(switches(pids), cpu_of(each.master)) for each, pids in own]
        time.sleep(IDLE)
        for (each, pids), (woken, _used) in zip(own, before, strict=True):
            row = rows[each.peer.name]
            row["wakeups"] = (switches(pids) - woken) / IDLE
            row["processes"] = len(pids)
            row["memory"] = memory_of(each.master) - sum(memory_of(pid) for pid in each.pids)
    finally:
        for each in running:
            each.close()
    return rows


def crowd(make, venv):
    """Milliseconds a worker to start COUNT, and to have them back after all were killed; the CPU of that."""
    began = time.monotonic()
    running = Running(make, COUNT, venv)
    try:
        started = time.monotonic() - began
        time.sleep(HEALTHY)
        used, began = cpu_of(running.master), time.monotonic()
        for pid in running.pids:
            os.kill(pid, signal.SIGKILL)
        running.pids = running.births(COUNT)
        back = time.monotonic() - began
        used = cpu_of(running.master) - used
    finally:
        running.close()
    return started / COUNT * 1e3, back / COUNT * 1e3, used / COUNT * 1e3


def table(rows):
    head = (
        "| supervisor | killed to new process (ms), median | worst | status command (ms) | wake-ups a second, idle |"
        f" memory (MiB) | own processes | {COUNT} started (ms each) | all killed, back (ms each) | CPU of that (ms each) | settings |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
    )
    return head + "".join(map(line, rows.items()))


def line(item):
    name, row = item
    if "missing" in row:
        return f"| {name} | {row['missing']} | | | | | | | | | |\n"
    many = row["crowd"]
    many = [f"{v:.1f}" for v in many] if isinstance(many, tuple) else [many, "", ""]
    return (
        f"| {name} | {statistics.median(row['respawn']):.1f} | {max(row['respawn']):.1f} "
        f"| {statistics.median(row['status']):.0f} | {row['wakeups']:.1f} | {row['memory'] / 2**20:.1f} "
        f"| {row['processes']} | {many[0]} | {many[1]} | {many[2]} | {row['settings']} |\n"
    )


def aims(rows):
    """The aims that are ratios or bounds, and whether this run met them."""
    ours = rows["nbmon"]
    respawn = statistics.median(ours["respawn"])
    lines = [("respawn of a command ≤ 10 ms", f"{respawn:.1f} ms", respawn <= 10.0)]
    if "status" in rows.get("supervisord", {}):
        ratio = statistics.median(ours["status"]) / statistics.median(rows["supervisord"]["status"])
        lines.append(("`nbmon status` ≤ a third of `supervisorctl status`", f"{ratio:.2f}", ratio <= 1 / 3))
    lines += [
        ("idle supervisor: no wake-ups", f"{ours['wakeups']:.1f} a second", ours["wakeups"] == 0),
        ("idle supervisor: ≤ 20 MB", f"{ours['memory'] / 1e6:.1f} MB", ours["memory"] <= 20e6),
    ]
    return "| aim | seen | met |\n| --- | ---: | --- |\n" + "".join(
        f"| {what} | {seen} | {'yes' if met else '**no**'} |\n" for what, seen, met in lines
    )


def venv_of_peers(given):
    """Where supervisord and circus are, installed from PyPI if need be."""
    venv = Path(given).resolve()
    if not (venv / "bin" / "circusd").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [
            str(venv / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "supervisor",
            "circus",
            "setuptools<81",
        ]
        subprocess.run(pip, check=False)
    return venv


def main():
    ask = argparse.ArgumentParser(prog="bench.supervisors")
    ask.add_argument("--write", type=Path)
    ask.add_argument("--peers", default="build/peers")
    words = ask.parse_args()
    machine, venv = described(), venv_of_peers(words.peers)
    rows, makers = {}, []
    for make in ALL:
        name = make.__name__
        there = (
            shutil.which(NEEDS[name])
            if name in NEEDS
            else name == "nbmon"
            or (venv / "bin" / f"{name}ctl").exists()
            or (venv / "bin" / "supervisorctl").exists()
        )
        if there:
            makers.append(make)
        else:
            rows[name] = {"missing": "not installed"}
    rows.update(single(makers, venv))
    for make in makers:
        try:
            rows[make.__name__]["crowd"] = crowd(make, venv)
        except (TimeoutError, RuntimeError) as error:
            rows[make.__name__]["crowd"] = str(error)
    rows = {make.__name__: rows[make.__name__] for make in ALL}
    text = f"{machine}. {ROUNDS} rounds, in turn.\n\n{table(rows)}\n{aims(rows)}"
    print(text)
    if words.write is not None:
        before, _, rest = words.write.read_text().partition(MARK[0])
        words.write.write_text(f"{before}{MARK[0]}\n\n{text}\n{MARK[1]}{rest.partition(MARK[1])[2]}")


if __name__ == "__main__":
    main()
