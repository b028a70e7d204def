"""The darkroom from outside: what is asked of it and what comes back, whatever a decoder does."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable
from itertools import product
from pathlib import Path

from PIL import Image

from nbmon.pictures.cache.bounds import total
from nbmon.pictures.cache.store import Store
from support.darkroom import Room, content, result
from support.proc import wait_until

Rooms = Callable[..., Room]


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descriptors_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_a_picture_is_made(room: Rooms, photo: Path) -> None:
    made = room().make(photo, "w=60")
    assert (made.reply.width, made.reply.height) == (60, 40)
    with Image.open(io.BytesIO(content(made))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (60, 40))


def test_nothing_is_loaded_before_the_first_job(room: Rooms, photo: Path) -> None:
    one = room()
    maps = Path(f"/proc/{one.program.pid}/maps")
    assert "_imaging" not in maps.read_text()
    content(one.make(photo, "w=6"))
    assert "_imaging" in maps.read_text()


def test_what_many_ask_for_is_made_once(room: Rooms, photo: Path, tmp_path: Path) -> None:
    one = room(live="slow", limits={"at_once": 1})
    asked = [one.ask(photo, "w=60") for _ in range(20)]
    wait_until(lambda: children_of(one.program.pid))
    only = children_of(one.program.pid)
    contents = {content(result(waiting)) for waiting in asked}
    assert len(contents) == 1
    assert len(only) == 1
    assert not children_of(one.program.pid)  # no second one was begun for those who came later


def test_a_source_that_changes_meanwhile_is_not_answered_from(
    room: Rooms, photo: Path, tmp_path: Path
) -> None:
    path = tmp_path / "changing.jpg"
    path.write_bytes(photo.read_bytes())
    one = room(live="slow", cache=str(tmp_path))
    waiting = one.ask(path, "w=60")
    wait_until(lambda: children_of(one.program.pid))
    with path.open("ab") as file:
        file.write(b"more")
    reply = result(waiting).reply
    assert (reply.status, reply.retry_after) == (503, 1)
    assert "being changed" in reply.sentence
    content(one.make(path, "w=60"))


def test_a_crash_costs_one_answer(room: Rooms, photo: Path) -> None:
    one = room(live="crashes")
    assert one.make(photo, "w=60").reply.status == 422
    assert one.make(photo, "w=61").reply.status == 422
    assert "broke down" in one.close()


def test_what_failed_is_not_tried_again_at_once(room: Rooms, photo: Path) -> None:
    one = room(live="crashes")
    assert one.make(photo, "w=60").reply == one.make(photo, "w=60").reply
    assert one.close().count("broke down") == 1


def test_a_hang_ends_at_the_deadline(room: Rooms, photo: Path) -> None:
    one = room(live="sleeps", limits={"seconds": 0.2})
    reply = one.make(photo, "w=60").reply
    assert reply.status == 504
    assert reply.sentence == "The picture took longer than one picture may take here."
    assert not children_of(one.program.pid)


def test_a_decoder_that_was_taken_over_sends_no_page(room: Rooms, photo: Path) -> None:
    made = room(live="lies").make(photo, "w=60", "png")
    assert (made.reply.status, made.result) == (422, -1)


def test_a_full_queue_says_when_to_come_again(room: Rooms, photo: Path) -> None:
    one = room(live="sleeps", limits={"at_once": 1, "queue": 2})
    waiting = [one.ask(photo, "w=1")]
    wait_until(lambda: children_of(one.program.pid))
    waiting += [one.ask(photo, f"w={n}") for n in (2, 3)]
    reply = one.make(photo, "w=4").reply
    assert (reply.status, reply.retry_after >= 1) == (503, True)
    for each in waiting:
        each.close()


def test_who_has_gone_cancels_a_job_that_nobody_else_waits_for(room: Rooms, photo: Path) -> None:
    one = room(live="sleeps", limits={"at_once": 1})
    first, second = one.ask(photo, "w=1"), one.ask(photo, "w=1")
    wait_until(lambda: children_of(one.program.pid))
    first.close()
    only = children_of(one.program.pid)
    another = one.ask(photo, "w=2")  # answered in order, so the first one's going has been seen by then
    second.close()
    wait_until(lambda: children_of(one.program.pid) not in ([], only))
    another.close()
    wait_until(lambda: not children_of(one.program.pid))


def test_what_was_cancelled_can_be_had_at_once(room: Rooms, photo: Path) -> None:
    one = room(live="slow")
    first = one.ask(photo, "w=60")
    wait_until(lambda: children_of(one.program.pid))
    first.close()
    content(one.make(photo, "w=60"))


def test_nothing_stays_open(room: Rooms, photo: Path) -> None:
    one = room()
    content(one.make(photo, "w=60"))
    before = descriptors_of(one.program.pid)
    for width in range(1, 20):
        content(one.make(photo, f"w={width}"))
    gone = [one.ask(photo, f"w={width}") for width in range(20, 40)]
    for waiting in gone:
        waiting.close()
    one.make(photo, "rect=4000,0,1,1")
    wait_until(lambda: not children_of(one.program.pid) and descriptors_of(one.program.pid) <= before)


def test_a_file_that_is_no_picture_is_said_to_be_none(room: Rooms, tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("no picture")
    reply = room().make(path, "w=60").reply
    assert reply.status == 422
    assert reply.sentence == "The file is no picture that can be read here, or a broken one."


def test_a_rect_outside_is_the_clients_fault(room: Rooms, photo: Path) -> None:
    reply = room().make(photo, "rect=600,0,1,1").reply
    assert reply.status == 400
    assert "600 by 400 pixels" in reply.sentence


def test_a_result_goes_into_the_cache(room: Rooms, photo: Path, tmp_path: Path) -> None:
    one = room(cache=str(tmp_path))
    made = one.make(photo, "w=60")
    data = content(made)
    files = [path for path in (tmp_path / "results").rglob("*") if path.is_file() and len(path.name) == 38]
    assert len(files) == 1
    found = Store(str(tmp_path)).get(files[0].parent.name + files[0].name)
    assert found is not None
    assert os.pread(found.fileno(), found.stored.length, 0) == data


def test_the_cache_is_kept_within_its_bytes(room: Rooms, photo: Path, tmp_path: Path) -> None:
    one = room(cache=str(tmp_path), most=200_000)
    for width in range(100, 160):
        content(one.make(photo, f"w={width}&fm=png", "png"))
    wait_until(lambda: 0 < total(f"{tmp_path}/results").bytes <= 200_000)
    wait_until(lambda: not children_of(one.program.pid), what="the sweep is reaped")


def test_a_full_disk_is_said_once_and_costs_no_answer(room: Rooms, photo: Path, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("in the way of the folder")
    one = room(cache=str(place))
    for width in range(1, 5):
        content(one.make(photo, f"w={width}"))
    assert one.close().count("goes without the cache") == 1


KEY = b'{"key": "' + b"0" * 40 + b'", "keep": true, "recipe": '


def test_a_wrong_message_costs_its_connection(room: Rooms, photo: Path) -> None:
    one = room()
    messages = [b"", b"x", b"{}", b"[]", KEY + b'{"x": 1}}', KEY + b"1}", KEY + b"{}}"]
    for message, descriptors in product(messages, (0, 1, 3)):
        if (message, descriptors) == (KEY + b"{}}", 1):
            continue  # this one is right
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock, photo.open("rb") as file:
            sock.connect(one.address)
            sock.settimeout(30)
            socket.send_fds(sock, [message], [file.fileno()] * descriptors)
            assert sock.recv(100) == b"", message
    content(one.make(photo, "w=60"))


def test_a_broker_that_dies_is_a_busy_one(room: Rooms, photo: Path) -> None:
    one = room(live="sleeps")
    waiting = one.ask(photo, "w=60")
    wait_until(lambda: children_of(one.program.pid))
    child = children_of(one.program.pid)[0]
    one.program.kill()
    reply = result(waiting).reply
    assert (reply.status, reply.retry_after) == (503, 2)
    wait_until(lambda: not Path(f"/proc/{child}").exists(), what="the job ends with the broker")
