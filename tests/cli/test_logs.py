"""`nbmon logs`, also of what does not run, followed through rotation, and with a reader that leaves."""

import os
import signal
import subprocess

import pytest

from support.proc import GROSS_HANG


@pytest.fixture
def log(nbmon):
    folder = nbmon.state / "nbmon"
    folder.mkdir(parents=True)
    path = folder / "old.log"
    path.write_text("".join(f"line {number}\n" for number in range(200)))
    return path


def test_the_log_of_what_does_not_run_is_shown(nbmon, log):
    shown = nbmon("logs", "old").stdout.splitlines()
    assert (shown[0], shown[-1], len(shown)) == ("line 100", "line 199", 100)


@pytest.mark.parametrize(("lines", "first"), [(1, ["line 199"]), (500, ["line 0"]), (0, [])])
def test_so_many_lines_as_asked_for(nbmon, log, lines, first):
    assert nbmon("logs", "-n", lines, "old").stdout.splitlines()[:1] == first


def test_bytes_that_are_no_text_are_shown_as_they_are(nbmon, log):
    log.write_bytes(b"\xff\xfe\0\n")
    assert nbmon("logs", "old", text=False).stdout == b"\xff\xfe\0\n"


def test_following_goes_through_rotation_until_ctrl_c(nbmon, log):
    with nbmon.background("logs", "-f", "-n", "1", "old") as following:
        assert following.stdout.readline() == "line 199\n"
        with log.open("a") as file:
            file.write("added\n")
        assert following.stdout.readline() == "added\n"
        log.rename(f"{log}.1")
        log.write_text("new file\n")
        assert following.stdout.readline() == "new file\n"
        log.write_text("cut\n")
        assert following.stdout.readline() == "cut\n"
        following.send_signal(signal.SIGINT)
        assert following.wait(GROSS_HANG) == 130
        assert following.stderr.read().strip() == ""


def test_following_ends_when_its_reader_leaves(nbmon, log):
    with nbmon.background("logs", "-f", "old") as following:
        following.stdout.readline()
        following.stdout.close()
        assert following.wait(GROSS_HANG) == 141
        assert following.stderr.read() == ""


def test_a_reader_that_leaves_is_no_complaint(nbmon, log):
    log.write_text("x" * 100 + "\n" + "y" * 1_000_000)
    command = f"{subprocess.list2cmdline(nbmon.argv('logs', 'old'))} | head -c 1"
    done = subprocess.run(
        ["sh", "-c", command], cwd=nbmon.cwd, env=nbmon.env, capture_output=True, timeout=GROSS_HANG
    )
    assert (done.stdout, done.stderr) == (b"x", b"")


@pytest.mark.parametrize("name", ["nothing", "odl", "./odd", "a:b"])
def test_no_log_is_said(nbmon, log, name):
    done = nbmon("logs", name, code=1)
    assert done.stderr.startswith("nbmon: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read_is_said(nbmon, log):
    log.chmod(0)
    assert "cannot read the log" in nbmon("logs", "old", code=1).stderr


def test_a_fifo_in_the_place_of_the_log_does_not_block(nbmon, log):
    log.unlink()
    os.mkfifo(log)
    nbmon.tried("logs", "old")
