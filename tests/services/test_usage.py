"""What /proc says of a process and its family."""

import os
import subprocess
import sys

import pytest

from nbmon.services import usage
from support.proc import wait_until


def test_a_name_with_brackets_and_spaces_is_read():
    fields = "S 1 2 3 0 -1 0 0 0 0 0 100 50 7 3 20 0 1 0 500 9999 11"
    found = usage.parse_stat(f"42 (a) b (c)) {fields}", ticks=100, page=4096, now=15.0)
    assert found == usage.Process(
        pid=42, name="a) b (c)", parent=1, cpu_seconds=1.6, memory=11 * 4096, uptime=10.0
    )


def test_this_process_is_as_proc_says():
    found = usage.process(os.getpid())
    assert (found.pid, found.parent) == (os.getpid(), os.getppid())
    assert found.memory > 1_000_000
    assert 0 < found.uptime < 86400 * 365


def test_memory_is_the_share_of_each_where_it_can_be_read():
    text = b"00400000-7ffd [rollup]\nRss:   5000 kB\nPss:    1234 kB\nPss_Dirty:  99 kB\n"
    assert usage.parse_pss(text) == 1234 * 1024
    assert usage.parse_pss(b"Rss:  5000 kB\n") is None
    assert usage.parse_pss(b"") is None


def test_a_family_costs_less_than_its_members_would_alone():
    """A forked child shares nearly all of its parent's pages."""
    code = """if True:
        import os, sys
        ballast = b"x" * 50_000_000
        if os.fork():
            print(flush=True)
            os.wait()
        else:
            sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        parent.stdout.readline()
        family = usage.family(parent.pid)
        assert len(family) == 2
        assert 50_000_000 < sum(member.memory for member in family) < 90_000_000
        parent.stdin.close()


@pytest.mark.parametrize(
    ("text", "heeded"),
    [
        (b"SigBlk:\t1\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000001\n", True),
        (b"SigIgn:\t0000000000000001\nSigCgt:\t0000000000000000\n", True),
        (b"SigBlk:\t0000000000000001\nSigIgn:\t0000000000000002\nSigCgt:\tfffffffffffffffe\n", False),
        (b"", True),
    ],
)
def test_a_signal_is_heeded_if_it_is_caught_or_ignored(text, heeded):
    assert usage.parse_heeds(text, 1) is heeded


def test_a_process_that_is_gone_costs_nothing():
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert usage.process(gone.pid) is None
    assert usage.family(gone.pid) == []


def test_descendants_belong_to_the_family():
    code = """if True:
        import subprocess, sys
        child = subprocess.Popen(["sleep", "60"])
        print(child.pid, flush=True)
        sys.stdin.read()
        child.kill()
        child.wait()
    """
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        child = int(parent.stdout.readline())
        wait_until(lambda: [p.pid for p in usage.family(parent.pid)] == [parent.pid, child])
        parent.stdin.close()
