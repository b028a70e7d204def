"""What the wrappers share. Must not know sockets, files, clocks."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from nbmon.http import Answer, Later, Request, Response

App = Callable[[Request], Answer]
Change = Callable[[Response], object]
Field = tuple[bytes, bytes]


class WrongOption(ValueError):  # noqa: N818 - what it is
    """A person's own fault; `str(error)` says what was given, what is accepted, and an example."""


class Wrapper:
    """An application around another; passes on the inner one's state where the inner one has any."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.heeds: tuple[bytes, ...] = getattr(app, "heeds", ())
        self._inner_state: Callable[[Request], Hashable] | None = getattr(app, "state_of", None)
        if self._inner_state is not None:
            # An attribute only where it has a meaning: its absence is what tells the memo that there is none.
            self.state_of = self._state_of
        self._inner_varies: Callable[[bytes], bool] | None = getattr(app, "varies", None)
        if self._inner_varies is not None:
            self.varies = self._varies

    def _state_of(self, request: Request) -> Hashable:
        assert self._inner_state is not None
        return self._inner_state(request)

    def _varies(self, target: bytes) -> bool:
        assert self._inner_varies is not None
        return self._inner_varies(target)


def changed(answer: Answer, change: Change) -> Answer:
    """`answer`, on which `change` is done as soon as it is there."""
    if isinstance(answer, Response):
        change(answer)
        return answer
    return _ChangedLater(answer, change)


class _ChangedLater:
    def __init__(self, later: Later, change: Change) -> None:
        self._later = later
        self._change = change

    def fileno(self) -> int:
        return self._later.fileno()

    def result(self) -> Answer:
        answer = self._later.result()
        return self if answer is self._later else changed(answer, self._change)

    def close(self) -> None:
        self._later.close()


def with_field(response: Response, name: bytes, value: bytes) -> None:
    """Put the field `name` in the place of all that have its name."""
    lower = name.lower()
    response.fields = [field for field in response.fields if field[0].lower() != lower]
    response.fields.append((name, value))


def vary_on(response: Response, name: bytes) -> None:
    """Say that the answer depends on the request's field `name` (RFC 9110 section 12.5.5)."""
    said = response.field(b"vary")
    if said is None:
        response.fields.append((b"Vary", name))
    elif said != b"*" and name.lower() not in [part.strip().lower() for part in said.split(b",")]:
        with_field(response, b"Vary", said + b", " + name)
