"""How long a client may take for what, and how many may be here at once: plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """All in seconds, except the rate. Apache's mod_reqtimeout and nginx name the same things."""

    head: float = 10.0  # from a head's first byte to its last, however the bytes drip (408 after it)
    idle: float = 15.0  # between an answer and the next request; also before the first byte
    send_window: float = 15.0  # in each such window a reader must have taken …
    send_rate: float = 256.0  # … so many bytes a second on average, by TCP's own acknowledgements
    linger: float = 2.0  # after a refusal: reading on so that the client sees it (RFC 9112 section 9.6)
    drain: float = 8.0  # after stop(): for answers in flight. Below the 10 s after which a daemon is killed


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one server takes on at most."""

    connections: int = 16_384
    per_address: int = 8_192  # of one client; an IPv6 /64 is one
    spare_descriptors: int = 64  # kept free of connections: files being sent, the log, the listeners
    linger_bytes: int = 16 * 1024 * 1024  # read and thrown away after a refusal
    memory_bytes: int = 64 * 1024 * 1024  # of answers that are remembered (nbmon.serve.memo)
    mapped_bytes: int = 1024 * 1024 * 1024  # of a file that is mapped; a larger one goes by sendfile(2)
    threads: int = 32  # in the thread model: answers that are made or sent at the same time
    processes: int = 64  # in the process model: connections that are conversed with at the same time
    spare_processes: int = 2  # kept when there is nothing to do


DEFAULT_TIMEOUTS = Timeouts()
DEFAULT_BOUNDS = Bounds()
