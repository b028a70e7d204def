"""Two bases: one that holds the state, and Daemon."""

import sys
import time

from nbmon import Daemon


class Connection:
    def __init__(self, address):
        self.address = address


class Server(Connection, Daemon):
    def __init__(self, pidfile, address):
        Connection.__init__(self, address)
        Daemon.__init__(self, pidfile)

    def run(self):
        print("alive for", self.address)
        while True:
            time.sleep(1)


def main(words):
    server = Server("shape.pid", "localhost")
    if len(words) != 1 or words[0] not in ("start", "stop", "restart"):
        return 2
    getattr(server, words[0])()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
