"""The event loop by itself: waking, deadlines, and what happens to a task within a batch of events."""

import os
import select
import signal
import threading

import pytest

from nbmon.serve.loop import READ, Loop, Task, Timer
from support.proc import GROSS_HANG


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def test_a_signal_is_heard_even_if_it_comes_just_before_the_loop_sleeps(loop):
    """What the handler would miss then, the byte in the pipe makes up for."""
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with loop.hearing_signals():
            os.kill(os.getpid(), signal.SIGUSR1)
            assert select.select([loop._waker.fd], [], [], GROSS_HANG)[0]
        assert signal.set_wakeup_fd(-1) == -1  # as it was before
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_wake_reaches_a_sleeping_loop_from_another_thread(loop):
    loop.on_wake = loop.stop
    thread = threading.Thread(target=loop.run)
    thread.start()
    loop.wake()
    thread.join(GROSS_HANG)
    assert not thread.is_alive()


def test_wake_after_close_is_harmless():
    loop = Loop()
    loop.close()
    loop.wake()


def test_a_timer_calls_once(loop):
    calls = []
    Timer(loop, 0.0, lambda: calls.append(1))
    Timer(loop, 0.1, loop.stop)
    loop.run()
    assert calls == [1]


class Reader(Task):
    """Reads, and takes another task out of the loop."""

    def __init__(self, loop, fd):
        super().__init__(loop, fd)
        self.calls = 0
        self.victim = None

    def ready(self):
        self.calls += 1
        self.victim.leave()
        self.loop.stop()


def test_a_task_that_an_earlier_event_has_ended_is_not_called(loop):
    pipes = [os.pipe() for _ in range(2)]
    readers = [Reader(loop, reading) for reading, _ in pipes]
    readers[0].victim, readers[1].victim = readers[1], readers[0]
    for reader, (_, writing) in zip(readers, pipes, strict=True):
        reader.watch(READ)
        os.write(writing, b"x")
    loop.run()
    assert sorted(reader.calls for reader in readers) == [0, 1]
    for reader in readers:
        reader.leave()
    for fd in (fd for pipe in pipes for fd in pipe):
        os.close(fd)


def test_waking_a_loop_that_is_just_being_closed_writes_to_nobody_else():
    """A descriptor's number is used again at once: a late word would go to a stranger."""
    for _ in range(200):
        loop = Loop()
        waker = threading.Thread(target=lambda loop=loop: [loop.wake() for _ in range(50)])
        waker.start()
        loop.close()
        reading, writing = os.pipe2(os.O_NONBLOCK)
        others = [os.pipe2(os.O_NONBLOCK) for _ in range(2)]
        waker.join()
        for one, other in ((reading, writing), *others):
            with pytest.raises(BlockingIOError):
                os.read(one, 1)
            os.close(one)
            os.close(other)
