"""The access log: what a line says, that none can be forged, and that writing never holds up an answer."""

import base64
import json
import os
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import Request
from nbmon.serve import accesslog
from nbmon.serve.accesslines import FORMATTERS, LONGEST, Answered, as_json, combined, told
from nbmon.serve.accesslog import AccessLog, AccessLogError
from nbmon.serve.ledger import Ledger, Record
from support.proc import GROSS_HANG, wait_until

AT = 1_700_000_000.25  # Tue, 14 Nov 2023 22:13:20.25 GMT
COMBINED = re.compile(
    rb'[!-~]+ - [!-~]+ \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(:[0-9]{2}){3} \+0000\] "(?:[^"\\\n]|\\.)*" [0-9]{3} '
    rb'(?:-|[0-9]+) "(?:[^"\\\n]|\\.)*" "(?:[^"\\\n]|\\.)*"\n'
)


def answered(**said):
    usual = {"when": AT, "address": "192.0.2.7", "line": b"GET /a HTTP/1.1", "status": 200, "sent": 4096}
    return Answered(**{**usual, "seconds": 0.00125, **said})


def record(asked=None, status=200, client=("192.0.2.7", 4321)):
    return Record(AT, client, asked, status, 10, 0.001)


LINES = [
    # what was answered, the line after its time
    ({}, '"GET /a HTTP/1.1" 200 4096 "-" "-"'),
    ({"sent": 0, "status": 304}, '"GET /a HTTP/1.1" 304 - "-" "-"'),
    ({"line": b"", "status": 400}, '"-" 400 4096 "-" "-"'),
    ({"line": b'GET /"\\ HTTP/1.1'}, r'"GET /\"\\ HTTP/1.1" 200 4096 "-" "-"'),
    ({"agent": b"a\nb\r\t\x1b[31m\x00\xff"}, r'"GET /a HTTP/1.1" 200 4096 "-" "a\nb\r\t\x1b[31m\x00\xff"'),
    ({"referer": b"http://x/"}, '"GET /a HTTP/1.1" 200 4096 "http://x/" "-"'),
    ({"agent": b"a" * 600}, '"GET /a HTTP/1.1" 200 4096 "-" "' + "a" * 512 + '..."'),
]


@pytest.mark.parametrize(("said", "line"), LINES)
def test_a_combined_line_is_what_apache_writes(said, line):
    start = b"192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] "
    assert combined(answered(**said)) == start + line.encode() + b"\n"


def test_a_name_with_a_space_does_not_shift_the_columns():
    assert combined(answered(user=b"an na")).startswith(b"192.0.2.7 - an_na [")


def test_a_json_line_has_every_value_by_name():
    line = as_json(answered(user=b"anna", agent=b"x\xff\n"))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z", "address": "192.0.2.7", "user": "anna", "method": "GET",
        "target": "/a", "protocol": "HTTP/1.1", "status": 200, "bytes": 4096, "seconds": 0.00125,
        "referer": None, "agent": "x\\xff\n",
    }  # fmt: skip


@given(
    st.sampled_from(sorted(FORMATTERS)),
    st.builds(
        answered, line=st.binary(), agent=st.binary(max_size=3000), referer=st.binary(), user=st.binary()
    ),
)
def test_no_line_can_be_forged(form, seen):
    line = FORMATTERS[form](seen)
    assert len(line) <= LONGEST
    assert line.index(b"\n") == len(line) - 1
    assert all(32 <= byte < 127 for byte in line[:-1])
    if form == "json":
        json.loads(line)
    else:
        assert COMBINED.fullmatch(line)


@pytest.mark.parametrize("byte", [b"\x00", b"\xff", b'"', b"\\", b"a", b"\xc3\xa9", b"\xf0\x9f\x98\x80"])
def test_no_line_is_longer_than_its_bound(byte):
    raw = byte * 20_000
    for render in FORMATTERS.values():
        assert len(render(answered(line=raw, agent=raw, referer=raw, user=raw))) <= LONGEST


REQUEST = Request("GET", b"/a?b", b"/a", b"b", (1, 0), ((b"user-agent", b"curl"), (b"referer", b"http://r/")))
HEAD = b"GET /a?b HTTP/1.0\r\nUSER-Agent: curl \r\nHost: x\r\nReferer:http://r/\r\n\r\n"


@pytest.mark.parametrize("asked", [REQUEST, HEAD])
def test_an_answer_from_memory_is_logged_like_any_other(asked):
    seen = told(record(asked), users=False)
    assert (seen.line, seen.referer, seen.agent) == (b"GET /a?b HTTP/1.0", b"http://r/", b"curl")
    assert seen.address == "192.0.2.7"


@pytest.mark.parametrize("client", ["", None, "/run/x.sock", ()])
def test_a_client_without_an_address_is_a_dash(client):
    assert told(record(REQUEST, client=client), users=False).address == "-"


