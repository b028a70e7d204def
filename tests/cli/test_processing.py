"""Processed pictures by the command line: made, kept, signed, the cache looked after, nothing left behind."""

import html
import os
import re
import signal
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from support.proc import Process, wait_until

LONG_AGO = 1_700_000_000


@pytest.fixture
def photos(nbmon):
    folder = nbmon.cwd / "photos"
    (folder / "in").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "in/c d.png"):
        Image.effect_noise((300, 200), 60).convert("RGB").save(folder / name)
        os.utime(folder / name, (LONG_AGO, LONG_AGO))
    (folder / "text.txt").write_text("text")
    return folder


def get(url):
    """Status, fields and content."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def darkroom_of(view):
    """The pid of the darkroom of a service, by its children's own words."""
    for pid in map(int, Path(f"/proc/{view['pid']}/task/{view['pid']}/children").read_text().split()):
        maps = Path(f"/proc/{pid}/maps").read_text()
        if "_imaging" in maps:
            return pid
    return None


@pytest.mark.parametrize("model", ["coroutine", "thread", "process"])
def test_every_model_makes_pictures(nbmon, photos, model):
    url = nbmon("start", "./photos", "--port", "0", "--model", model).stdout.strip()
    status, fields, content = get(url + "a.jpg?w=30")
    assert (status, fields["Content-Type"]) == (200, "image/jpeg")
    assert fields["Server-Timing"].startswith("cache;desc=miss")
    assert len(content) == int(fields["Content-Length"])
    assert get(url + "a.jpg?w=x")[0] == 400
    assert get(url + "text.txt?w=3")[0] == 422
    pid = nbmon.view("photos")["pid"]
    nbmon("stop", "photos")
    wait_until(lambda: not Process(pid).alive)


def test_two_workers_share_one_darkroom(nbmon, photos):
    url = nbmon("start", "./photos", "--port", "0", "--workers", "2").stdout.strip()
    for width in range(10, 20):
        assert get(url + f"a.jpg?w={width}")[0] == 200
    assert darkroom_of(nbmon.view("photos"))


def test_a_darkroom_that_dies_comes_back(nbmon, photos):
    url = nbmon("start", "./photos", "--port", "0").stdout.strip()
    assert get(url + "a.jpg?w=30")[0] == 200
    victim = darkroom_of(nbmon.view("photos"))
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: get(url + "a.jpg?w=31")[0] == 200)
    assert get(url + "a.jpg")[0] == 200
    assert darkroom_of(nbmon.view("photos")) not in (None, victim)


def web_of(nbmon):
    return next(one for one in nbmon.view("photos")["workers"] if one["name"] == "web")


def test_the_darkroom_stops_after_those_that_ask_it(nbmon, photos):
    """Else what they still ask would be answered by nobody, and cut."""
    url = nbmon("start", "./photos", "--port", "0").stdout.strip()
    assert get(url + "a.jpg?w=30")[0] == 200
    darkroom = Process(darkroom_of(nbmon.view("photos")))
    with open(photos / "large.png", "wb") as file:
        file.truncate(100_000_000)  # more than is on its way at once
    stop = threading.Thread(target=nbmon, args=("stop", "photos"))
    with urllib.request.urlopen(url + "large.png", timeout=30):
        stop.start()
        wait_until(lambda: web_of(nbmon)["state"] == "stopping" or not darkroom.alive)
        assert darkroom.alive
    stop.join()
    assert not darkroom.alive


def test_without_processing_the_originals_are_sent(nbmon, photos):
    url = nbmon("start", "./photos", "--port", "0", "--processing", "none").stdout.strip()
    assert get(url + "a.jpg?w=30")[2] == (photos / "a.jpg").read_bytes()
    assert b"?w=" not in get(url)[2]


@pytest.mark.parametrize("words", [["--processing", "presets"], ["--only-presets"]], ids=" ".join)
def test_presets_alone(nbmon, photos, words):
    url = nbmon("start", "./photos", "--port", "0", *words, "--preset", "thumb=w=30").stdout.strip()
    assert get(url + "a.jpg?p=thumb")[0] == 200
    assert get(url + "a.jpg?w=30")[0] == 403


def thumbnail_of(page):
    """The first address of a thumbnail on a page."""
    return html.unescape(re.search(r'src="[./]*(a\.jpg\?[^"]*)"', page.decode())[1])


