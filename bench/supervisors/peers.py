"""Each supervisor with its quickest settings, as a command to run and the words to ask it. Knows no measurement.

The worker is the same for all: a shell that writes its pid into a FIFO and becomes `sleep`. So the time until the
new process runs is read from one place, whoever started it.
"""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = """#!/bin/sh
echo $$ > {fifo}
exec sleep 100000
"""


@dataclass
class Peer:
    """A supervisor that is set up in a folder of its own."""

    name: str
    argv: list[str]
    status: list[str]
    said: str  # about its settings
    env: dict[str, str] = field(default_factory=dict)
    detaches: bool = False


def tools(folder: Path) -> str:
    """Where PyPI's supervisors were installed for the bench."""
    return str(folder / "bin")


def nbmon(here: Path, script: Path, count: int, _venv: Path) -> Peer:
    (here / "benchtree.py").write_text(
        "from nbmon import Supervisor, process\n"
        f"tree = Supervisor(process('w', [{str(script)!r}], count={count}), intensity=1000000)\n"
    )
    own = str(Path(sys.executable).with_name("nbmon"))
    env = {"XDG_RUNTIME_DIR": str(here), "XDG_STATE_HOME": str(here)}
    return Peer(
        "nbmon",
        [own, "start", "benchtree:tree", "--name", "bench"],
        [own, "status", "bench"],
        "as it comes",
        env,
        detaches=True,
    )


def supervisord(here: Path, script: Path, count: int, venv: Path) -> Peer:
    conf = here / "supervisord.conf"
    conf.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={here}/log\npidfile={here}/pid\nminfds={count * 3 + 200}\n"
        f"[unix_http_server]\nfile={here}/sock\n[supervisorctl]\nserverurl=unix://{here}/sock\n"
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[program:w]\ncommand={script}\nnumprocs={count}\nprocess_name=%(program_name)s-%(process_num)d\n"
        "autorestart=true\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
    )
    python = f"{tools(venv)}/python"
    return Peer(
        "supervisord",
        [python, "-W", "ignore", f"{tools(venv)}/supervisord", "-c", str(conf)],
        [python, "-W", "ignore", f"{tools(venv)}/supervisorctl", "-c", str(conf), "status"],
        "startsecs=0, no logs of its workers",
    )


def circus(here: Path, script: Path, count: int, venv: Path) -> Peer:
    conf = here / "circus.ini"
    conf.write_text(
        f"[circus]\nendpoint=ipc://{here}/ctl\npubsub_endpoint=ipc://{here}/pub\ncheck_delay=0.1\n"
        f"[watcher:w]\ncmd={script}\nnumprocesses={count}\nwarmup_delay=0\nmax_retry=-1\n"
    )
    python = f"{tools(venv)}/python"
    return Peer(
        "circus",
        [python, "-W", "ignore", f"{tools(venv)}/circusd", str(conf)],
        [python, "-W", "ignore", f"{tools(venv)}/circusctl", "--endpoint", f"ipc://{here}/ctl", "status"],
        "check_delay=0.1 instead of 5",
    )


def runit(here: Path, script: Path, count: int, _venv: Path) -> Peer:
    scan = here / "scan"
    for number in range(count):
        (scan / f"w-{number}").mkdir(parents=True)
        shutil.copy(script, scan / f"w-{number}" / "run")
    return Peer("runit", ["runsvdir", str(scan)], ["sv", "status", str(scan / "w-0")], "as it comes")


def s6(here: Path, script: Path, count: int, _venv: Path) -> Peer:
    scan = here / "scan"
    for number in range(count):
        (scan / f"w-{number}").mkdir(parents=True)
        shutil.copy(script, scan / f"w-{number}" / "run")
    limit = ["-c", str(count * 2 + 16)]
    return Peer("s6", ["s6-svscan", *limit, str(scan)], ["s6-svstat", str(scan / "w-0")], "as it comes")


ALL = (nbmon, supervisord, circus, runit, s6)
NEEDS = {"runit": "runsvdir", "s6": "s6-svscan"}
