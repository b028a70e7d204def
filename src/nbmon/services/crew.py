"""Who serves a folder: this process, by one model or another, or several workers under a supervisor."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbmon.services.service import Model, Options

if TYPE_CHECKING:
    from socket import socket

    from nbmon.serve import App, CoroutineServer
    from nbmon.serve.board import Board
    from nbmon.serve.ledger import Ledger, Snapshot
    from nbmon.serve.spread import Spread
    from nbmon.services.serving import Outfit

WORKER = "web"
SPARE_GRACE = 1.0  # seconds beyond the drain, before a worker is killed
# Whoever kills workers, or lets them die at once, is met with backoff; giving up would help nobody.
INTENSITY = 1_000_000  # restarts


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
        self, options: Options, outfit: Outfit, ledger: Ledger, title: Callable[[str], None]
    ) -> None:
        self.model = model_of(options)
        self.count = count_of(options)
        self._outfit = outfit
        self._ledger = ledger
        self._title = title
        self._shown: Callable[[], None] | None = None
        self._place: tuple[Spread, int] | None = None
        self.board: Board | None = None
        slots = outfit.limited().bounds.processes if self.model == "process" else self.count
        if slots > 1 and options.metrics is not None:
            from nbmon.serve.board import Board

            self.board = Board(2 * slots)  # in a reload, the old ones serve beside the new ones

    def snapshots(self) -> list[Snapshot]:
        """What each worker has counted; of other workers than this one, up to a second ago."""
        if self._shown is not None:
            self._shown()
        elsewhere = self.board.all() if self.board is not None else []
        return elsewhere if self.count > 1 else [self._ledger.snapshot(), *elsewhere]

    def processes(self) -> int:
        """How many serve at this moment, this one included."""
        return 1 if self.board is None else 1 + self.board.claimed()

    def serve(self, app: App, sockets: list[socket], announce: Callable[[], None], control: str) -> None:
        """Serve until SIGTERM; `announce` is called once all serve. `sys.exit` with a sentence if none do."""
        self._app, self._sockets = app, sockets
        if self.count == 1:
            self._serve(announce)
            return
        from nbmon.serve.spread import Spread
        from nbmon.workers import Supervisor, WorkerError, process

        _, timeouts, _ = self._outfit.limited()
        grace = timeouts.drain + SPARE_GRACE
        self._spread = Spread(self.count)
        workers = process(WORKER, self._work, count=self.count, most=self.count, ready=True, grace=grace)
        try:
            Supervisor(workers, intensity=INTENSITY).run(announce, control)
        except WorkerError as error:
            sys.exit(str(error))

    def _work(self) -> None:
        """In a worker: the listening sockets are everybody's, each takes what it has time for."""
        from nbmon.workers import current_worker

        worker = current_worker()
        assert worker is not None
        self._title(worker.name)
        if self.board is not None:
            from nbmon.serve.board import Shown

            self._shown = Shown(self.board, self._ledger)
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
