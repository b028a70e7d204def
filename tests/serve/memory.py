"""What the tests of the memo share: an application of plain values, requests, and the full path's answer."""

import os

from nbmon.http import Request, Response, Session, imf_date
from nbmon.serve.bodies import close_files, read_body

DATE = imf_date(784111777)
LATER = imf_date(784111778)
OLD = 1_000_000_000  # seconds since 1970
HEAD = b"GET /a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"
OTHER = b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n"
LAST = b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
RANGE = b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nRange: bytes=1-3\r\n\r\n"


class Shelf:
    """An application of plain values, whose state is what the test says."""

    def __init__(self):
        self.contents = {b"/a.jpg": b"one"}
        self.states = {b"/a.jpg": 1}
        self.asked = self.looked = 0

    def __call__(self, request):
        self.asked += 1
        body = self.contents.get(request.path)
        return Response(404) if body is None else Response(200, [(b"Content-Type", b"image/jpeg")], body)

    def state_of(self, request):
        self.looked += 1
        return self.states.get(request.path)


def old(path, content):
    """A file that nobody has written to for years."""
    path.write_bytes(content)
    os.utime(path, (OLD, OLD))


def replaced(path):
    old(path.with_suffix(".tmp"), b"\xff\xd8\xff" + bytes(4096))
    path.with_suffix(".tmp").rename(path)


def ticked(memo, date=DATE):
    memo.tick(date, 784111777.0)
    return memo


def known(memo, data, times=3):
    """What the memo says when it is asked so often."""
    return [memo.recall(data) for _ in range(times)][-1]


def by_full_path(app, data, date=DATE):
    """The whole answer as a driver gives it, and whether the connection ends; None for what is no request."""
    session = Session()
    session.receive(data)
    request = session.next_event()
    if not isinstance(request, Request):
        return None
    response = app(request)
    try:
        head = session.respond(response, date)
        whole = head + (read_body(response.body) if session.body_wanted else b"")
    finally:
        close_files(response)
    session.sent()
    return whole, not request.keep_alive, session.idle
