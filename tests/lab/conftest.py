"""Experiments made for a test: a module in a folder of its own, run as a real one is."""

import os
import textwrap

import pytest

from nbmon.lab.experiment import Experiment, Finding

HEAD = """
import os, signal, subprocess, sys, threading, time
from nbmon.lab.errors import LabError, LabMisuseError
from nbmon.lab.experiment import Experiment, Finding

def run(settings, progress):
"""
TAIL = """
EXPERIMENT = Experiment("made", "Is it so?", run)
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A function from the body of `run` to an experiment."""

    def make(body, **options):
        module = f"made_{tmp_path.name.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(HEAD + textwrap.indent(textwrap.dedent(body), "    ") + TAIL)
        path = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
        return Experiment("made", "Is it so?", lambda _s, _p: Finding([], "", True), module=module, **options)

    return make
