"""The fixture that programs' own tests may use; and the tree that the documentation shows."""

from __future__ import annotations

import os
import subprocess
import sys

import nbmon
from nbmon import process
from support.proc import GROSS_HANG

TEST = """
import os
import nbmon
from nbmon import process

def serve():
    nbmon.ready()
    nbmon.wait_stopping()

def test_it(supervised):
    tree = supervised(process("web", serve, ready=True), healthy=0)
    row = tree.status()["workers"][0]
    assert row["state"] == "running"
    print("pids", tree.status()["pid"], row["pid"])
    assert False, "so that the output is shown"
"""


def serve():
    nbmon.ready()
    nbmon.wait_stopping()


def test_the_fixture_starts_a_tree(supervised):
    tree = supervised(process("web", serve, ready=True, count=2))
    assert [row["state"] for row in tree.status()["workers"]] == ["running"] * 2


def test_the_fixture_leaves_nothing_of_a_test_that_fails(tmp_path):
    (tmp_path / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=GROSS_HANG)
    assert "1 failed" in done.stdout
    pids = next(line for line in done.stdout.splitlines() if line.startswith("pids")).split()[1:]
    assert len(pids) == 2
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
