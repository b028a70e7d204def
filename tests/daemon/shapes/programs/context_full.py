"""Most options of a DaemonContext: pid lock, folder, umask, streams, kept log, signals by map."""

import logging
import os
import signal
import sys
import time

from nbmon import DaemonContext


class PidLock:
    """The least that a context takes for a pid file: enter and leave."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        os.close(descriptor)
        return self

    def __exit__(self, *exception):
        os.unlink(self.path)


def reread(signum, frame):
    logging.info("reread")


def main():
    logging.info("alive")
    print("on stdout", flush=True)
    print("on stderr", file=sys.stderr)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    handler = logging.FileHandler("kept.log")
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    context = DaemonContext(
        working_directory=os.getcwd(),
        umask=0o002,
        pidfile=PidLock(os.path.abspath("shape.pid")),
        files_preserve=[handler.stream],
        stdout=open("out.log", "w+"),  # noqa: SIM115 - it stays open, as the shape has it
        stderr=open("err.log", "w+"),  # noqa: SIM115 - it stays open, as the shape has it
    )
    context.signal_map = {signal.SIGTERM: "terminate", signal.SIGHUP: reread, signal.SIGTSTP: None}
    with context:
        main()
