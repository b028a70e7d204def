"""Basic authentication: who is let in, what a file of passwords may hold, what a guesser costs."""

import base64
import os
import warnings

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import Request, Response
from nbmon.serve.wrappers import Auth, Passwords, Private, WrongOption
from nbmon.serve.wrappers import auth as room
from nbmon.serve.wrappers.auth import credentials


def hashed(password, cost=4, start=b"2b"):
    salt = b"$2b$%02d$abcdefghijklmnopqrstuu" % cost  # the same in every process: it names a case
    return bcrypt.hashpw(password, salt).replace(b"$2b$", b"$" + start + b"$")


TABLE = b"# people\n\nanna:%s\nbj\xc3\xb6rn:%s\n" % (hashed(b"secret"), hashed(b"\xc3\xb6l", start=b"2y"))


class Resource:
    asked = 0

    def __call__(self, request):
        self.asked += 1
        return Response(200, [(b"Cache-Control", b"public, max-age=60")], b"for you")

    def state_of(self, request):
        return "state"


def basic(user, password, scheme=b"Basic"):
    return scheme + b" " + base64.b64encode(user + b":" + password)


def request(authorization=None):
    return Request("GET", b"/", b"/", fields=((b"authorization", authorization),) if authorization else ())


@pytest.fixture
def clock():
    """Seconds, moved by the test."""
    return [0.0]


@pytest.fixture
def app(clock):
    return Auth(Resource(), Passwords.parse(TABLE, "people"), clock=lambda: clock[0])


GIVEN = [
    (basic(b"anna", b"secret"), 200),
    (basic(b"anna", b"secret", b"bAsIc"), 200),
    (basic("björn".encode(), "öl".encode()), 200),
    (None, 401),
    (basic(b"anna", b"Secret"), 401),
    (basic(b"anna", b""), 401),
    (basic(b"anna", b"secret\0x"), 401),
    (basic(b"bob", b"secret"), 401),
    (basic(b"", b"secret"), 401),
    (b"Basic " + base64.b64encode(b"annasecret"), 401),
    (b"Basic !!!", 401),
    (b"Basic", 401),
    (b"Bearer abc", 401),
    (basic(b"anna", b"secret") + b", " + basic(b"anna", b"secret"), 401),
]


@pytest.mark.parametrize(("authorization", "status"), GIVEN)
def test_only_a_name_and_its_password_let_in(app, authorization, status):
    answer = app(request(authorization))
    assert answer.status == status
    assert app._app.asked == (1 if status == 200 else 0)
    if status == 401:
        assert answer.field(b"www-authenticate") == b'Basic realm="pictures", charset="UTF-8"'
        assert answer.field(b"cache-control") == b"no-store"


def test_what_only_some_may_see_is_in_no_shared_cache(app):
    assert app(request(basic(b"anna", b"secret"))).field(b"cache-control") == b"private, max-age=60"


SHARED = [
    (b"public, max-age=60", b"private, max-age=60"),
    (b"Public , MAX-AGE=60", b"private, MAX-AGE=60"),
    (b"max-age=60, must-revalidate", b"private, max-age=60, must-revalidate"),
    (b"s-maxage=60,max-age=1", b"private, max-age=1"),
    (b'private="set-cookie, x", public', b"private"),
    (b'no-cache="a, public", max-age=1', b'private, no-cache="a, public", max-age=1'),
    (b"no-store, max-age=1", b"no-store, max-age=1"),
    (b"no-cache", b"private, no-cache"),
    (b"x-publicity=1", b"private, x-publicity=1"),
]


@pytest.mark.parametrize(("said", "told"), SHARED)
def test_no_word_lets_a_shared_cache_keep_what_a_password_was_needed_for(said, told):
    answer = Private(lambda _: Response(200, [(b"cache-control", said)]))(request())
    assert [value for name, value in answer.fields if name.lower() == b"cache-control"] == [told]


def test_two_lines_for_caches_are_read_as_one():
    fields = [(b"Cache-Control", b"max-age=1"), (b"CACHE-CONTROL", b"public")]
    assert Private(lambda _: Response(200, fields))(request()).fields == [
        (b"Cache-Control", b"private, max-age=1")
    ]


def test_a_password_longer_than_bcrypt_reads_is_no_failure(app):
    assert app(request(basic(b"anna", b"x" * 1000))).status == 401


