"""As PID 1 of a container: orphans are reaped, one's own are not, signals and exit codes pass through."""

import os
import subprocess
import sys

import pytest

from support.proc import GROSS_HANG

# In the command: leaves orphans, and waits until whoever is PID 1 has reaped them.
LEAVES = """
import os, sys, time

def stat(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return ["", ""]

for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
        os._exit(0)
    os.wait()
until = time.monotonic() + 20
while time.monotonic() < until:
    zombies = [pid for pid in os.listdir("/proc") if pid.isdigit() and stat(pid)[:2] == ["Z", "1"]]
    if not zombies:
        sys.exit(7)
print("zombies:", zombies)
"""
ISOLATED = ("unshare", "--pid", "--fork", "--mount-proc")
RUN = "import sys; from nbmon.workers import run_command; sys.exit(run_command(sys.argv[1:]))"


def allowed():
    try:
        return subprocess.run([*ISOLATED, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not allowed(), reason="no PID namespace may be made here (unshare --pid)")


def test_a_command_as_pid_1_has_its_orphans_reaped_and_its_exit_code_kept():
    words = [*ISOLATED, sys.executable, "-c", RUN, sys.executable, "-c", LEAVES]
    done = subprocess.run(words, capture_output=True, text=True, timeout=GROSS_HANG, check=False)
    assert (done.returncode, done.stdout) == (7, ""), done


def test_nbmon_run_as_pid_1_does_so_too(tmp_path):
    words = [*ISOLATED, sys.executable, "-m", "nbmon", "run", "--", sys.executable, "-c", LEAVES]
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    tmp_path.chmod(0o700)
    done = subprocess.run(words, capture_output=True, text=True, timeout=GROSS_HANG, env=env, check=False)
    assert (done.returncode, done.stdout) == (7, ""), done
