"""Bad input, everywhere: an exit code, a sentence on stderr, never a traceback, nothing left."""

import contextlib
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = 65534
AS_NOBODY = Path(__file__).with_name("as_nobody.py")

# words, exit code, what stderr says
TABLE = [
    (["start"], 2, "TARGET is missing"),
    (["start", "./nowhere"], 1, "./nowhere is not there"),
    (["start", "./holidya"], 1, "Did you mean ./holiday?"),
    (["start", "./note.txt"], 1, "is not a folder but a file"),
    (["start", "nothing"], 1, "nothing that nbmon can start"),
    (["start", ""], 2, "is no name of anything"),
    (["start", "holiday", "more"], 2, "give one TARGET"),
    (["start", "--"], 2, "there is no command after --"),
    (["start", "holiday", "--", "ls"], 2, "give one of the two"),
    (["start", "holiday", "--port", "65536"], 2, "65536 is not a port"),
    (["start", "holiday", "--port", "-1"], 2, "-1 is not a port"),
    (["start", "holiday", "--port", "http"], 2, "http is not a port; give a number from 1 to 65535"),
    (["start", "holiday", "--port", "９０８５"], 2, "is not a port"),
    (["start", "holiday", "--port", "9" * 5000], 2, "is not a port"),
    (["start", "holiday", "--host", "no.such.host.invalid"], 1, "no.such.host.invalid"),
    (["start", "holiday", "--host", "192.0.2.1"], 1, "192.0.2.1 is not an address of this machine"),
    (["start", "holiday", "--host", ""], 2, "--host ''"),
    (["start", "holiday", "--workers", "2", "--model", "process"], 2, "--workers is for --model coroutine"),
    (["start", "holiday", "--workers", "0"], 2, "0 is not a number of workers"),
    (["start", "holiday", "--model", "fibre"], 2, "fibre"),
    (["start", "holiday", "--name", "a/b"], 2, "cannot name a service"),
    (["start", "holiday", "--name", ""], 2, "cannot name a service"),
    (["start", "holiday", "--log", "missing/x.log"], 1, "cannot write the log"),
    (["start", "holiday", "--log", "."], 1, "is a directory"),
    (["start", "holiday", "--log", "/dev/full/x"], 1, "cannot write the log"),
    (["start", "holiday", "--start-timeout", "-1"], 2, "-1"),
    (["start", "holiday", "--config", "missing.toml"], 1, "missing.toml is not there"),
    (["start", "holiday", "--config", "holiday"], 1, "cannot read holiday: is a directory"),
    (["start", "--host", "h", "--", "ls"], 2, "--host is for picture servers"),
    (["start", "--prot", "1", "holiday"], 2, "--port"),
    (["run", "./nowhere"], 1, "./nowhere is not there"),
    (["strat", "holiday"], 2, "start"),
    (["stop"], 2, "NAME"),
    (["stop", ""], 2, "it is empty; nbmon status shows the names"),
    (["status", ""], 2, "it is empty"),
    (["start", "holiday", "--host", "127.0.0.1:80"], 2, "give --host 127.0.0.1 --port 80"),
    (["start", "holiday", "--host", "http://localhost/"], 2, "an address alone"),
    (["stop", "--grace", "soon", "x"], 2, "soon"),
    (["restart", "nothing"], 1, "nothing is nothing that nbmon can start"),
    (["reload", "nothing"], 1, "nothing is not running"),
    (["logs", "nothing"], 1, "there is no log of nothing"),
    (["logs", "-n", "-3", "x"], 2, "-3"),
    (["completion", "tcsh"], 2, "tcsh"),
    (["--nonsense"], 2, "--nonsense"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), TABLE, ids=[" ".join(row[0])[:60] for row in TABLE])
def test_bad_input_is_answered(nbmon, holiday, words, code, sentence):
    (nbmon.cwd / "note.txt").write_text("")
    if words[:2] == ["start", "holiday"] and "--port" not in words:
        words = [*words[:2], "--port", "0", *words[2:]]
    check(nbmon, nbmon(*words, code=code), sentence)


def check(nbmon, done, *sentences):
    assert [sentence for sentence in sentences if sentence not in done.stderr] == []
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert nbmon.left() == []


def test_a_taken_port_is_said_with_who_has_it_and_what_to_type(nbmon, holiday):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = nbmon("start", "holiday", "--port", port, code=1)
    check(nbmon, done, f"127.0.0.1:{port} is taken by", f"pid {os.getpid()}", "choose another with --port")


@pytest.mark.parametrize("line", ["prot = 1", "port = 'x'", "target = 3"])
def test_a_wrong_configuration_is_answered_with_file_and_line(nbmon, holiday, line):
    (nbmon.cwd / "nbmon.toml").write_text(f"[services.web]\n{line}\n")
    check(nbmon, nbmon("start", "web", code=1), "nbmon: nbmon.toml, line 2: ", "accepted ")


@pytest.mark.parametrize(
    "locale",
    [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}],
)
def test_a_locale_without_utf_8_is_no_obstacle(nbmon, holiday, locale):
    folder = nbmon.cwd / "夏"
    folder.mkdir()
    env = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", **locale}
    done = nbmon("start", "./冬", code=1, env=env)
    assert "is not there" in done.stderr
    nbmon("start", "./夏", "--name", "summer", "--port", "0", env=env)
    assert "summer" in nbmon("status", env=env).stdout
    assert "summer is running" in nbmon("status", "summer", env=env).stdout
    nbmon("stop", "./夏", env=env)


