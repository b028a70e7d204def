"""The case table of tests/support/http_cases.py against other servers: `python -m bench.cases [NAME …]`.

Each peer gets a folder in which the paths that the table asks for are files of five bytes; nbmon gets an
application that has them all. A case is met if the statuses come in the table's order and the connection is
closed, or lives on, as the table says; 403 and 404 stand for 200 (a folder cannot hold every name). The table
is strict where RFC 9112 leaves a choice, and has nbmon's own limits: a peer that does not meet a case is not
thereby wrong. "Let through" counts what matters more: the table refuses it as malformed, the peer answers it.
"""

from __future__ import annotations

import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bench.peers import PEERS, POOLS, Peer, missing, running
from nbmon.http import Representation, answer

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from serve.talk import SERVERS, serving
from support.http_cases import CASES, HALF_CLOSED, Case

SILENCE = 3.0  # seconds without a byte: the server waits for more
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
NAMES = ("x", "next", "last", "index.html", "名")
CONTENT = b"hello"
HELLO = Representation(len(CONTENT), b"text/plain", b'"tag"', 0)
# What a peer's configuration lacks for the table, since the other benchmarks do not need it: an index page
MORE = {"lighttpd.conf": 'index-file.names = ("index.html")\n'}


class Outcome(NamedTuple):
    """What came back, and whether the server closed."""

    statuses: tuple[int, ...]
    closed: bool


def statuses(received: bytes) -> tuple[int, ...]:
    """The final answers' codes. No content of the folder looks like a status line."""
    found = (int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3})", received))
    return tuple(code for code in found if code >= 200)


def talk(port: int, raw: bytes, half_close: bool) -> Outcome:
    """Send all of it, and read until the server closes or falls silent."""
    received, closed = bytearray(), True
    with socket.create_connection(("127.0.0.1", port), SILENCE) as sock:
        try:
            sock.sendall(raw)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            while data := sock.recv(1 << 16):
                received += data
        except TimeoutError:
            closed = False
        except OSError:  # reset: closed, rudely
            pass
    return Outcome(statuses(bytes(received)), closed)


def _like(got: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether these are the table's statuses."""
    return len(got) == len(wanted) and all(
        one == other or (other == 200 and one in (403, 404)) for one, other in zip(got, wanted, strict=True)
    )


def meets(port: int, case: Case, half_close: bool) -> tuple[bool, Outcome]:
    """Whether the server does what the table says."""
    ends = case.closed or half_close
    outcome = talk(port, case.raw if ends else case.raw + LAST, half_close)
    wanted = case.statuses if ends else (*case.statuses, 200)
    return outcome.closed and _like(outcome.statuses, wanted), outcome


def let_through(case: Case, outcome: Outcome) -> bool:
    """A request that the table calls malformed was answered as if it were none."""
    return case.statuses == (400,) and _like(outcome.statuses[:1], (200,))


def unlike(port: int) -> Iterator[tuple[Case, Outcome]]:
    """The cases that this server does not meet."""
    for half_close, table in ((False, CASES), (True, HALF_CLOSED)):
        for case in table:
            met, outcome = meets(port, case, half_close)
            if not met:
                yield case, outcome


def judge(name: str, port: int) -> None:
    """One line for the server, and one for each case it does not meet."""
    total = len(CASES) + len(HALF_CLOSED)
    failed = list(unlike(port))
    through = sum(let_through(case, outcome) for case, outcome in failed)
    print(f"{name}: {total - len(failed)} of {total}, let through {through}", flush=True)
    for case, outcome in failed:
        said = " ".join(map(str, outcome.statuses)) or "nothing"
        print(f"    {case.name}: {said}, {'closed' if outcome.closed else 'open'}")


def judge_peer(peer: Peer, root: Path) -> None:
    def command(port: int, root: Path, directory: Path) -> list[str]:
        argv = peer.command(port, root, directory)
        for name, more in MORE.items():
            if (directory / name).exists():
                (directory / name).write_text((directory / name).read_text() + more)
        return argv

    with running(replace(peer, command=command), root, 0) as (_, port):
        judge(peer.name, port)


def main() -> None:
    names = sys.argv[1:]
    for model in SERVERS:
        if not names or model in names:
            with serving(model, lambda asked: answer(asked, HELLO, lambda: CONTENT)) as server:
                judge(f"nbmon {model}", server.address[1])
    with tempfile.TemporaryDirectory(prefix="cases-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # nginx's worker is another user
        for name in NAMES:
            (root / name).write_bytes(CONTENT)
        # the first setting of each: the others differ only in how they send
        first = {peer.name: peer for peer in reversed((*PEERS, *POOLS)) if not peer.name.startswith("nbmon")}
        for name, peer in first.items():
            if (not names or name in names) and not peer.one_file and not missing(peer):
                judge_peer(peer, root)


if __name__ == "__main__":
    main()
