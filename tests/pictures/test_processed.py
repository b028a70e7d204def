"""Processed pictures as a client has them: the application and a darkroom beside it."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nbmon.http import FileSlice, Request, Response
from nbmon.pictures import Folder, Pictures, pages, pictures, processed
from nbmon.pictures.cache import colours
from nbmon.pictures.cache.store import Store
from nbmon.pictures.darkroom.client import Darkroom
from nbmon.pictures.darkroom.limits import Limits
from nbmon.pictures.processed import Processing, Terms
from nbmon.pictures.processing.parsing import recipe_of
from nbmon.pictures.processing.signing import signed
from nbmon.pictures.processing.urls import Links, version
from support.darkroom import Room, wait_for

KEY = b"k" * 32
LONG_AGO = 1_700_000_000


class Site:
    """A folder, its application, and what a client does with them."""

    def __init__(self, folder: Path, cache: Path, room: Room, terms: Terms) -> None:
        self.path = folder
        self.store = Store(str(cache))
        self.processing = Processing(room.darkroom, self.store, terms)
        self.app = Pictures(Folder(folder), processing=self.processing)
        self.later = 0  # answers that were not there at once

    def get(self, target: str, method: str = "GET", **fields: str) -> Response:
        path, mark, query = target.partition("?")
        given = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
        request = Request(
            method, target.encode(), path.encode(), query.encode() if mark else None, fields=given
        )
        found: Any = self.app(request)
        while not isinstance(found, Response):
            self.later += 1
            found = wait_for(found)
        return found

    def state(self, target: str) -> Any:
        path, _, query = target.partition("?")
        return self.app.state_of(Request("GET", target.encode(), path.encode(), query.encode()))


def body(response: Response) -> bytes:
    parts: Any = (response.body,) if isinstance(response.body, bytes | FileSlice) else response.body
    data = b"".join(
        part if isinstance(part, bytes) else os.pread(part.file.fileno(), part.length, part.offset)
        for part in parts
    )
    for part in parts:
        if isinstance(part, FileSlice):
            part.file.close()
    return data


def picture(response: Response) -> Image.Image:
    assert response.status == 200, body(response)
    return Image.open(io.BytesIO(body(response)))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, Path]]:
    cache = tmp_path_factory.mktemp("cache")
    one = Room(cache=str(cache))
    yield one, cache
    one.close()


@pytest.fixture
def site(tmp_path: Path, room: tuple[Room, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Site]:
    # the files of a test have all just been made; with this they count as old
    for module in (processed, pictures):
        monkeypatch.setattr(module, "SETTLED_AFTER", -(10**18))

    def make(**terms: Any) -> Site:
        folder = tmp_path / "pictures"
        (folder / "in").mkdir(parents=True)
        noise = Image.effect_noise((400, 300), 70).convert("RGB")
        noise.save(folder / "a.jpg", quality=90)
        noise.save(folder / "in" / "b c.png")
        noise.save(folder / "disguised.png", "JPEG")
        noise.save(
            folder / "moving.gif", save_all=True, append_images=[noise.rotate(90)], loop=0, duration=50
        )
        (folder / "text.txt").write_text("text")
        (folder / "text.jpg").write_text("text")
        (folder / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        for path in folder.rglob("*"):
            os.utime(path, (LONG_AGO, LONG_AGO))
        return Site(folder, room[1], room[0], Terms(**terms))

    return make


Sites = Callable[..., Site]


def test_a_picture_is_made_and_then_found(site: Sites) -> None:
    one = site()
    first = one.get("/a.jpg?w=80")
    assert one.later == 1
    assert picture(first).size == (80, 60)
    assert first.field(b"server-timing").startswith(b"cache;desc=miss, queue;dur=")  # type: ignore[union-attr]  # it is there
    second = one.get("/a.jpg?w=80")
    assert (one.later, second.field(b"server-timing")) == (1, b"cache;desc=hit")
    assert second.field(b"etag") == first.field(b"etag")
    assert second.field(b"content-type") == b"image/jpeg"
    assert picture(second).size == (80, 60)


def test_once_it_was_made_small_a_pictures_place_waits_in_its_colours(
    site: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FRESH_FOR", 0.0)
    monkeypatch.setattr(colours, "TRY_AGAIN", 0.0)
    one = site()
    Image.new("RGB", (400, 300), "red").save(one.path / "red.png")
    Image.new("RGBA", (400, 300), (255, 0, 0, 40)).save(one.path / "seen through.png")
    assert b" lit " not in body(one.get("/"))
    for target in ("/red.png?w=80", "/seen%20through.png?w=80", "/a.jpg?w=80&h=80&fit=crop"):
        assert picture(one.get(target)).width == 80
    html = body(one.get("/"))
    assert b"r135 lit a294 b294 c294 d294" in html
    assert html.count(b" lit ") == 1


def test_without_a_word_of_ours_the_original_is_sent(site: Sites) -> None:
    one = site()
    original = (one.path / "a.jpg").read_bytes()
    for target in ("/a.jpg", "/a.jpg?", "/a.jpg?v=3", "/a.jpg?utm_source=x"):
        assert body(one.get(target)) == original


@pytest.mark.parametrize("query", ["w=400", "w=9&h=8000", "fit=max&w=8000", "fm=jpg", "w=800&dpr=2"])
def test_what_is_already_as_asked_is_sent_untouched(site: Sites, query: str) -> None:
    one = site()
    found = body(one.get("/a.jpg?" + query))
    assert (found == (one.path / "a.jpg").read_bytes()) is (query != "w=9&h=8000")


def test_what_is_drawn_is_sent_untouched(site: Sites) -> None:
    one = site()
    assert body(one.get("/drawing.svg?w=80")) == (one.path / "drawing.svg").read_bytes()


@pytest.mark.parametrize("name", ["text.txt", "text.jpg"])
def test_what_is_no_picture_cannot_be_processed(site: Sites, name: str) -> None:
    response = site().get(f"/{name}?w=80")
    assert response.status == 422
    assert b"no picture that can be processed" in body(response)


def test_the_content_decides_what_a_file_is(site: Sites) -> None:
    response = site().get("/disguised.png?w=80")
    assert response.field(b"content-type") == b"image/jpeg"
    assert picture(response).format == "JPEG"


def test_a_name_that_is_no_text_is_processed_as_any(site: Sites) -> None:
    one = site(key=KEY)
    os.rename(one.path / "a.jpg", os.fsencode(one.path) + b"/\xff\xfe.jpg")
    query = signed(KEY, b"\xff\xfe.jpg", b"w=40").decode()
    assert picture(one.get(f"/%FF%FE.jpg?{query}")).size == (40, 30)


def test_a_wrong_parameter_is_answered_with_a_sentence(site: Sites) -> None:
    response = site().get("/a.jpg?w=<b>")
    assert response.status == 400
    assert b"w is &#39;&lt;b&gt;&#39;; accepted is a whole number" in body(response)


def test_a_part_outside_is_refused_at_once(site: Sites) -> None:
    one = site()
    assert one.get("/a.jpg?rect=400,0,1,1").status == 400
    assert one.later == 0


def test_too_many_pixels_are_refused_at_once(site: Sites) -> None:
    one = site(limits=Limits(pixels=400 * 300 - 1))
    response = one.get("/a.jpg?w=80")
    assert (response.status, one.later) == (422, 0)
    assert b"400 by 300 pixels" in body(response)
    assert site_too_large(one).status == 422


def site_too_large(one: Site) -> Response:
    one.processing._terms = Terms(limits=Limits(source_bytes=10))
    return one.get("/a.jpg?w=81")


def test_conditions_ranges_and_head(site: Sites) -> None:
    one = site()
    whole = one.get("/a.jpg?w=80")
    data, tag = body(whole), whole.field(b"etag")
    assert tag is not None
    assert one.get("/a.jpg?w=80", if_none_match=tag.decode()).status == 304
    part = one.get("/a.jpg?w=80", range="bytes=10-19")
    assert (part.status, body(part)) == (206, data[10:20])
    head = one.get("/a.jpg?w=80", method="HEAD")
    assert head.status == 200
    assert head.field(b"last-modified") == b"Tue, 14 Nov 2023 22:13:20 GMT"
    assert head.field(b"x-content-type-options") == b"nosniff"


def test_head_of_what_is_not_there_yet_tells_its_length(site: Sites) -> None:
    one = site()
    head = one.get("/a.jpg?w=79", method="HEAD")
    assert isinstance(head.body, FileSlice)
    assert head.body.length == len(body(one.get("/a.jpg?w=79")))


@pytest.mark.parametrize(
    ("name", "accept", "kind"),
    [
        ("a.jpg", "image/avif,image/webp,*/*", b"image/avif"),
        ("a.jpg", "image/avif;q=0,image/webp,*/*", b"image/webp"),
        ("a.jpg", "*/*", b"image/jpeg"),
        ("moving.gif", "image/avif,image/webp,*/*", b"image/webp"),
    ],
)
def test_auto_format_takes_what_the_client_likes(site: Sites, name: str, accept: str, kind: bytes) -> None:
    response = site().get(f"/{name}?w=80&auto=format", accept=accept)
    assert response.field(b"content-type") == kind
    assert response.field(b"vary") == b"Accept"
    assert getattr(picture(response), "n_frames", 1) == (2 if name == "moving.gif" else 1)


def test_an_answer_depends_on_accept_only_where_it_does(site: Sites) -> None:
    one = site(presets={"auto": recipe_of("w=8&auto=format")})
    assert one.get("/a.jpg?w=80", accept="image/avif").field(b"vary") is None
    assert [one.app.varies(t) for t in (b"/a.jpg?w=8&auto=format", b"/a.jpg?p=auto")] == [True, True]
    assert [one.app.varies(t) for t in (b"/a.jpg", b"/a.jpg?w=8", b"/?page=2", b"/a?w=x")] == [False] * 4


def test_a_changed_source_is_never_answered_from_the_old_result(site: Sites) -> None:
    one = site()
    old = body(one.get("/a.jpg?w=80"))
    Image.new("RGB", (400, 300), "red").save(one.path / "a.jpg")
    os.utime(one.path / "a.jpg", (LONG_AGO, LONG_AGO))
    assert body(one.get("/a.jpg?w=80")) != old


def test_a_source_that_was_just_written_is_not_kept(site: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    one = site()
    monkeypatch.setattr(processed, "SETTLED_AFTER", 10**18)
    picture(one.get("/a.jpg?w=77"))
    picture(one.get("/a.jpg?w=77"))
    assert one.later == 2


def test_a_known_version_is_kept_for_ever(site: Sites) -> None:
    one = site()
    right = version((one.path / "a.jpg").stat())
    assert b"immutable" in one.get(f"/a.jpg?w=80&v={right}").field(b"cache-control")  # type: ignore[operator]  # it is there
    assert one.get("/a.jpg?w=80&v=wrong").field(b"cache-control") == b"no-cache"
    assert one.get("/a.jpg?w=80").field(b"cache-control") == b"no-cache"


def test_presets_stand_for_recipes_and_can_be_all_there_is(site: Sites) -> None:
    one = site(presets={"thumb": recipe_of("w=40")}, only_presets=True)
    assert picture(one.get("/a.jpg?p=thumb")).size == (40, 30)
    assert one.get("/a.jpg?w=40").status == 403
    assert one.get("/a.jpg?p=other").status == 400
    assert one.get("/a.jpg").status == 200


def test_a_signature_lets_in(site: Sites) -> None:
    one = site(key=KEY)
    good = signed(KEY, b"in/b c.png", b"w=40").decode()
    assert picture(one.get(f"/in/b%20c.png?{good}")).size == (40, 30)
    assert one.get("/in/b%20c.png?w=40").status == 403
    assert one.get(f"/a.jpg?{good}").status == 403
    assert one.get("/a.jpg?" + signed(b"j" * 32, b"a.jpg", b"w=40").decode()).status == 403
    assert one.later == 1


def test_what_a_signature_that_ends_lets_in_is_asked_for_again(site: Sites) -> None:
    one = site(key=KEY)
    right = version((one.path / "a.jpg").stat()).encode()
    for more, kept in ((b"", True), (b"&expires=%d" % (time.time() + 1000), False)):
        query = signed(KEY, b"a.jpg", b"w=41&v=" + right + more).decode()
        field = one.get("/a.jpg?" + query).field(b"cache-control") or b""
        assert (b"immutable" in field, field == b"no-cache") == (kept, not kept)


def test_a_signature_ends(site: Sites) -> None:
    one = site(key=KEY)
    now = int(time.time())
    for expires, status in ((now + 1000, 200), (now - 1, 403)):
        query = signed(KEY, b"a.jpg", b"w=40&expires=%d" % expires).decode()
        assert one.get(f"/a.jpg?{query}").status == status


@pytest.mark.parametrize("terms", [{}, {"key": KEY}, {"only_presets": True}])
def test_the_pages_own_links_are_let_in(site: Sites, terms: dict[str, Any]) -> None:
    one = site(**terms)
    link = one.processing.links.thumbnail("./b%20c.png", 60, under=b"in/", auto="format")
    assert picture(one.get("/in/" + link.removeprefix("./"))).size == (60, 45)


def test_the_pages_own_links_outlive_the_server_where_there_is_a_key(site: Sites) -> None:
    one = site(key=KEY)
    again = Processing(Darkroom(b""), None, Terms(key=KEY))
    assert again.links.thumbnail("./a.jpg", 3) == one.processing.links.thumbnail("./a.jpg", 3)
    assert again.links.thumbnail("./a.jpg", 3) != Links(KEY).thumbnail("./a.jpg", 3)


@pytest.mark.parametrize(("kept", "same"), [(b"p" * 32, True), (None, False)])
def test_with_presets_alone_the_pages_own_links_outlive_the_server_by_a_kept_key(
    site: Sites, kept: bytes | None, same: bool
) -> None:
    terms = {"only_presets": True, "pages_key": kept}
    again = Processing(Darkroom(b""), None, Terms(**terms))
    link = again.links.thumbnail("./a.jpg", 60)
    assert (site(**terms).get(link.removeprefix(".")).status == 200) is same


def test_what_may_be_asked_does_not_depend_on_the_parameters(site: Sites) -> None:
    """A preflight (Fetch) must succeed, or a browser would hide the sentence of the 400 behind it."""
    one = site(only_presets=True)
    for target in ("/a.jpg", "/a.jpg?w=0", "/a.jpg?w=40", "/text.jpg?p=none"):
        found = one.get(target, method="OPTIONS")
        assert (found.status, found.field(b"allow")) == (200, b"GET, HEAD, OPTIONS")


def test_the_state_of_a_result_is_known_once_it_is_there(site: Sites) -> None:
    one = site()
    target = "/a.jpg?w=80"
    assert one.state("/a.jpg?w=400") is None  # what the source is has not been looked at
    body(one.get(target))
    assert one.state(target) is not None
    assert one.state(target) == one.state(target)
    assert one.state("/a.jpg?w=400") == one.state("/a.jpg?v=1")
    assert one.state("/a.jpg?w=79") is None
    assert one.state("/a.jpg?w=x") is None


def test_nothing_stays_open(site: Sites) -> None:
    one = site()
    for target in ("/a.jpg?w=80", "/a.jpg?w=x", "/text.jpg?w=80", "/drawing.svg?w=1", "/a.jpg?w=9000"):
        body(one.get(target))
    before = len(os.listdir("/proc/self/fd"))
    for target in ("/a.jpg?w=80", "/a.jpg?w=x", "/text.jpg?w=80", "/drawing.svg?w=1", "/a.jpg?w=81"):
        body(one.get(target))
        one.get(target, method="HEAD")
    assert len(os.listdir("/proc/self/fd")) == before
