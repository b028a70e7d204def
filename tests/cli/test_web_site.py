"""The page of nbmon web as an application: requests in, answers out, without a socket."""

from __future__ import annotations

import html
import re

import pytest

from nbmon.http import Request
from nbmon.services.errors import ServiceError
from nbmon.services.watching.arranging import Action
from nbmon.services.watching.seen import Seen
from nbmon.services.watching.web import Site, site
from nbmon.services.watching.web.guard import Secrets

OWN = Secrets("/p/", "the-token", "the-cookie", "the-csrf")
NASTY = '<script>alert("1")</script>'


def worker(name, of=None, **more):
    told = {"name": name, "of": of or name, "kind": "process", "pid": 11, "tid": None, "host_pid": None}
    return told | {"state": "running", "restarts": 1, "uptime": 3.0, "last_death": None} | more


TREE = {
    "workers": [worker("web-1", "web", last_death=NASTY), worker("web-2", "web", state="backing-off")],
    "supervisors": [],
}
DEMO = Seen("demo", "class", "running", 1.0, pid=10, uptime=5.0, target=NASTY, tree=TREE)
PICTURES = Seen("pics", "pictures", "running", 1.0, pid=20, uptime=5.0, url="http://127.0.0.1:1/")
DEAD = Seen("gone", "class", "dead", 1.0)


class Made:
    def __init__(self):
        self.seen = [DEMO, PICTURES, DEAD]
        self.begun = []
        self.message = ""
        self.site = Site(OWN, self.look, self.begun.append, lambda: self.message)

    def look(self):
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen

    def __call__(self, path, method="GET", cookie=True):
        whole = f"/p/{path}"
        at, _, text = whole.partition("?")
        fields = ((b"host", b"localhost"), *([(b"cookie", b"nbmon=the-cookie")] if cookie else []))
        return self.site(Request(method, whole.encode(), at.encode(), text.encode() or None, fields=fields))

    def text(self, path):
        answer = self(path)
        assert answer.status == 200
        return answer.body.decode()


@pytest.fixture
def made():
    return Made()


def test_the_token_gives_a_cookie_that_no_script_and_no_other_site_can_use(made):
    answer = made("?token=the-token", cookie=False)
    assert answer.status == 200
    assert answer.field(b"Set-Cookie") == b"nbmon=the-cookie; Path=/p/; HttpOnly; SameSite=Strict"
    assert b"the-token" not in answer.body
    assert b'url=./"' in answer.body


def test_a_stranger_is_told_where_the_key_is_and_nothing_else(made):
    answer = made("", cookie=False)
    assert answer.status == 403
    assert b"nbmon web has printed" in answer.body
    assert b"demo" not in answer.body


def test_the_page_shows_services_and_workers_and_escapes_what_they_say(made):
    text = made.text("")
    assert re.findall(r'data-key="([^"]+)"', text) == ["demo", "demo/web-1", "demo/web-2", "pics", "gone"]
    assert NASTY not in text
    assert html.escape(NASTY, quote=False) in text.replace("&#34;", '"')
    assert 'href="http://127.0.0.1:1/"' in text
    assert "2 in trouble" in text


def test_no_page_holds_script_or_style_and_none_may(made):
    for path in ("", "rows", "ask?do=restart&service=demo&worker=web-1", "?token=the-token"):
        answer = made(path)
        policy = answer.field(b"Content-Security-Policy")
        assert b"unsafe" not in policy
        assert policy.startswith(b"default-src 'none'")
        assert b"frame-ancestors 'none'" in policy
        assert answer.field(b"X-Content-Type-Options") == b"nosniff"
        assert answer.field(b"Cache-Control") == b"no-store"
        text = answer.body.decode()
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:", text)


def test_what_the_page_refers_to_is_there_and_may_be_kept_for_ever(made):
    names = re.findall(r'(?:href|src)="(-/[^"]+)"', made.text(""))
    assert len(names) == 3
    for name in names:
        answer = made(name)
        assert answer.status == 200
        assert b"immutable" in answer.field(b"Cache-Control")
    assert made("-/../site.py").status == made("-/x").status == made("nothing").status == 404


