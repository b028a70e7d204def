"""What is told about the server itself: /metrics, /-/health, /-/ready. Must not know sockets.

On a socket of its own unless a person wants it on the public one: counts are nobody's business.
"""

from __future__ import annotations

from collections.abc import Callable

from nbmon.http import Answer, Request, Response, error_response, method_refusal
from nbmon.serve.asking import App
from nbmon.serve.ledger import Snapshot
from nbmon.serve.metrics import CONTENT_TYPE, exposition, total

PLAIN = b"text/plain; charset=utf-8"
METRICS = (b"/metrics", b"/-/metrics")
HEALTH = b"/-/health"
READY = b"/-/ready"
PUBLIC = b"/-/"

Snapshots = Callable[[], list[Snapshot]]  # one for each worker
Fault = Callable[[], str | None]  # a sentence on what is wrong, None if nothing is


def _nothing() -> str | None:
    return None


class Admin:
    """An application. Safe to call from several threads."""

    def __init__(
        self,
        snapshots: Snapshots,
        health: Fault = _nothing,
        ready: Fault = _nothing,
        workers: Callable[[], int] = lambda: 1,
        further: Callable[[], bytes] = bytes,
    ) -> None:
        """`further` gives what else is told in the metrics, as `serve.metrics` writes it."""
        self._further = further
        self._snapshots = snapshots
        self._workers = workers
        self._faults = {HEALTH: health, READY: ready}

    def __call__(self, request: Request) -> Response:
        """Answer `request`."""
        return self.answer(request) or error_response(404, "Here are /metrics, /-/health and /-/ready.")

    def answer(self, request: Request) -> Response | None:
        """The answer, None if `request` is for nothing of this."""
        if request.path not in METRICS and request.path not in self._faults:
            return None
        if refusal := method_refusal(request.method):
            return refusal
        if request.path in METRICS:
            own = exposition(total(self._snapshots()), self._workers())
            return _text(200, CONTENT_TYPE, own + self._further())
        fault = self._faults[request.path]()
        return _text(503 if fault else 200, PLAIN, f"{fault or 'ok'}\n".encode())


def _text(status: int, kind: bytes, body: bytes) -> Response:
    nosniff = (b"X-Content-Type-Options", b"nosniff")
    return Response(status, [(b"Content-Type", kind), (b"Cache-Control", b"no-store"), nosniff], body)


class WithAdmin:
    """An application, with the admin's paths under /-/ in front of it."""

    def __init__(self, app: App, admin: Admin) -> None:
        self._app = app
        self._admin = admin
        self.heeds: tuple[bytes, ...] = getattr(app, "heeds", ())
        state_of = getattr(app, "state_of", None)
        if state_of is not None:
            self.state_of = lambda request: None if _is_admins(request) else state_of(request)
        varies = getattr(app, "varies", None)
        if varies is not None:
            self.varies = varies

    def __call__(self, request: Request) -> Answer:
        """Answer `request`."""
        answer = self._admin.answer(request) if _is_admins(request) else None
        return answer or self._app(request)


def _is_admins(request: Request) -> bool:
    return request.path.startswith(PUBLIC)
