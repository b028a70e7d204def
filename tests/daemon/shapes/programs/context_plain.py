"""with DaemonContext(): and nothing more; writes its own pid file."""

import os
import time

import nbmon as daemon

here = os.getcwd()


def main():
    with open(os.path.join(here, "shape.pid"), "w") as file:
        file.write(f"{os.getpid()}\n")
    with open(os.path.join(here, "context.log"), "a") as log:
        log.write("alive\n")
    while True:
        time.sleep(1)


if __name__ == "__main__":
    with daemon.DaemonContext():
        main()
