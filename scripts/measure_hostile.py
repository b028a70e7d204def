"""What a running server answers to each file of the hostile corpus, in what time, and with how much memory.

`python scripts/measure_hostile.py` makes the files, starts a server on them, and prints a table in Markdown.
The memory is that of all of the server's processes together, looked at every few milliseconds.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.extend(str(Path(__file__).parents[1] / folder) for folder in ("", "tests"))

from bench.machine import memory_of

from support.hostile import write

EACH = 0.005  # seconds


class Watch(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, False

    def run(self) -> None:
        while not self.ended:
            self.peak = max(self.peak, memory_of(self.pid))
            time.sleep(EACH)


def ask(port: int, target: str) -> tuple[int, str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begin = time.perf_counter()
    connection.request("GET", target)
    response = connection.getresponse()
    data = response.read()
    took = time.perf_counter() - begin
    connection.close()
    if response.status == 200:
        return 200, f"{response.headers['Content-Type']}, {len(data)} bytes", took
    return response.status, data.decode().partition("<p>")[2].partition("</p>")[0], took


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        names = write(Path(place))
        server = subprocess.Popen(
            [sys.executable, "-m", "nbmon", "run", "--port", "0", "--cache-size", "0", place],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        port = urlsplit(server.stdout.readline().strip()).port
        assert port is not None
        ask(port, "/cut.gif?w=8")  # loads what is loaded once
        print(
            f"Idle: {memory_of(server.pid) / 1e6:.0f} MB.\n\n| file | answer | | s | peak, MB |\n| --- | --- | --- | --- | --- |"
        )
        for name in sorted(names):
            watch = Watch(server.pid)
            watch.start()
            status, what, took = ask(port, f"/{name}?w=100")
            watch.ended = True
            watch.join()
            print(f"| `{name}` | {status} | {what} | {took:.2f} | {watch.peak / 1e6:.0f} |", flush=True)
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