def test_a_folder_whose_name_is_no_text_is_served(nbmon):
    folder = os.fsencode(nbmon.cwd) + b"/\xff\xfe"
    os.mkdir(folder)
    nbmon("start", os.fsdecode(folder), "--name", "odd", "--port", "0")
    assert nbmon.view("odd")["target"] == os.fsdecode(folder)
    nbmon("restart", "odd")
    assert "\\udcff" in nbmon("status").stdout


def test_without_home_the_user_database_tells_it(nbmon, holiday):
    env = {key: value for key, value in nbmon.env.items() if key != "HOME"}
    nbmon.env = env
    nbmon("start", "holiday", "--port", "0")


def test_a_runtime_folder_that_is_missing_is_made(nbmon, holiday):
    nbmon.env["XDG_RUNTIME_DIR"] = str(nbmon.home / "not" / "yet")
    nbmon("start", "holiday", "--port", "0")
    assert (nbmon.home / "not" / "yet" / "nbmon" / "holiday.pid").exists()


@pytest.mark.parametrize("verb", [["start", "holiday", "--port", "0"], ["status"], ["stop", "holiday"]])
def test_a_runtime_folder_that_is_a_file_is_said(nbmon, holiday, verb):
    (nbmon.home / "file").write_text("")
    env = {"XDG_RUNTIME_DIR": str(nbmon.home / "file")}
    check(nbmon, nbmon(*verb, code=1, env=env), "XDG_RUNTIME_DIR is ", "unset it")


@pytest.mark.parametrize("limit", [5, 6, 8, 10])
def test_no_descriptors_left_is_said(nbmon, holiday, limit):
    def tight():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    done = nbmon("start", "holiday", "--port", "0", code=1, preexec_fn=tight)
    check(nbmon, done, "nbmon: ")


def test_a_full_disk_is_said(nbmon, holiday):
    def full():  # a write fails with EFBIG, as it would with ENOSPC
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    unmeasured = {"COVERAGE_PROCESS_CONFIG": ""}  # coverage, too, would have to write
    done = nbmon("start", "holiday", "--port", "0", code=1, env=unmeasured, preexec_fn=full)
    check(nbmon, done, "nbmon: ", "ulimit -f")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_obstacle(nbmon, holiday, closed):
    command = f"{subprocess.list2cmdline(nbmon.argv('start', 'holiday', '--port', '0'))} {closed}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=nbmon.cwd, env=nbmon.env, capture_output=True, timeout=60
    )
    assert done.returncode == 0
    assert nbmon.view("holiday")["state"] == "running"


def test_what_is_opened_never_takes_the_place_of_a_closed_standard_stream(tmp_path):
    code = f"""if True:
        import os
        from nbmon.cli import _open_standard_streams
        for fd in (0, 1, 2):
            os.close(fd)
        _open_standard_streams()
        taken = [os.readlink(f"/proc/self/fd/{{fd}}") for fd in (0, 1, 2)]
        open({str(tmp_path / "said")!r}, "w").write(repr((taken, os.open("/", 0))))
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert (tmp_path / "said").read_text() == repr(([os.devnull] * 3, 4))


def test_a_gone_working_directory_is_said(nbmon):
    gone = nbmon.home / "gone"
    gone.mkdir()
    script = f"rmdir {gone} && exec {subprocess.list2cmdline(nbmon.argv('start', '.'))}"
    done = subprocess.run(
        ["sh", "-c", script], cwd=gone, env=nbmon.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "working directory does not exist" in done.stderr
    assert "Traceback" not in done.stderr


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def as_nobody(nbmon, holiday):
    """Run it as the user nobody, to whom his places belong."""
    for path in (nbmon.home, nbmon.runtime, nbmon.cwd, holiday):
        os.chown(path, NOBODY, NOBODY)
    with paths_open_to_all(nbmon.home.parent):
        yield lambda *words, **options: nbmon(*words, program=AS_NOBODY, **options)


@contextlib.contextmanager
def paths_open_to_all(folder):
    """The folders above a test's own belong to root alone."""
    above = [path for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001]
    modes = [path.stat().st_mode for path in above]
    for path, mode in zip(above, modes, strict=True):
        path.chmod(mode | 0o001)
    yield


@needs_root
def test_an_unreadable_folder_is_said(nbmon, as_nobody):
    secret = nbmon.cwd / "secret"
    secret.mkdir(mode=0o700)
    check(nbmon, as_nobody("start", "secret", "--port", "0", code=1), "secret may not be read by this user")


@needs_root
def test_a_port_below_1024_without_the_right_is_said(nbmon, as_nobody):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        if int(file.read()) <= 80:
            pytest.skip("here every user may listen on port 80")
    check(
        nbmon,
        as_nobody("start", "holiday", "--port", "80", code=1),
        "no permission to listen on 127.0.0.1:80",
    )


@needs_root
def test_a_runtime_folder_of_another_user_is_said(nbmon, as_nobody):
    os.chown(nbmon.runtime, 0, 0)
    check(nbmon, as_nobody("start", "holiday", "--port", "0", code=1), "belongs to another user; unset it")


@needs_root
def test_a_daemon_of_another_user_is_not_stopped_and_that_is_said(nbmon, as_nobody):
    os.chown(nbmon.runtime, 0, 0)
    nbmon("start", "holiday", "--port", "0", "--name", "roots")
    pid = nbmon.view("roots")["pid"]
    for path in (nbmon.runtime, *nbmon.runtime.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    done = as_nobody("stop", "roots", code=1)
    assert str(pid) in done.stderr
    assert "Traceback" not in done.stderr
    for path in (nbmon.runtime, *nbmon.runtime.rglob("*")):
        os.chown(path, 0, 0)
    assert nbmon.view("roots")["pid"] == pid
