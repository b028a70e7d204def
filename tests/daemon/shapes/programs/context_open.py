"""open() and close() by hand, options set as attributes, descriptors kept by number."""

import os
import signal
import time

from nbmon.daemon import DaemonContext

running = True


def finish(signum, frame):
    global running
    running = False


context = DaemonContext(umask=0o077)
kept = open("kept.log", "a")  # noqa: SIM115 - it stays open, as the shape has it
context.files_preserve = [kept.fileno()]
context.detach_process = True
context.signal_map = {signal.SIGTERM: finish}
pidfile = os.path.abspath("shape.pid")
context.open()
with open(pidfile, "w") as file:
    file.write(f"{os.getpid()}\n")
kept.write("alive\n")
kept.flush()
while running:
    time.sleep(0.05)
kept.write("told to go\n")
kept.close()
context.close()
os.remove(pidfile)
