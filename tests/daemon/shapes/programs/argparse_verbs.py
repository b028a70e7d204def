"""argparse with choices, and a foreground switch that calls run() itself."""

import argparse
import time

from nbmon import Daemon


class Parsed(Daemon):
    def run(self):
        print("alive", flush=True)
        while True:
            time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description="a daemon")
    parser.add_argument("verb", choices=["start", "stop", "restart", "status"])
    parser.add_argument("-p", "--pidfile", default="shape.pid")
    parser.add_argument("-f", "--foreground", action="store_true")
    arguments = parser.parse_args()
    daemon = Parsed(arguments.pidfile)
    if arguments.foreground:
        daemon.run()
    else:
        getattr(daemon, arguments.verb)()


if __name__ == "__main__":
    main()
