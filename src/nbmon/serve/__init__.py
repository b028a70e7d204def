"""Moves bytes between sockets and `nbmon.http`: listening, and one driver a concurrency model."""

from nbmon.serve.asking import App
from nbmon.serve.coroutine import CoroutineServer
from nbmon.serve.errors import ListenError
from nbmon.serve.listen import close_all, listen, url_of
from nbmon.serve.process import ProcessServer
from nbmon.serve.thread import ThreadServer
from nbmon.serve.timeouts import DEFAULT_BOUNDS, DEFAULT_TIMEOUTS, Bounds, Timeouts
from nbmon.serve.unixsocket import remove_socket_files

__all__ = [
    "DEFAULT_BOUNDS",
    "DEFAULT_TIMEOUTS",
    "App",
    "Bounds",
    "CoroutineServer",
    "ListenError",
    "ProcessServer",
    "ThreadServer",
    "Timeouts",
    "close_all",
    "listen",
    "remove_socket_files",
    "url_of",
]
