"""The wrappers' rules as tables: what a person may write, and what becomes of requests and answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import Request, Response, error_response, imf_date, render_head
from nbmon.serve.wrappers import BasePath, CacheControl, Cors, Headers, WrongOption


class Resource:
    """An application that remembers what it was asked, and says what the test wants."""

    heeds = (b"accept",)

    def __init__(self, status=200, *fields):
        self.status, self.fields, self.asked = status, list(fields), []

    def __call__(self, request):
        self.asked.append(request)
        return Response(self.status, list(self.fields), b"content")

    def state_of(self, request):
        return request.path


def ask(path=b"/", method="GET", query=None, **fields):
    named = tuple((name.replace("_", "-").encode(), value) for name, value in fields.items())
    return Request(method, path, path, query, fields=named)


ACCEPTED = [
    (Headers, "Referrer-Policy: no-referrer", (b"Referrer-Policy", b"no-referrer")),
    (Headers, "X-Note:a  b\t", (b"X-Note", b"a  b")),
    (CacheControl, "*.jpg=public, max-age=60", ("*.jpg", b"public, max-age=60")),
    (CacheControl, '/a/*= no-cache="set-cookie"', ("/a/*", b'no-cache="set-cookie"')),
    (BasePath, "/photos", b"/photos"),
    (BasePath, "/a/b-c/", b"/a/b-c"),
    (BasePath, "/", b""),
    (Cors, "*", "*"),
    (Cors, "https://example.org", "https://example.org"),
    (Cors, "http://[::1]:8080", "http://[::1]:8080"),
]
REFUSED = [
    (Headers, "no colon", "is no NAME: VALUE"),
    (Headers, "a b: c", "is no NAME: VALUE"),
    (Headers, ": c", "is no NAME: VALUE"),
    (Headers, "X-Empty:", "has the value ''"),
    (Headers, "X: a\r\nSet-Cookie: b", "has the value"),
    (Headers, "X: a\nb", "has the value"),
    (Headers, "X: \x00", "has the value"),
    (Headers, "X: " + "a" * 5000, "has the value"),
    (Headers, "Content-Length: 3", "the server's own"),
    (Headers, "transfer-encoding: chunked", "the server's own"),
    (Headers, "CONNECTION: close", "the server's own"),
    (CacheControl, "no-cache", "is no PATTERN=VALUE"),
    (CacheControl, "=no-cache", "is no PATTERN=VALUE"),
    (CacheControl, "*=", "accepted are directives"),
    (CacheControl, "*=max age", "accepted are directives"),
    (CacheControl, "*=a\r\nb", "accepted are directives"),
    (BasePath, "photos", "is no path"),
    (BasePath, "", "is no path"),
    (BasePath, "//evil", "is no path"),
    (BasePath, "/a//b", "is no path"),
    (BasePath, "/a b", "is no path"),
    (BasePath, "/a?b", "is no path"),
    (BasePath, "/a/../b", "has . or .. in it"),
    (Cors, "example.org", "is no origin"),
    (Cors, "https://example.org/", "is no origin"),
    (Cors, "https://EXAMPLE.org", "is no origin"),
    (Cors, "null", "is no origin"),
    (Cors, "https://a\r\nb", "is no origin"),
]


@pytest.mark.parametrize(("wrapper", "text", "meaning"), ACCEPTED)
def test_what_is_right_is_taken(wrapper, text, meaning):
    assert wrapper.parse(text) == meaning


@pytest.mark.parametrize(("wrapper", "text", "sentence"), REFUSED)
def test_what_is_wrong_is_answered_with_a_sentence_and_an_example(wrapper, text, sentence):
    with pytest.raises(WrongOption) as caught:
        wrapper.parse(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert " as in " in str(caught.value) or "others are accepted" in str(caught.value)


@given(st.sampled_from([Headers, CacheControl]), st.text(max_size=30), st.text(max_size=30))
def test_no_text_whatever_breaks_a_head_in_two(wrapper, name, value):
    for text in (f"{name}:{value}", f"{name}={value}", f"X-A: {value}", f"*={value}"):
        try:
            meaning = wrapper.parse(text)
        except WrongOption as wrong:
            assert "\n" not in str(wrong)
            continue
        response = wrapper(Resource(), [meaning])(ask(b"/a"))
        render_head(response, imf_date(0))  # raises for a field that would


def test_a_header_takes_the_place_of_its_name_and_a_policy_stands_beside():
    inner = Resource(200, (b"referrer-policy", b"origin"), (b"Content-Security-Policy", b"sandbox"))
    app = Headers(
        inner, [(b"Referrer-Policy", b"no-referrer"), (b"Content-Security-Policy", b"img-src 'self'")]
    )
    fields = app(ask()).fields
    assert [value for name, value in fields if name.lower() == b"referrer-policy"] == [b"no-referrer"]
    assert [value for name, value in fields if name.lower() == b"content-security-policy"] == [
        b"sandbox", b"img-src 'self'"
    ]  # fmt: skip


RULES = [
    ("/private/*", b"no-store"),
    ("*.jpg", b"max-age=60"),
    ("ü*", b"max-age=7"),
    ("[ab].png", b"max-age=8"),
]
KEPT = [
    (b"/x.jpg", b"max-age=60"),
    (b"/sub/x.jpg", b"max-age=60"),
    (b"/private/x.jpg", b"no-store"),
    (b"/private/a/b", b"no-store"),
    (b"/%C3%BC.gif", b"max-age=7"),
    (b"/a.png", b"max-age=8"),
    (b"/c.png", b"no-cache"),
    (b"/x.jpgs", b"no-cache"),
    (b"/", b"no-cache"),
]


@pytest.mark.parametrize(("path", "value"), KEPT)
def test_the_first_pattern_that_matches_says_how_long(path, value):
    app = CacheControl(Resource(200, (b"Cache-Control", b"no-cache")), RULES)
    assert [v for k, v in app(ask(path)).fields if k == b"Cache-Control"] == [value]


@pytest.mark.parametrize(("status", "method"), [(404, "GET"), (308, "GET"), (503, "GET"), (200, "OPTIONS")])
def test_a_failure_is_kept_no_longer_for_a_pattern(status, method):
    app = CacheControl(Resource(status), [("*", b"max-age=60")])
    assert app(ask(b"/a", method)).field(b"cache-control") is None


@pytest.mark.parametrize(
    ("path", "status", "inner"),
    [
        (b"/photos/a.jpg", 200, b"/a.jpg"),
        (b"/photos/", 200, b"/"),
        (b"/photos//evil", 200, b"//evil"),
        (b"*", 200, b"*"),
        (b"/photosx", 404, None),
        (b"/", 404, None),
        (b"/a.jpg", 404, None),
    ],
)
def test_what_is_under_the_base_path_is_found_without_it(path, status, inner):
    app = BasePath(resource := Resource(), b"/photos")
    request = ask(path, "OPTIONS" if path == b"*" else "GET")
    assert app(request).status == status
    assert [asked.path for asked in resource.asked] == ([inner] if inner else [])
    assert request.path == path, "a request was changed"


@pytest.mark.parametrize("query", [None, b"page=2"])
def test_the_base_path_itself_leads_to_the_one_with_a_slash(query):
    answer = BasePath(Resource(), b"/a/photos")(ask(b"/a/photos", query=query))
    assert answer.status == 308
    assert answer.field(b"location") == b"./photos/" + (b"?page=2" if query else b"")


def test_the_way_to_the_base_path_is_a_reference_of_ascii_whatever_was_asked():
    answer = BasePath(Resource(), b"/a:b")(ask(b"/a:b", query=b"q=\xc3\xa4&%20"))
    assert answer.field(b"location") == b"./a:b/?q=%C3%A4&%20"  # without the dot "a" would be a scheme


SITE, OTHER = b"https://a.example", b"https://b.example"
SHARED = [
    # origins allowed, origin of the request, what is allowed, Vary
    (["*"], SITE, b"*", None),
    (["*"], None, b"*", None),
    ([SITE.decode()], SITE, SITE, b"Origin"),
    ([SITE.decode(), OTHER.decode()], OTHER, OTHER, b"Origin"),
    ([SITE.decode()], OTHER, None, b"Origin"),
    ([SITE.decode()], None, None, b"Origin"),
    ([SITE.decode()], b"null", None, b"Origin"),
    ([SITE.decode()], SITE + b".evil", None, b"Origin"),
]


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize(("origins", "origin", "allowed", "vary"), SHARED)
def test_only_the_sites_that_were_named_may_read(origins, origin, allowed, vary, method):
    asked = {} if origin is None else {"origin": origin}
    if method == "OPTIONS":
        asked["access_control_request_method"] = b"GET"
    answer = Cors(resource := Resource(), origins)(ask(method=method, **asked))
    assert answer.field(b"access-control-allow-origin") == allowed
    assert answer.field(b"vary") == vary
    assert answer.status == (204 if method == "OPTIONS" else 200)
    assert len(resource.asked) == (0 if method == "OPTIONS" else 1)
    assert (answer.field(b"access-control-allow-methods") is not None) == (
        method == "OPTIONS" and allowed is not None
    )
    assert answer.field(b"access-control-allow-credentials") is None


def test_a_plain_options_is_no_preflight():
    assert Cors(resource := Resource(), ["*"])(ask(method="OPTIONS")).status == 200
    assert len(resource.asked) == 1


def test_what_answers_depend_on_is_said_once():
    inner = Resource(200, (b"Vary", b"Accept"))
    assert Cors(inner, ["https://a.example"])(ask()).field(b"vary") == b"Accept, Origin"
    inner.fields = [(b"Vary", b"accept, ORIGIN")]
    assert Cors(inner, ["https://a.example"])(ask()).field(b"vary") == b"accept, ORIGIN"


def test_the_memo_is_told_what_answers_depend_on():
    assert Cors(Resource(), ["https://a.example"]).heeds == (b"accept", b"origin")
    assert Cors(Resource(), ["*"]).heeds == (b"accept",)
    assert Headers(Resource(), []).heeds == (b"accept",)
    assert Headers(Resource(), []).state_of(ask(b"/a")) == b"/a"
    assert BasePath(Resource(), b"/p").state_of(ask(b"/p/a")) == b"/a"
    assert BasePath(Resource(), b"/p").state_of(ask(b"/a")) is None


@pytest.mark.parametrize("wrap", [Headers, CacheControl, Cors])
def test_an_application_without_a_state_has_none_when_wrapped(wrap):
    assert not hasattr(wrap(lambda request: error_response(404, "x"), []), "state_of")
