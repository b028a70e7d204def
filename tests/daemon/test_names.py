"""The names of the package: each is what it says, whatever was imported before it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nbmon.daemon

LOOK = """\
import sys
for home in sys.argv[2:]:
    __import__("nbmon.daemon." + home)
import nbmon.daemon, types
found = getattr(nbmon.daemon, sys.argv[1])
sys.exit(isinstance(found, types.ModuleType) and f"{sys.argv[1]} is the module {found}")
"""


@pytest.mark.parametrize("name", nbmon.daemon.__all__)
def test_no_name_of_the_package_is_hidden_by_a_module(name):
    homes = sorted(set(nbmon.daemon._HOMES.values()))
    done = subprocess.run([sys.executable, "-c", LOOK, name, *homes], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
