"""A kernel runs apart, says its values, and leaves nothing."""

import os
import textwrap
from pathlib import Path

import pytest

from nbmon.lab.kernels import apart
from support.proc import wait_until

KERNELS = """
    import os, sys, time, signal

    def counts(upto):
        for n in range(upto):
            yield {"n": n}

    def chatters():
        print("not an answer")
        os.write(1, b"nor this")
        yield 1

    def fails():
        yield 1
        raise ValueError("no such thing")

    def dies():
        os.kill(os.getpid(), signal.SIGKILL)
        yield 1

    def hangs():
        yield os.getpid()
        time.sleep(1000)

    def forgets():
        child = os.fork()
        if child == 0:
            time.sleep(1000)
        yield child

    def shadows():
        import random
        yield random.__file__
"""


@pytest.fixture(autouse=True)
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "kernels_of_a_test.py").write_text(textwrap.dedent(KERNELS))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def where(name: str) -> str:
    return f"kernels_of_a_test:{name}"


def gone(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return text.rpartition(")")[2].split()[0] in "ZX"


def test_each_value_comes_back_in_order():
    assert list(apart.each(where("counts"), {"upto": 3})) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert apart.value(where("counts"), {"upto": 3}) == {"n": 2}
    assert apart.value(where("counts"), {"upto": 0}) is None


def test_what_a_kernel_prints_is_no_answer():
    assert list(apart.each(where("chatters"), {})) == [1]


def test_a_kernel_that_fails_says_why_in_its_own_words():
    with pytest.raises(apart.KernelError, match=r"exit 1.*ValueError: no such thing"):
        list(apart.each(where("fails"), {}))


def test_a_kernel_that_is_killed_is_said_to_be():
    with pytest.raises(apart.KernelError, match="SIGKILL"):
        list(apart.each(where("dies"), {}))


def test_a_kernel_that_takes_too_long_is_ended():
    answers = apart.each(where("hangs"), {}, timeout=2.0)
    pid = next(answers)
    with pytest.raises(apart.KernelError, match="too long"):
        next(answers)
    assert gone(pid)


def test_a_caller_that_stops_listening_leaves_no_kernel():
    answers = apart.each(where("hangs"), {})
    pid = next(answers)
    answers.close()
    assert gone(pid)


def test_what_a_kernel_forked_ends_with_it():
    child = apart.value(where("forgets"), {})
    wait_until(lambda: gone(child))


def test_a_file_of_the_working_directory_shadows_nothing(tmp_path, monkeypatch):
    there = tmp_path / "there"
    there.mkdir()
    (there / "random.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(there)
    assert os.path.dirname(apart.value(where("shadows"), {})) != str(there)
