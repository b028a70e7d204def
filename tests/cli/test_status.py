"""`nbmon status` is answered without click where its words are plain, and says the same either way."""

import os
import subprocess
import sys

import pytest

from nbmon.cli import status


@pytest.mark.parametrize(
    ("args", "read"),
    [
        (["status"], (None, False)),
        (["status", "--json"], (None, True)),
        (["status", "web"], ("web", False)),
        (["status", "web", "--json"], ("web", True)),
        (["status", "--json", "web"], ("web", True)),
        (["status", "web/resizer"], ("web/resizer", False)),
        ([], None),
        (["stop", "web"], None),
        (["status", "a", "b"], None),
        (["status", ""], None),
        (["status", "--help"], None),
        (["status", "--", "web"], None),
        (["--debug", "status"], None),
    ],
)
def test_only_plain_words_are_read_here(args, read):
    assert status.plainly(args) == read


def test_completion_is_left_to_click(monkeypatch):
    monkeypatch.setenv("_NBMON_COMPLETE", "bash_complete")
    assert status.plainly(["status"]) is None


@pytest.mark.parametrize("words", [[], ["--json"], ["nobody"], ["nobody", "--json"], ["no/one"], ["a b"]])
def test_both_ways_say_the_same(words):
    plain = _run("status", *words)
    clicked = _run("status", *words, "--debug") if words else _run("--debug", "status")
    assert (plain.returncode, plain.stdout) == (clicked.returncode, clicked.stdout)
    assert plain.stderr == clicked.stderr or b"Traceback" in clicked.stderr


@pytest.mark.parametrize("words", [[], ["--json"], ["nobody"]])
def test_what_takes_long_to_load_is_not_loaded_for_it(words):
    code = (
        f"import sys; from nbmon import cli; sys.argv[1:] = {['status', *words]}\n"
        "try: cli.main()\n"
        "finally: print({'click', 'msgspec', 'inspect', 'dataclasses'} & sys.modules.keys())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True).stdout
    assert shown.endswith(b"set()\n")


def _run(*args):
    return subprocess.run(
        [sys.executable, "-m", "nbmon", *args], capture_output=True, stdin=subprocess.DEVNULL
    )


def test_nothing_but_what_it_needs_is_loaded_where_nothing_runs(tmp_path):
    code = (
        "import sys; before = set(sys.modules); from nbmon import cli; sys.argv[1:] = ['status']\n"
        "try: cli.main()\n"
        "finally: print({'typing', 're', 'enum', 'json', 'socket', 'contextlib', 'collections'}"
        " & (set(sys.modules) - before))"
    )
    places = {"XDG_RUNTIME_DIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    shown = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **places}, capture_output=True
    ).stdout
    assert shown.endswith(b"set()\n")
