"""From requests to answers, on a real folder: what may be seen is, correctly; nothing else ever is."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbmon.http import FileSlice, Response, imf_date
from nbmon.pictures import Folder
from nbmon.pictures.asked import page_number
from nbmon.pictures.page import assets
from support.pictures import INSIDE, SECRET, Ask, content, descriptors

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 500


def field(response: Response, name: bytes) -> bytes:
    value = response.field(name)
    assert value is not None, (name, response)
    return value


ATTACKS = [
    "/../secret",
    "/..",
    "/%2e%2e/secret",
    "/%2E%2E/secret",
    "/.%2e/secret",
    "/..%2fsecret",
    "/%2e%2e%2fsecret",
    "/%252e%252e%252fsecret",
    "/..%252fsecret",
    "/..%5csecret",
    "/..\\secret",
    "/deep/../../secret",
    "/deep/%2e%2e/%2e%2e/secret",
    "//../secret",
    "/./../secret",
    "/....//secret",
    "/..;/secret",
    "/%c0%ae%c0%ae/secret",
    "/%c0%ae%c0%ae%c0%afsecret",
    "/%e0%80%ae%e0%80%ae/secret",
    "/%uff0e%uff0e/secret",
    "/．．/secret",
    "/..%00/secret",
    "/plain.txt%00.jpg",
    "/..%0d%0a/secret",
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "/file:///etc/passwd",
    "/proc/self/environ",
    "/out-file",
    "/out-folder/secret",
    "/out-absolute",
    "/out-root/etc/passwd",
    "/out-sibling",
    "/deep/out-up",
    "/in-up/../../secret",
    "/magic/etc/passwd",
    "/magic-fd",
    "/loop",
    "/loop/secret",
    "/dangling",
    "/.dotfile",
    "/%2edotfile",
    "/.hidden/low.txt",
    "/to-hidden",
    "/fifo",
    "/socket",
    "/plain.txt/",
    "/plain.txt/..",
    "/" + "a" * 5000,
    "/" + "a/" * 2500,
    "/" + "%2e%2e/" * 500 + "etc/passwd",
    "/-/../secret",
    "/-/%2e%2e/secret",
    "/-/style.css",
    "/-/",
]


@pytest.mark.parametrize("path", ATTACKS)
def test_no_way_leads_out(ask: Ask, path: str) -> None:
    before = descriptors()
    response = ask(path)
    assert response.status in (400, 404)
    told = content(response)
    assert SECRET not in told
    assert b"/" + b"tmp" not in told
    assert descriptors() == before


PIECES = st.one_of(
    st.sampled_from(
        [
            b"/",
            b"..",
            b".",
            b"%2e",
            b"%2f",
            b"%00",
            b"%",
            b"%25",
            b"\\",
            b"%5c",
            b"deep",
            b"deeper",
            b"secret",
        ]
    ),
    st.sampled_from(
        [b"out-folder", b"in-folder", b"in-up", b"out-up", b"in-absolute", b"magic", b"loop", b"fifo", b"-"]
    ),
    st.binary(max_size=4),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.lists(PIECES, max_size=12).map(b"".join))
def test_whatever_is_asked_nothing_outside_is_opened(ask: Ask, folder: Folder, path: bytes) -> None:
    response = ask(b"/" + path)
    assert response.status in (200, 308, 400, 404)
    if isinstance(response.body, FileSlice):
        opened = os.readlink(f"/proc/self/fd/{response.body.file.fileno()}")
        assert opened.startswith(folder.path + "/")
        assert "/." not in opened[len(folder.path) :]
    assert SECRET not in content(response)


def test_a_file_is_sent_as_it_is(ask: Ask, shown: Path) -> None:
    (shown / "a.jpg").write_bytes(JPEG)
    os.utime(shown / "a.jpg", (1_700_000_000, 1_700_000_000))
    response = ask("/a.jpg")
    assert response.status == 200
    assert field(response, b"Content-Type") == b"image/jpeg"
    assert field(response, b"Last-Modified") == imf_date(1_700_000_000)
    assert field(response, b"X-Content-Type-Options") == b"nosniff"
    assert field(response, b"Cache-Control") == b"no-cache"
    assert field(response, b"ETag").startswith(b'"')
    assert content(response) == JPEG


def test_a_range_of_a_file_is_sent(ask: Ask) -> None:
    response = ask("/plain.txt", range="bytes=5-7")
    assert response.status == 206
    assert content(response) == INSIDE[5:8]


def test_what_needs_no_file_keeps_none_open(ask: Ask) -> None:
    tag = field(ask("/plain.txt", "HEAD"), b"ETag").decode()
    before = descriptors()
    for fields, method, status in (
        ({}, "HEAD", 200),
        ({"if_none_match": tag}, "GET", 304),
        ({"if_match": '"other"'}, "GET", 412),
        ({"range": "bytes=9999-"}, "GET", 416),
        ({}, "OPTIONS", 200),
        ({}, "DELETE", 405),
        ({}, "BREW", 501),
    ):
        assert ask("/plain.txt", method, **fields).status == status
    assert descriptors() == before


def test_a_head_is_that_of_get(ask: Ask) -> None:
    for path in ("/plain.txt", "/", "/deep", "/missing"):
        head, get = ask(path, "HEAD"), ask(path)
        content(get)
        assert (head.status, head.fields) == (get.status, get.fields)


@pytest.mark.parametrize("path", ["/plain.txt", "/"])
def test_a_tag_changes_with_the_content_even_if_the_time_is_set_back(
    ask: Ask, shown: Path, path: str
) -> None:
    os.utime(shown / "plain.txt", (1_700_000_000, 1_700_000_000))
    before = field(ask(path, "HEAD"), b"ETag")
    assert field(ask(path, "HEAD"), b"ETag") == before
    (shown / "plain.txt").write_bytes(INSIDE[::-1])
    (shown / "new.jpg").write_bytes(JPEG)
    os.utime(shown / "plain.txt", (1_700_000_000, 1_700_000_000))
    assert field(ask(path, "HEAD"), b"ETag") != before


def test_a_time_to_come_is_not_told(ask: Ask, shown: Path) -> None:
    os.utime(shown / "plain.txt", (32_000_000_000, 32_000_000_000))
    told = field(ask("/plain.txt", "HEAD"), b"Last-Modified")
    assert told in [imf_date(int(time.time()) - back) for back in range(30)]
    os.utime(shown / "plain.txt", (-5_000_000, -5_000_000))
    assert field(ask("/plain.txt", "HEAD"), b"Last-Modified") == imf_date(0)


def test_a_query_is_of_no_matter_to_a_name(ask: Ask) -> None:
    assert content(ask("/plain.txt?../../secret")) == INSIDE
    assert content(ask("/plain.txt?")) == INSIDE
    assert content(ask("/50%25%20off.txt?a=%zz")) == INSIDE


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/deep", b"./deep/"),
        ("/deep/deeper?page=3", b"./deeper/?page=3"),
        ("/in-folder?x=//evil", b"./in-folder/?x=//evil"),
        ("/deep?sort=name&q=a%20b", b"./deep/?sort=name&q=a%20b"),
        ("/deep?", b"./deep/?"),
        ("//deep", b"./deep/"),
        ("/%64eep", b"./deep/"),
    ],
)
def test_a_folder_without_its_slash_leads_to_itself(ask: Ask, path: str, location: bytes) -> None:
    response = ask(path)
    assert response.status == 308
    assert field(response, b"Location") == location


@pytest.mark.parametrize(
    "name", ["evil.example", "http:", "@evil", "a\r\nSet-Cookie: x", "?page=2", "#top", "\\evil", "é"]
)
def test_no_folder_name_makes_a_redirect_to_elsewhere(ask: Ask, shown: Path, name: str) -> None:
    (shown / name).mkdir()
    from urllib.parse import quote

    location = field(ask("/" + quote(name, safe="")), b"Location")
    assert location == b"./" + quote(name, safe="").encode() + b"/"


def test_a_page_runs_no_script_but_ours_and_can_be_asked_for_again(ask: Ask) -> None:
    page = ask("/")
    assert field(page, b"Content-Type") == b"text/html; charset=utf-8"
    policy = field(page, b"Content-Security-Policy")
    assert policy.startswith(b"default-src 'none'; img-src 'self'; style-src 'self'; ")
    assert b"unsafe" not in policy
    html = content(page)
    assert html.count(b"<script") == html.count(b'.js" defer></script>') == 2
    assert b"style=" not in html
    assert ask("/", if_none_match=field(page, b"ETag").decode()).status == 304
    assert ask("/", if_modified_since="Mon, 01 Jan 2024 00:00:00 GMT").status == 200


def test_what_a_page_refers_to_of_the_servers_own_is_there_for_ever(ask: Ask) -> None:
    page = content(ask("/deep/deeper/")).decode()
    for asset in assets().values():
        assert f'="../../-/{asset.name}"' in page
        response = ask(f"/-/{asset.name}")
        assert response.status == 200
        assert content(response) == asset.content
        assert b"immutable" in field(response, b"Cache-Control")
        assert field(response, b"Content-Type") == asset.kind
        assert 2020 < int(field(response, b"Last-Modified").split()[3]) < 2100  # not the epoch, nor to come


def test_the_icon_is_ours_unless_the_folder_has_one(ask: Ask, shown: Path) -> None:
    response = ask("/favicon.ico")
    assert response.status == 200
    assert field(response, b"Content-Type") == b"image/svg+xml"
    (shown / "favicon.ico").write_bytes(b"own")
    assert content(ask("/favicon.ico")) == b"own"
    assert ask("/deep/favicon.ico").status == 404


def test_a_new_picture_is_on_the_page_within_a_second(ask: Ask, shown: Path) -> None:
    assert b"new.jpg" not in content(ask("/deep/"))
    assert b"1 file" in content(ask("/"))
    (shown / "deep" / "new.jpg").write_bytes(JPEG)
    assert b"new.jpg" in content(ask("/deep/"))
    deadline = time.monotonic() + 30
    while b"1 picture" not in content(ask("/")):
        assert time.monotonic() < deadline


def test_a_page_beyond_the_last_is_not_there(ask: Ask) -> None:
    assert ask("/?page=1").status == 200
    assert ask("/?page=2").status == 404


@pytest.mark.parametrize(
    ("query", "number"),
    [(None, 1), (b"", 1), (b"page=3", 3), (b"a=b&page=2", 2), (b"page=0", 1), (b"page=-1", 1), (b"page=", 1),
     (b"page=x", 1), (b"page=" + b"9" * 5000, 1), (b"page=%31", 1), (b"pages=4", 1), ("page=٣".encode(), 1)],
)  # fmt: skip
def test_the_page_is_a_small_number_or_the_first(query: bytes | None, number: int) -> None:
    assert page_number(query) == number


def test_asterisk_is_no_path(ask: Ask) -> None:
    assert ask("*", "OPTIONS").status == 200
    assert ask("*").status == 400


def test_what_runs_is_sandboxed(ask: Ask, shown: Path) -> None:
    for name in ("a.html", "a.svg", "a.xml"):
        (shown / name).write_bytes(b"<script>alert(1)</script>")
        response = ask("/" + name)
        assert field(response, b"Content-Security-Policy").startswith(b"sandbox")
        content(response)


def test_a_folder_called_like_our_own_place_is_shown_all_the_same(ask: Ask, shown: Path) -> None:
    (shown / "-").mkdir()
    (shown / "-" / "a.jpg").write_bytes(JPEG)
    assert b"a.jpg" in content(ask("/-/"))
    assert content(ask("/-/a.jpg")) == JPEG
    for asset in assets().values():
        assert content(ask(f"/-/{asset.name}")) == asset.content


@pytest.mark.parametrize(("age", "status"), [(1.5, 200), (30, 206)])
def test_a_date_vouches_for_parts_only_once_the_file_has_rested(
    ask: Ask, shown: Path, age: float, status: int
) -> None:
    """RFC 9110, section 8.8.2.2: it may be written twice within the second that its date names."""
    changed = time.time() - age
    os.utime(shown / "plain.txt", (changed, changed))
    date = field(ask("/plain.txt", "HEAD"), b"Last-Modified").decode()
    response = ask("/plain.txt", range="bytes=0-0", if_range=date)
    content(response)
    assert response.status == status


def test_when_the_system_cannot_open_it_says_to_try_again(ask: Ask, folder: Folder, monkeypatch) -> None:
    def out_of_descriptors(_segments: list[bytes]) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(folder, "open", out_of_descriptors)
    response = ask("/plain.txt")
    assert response.status == 503
    assert field(response, b"Retry-After") == b"1"


def test_many_threads_may_ask_at_once(ask: Ask, shown: Path) -> None:
    for number in range(100):
        (shown / f"folder {number}").mkdir()
    failed: list[object] = []

    def visit(first: int) -> None:
        try:
            for number in range(first, first + 100):
                response = ask(f"/folder%20{number % 100}/")
                assert response.status == 200
                assert b"This folder is empty" in content(response)
        except BaseException as error:
            failed.append(error)

    visitors = [threading.Thread(target=visit, args=(25 * n,)) for n in range(4)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert failed == []
