"""Requests made wrong: the case table's bytes, cut, doubled, spliced and sprinkled. For fuzzing."""

from __future__ import annotations

from nbmon.http import CLOSED, NEED_DATA, PAUSED, Limits, Refusal, Request, Response, Session, imf_date
from support.http_cases import CASES

SEEDS = sorted({case.raw[:2000] for case in CASES})
WORDS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b"\r\n\r\n", b"\xff", b"%00", b"..", b"HTTP/1.1",
    b"HTTP/2.0", b"GET / ", b"Host: b\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n",
    b"ffffffffffffffff\r\n", b"-1", b"99999999999999999999", b"Connection: close\r\n",
    b"Expect: 100-continue\r\n", b"Range: bytes=0-0\r\n", b" folded\r\n", b"X" * 300,
]  # fmt: skip
LIMITS = Limits(head_bytes=1024, fields=20, target_bytes=256, body_bytes=512, read_ahead_bytes=2048)
DATE = imf_date(0)


class Choices:
    """Numbers from a fuzzer's bytes, zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def below(self, bound: int) -> int:
        byte = next(self._data, 0)
        if bound > 256:
            byte = byte * 256 + next(self._data, 0)
        return byte % bound if bound else 0


def mutate(choices: Choices, rounds: int) -> bytes:
    """One of the cases after `rounds` accidents."""
    data = SEEDS[choices.below(len(SEEDS))]
    for _ in range(rounds):
        at, size = choices.below(len(data) + 1), 1 + choices.below(16)
        match choices.below(6):
            case 0:
                data = data[:at] + data[at + size :]
            case 1:
                data = data[: at + size] + data[at:]
            case 2:
                data = data[:at] + bytes([choices.below(256)]) + data[at + 1 :]
            case 3:
                data = data[:at] + WORDS[choices.below(len(WORDS))] + data[at:]
            case 4:
                data = data[:at] + SEEDS[choices.below(len(SEEDS))][choices.below(64) :]
            case 5:
                data = data[:at] + data[at : at + size].swapcase() + data[at + size :]
    return data


def pieces(data: bytes, choices: Choices) -> list[bytes]:
    """`data`, cut as the choices will have it."""
    cut = []
    while data:
        size = 1 + choices.below(40)
        cut.append(data[:size])
        data = data[size:]
    return cut


def conversation(parts: list[bytes], half_close: bool) -> list[tuple[object, ...]]:
    """All that a session says to these bytes, each request answered at once. Checks what must always hold."""
    session, seen = Session(LIMITS), []
    for part in [*parts, *([b""] if half_close else [])]:
        session.receive(part)
        while isinstance(event := session.next_event(), Request | Refusal):
            seen.append(_plain(event))
            head = session.respond(Response(200, [], b"x"), DATE)
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert head.endswith(b"\r\n\r\n")
            session.sent()
            if isinstance(event, Refusal):
                assert session.next_event() is CLOSED, "a refused connection goes on"
        assert event in (NEED_DATA, CLOSED), event
        assert event is not PAUSED
        if event is CLOSED:
            break
    if half_close:
        assert session.next_event() is CLOSED, "the client sends no more, and is waited for"
    return seen


def _plain(event: Request | Refusal) -> tuple[object, ...]:
    if isinstance(event, Refusal):
        assert 400 <= event.status <= 505
        assert event.reason.endswith(".")
        return (event.status,)
    assert event.method.isascii()
    assert not set(event.target) & set(b"\0\r\n \t#"), event.target
    assert len(event.target) <= LIMITS.target_bytes
    assert len(event.fields) <= LIMITS.fields
    for name, value in event.fields:
        assert name
        assert name == name.lower()
        assert not set(name + value) & set(b"\0\r\n"), (name, value)
    assert event.version[0] == 1
    return event.method, event.target, event.version, event.fields, event.keep_alive
