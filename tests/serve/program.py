"""A server to be run as a process: MODEL FOLDER [name=number …]; prints its address as JSON, ends on SIGTERM.

Words: nofile, head, idle, send_window, send_rate, drain, linger. Serves FOLDER's files without any care, GET
/ says "here".
"""

import json
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path

from nbmon.http import FileSlice, Response
from nbmon.serve import DEFAULT_TIMEOUTS, listen
from serve.talk import SERVERS

model, folder, *words = sys.argv[1:]
options = {key: float(value) for key, _, value in (word.partition("=") for word in words)}


def app(request):
    """Each file of the folder as it is."""
    if request.path == b"/":
        return Response(200, [], b"here")
    file = (Path(folder) / request.path[1:].decode()).open("rb")
    return Response(200, [], FileSlice(file, 0, file.seek(0, 2)))


nofile = options.pop("nofile", None)
sockets = listen("127.0.0.1", 0)
address = sockets[0].getsockname()
server = SERVERS[model](
    app,
    sockets,
    timeouts=replace(DEFAULT_TIMEOUTS, **options),
    on_serving=lambda: print(json.dumps(address), flush=True),
)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: server.stop())
if nofile:
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(nofile), int(nofile)))
server.serve()
