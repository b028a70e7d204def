"""One supervisor for processes, threads and coroutines.

    python examples/tree.py            here, until Ctrl-C
    nbmon start tree:tree              in the background (from this folder); nbmon status tree --json

Kill any of its processes and look again: it is back, and the others have not noticed.
"""

import asyncio
import os
import time

import nbmon
from nbmon import Supervisor, coroutine, process, thread


def say(text: str) -> None:
    worker = nbmon.current_worker()
    print(f"{worker.name} ({worker.kind}, restarted {worker.restarts} times): {text}", flush=True)


def resize_forever() -> None:
    """A process: it asks between two pieces of work whether it shall end."""
    say(f"works as pid {os.getpid()}")
    while not nbmon.wait_stopping(timeout=1.0):
        sum(range(100_000))
    say("has put its work away")


def watch_folder() -> None:
    """A thread: it says every second that it lives, so it is not taken for stuck."""
    say("watches")
    while not nbmon.wait_stopping(timeout=1.0):
        nbmon.heartbeat()


async def follow_feed() -> None:
    """A coroutine: it is stopped by cancellation, like any other."""
    say("follows")
    try:
        while True:
            await asyncio.sleep(60)
    finally:
        say("hangs up")


def serve() -> None:
    """It says when it is ready; what stands after it is not started before."""
    time.sleep(0.1)  # opening sockets, reading files
    nbmon.ready()
    say(f"serves as pid {os.getpid()}")
    nbmon.wait_stopping()


async def warm_up() -> None:
    say("warms up what serve() serves")
    await nbmon.stopped()


tree = Supervisor(
    process("resizer", resize_forever, count=4),
    thread("watcher", watch_folder, heartbeat=5.0),
    coroutine("feed", follow_feed, restart="transient"),
    Supervisor(
        process("web", serve, ready=True),
        coroutine("warm", warm_up),
        name="front",
        strategy="rest_for_one",
    ),
    strategy="one_for_one",
    intensity=5,
    period=60.0,
)

if __name__ == "__main__":
    tree.run()