@pytest.mark.parametrize("verb", ["upgrade", "reload"])
def test_a_page_that_is_open_goes_on_to_work_with_presets_alone(nbmon, photos, verb):
    url = nbmon(
        "start", "./photos", "--port", "0", "--processing", "presets", "--preset", "thumb=w=30"
    ).stdout.strip()  # fmt: skip
    address = thumbnail_of(get(url)[2])
    assert get(url + address)[0] == 200
    before = nbmon.view("photos")["workers"][0]["pid"]
    nbmon(verb, "photos")
    wait_until(lambda: not Process(before).alive)
    assert get(url + address)[0] == 200
    assert get(url + "a.jpg?w=31")[0] == 403
    assert thumbnail_of(get(url)[2]) == address


def test_what_was_made_is_counted_whoever_is_asked(nbmon, photos):
    options = ["--port", "0", "--workers", "2", "--metrics", "public"]
    url = nbmon("start", "./photos", *options).stdout.strip()
    # files count as settled two seconds after they were made, and then results are kept
    wait_until(lambda: get(url + "a.jpg?w=30")[1]["Server-Timing"] == "cache;desc=hit")
    (photos / "broken.jpg").write_bytes((photos / "a.jpg").read_bytes()[:2_000])
    assert get(url + "broken.jpg?w=30")[0] == 422
    assert get(url + "a.jpg?w=x")[0] == 400
    told = get(url + "-/metrics")[2].decode()
    for line in (
        'nbmon_pictures_total{outcome="broken"} 1',
        'nbmon_pictures_total{outcome="refused"} 0',
        "nbmon_pictures_running 0",
        'nbmon_picture_cache_total{result="hit"} 1',
    ):
        assert f"\n{line}\n" in told
    made, missed, jobs, kept = (
        int(re.search(rf"^nbmon_{name} (\d+)$", told, re.MULTILINE)[1])
        for name in (
            'pictures_total{outcome="made"}',
            'picture_cache_total{result="miss"}',
            "picture_seconds_count",
            "picture_cache_written_bytes_total",
        )
    )
    assert 1 <= made == missed - 1 == jobs - 1
    assert kept > 0


def test_signed_addresses(nbmon, photos):
    (nbmon.cwd / "key").write_text("0123456789abcdef\n")
    url = nbmon("start", "./photos", "--port", "0", "--sign-key", "key").stdout.strip()
    asked = url + "in/c%20d.png?w=30"
    assert get(asked)[0] == 403
    assert get(nbmon("sign", "--key", "key", asked).stdout.strip())[0] == 200
    assert get(nbmon("sign", "--key", "key", "--for", "1000", asked).stdout.strip())[0] == 200
    assert nbmon("sign", "--key", "key", "/in/c%20d.png?w=30").stdout.startswith("/in/c%20d.png?w=30&s=")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sign", "--key", "nowhere", "/a?w=3"), "cannot read the key nowhere: no such file or directory"),
        (("sign", "--key", "short", "/a?w=3"), "the key in short has 5 bytes; accepted are 16 to 4096"),
        (("sign", "--key", "key", "/a?w=x"), "w is 'x'"),
        (("sign", "--key", "key", "/a"), "asks for nothing to be done"),
        (("sign", "--key", "key", "/a?w=3&s=abc"), "is signed already"),
        (("start", "./photos", "--sign-key", "nowhere"), "cannot read the key"),
        (("cache", "warm", "nobody", "w=3"), "no picture server nobody runs"),
        (("cache", "warm", "nobody", "x=3"), "asks for nothing to be done"),
    ],
)
def test_what_is_wrong_is_answered_with_a_sentence(nbmon, photos, words, sentence):
    (nbmon.cwd / "key").write_text("0123456789abcdef")
    (nbmon.cwd / "short").write_text("short")
    done = nbmon.tried(*words)
    assert done.returncode in (1, 2)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_cache_is_shown_filled_and_emptied(nbmon, photos):
    assert "0 pictures" in nbmon("cache", "show").stdout
    nbmon("start", "./photos", "--port", "0")

    def warmed():
        assert "3 pictures made or there already" in nbmon("cache", "warm", "photos", "w=30").stdout
        return "3 pictures" in nbmon("cache", "show").stdout

    wait_until(warmed)  # files count as settled two seconds after they were made
    assert "removed 3 pictures" in nbmon("cache", "clear").stdout
    assert "0 pictures" in nbmon("cache", "show").stdout
