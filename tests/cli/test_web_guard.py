"""Who may see the page of nbmon web, and who may press its buttons: requests in, verdicts out."""

from __future__ import annotations

import pytest

from nbmon.http import Request
from nbmon.services.watching.web.guard import Secrets, Verdict, judge, query

OWN = Secrets("/Ab3x/", "the-token", "the-cookie", "the-csrf")
COOKIE = (b"cookie", b"other=1; nbmon=the-cookie")


def asked(path="/Ab3x/", method="GET", host=b"127.0.0.1:9085", fields=(), cookie=COOKIE):
    path, _, text = path.partition("?")
    own = [(b"host", host), *([cookie] if cookie else []), *fields]
    return Request(method, path.encode(), path.encode(), text.encode() or None, fields=tuple(own))


@pytest.mark.parametrize(
    "host", [b"127.0.0.1:9085", b"localhost", b"LOCALHOST:1", b"[::1]:80", b"[::1]", b"127.0.0.1"]
)
def test_loopback_names_are_heard_on_any_port(host):
    assert judge(asked(host=host), OWN) is Verdict.KNOWN


@pytest.mark.parametrize(
    "host",
    [
        None, b"", b"evil.example", b"evil.example:9085", b"127.0.0.1.evil.example",
        b"localhost.evil.example:80", b"127.0.0.2", b"0.0.0.0:9085", b"[::2]", b"::1", b"127.0.0.1:x",
        b"xn--localhost", b"localhost:80:80",
    ],
)  # fmt: skip
def test_a_name_that_somebody_else_made_resolve_here_is_not(host):
    request = asked() if host is None else asked(host=host)
    if host is None:
        request = Request("GET", b"/Ab3x/", b"/Ab3x/", fields=(COOKIE,))
    assert judge(request, OWN) is Verdict.MISLED


@pytest.mark.parametrize(
    ("path", "cookie", "verdict"),
    [
        ("/Ab3x/", COOKIE, Verdict.KNOWN),
        ("/Ab3x/rows?sort=c", COOKIE, Verdict.KNOWN),
        ("/Ab3x/?token=the-token", None, Verdict.WELCOME),
        ("/Ab3x/?token=the-token", COOKIE, Verdict.WELCOME),
        ("/Ab3x/?token=the-toke", None, Verdict.STRANGER),
        ("/Ab3x/?token=", None, Verdict.STRANGER),
        ("/Ab3x/?token=%E2%82%AC", None, Verdict.STRANGER),
        ("/Ab3x/", None, Verdict.STRANGER),
        ("/Ab3x/", (b"cookie", b"nbmon=wrong"), Verdict.STRANGER),
        ("/Ab3x/", (b"cookie", b"nbmon"), Verdict.STRANGER),
        ("/Ab3x/", (b"cookie", b"nbmonx=the-cookie"), Verdict.STRANGER),
        ("/Ab3x/", (b"cookie", b"nbmon=\xff\xfe"), Verdict.STRANGER),
        ("/", COOKIE, Verdict.STRANGER),
        ("/?token=the-token", None, Verdict.STRANGER),
        ("/favicon.ico", None, Verdict.STRANGER),
        ("/ab3x/", COOKIE, Verdict.STRANGER),
    ],
)
def test_who_has_the_token_is_welcome_and_who_has_the_cookie_is_known(path, cookie, verdict):
    assert judge(asked(path, cookie=cookie), OWN) is verdict


@pytest.mark.parametrize(
    ("path", "fields", "verdict"),
    [
        ("/Ab3x/do?csrf=the-csrf", (), Verdict.KNOWN),
        ("/Ab3x/do?csrf=the-csrf", [(b"origin", b"http://127.0.0.1:9085")], Verdict.KNOWN),
        ("/Ab3x/do?csrf=the-csrf", [(b"sec-fetch-site", b"same-origin")], Verdict.KNOWN),
        ("/Ab3x/do", (), Verdict.FORGED),
        ("/Ab3x/do?csrf=wrong", (), Verdict.FORGED),
        ("/Ab3x/do?csrf=the-csrf", [(b"origin", b"http://evil.example")], Verdict.FORGED),
        ("/Ab3x/do?csrf=the-csrf", [(b"origin", b"http://127.0.0.1:9086")], Verdict.FORGED),
        ("/Ab3x/do?csrf=the-csrf", [(b"origin", b"https://127.0.0.1:9085")], Verdict.FORGED),
        ("/Ab3x/do?csrf=the-csrf", [(b"origin", b"null")], Verdict.FORGED),
        ("/Ab3x/do?csrf=the-csrf", [(b"sec-fetch-site", b"cross-site")], Verdict.FORGED),
        ("/Ab3x/do?csrf=the-csrf", [(b"sec-fetch-site", b"same-site")], Verdict.FORGED),
        ("/Ab3x/do?token=the-token", (), Verdict.FORGED),
    ],
)
def test_a_button_is_pressed_from_our_own_page_alone(path, fields, verdict):
    assert judge(asked(path, "POST", fields=fields), OWN) is verdict


def test_no_button_is_pressed_without_the_cookie_whatever_else_is_known():
    assert judge(asked("/Ab3x/do?csrf=the-csrf", "POST", cookie=None), OWN) is Verdict.STRANGER
    request = asked("/Ab3x/do?csrf=the-csrf&token=the-token", "POST", cookie=None)
    assert judge(request, OWN) is Verdict.STRANGER


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_for_nobody(method):
    assert judge(asked(method=method), OWN) is Verdict.NEITHER


def test_secrets_are_fresh_and_long():
    first, second = Secrets.fresh(), Secrets.fresh()
    assert not set(first) & set(second)
    assert all(len(secret) >= 43 for secret in (first.token, first.cookie, first.csrf))
    assert first.path.startswith("/")
    assert first.path.endswith("/")


def test_a_query_of_too_many_fields_says_nothing():
    assert query(asked("/?" + "&".join("a=1" for _ in range(1000)))) == []
    assert query(asked("/?a=1&b=%C3%A4&c")) == [("a", "1"), ("b", "ä"), ("c", "")]