def test_the_order_the_filter_and_what_is_folded_stand_in_the_address(made):
    assert re.findall(r'data-key="([^"]+)"', made.text("?fold=demo")) == ["demo", "pics", "gone"]
    assert re.findall(r'data-key="([^"]+)"', made.text("?filter=web-2")) == ["demo", "demo/web-2"]
    assert re.findall(r'data-key="([^"]+)"', made.text("rows?sort=n&reverse=1"))[0] == "pics"
    assert 'href="./?sort=c&amp;every=5">reload every 5 seconds' in made.text("?sort=c")
    assert 'href="./?sort=c">stop reloading' in made.text("?sort=c&every=7")
    text = made.text("?filter=a%22b&sort=c&fold=demo&every=5")
    assert 'value="a&#34;b"' in text
    assert 'http-equiv="refresh" content="5"' in text
    assert '<input type="hidden" name="sort" value="c">' in text
    assert 'aria-sort="descending"' in made.text("?sort=c")
    assert 'aria-sort="ascending"' in made.text("?sort=c&reverse=1")


@pytest.mark.parametrize(
    "path", ["?sort=zz&reverse=9&every=-1", "?every=99999", "?filter=" + "x" * 500, "?%ff&=&&"]
)
def test_an_address_that_means_nothing_shows_the_page(made, path):
    assert 'http-equiv="refresh"' not in made.text(path)


def test_a_sort_is_chosen_turned_round_and_left(made):
    def next_of(path):
        return html.unescape(re.search(r'class="cpu"[^>]*><a href="./([^"]*)"', made.text(path))[1])

    first = next_of("")
    assert first == "?sort=c"
    second = next_of(first)
    assert second == "?sort=c&reverse=1"
    assert next_of(second) == ""


def test_a_button_asks_first_and_then_does(made):
    asks = [html.unescape(href) for href in re.findall(r'data-ask href="([^"]+)"', made.text("?sort=c"))]
    restart = next(href for href in asks if "do=restart" in href and "worker=web-1" in href)
    text = made.text(restart)
    assert "restart demo/web-1?" in text
    assert made.begun == []
    action = html.unescape(re.search(r'<form method="post" action="([^"]+)"', text)[1])
    answer = made(action, "POST")
    assert (answer.status, answer.field(b"Location")) == (303, b"./?sort=c")
    assert made.begun == [Action("restart", "demo", "web-1")]


def test_a_button_is_not_pressed_by_following_a_link(made):
    assert made("do?do=restart&service=demo&worker=web-1&csrf=the-csrf").status == 404
    assert made("do?do=restart&service=demo&worker=web-1", "POST").status == 403
    assert made("?do=restart&service=demo&worker=web-1&csrf=the-csrf", "POST").status == 404
    assert made.begun == []


@pytest.mark.parametrize(
    "what",
    [
        "do=restart&service=other&worker=",
        "do=restart&service=--help&worker=",
        "do=restart&service=gone&worker=",
        "do=restart&service=demo&worker=nobody",
        "do=scale&service=demo&worker=web&count=1000",
        "do=scale&service=demo&worker=web&count=0",
        "do=stop&service=demo&worker=",
        "do=quit&service=&worker=",
        "",
    ],
)
def test_only_what_the_page_offers_can_be_done(made, what):
    assert made(f"ask?{what}").status == 409
    assert made(f"do?{what}&csrf=the-csrf", "POST").status == 409
    assert made.begun == []


@pytest.mark.parametrize(
    ("what", "action"),
    [
        ("do=restart&service=demo&worker=", Action("restart", "demo")),
        ("do=scale&service=demo&worker=web&count=3", Action("scale", "demo", "web", 3)),
        ("do=scale&service=demo&worker=web&count=1", Action("scale", "demo", "web", 1)),
    ],
)
def test_services_are_restarted_and_workers_scaled_by_one(made, what, action):
    assert made(f"do?{what}&csrf=the-csrf", "POST").status == 303
    assert made.begun == [action]


def test_what_was_done_is_said_for_a_while(made, monkeypatch):
    made.message = "restart demo/web-1: done"
    assert "restart demo/web-1: done" in made.text("rows")
    monkeypatch.setattr(site, "NOTICE_TIME", 0.0)
    assert "restart demo/web-1: done" not in made.text("rows")


def test_what_cannot_be_looked_at_is_said_on_the_page(made):
    made.seen = ServiceError("cannot read the records")
    assert "cannot read the records" in made.text("")


def test_with_nothing_running_the_page_says_what_to_do(made):
    made.seen = []
    assert "nbmon start" in made.text("")


def test_two_that_look_at_once_cost_one_look(made):
    made.text("")
    made.seen = []
    assert "demo" in made.text("rows")
