"""Two workers of a kind, each of which can be asked to look and to change; the first is the one here."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbmon.lab.experiment import JSON
from nbmon.lab.experiments.share.bench import BENCH
from nbmon.lab.experiments.share.judging import Worker
from nbmon.lab.experiments.share.probes import Probe
from nbmon.lab.forked import PATIENCE, Forked, Talk

KINDS = ("thread", "process", "coroutine")

Ask = Callable[[Callable[[], JSON]], JSON]  # runs a call in a worker, brings its value


@contextlib.contextmanager
def pair(kind: str, probes: Mapping[str, Probe]) -> Iterator[tuple[Worker, Worker]]:
    """Main thread and another, parent and child, or two tasks of a loop."""
    BENCH.lay()
    if kind == "process":
        with Forked(lambda talk: _serve(talk, probes)) as child:
            yield Here(lambda call: call()), Child(child.talk)
    elif kind == "thread":
        with _thread() as ask:
            yield Here(lambda call: call()), Here(ask)
    else:
        with asyncio.Runner() as runner:
            first, second = _Task(runner), _Task(runner)
            yield Here(first.ask), Here(second.ask)


class Here:
    """A worker of this process: `ask` runs a call in it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def look(self, probe: Probe) -> JSON:
        """See Worker."""
        return self._ask(probe.look)

    def set(self, probe: Probe, value: JSON) -> None:
        """See Worker."""
        assert probe.change is not None
        change = probe.change
        self._ask(lambda: change(value))


class Child:
    """A forked worker, asked over a socket."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def look(self, probe: Probe) -> JSON:
        """See Worker."""
        return self._asked(["look", probe.what])

    def set(self, probe: Probe, value: JSON) -> None:
        """See Worker."""
        self._asked(["set", probe.what, value])

    def _asked(self, words: list[JSON]) -> JSON:
        answer = self._talk.ask(words)
        if "error" in answer:
            raise OSError(*answer["error"])
        return answer["value"]


def _serve(talk: Talk, probes: Mapping[str, Probe]) -> None:
    """The child's life: until the parent closes its end."""
    worker = Here(lambda call: call())
    while True:
        verb, what, *value = talk.hear()
        try:
            if verb == "set":
                worker.set(probes[what], value[0])
            talk.say({"value": worker.look(probes[what])})
        except OSError as error:
            talk.say({"error": [error.errno, error.strerror]})


@contextlib.contextmanager
def _thread() -> Iterator[Ask]:
    """A thread that runs what it is asked."""
    asked: queue.SimpleQueue[Callable[[], JSON] | None] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[JSON, OSError | None]] = queue.SimpleQueue()

    def life() -> None:
        while (call := asked.get()) is not None:
            try:
                answers.put((call(), None))
            except OSError as error:
                answers.put((None, error))

    def ask(call: Callable[[], JSON]) -> JSON:
        asked.put(call)
        value, error = answers.get(timeout=PATIENCE)
        if error is not None:
            raise error
        return value

    thread = threading.Thread(target=life)
    thread.start()
    try:
        yield ask
    finally:
        asked.put(None)
        thread.join()


class _Task:
    """A task of a loop that lives through several questions, in one context."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._asked: asyncio.Queue[tuple[Callable[[], JSON], asyncio.Future[Any]]] = asyncio.Queue()
        self._task = runner.run(self._begin())

    async def _begin(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._live())

    async def _live(self) -> None:
        while True:
            call, answer = await self._asked.get()
            try:
                answer.set_result(call())
            except OSError as error:
                answer.set_exception(error)

    async def _ask(self, call: Callable[[], JSON]) -> JSON:
        answer = asyncio.get_running_loop().create_future()
        await self._asked.put((call, answer))
        return await answer

    def ask(self, call: Callable[[], JSON]) -> JSON:
        """Run it in the task."""
        return self._runner.run(self._ask(call))
