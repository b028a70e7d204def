"""What starting costs: `make bench-start`. Import, `nbmon status`, `nbmon start` until ready, the daemon's memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import machine

ROUNDS = 15
ROOT = Path(__file__).parent.parent


def took(*argv: str, env: dict[str, str]) -> float:
    """Milliseconds of the wall for one command."""
    start = time.monotonic()
    subprocess.run(argv, env=env, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.monotonic() - start) * 1e3


def started(env: dict[str, str]) -> tuple[float, int]:
    """Milliseconds until `nbmon start` returned, and the daemon's memory in bytes (PSS)."""
    nbmon = (sys.executable, "-m", "nbmon")
    pictures = str(ROOT / "examples" / "pictures")
    milliseconds = took(*nbmon, "start", pictures, "--name", "bench", "--port", "0", env=env)
    said = subprocess.run([*nbmon, "status", "bench", "--json"], env=env, check=True, capture_output=True)
    memory = machine.memory_of(json.loads(said.stdout)["pid"])
    subprocess.run([*nbmon, "stop", "bench"], env=env, check=True, stdout=subprocess.DEVNULL)
    return milliseconds, memory


def main() -> None:
    """Measure in turn and print a table of medians."""
    figures: dict[str, list[float]] = {
        "bare": [],
        "import": [],
        "daemon": [],
        "status": [],
        "start": [],
        "memory": [],
    }
    with tempfile.TemporaryDirectory(prefix="bench-start-") as place:
        env = dict(
            os.environ,
            XDG_RUNTIME_DIR=place,
            XDG_STATE_HOME=place,
            XDG_CACHE_HOME=place,
            PYTHONDONTWRITEBYTECODE="",
        )
        for _ in range(ROUNDS):
            figures["bare"].append(took(sys.executable, "-c", "pass", env=env))
            figures["import"].append(took(sys.executable, "-c", "import nbmon", env=env))
            figures["daemon"].append(took(sys.executable, "-c", "from nbmon import Daemon", env=env))
            figures["status"].append(took(sys.executable, "-m", "nbmon", "status", env=env))
            milliseconds, memory = started(env)
            figures["start"].append(milliseconds)
            figures["memory"].append(memory / 2**20)
    middle = {key: statistics.median(values) for key, values in figures.items()}
    print(machine.described())
    print(f"\nMedians of {ROUNDS} rounds, in turn.\n")
    print("| what | median | aim |\n| --- | ---: | ---: |")
    print(f"| bare Python | {middle['bare']:.1f} ms | |")
    print(f"| `import nbmon`, over bare Python | {middle['import'] - middle['bare']:.1f} ms | 30 ms |")
    print(
        f"| `from nbmon import Daemon`, over bare Python | {middle['daemon'] - middle['bare']:.1f} ms | 30 ms |"
    )
    print(f"| `nbmon status` | {middle['status']:.1f} ms | 100 ms |")
    print(f"| `nbmon start` until ready | {middle['start']:.1f} ms | 300 ms |")
    print(f"| the daemon's memory (PSS) | {middle['memory']:.1f} MiB | 30 MB |")


if __name__ == "__main__":
    main()
