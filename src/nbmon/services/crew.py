"""Who serves a folder: workers under a supervisor, each by one model or another.

Further workers stand beside them in the same tree: append them to `Crew.beside` before `serve`, as in
`crew.beside.append(process("darkroom", darkroom.run))`. They are started before those that serve, so that
they are stopped after them, and must be ready at once: nobody waits for them, and the server goes on without
them. What they share with those that serve (a socket pair, say) is made before, in the supervisor, from which
all are forked.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbmon.services.service import Options

if TYPE_CHECKING:
    from socket import socket

    from nbmon.serve import App, CoroutineServer
    from nbmon.serve.board import Board
    from nbmon.serve.ledger import Ledger, Snapshot
    from nbmon.serve.spread import Spread
    from nbmon.services.serving import Outfit
    from nbmon.services.succession import Succession
    from nbmon.services.words import Model
    from nbmon.workers.spec import Worker

WORKER = "web"
SPARE_GRACE = 1.0  # seconds beyond the drain, before a worker is killed
ROOM = 16  # workers that several may be scaled to: what they share is made before the first


def model_of(options: Options) -> Model:
    """The concurrency model that was asked for."""
    return options.model or "coroutine"


def count_of(options: Options) -> int:
    """How many workers were asked for; `auto` is one for each core that this process may use."""
    if options.workers == "auto":
        return len(os.sched_getaffinity(0))
    return options.workers or 1


def server_class(model: Model) -> type[CoroutineServer]:
    """The driver of that model. Each is loaded when it is used."""
    from nbmon import serve

    return {
        "coroutine": serve.CoroutineServer,
        "thread": serve.ThreadServer,
        "process": serve.ProcessServer,
    }[model]


class Crew:
    """Serves `app` on `sockets`, as the options ask."""

    def __init__(
        self,
        options: Options,
        outfit: Outfit,
        ledger: Ledger,
        title: Callable[[str], None],
        board: int | None = None,
    ) -> None:
        """`board`: the descriptor of the counts that a former image of this process has handed over."""
        self.model = model_of(options)
        self.count = count_of(options)
        self._most = max(self.count, ROOM) if self.count > 1 else 1  # that it may be scaled to
        self._outfit = outfit
        self._ledger = ledger
        self._title = title
        self._shown: Callable[[], None] | None = None
        self._pid = 0  # of the process that `_shown` is for
        self._place: tuple[Spread, int] | None = None
        self._restart = options.restart or "permanent"
        self._prefix = options.prefix is True
        self.beside: list[Worker] = []
        self.board: Board | None = None
        slots = self._most + (outfit.limited().bounds.processes if self.model == "process" else 0)
        if options.metrics is not None:
            from nbmon.serve.board import Board

            self.board = Board(2 * slots, board)  # in a reload, the old ones serve beside the new ones

    def snapshots(self) -> list[Snapshot]:
        """What each worker has counted; of other workers than this one, up to a second ago."""
        if self._shown is not None and self._pid == os.getpid():  # not in a child of the process model
            self._shown()
        return self.board.all() if self.board is not None else [self._ledger.snapshot()]

    @property
    def shares(self) -> bool:
        """Whether several processes serve, which may share what was loaded before they were forked."""
        return self.count > 1 or self.model == "process"

    def processes(self) -> int:
        """How many serve at this moment, this one included."""
        return 1 if self.board is None else 1 + self.board.claimed()

    def serve(
        self,
        app: App,
        sockets: list[socket],
        announce: Callable[[], None],
        control: str,
        succession: Succession,
    ) -> None:
        """Serve until SIGTERM; `announce` is called once all serve. `sys.exit` if one cannot."""
        from nbmon.services.supervised import supervise
        from nbmon.workers import process

        self._app, self._sockets = app, sockets
        if self.count > 1:
            from nbmon.serve.spread import Spread

            self._spread = Spread(self._most)
            self._spread.nobody()  # is there yet to take connections
        _, timeouts, _ = self._outfit.limited()
        worker = process(
            WORKER, self._work, count=self.count, most=self._most, ready=True,
            restart=self._restart, grace=timeouts.drain + SPARE_GRACE,
        )  # fmt: skip
        beside = [replace(one, aside=True) for one in self.beside]
        supervise([*beside, worker], announce, control, succession, prefix=self._prefix)

    def _work(self) -> None:
        """In a worker: the listening sockets are everybody's, each takes what it has time for."""
        from nbmon.workers import current_worker

        worker = current_worker()
        assert worker is not None
        self._title(worker.name)
        if self.board is not None:
            from nbmon.serve.board import Shown

            self._shown, self._pid = Shown(self.board, self._ledger), os.getpid()
        if self.count > 1:
            self._place = (self._spread, worker.number - 1)
        self._serve(worker.ready)

    def _serve(self, announce: Callable[[], None]) -> None:
        limits, timeouts, bounds = self._outfit.limited()

        def on_serving() -> None:
            self._outfit.serve_aside(server, self._shown)
            announce()

        server = server_class(self.model)(
            self._app, self._sockets, limits, timeouts, on_serving,
            bounds=bounds, ledger=self._ledger, spread=self._place,
        )  # fmt: skip
        if self.model == "process":
            server.board = self.board  # type: ignore[attr-defined]  # a ProcessServer has it
        stop_on_signals(server)
        server.serve()
        if self._shown is not None:
            self._shown()


def load_for_children(app: App) -> None:
    """Let `app` load before a fork what it loads when it is first asked: once, in memory that all share."""
    from nbmon.http import Request

    app(Request("GET", b"/", b"/"))  # a page: it has no file to be closed


def stop_on_signals(server: Any) -> None:
    """SIGTERM and Ctrl-C let answers in flight end; a second Ctrl-C does not wait for them."""

    def stop(number: int, _frame: object) -> None:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
