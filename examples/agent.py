"""The plainest use of nbmon: a class, a loop around a socket, and four verbs.

    python agent.py start|stop|restart|status

It listens on 127.0.0.1, port 9086 (AGENT_PORT overrules it), and answers each line with the time:

    $ echo hello | nc -N 127.0.0.1 9086
    2026-01-31 12:00:00 hello
"""

import os
import socket
import sys
import time

from nbmon import Daemon

PORT = os.environ.get("AGENT_PORT", "9086")
PATIENCE = 5.0  # seconds for a client to send its line
MAX_LINE = 1024  # bytes


class agentD(Daemon):  # the name that such classes often have
    def run(self):
        with listen() as listener:
            print("listening on port", listener.getsockname()[1])
            while True:
                connection, _ = listener.accept()
                with connection:
                    answer(connection)


def listen():
    try:
        return socket.create_server(("127.0.0.1", int(PORT)))
    except (OSError, OverflowError, ValueError) as error:
        sys.exit(f"cannot listen on port {PORT}: {error}; set AGENT_PORT to another")


def answer(connection):
    connection.settimeout(PATIENCE)
    try:
        line = connection.makefile("rb").readline(MAX_LINE)
        connection.sendall(time.strftime("%Y-%m-%d %H:%M:%S ").encode() + line)
    except OSError as error:  # one client's trouble is not the next one's
        print("a client went away:", error)


if __name__ == "__main__":
    agent = agentD("agent.pid", stdout="agent.log", stderr="agent.log")
    verbs = {"start": agent.start, "stop": agent.stop, "restart": agent.restart, "status": agent.status}
    if len(sys.argv) != 2 or sys.argv[1] not in verbs:
        print(f"usage: {sys.argv[0]} {'|'.join(verbs)}", file=sys.stderr)
        sys.exit(2)
    sys.exit(verbs[sys.argv[1]]())
