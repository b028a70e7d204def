"""A daemon that writes the time every second, by nbmon's function `daemonize`.

    python counter.py                        counts into counter.log, its pid in counter.pid
    python counter.py /tmp/c.log /tmp/c.pid  the same, elsewhere
    kill $(cat counter.pid)                  ends it

A second one is refused while the first runs. `mv counter.log old.log; kill -HUP $(cat counter.pid)`
begins a new log without losing a line.
"""

import sys
import time

from nbmon import daemonize

INTERVAL = 1.0  # seconds


def count() -> None:
    number = 0
    due = time.monotonic()  # the wall clock may be set back; this one only goes on
    while True:
        number += 1
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} number {number}")
        due += INTERVAL
        time.sleep(max(0.0, due - time.monotonic()))


def main(log: str = "counter.log", pidfile: str = "counter.pid") -> None:
    daemonize(stdout=log, stderr=log, pidfile=pidfile)
    # From here on this is the daemon: the shell has its prompt back, and print() writes to the log.
    count()


if __name__ == "__main__":
    if len(sys.argv) > 3 or "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__)
        sys.exit(2 if len(sys.argv) > 3 else 0)
    main(*sys.argv[1:])
