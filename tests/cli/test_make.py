"""`make serve`, without make: the script that it runs."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.proc import GROSS_HANG

SERVE = Path(__file__).parents[2] / "scripts" / "serve.sh"


@pytest.fixture
def make_serve(nbmon, holiday):
    program = nbmon.home / "nbmon"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nbmon "$@"\n')
    program.chmod(0o755)

    def serve(folder="holiday", port="0"):
        return subprocess.run(
            ["sh", SERVE, program, folder, "127.0.0.1", str(port)],
            cwd=nbmon.cwd, env=nbmon.env, text=True, capture_output=True, timeout=GROSS_HANG,
        )  # fmt: skip

    return serve


def test_it_prints_the_address_and_the_second_time_that_it_runs_there(make_serve):
    first, second = make_serve(), make_serve()
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.startswith("http://127.0.0.1:")
    assert f"pictures is already running at {first.stdout.strip()}" in second.stdout


def test_another_folder_under_its_name_is_a_failure(make_serve, nbmon):
    (nbmon.cwd / "other").mkdir()
    make_serve("other")
    done = make_serve()
    assert (done.returncode, done.stdout) == (1, "")
    assert "the name pictures is taken by" in done.stderr


def test_a_taken_port_is_said_with_what_to_type_to_make(make_serve):
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = make_serve(port=other.getsockname()[1])
    assert (done.returncode, done.stdout) == (1, "")
    assert "is taken by" in done.stderr
    assert "make serve PORT=9086" in done.stderr


def test_a_port_that_is_none_is_the_callers_fault(make_serve):
    done = make_serve(port="http")
    assert done.returncode == 2
    assert "make serve PORT=9086" in done.stderr
