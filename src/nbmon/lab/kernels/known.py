"""Functions whose best model is known: what `advise` is judged by, and what one may try it on."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time

BUFFER = bytes(4 << 20)  # bytes that are hashed
NAP = 0.01  # seconds


def arithmetic(rounds: int = 100_000) -> int:
    """Pure Python: holds the GIL. process."""
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total


def hashing() -> str:
    """hashlib gives the GIL up for a large buffer. thread."""
    return hashlib.sha256(BUFFER).hexdigest()


def sleeping(seconds: float = NAP) -> None:
    """Waits, and nothing else. thread."""
    time.sleep(seconds)


async def sleeping_async(seconds: float = NAP) -> None:
    """Waits in its event loop. coroutine."""
    await asyncio.sleep(seconds)


def asking(port: int) -> bytes:
    """A blocking socket to a server that takes its time. thread."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"?")
        return line.recv(1)


async def asking_async(port: int) -> bytes:
    """The same by asyncio. coroutine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"?")
    answer = await reader.read(1)
    writer.close()
    await writer.wait_closed()
    return answer


def tiny(number: int = 1) -> int:
    """Costs less than giving it to anybody. none."""
    return number + 1


async def tiny_async(number: int = 1) -> int:
    """The same as a coroutine. none."""
    return number + 1


def large() -> list[bytes]:
    """Arguments whose way to another process costs more than the work."""
    return [bytes(32 << 20)]


def counting(data: bytes) -> int:
    """A quick look through large arguments that holds the GIL. none."""
    return data.count(b"x")


def digesting(data: bytes) -> int:
    """A quick look through large arguments without the GIL. thread or none."""
    import zlib

    return zlib.adler32(data)
