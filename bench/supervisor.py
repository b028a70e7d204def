"""What supervision costs on this machine: python bench/supervisor.py

Respawn after SIGKILL (to the new process, and to readiness), workers in numbers (started, all killed at once, all back;
the master's CPU for each), threads and coroutines that fail once each, and what an idle supervisor costs.
"""

import os
import signal
import statistics
import time
from pathlib import Path

import nbmon
from nbmon import Supervisor, coroutine, process, thread

ROUNDS = 8
NUMBERS = (10, 100, 1000)
UNLIMITED = 1_000_000  # restarts
GAP = 0.1  # seconds between two looks


def work():
    nbmon.stopping()
    nbmon.ready()
    nbmon.wait_stopping()


def fail_once():
    nbmon.ready()
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once")
    nbmon.wait_stopping()


async def fail_once_too():
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once")
    await nbmon.stopped()


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(pid, key):
    return next(
        line.split()[1]
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith(key)
    )


def pid_of(tree, name):
    return next(row["pid"] for row in tree.status()["workers"] if row["name"] == name)


def all_back(tree):
    while not all(r["state"] == "running" and r["restarts"] == 1 for r in tree.status()["workers"]):
        time.sleep(GAP)


def respawn():
    tree = Supervisor(
        process("function", work, ready=True), process("command", ["sleep", "1000"]), intensity=UNLIMITED
    )
    with tree:
        for name in ("function", "command"):
            taken = {"started": [], "ready": []}
            for _ in range(ROUNDS):
                pid = pid_of(tree, name)
                time.sleep(1.1)  # a healthy life, so that the restart is immediate
                began = time.monotonic()
                os.kill(pid, signal.SIGKILL)
                event = {}
                while event.get("event") != "ready":
                    event = tree._background.remote.event(30)
                    if event["event"] in taken:
                        taken[event["event"]].append((time.monotonic() - began) * 1e3)
            figures = ", ".join(
                f"{what} {statistics.median(v):.1f} ms (worst {max(v):.1f})" for what, v in taken.items()
            )
            print(f"{name} killed: {figures}")


def numbers(count):
    tree = Supervisor(process("w", work, count=count, ready=True), intensity=UNLIMITED, healthy=0)
    began = time.monotonic()
    with tree:
        started = time.monotonic() - began
        master = tree.status()["pid"]
        pids = [row["pid"] for row in tree.status()["workers"]]
        before, began = cpu(master), time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        all_back(tree)
        back, used = time.monotonic() - began, cpu(master) - before
    print(
        f"{count} workers: started {started / count * 1e3:.1f} ms each; killed and back {back / count * 1e3:.1f} ms each, "
        f"{used / count * 1e3:.1f} ms of the master's CPU each"
    )


def idle():
    with Supervisor(process("w", work, ready=True, count=2)) as tree:
        master = tree.status()["pid"]
        time.sleep(0.5)
        before = status(master, "voluntary_ctxt_switches")
        time.sleep(3)
        woken = int(status(master, "voluntary_ctxt_switches")) - int(before)
        print(f"idle: {woken} wake-ups in 3 s, {int(status(master, 'VmRSS')) / 1024:.1f} MiB")


def many():
    tree = Supervisor(
        thread("t", fail_once, count=500, ready=True),
        coroutine("c", fail_once_too, count=10_000),
        intensity=UNLIMITED,
        healthy=0,
    )
    began = time.monotonic()
    with tree:
        all_back(tree)
        print(
            f"500 threads and 10,000 coroutines: each failed once, all back after {time.monotonic() - began:.1f} s"
        )


if __name__ == "__main__":
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # the log of the deaths
    respawn()
    for number in NUMBERS:
        numbers(number)
    idle()
    many()