@pytest.mark.parametrize(
    ("authorization", "status", "users", "user"),
    [
        (b"Basic " + base64.b64encode(b"anna:secret"), 200, True, b"anna"),
        (b"Basic " + base64.b64encode(b"anna:secret"), 401, True, b""),
        (b"Basic " + base64.b64encode(b"anna:secret"), 200, False, b""),
        (b"Basic a", 200, True, b""),
        (b"", 200, True, b""),
    ],
)
def test_only_who_was_let_in_has_a_name_in_the_log(authorization, status, users, user):
    asked = Request("GET", b"/", b"/", fields=((b"authorization", authorization),))
    seen = told(record(asked, status), users=users)
    assert seen.user == user
    head = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: " + authorization + b"\r\n\r\n"
    assert told(record(head, status), users=users).user == user
    assert b"secret" not in combined(seen) + as_json(seen)


@pytest.fixture
def log(tmp_path):
    written = AccessLog(str(tmp_path / "access.log"))
    yield written
    written.close()


def test_what_was_taken_is_in_the_file_once_the_log_is_closed(log, tmp_path):
    log.take([record(REQUEST), record(HEAD)])
    log.take([record(None, 400)])
    log.close()
    assert [line.partition('" ')[2][:3] for line in _lines(tmp_path)] == ["200", "200", "400"]


def _lines(folder, name="access.log"):
    return (folder / name).read_text().splitlines()


def test_the_log_is_not_for_everybody(log, tmp_path):
    assert (tmp_path / "access.log").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("told", [True, False])
def test_a_moved_log_is_followed_by_a_new_one(log, tmp_path, told):
    log.take([record(REQUEST)])
    assert log.flush()
    (tmp_path / "access.log").rename(tmp_path / "old.log")
    if told:
        log.reopen()
    log.take([record(REQUEST)])
    assert log.flush()
    assert (len(_lines(tmp_path, "old.log")), len(_lines(tmp_path))) == (1, 1)


def test_a_log_that_is_only_told_to_reopen_goes_on_in_its_file(log, tmp_path):
    for _ in range(3):
        log.reopen()
        log.take([record(REQUEST)])
        assert log.flush()
    assert len(_lines(tmp_path)) == 3


def test_a_log_that_cannot_be_reopened_is_written_on(log, tmp_path, caplog):
    log.take([record(REQUEST)])
    assert log.flush()
    (tmp_path / "access.log").rename(tmp_path / "old.log")
    (tmp_path / "access.log").mkdir()
    log.reopen()
    log.take([record(REQUEST)])
    assert log.flush()
    assert len(_lines(tmp_path, "old.log")) == 2
    assert "the old file is written on" in caplog.text


@pytest.mark.parametrize("path", ["missing/access.log", ".", "a\0b"])
def test_a_log_that_cannot_be_written_is_said_in_a_sentence(tmp_path, path):
    with pytest.raises(AccessLogError, match="cannot write the access log"):
        AccessLog(str(tmp_path / path))


def test_a_pipe_that_nobody_reads_costs_lines_and_no_time(tmp_path, caplog):
    reading, writing = os.pipe()
    fifo = AccessLog(f"/proc/self/fd/{writing}")
    os.close(writing)
    batch = [record(REQUEST)] * 512
    for _ in range(accesslog.WAITING * 4):
        fifo.take(batch)  # would wait for ever if it wrote
    drained = threading.Thread(target=_drain, args=(reading,))
    drained.start()
    assert fifo.flush()
    fifo.take(batch)
    fifo.close()
    drained.join(GROSS_HANG)
    assert "lines are lost" in caplog.text


def _drain(fd):
    while os.read(fd, 1 << 16):
        pass
    os.close(fd)


def test_a_full_disk_is_said_once_and_the_log_goes_on(caplog):
    full = AccessLog("/dev/full")
    for _ in range(5):
        full.take([record(REQUEST)])
    full.close()
    assert caplog.text.count("No space left on device") == 1


def test_a_batch_that_fails_costs_no_other(log, tmp_path, caplog):
    log.take([None])
    log.take([record(REQUEST)])
    log.close()
    assert len(_lines(tmp_path)) == 1
    assert "a batch of the access log failed" in caplog.text


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_writes_to_the_same_file(log, tmp_path):
    log.take([record(REQUEST)])
    assert log.flush()
    child = os.fork()
    if child == 0:
        log.take([record(REQUEST)])
        os._exit(0 if log.flush() else 1)
    assert os.waitpid(child, 0)[1] == 0
    log.take([record(REQUEST)])
    log.close()
    assert len(_lines(tmp_path)) == 3


def test_nothing_runs_before_the_first_line(tmp_path):
    log = AccessLog(str(tmp_path / "access.log"))
    before = threading.active_count()
    log.take([record(REQUEST)])
    assert threading.active_count() == before + 1
    log.close()
    wait_until(lambda: threading.active_count() == before)


def test_a_worker_that_ends_has_written_all_its_lines(log, tmp_path):
    """As one that is forked, which leaves by os._exit."""
    child = os.fork()
    if child == 0:
        ledger = Ledger()
        ledger.sink, ledger.at_end = log.take, log.flush
        for _ in range(1000):
            ledger.answered(record(REQUEST), b"")
        ledger.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(_lines(tmp_path)) == 1000