FILES = [
    (b"anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "is SHA-1 without a salt; accepted is bcrypt"),
    (b"anna:$apr1$abcdefgh$0123456789012345678901", "is MD5 (apr1)"),
    (b"anna:$6$salt$hash", "is SHA-512 crypt"),
    (b"anna:rqXexS6ZhobKA", "is no bcrypt hash"),
    (b"anna:secret", "is no bcrypt hash"),
    (b"anna", "is no NAME:HASH"),
    (b":%s" % hashed(b"x"), "is no NAME:HASH"),
    (b"an\x1bna:%s" % hashed(b"x"), "is no NAME:HASH"),
    (b"\nanna:%s\nanna:%s" % (hashed(b"x"), hashed(b"y")), "people, line 3: anna is there already"),
    (b"anna:" + hashed(b"x").replace(b"$04$", b"$14$"), "has bcrypt's cost 14; accepted are 4 to 12"),
    (b"anna:" + hashed(b"x").replace(b"$04$", b"$03$"), "has bcrypt's cost 3"),
    (b"# nobody", "has 0 users"),
    (b"", "has 0 users"),
]


@pytest.mark.parametrize(("data", "sentence"), FILES)
def test_a_file_that_is_not_safe_is_refused_with_its_line_and_the_remedy(data, sentence):
    with pytest.raises(WrongOption) as caught:
        Passwords.parse(data, "people")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("people")
    assert "htpasswd -B" in str(caught.value) or "leave one line" in str(caught.value)


@given(st.binary(max_size=100))
def test_any_bytes_are_passwords_or_a_sentence(data):
    try:
        Passwords.parse(data, "people")
    except WrongOption as wrong:
        assert "\n" not in str(wrong)


@given(st.binary(max_size=60))
def test_any_field_is_credentials_or_none(value):
    for given_ in (value, b"Basic " + value, b"Basic " + base64.b64encode(value)):
        pair = credentials(given_)
        assert pair is None or b":" not in pair[0]


def counted(passwords):
    """Count the checks by bcrypt."""
    seen, check = [], passwords._check
    passwords._check = lambda *pair: (seen.append(pair), check(*pair))[1]
    return seen


def test_a_name_that_is_not_there_costs_as_much_as_one_that_is():
    passwords = Passwords.parse(TABLE, "people")
    seen = counted(passwords)
    assert not passwords.right(b"nobody", b"secret")
    assert not passwords.right(b"anna", b"wrong")
    assert [len(known) for _, known in seen] == [60, 60]


def test_who_is_in_is_not_checked_again(app):
    seen = counted(app._table[0])
    for _ in range(5):
        assert app(request(basic(b"anna", b"secret"))).status == 200
    assert len(seen) == 1


def test_wrong_guesses_are_bounded_and_cost_nobody_who_is_in(app, clock):
    seen = counted(app._table[0])
    assert app(request(basic(b"anna", b"secret"))).status == 200
    statuses = [app(request(basic(b"anna", b"%d" % number))).status for number in range(30)]
    assert statuses == [401] * (room.GUESSES - 1) + [429] * (31 - room.GUESSES)
    assert len(seen) == room.GUESSES
    assert app(request(basic(b"anna", b"secret"))).status == 200
    assert app(request(basic(b"x", b"y"))).field(b"retry-after") == b"2"
    clock[0] += room.PERIOD
    assert app(request(basic(b"anna", b"31"))).status == 401


def in_another_process(asked):
    """What `asked()` gives in a process that is forked here: a number below 1000."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():  # 3.12 and later warn of threads; those of the tests hold nothing here
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            os.write(writing, b"%d" % asked())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as told:
        return int(told.read())


def test_who_was_let_in_by_one_process_is_in_with_all_and_guesses_are_counted_together(app):
    """As in the process model: else a guesser could keep out whoever meets another child next time."""
    statuses = [in_another_process(lambda: app(request(basic(b"anna", b"secret"))).status) for _ in range(2)]
    for number in range(20):
        statuses.append(in_another_process(lambda n=number: app(request(basic(b"anna", b"%d" % n))).status))
    assert statuses == [200] * 2 + [401] * (room.GUESSES - 1) + [429] * (21 - room.GUESSES)
    assert app(request(basic(b"anna", b"secret"))).status == 200
    assert app.state_of(request(basic(b"anna", b"secret"))) is not None
    assert in_another_process(lambda: app(request(basic(b"anna", b"secret"))).status) == 200


def test_only_so_many_are_remembered(app, monkeypatch):
    monkeypatch.setattr(room, "REMEMBERED", 1)
    app(request(basic(b"anna", b"secret")))
    app(request(basic("björn".encode(), "öl".encode())))
    assert len(app._table[1]) == 1


def test_whoever_is_not_in_the_new_file_is_out(app):
    assert app(request(basic(b"anna", b"secret"))).status == 200
    before = app.state_of(request(basic(b"anna", b"secret")))
    app.exchange(Passwords.parse(b"anna:" + hashed(b"other"), "people"))
    assert app.state_of(request(basic(b"anna", b"secret"))) is None
    assert app(request(basic(b"anna", b"secret"))).status == 401
    assert app(request(basic(b"anna", b"other"))).status == 200
    assert before is not None
    assert app.state_of(request(basic(b"anna", b"other"))) not in (None, before)


def test_the_memo_answers_nobody_who_is_not_in(app):
    assert app.state_of(request()) is None
    assert app.state_of(request(basic(b"anna", b"secret"))) is None, "not asked yet"
    app(request(basic(b"anna", b"secret")))
    assert app.state_of(request(basic(b"anna", b"secret"))) is not None
    assert app.state_of(request(basic(b"anna", b"wrong"))) is None


def test_a_missing_library_is_said_with_its_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bcrypt", None)
    with pytest.raises(WrongOption, match=r"pip install 'nbmon\[auth\]'"):
        Passwords.parse(TABLE, "people")
