"""Wrappers around an answer that is made later: they change it once it is there, and only then."""

import pytest

from nbmon.http import Request, Response
from nbmon.serve.wrappers import Auth, BasePath, CacheControl, Cors, Headers
from nbmon.serve.wrappers.common import changed


class Later:
    """Gives what it was given, one after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.closed = 0

    def fileno(self):
        return 7

    def result(self):
        return self.answers.pop(0) or self

    def close(self):
        self.closed += 1


class Everybody:
    """Passwords that are all right."""

    def right(self, _user, _password):
        return True


PUBLIC = [(b"Cache-Control", b"public")]
WRAPPERS = {
    "headers": (lambda app: Headers(app, [(b"X-A", b"b")]), b"X-A", b"b"),
    "cors": (lambda app: Cors(app, ["*"]), b"Access-Control-Allow-Origin", b"*"),
    "cache control": (lambda app: CacheControl(app, [("*.jpg", b"no-store")]), b"Cache-Control", b"no-store"),
    "auth": (lambda app: Auth(app, Everybody()), b"Cache-Control", b"private"),
    "base path": (lambda app: BasePath(app, b""), b"Cache-Control", b"public"),
}
REQUEST = Request("GET", b"/a.jpg", b"/a.jpg", fields=((b"authorization", b"Basic YTpi"),))


@pytest.mark.parametrize("name", WRAPPERS)
def test_what_a_wrapper_does_is_done_once_the_answer_is_there(name):
    wrap, field, value = WRAPPERS[name]
    last = Later(Response(200, list(PUBLIC)))
    first = Later(None, last)
    later = wrap(lambda _: first)(REQUEST)
    assert later.fileno() == 7
    assert later.result() is later  # not yet
    next_one = later.result()
    later.close()
    response = next_one.result()
    next_one.close()
    assert response.field(field) == value
    assert (first.closed, last.closed) == (1, 1)


def test_an_answer_that_is_there_is_changed_at_once():
    response = Response(200)
    assert changed(response, lambda one: one.fields.append((b"A", b"b"))) is response
    assert response.fields == [(b"A", b"b")]
