"""Experiments run in a process of their own, and nothing of them is left."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from nbmon.lab import result, running, system
from nbmon.lab.errors import LabError, LabMisuseError
from nbmon.lab.experiment import Finding, Settings
from nbmon.lab.running import Interrupted
from support.proc import GROSS_HANG, Process, wait_until

DETACHED = """
    child = subprocess.Popen([sys.executable, "-c",
        "import os, signal\\n"
        "if os.fork(): os._exit(0)\\n"
        "os.setsid()\\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
        "open(%r, 'w').write(str(os.getpid()))\\n"
        "signal.pause()"])
    child.wait()
    while not (os.path.exists(%r) and open(%r).read()): time.sleep(0.005)
"""


@pytest.fixture(autouse=True)
def calm(monkeypatch):
    """No time spent waiting for what ignores SIGTERM; and no child is left, whatever a test did."""
    monkeypatch.setattr(running, "GRACE", 0.3)
    before = system.children(os.getpid())
    yield
    assert system.children(os.getpid()) - before == set()


def test_a_finding_comes_back_as_it_was_made(made):
    done = running.run(
        made("return Finding([{'x': 1.5}], 'So it is.', True, {'n': 3}, ['a limit'], {'model': 'none'})"),
        Settings(quick=True),
    )
    told = done.as_object()
    assert (told["experiment"], told["question"]) == ("made", "Is it so?")
    assert (told["rows"], told["model"], told["notes"]) == ([{"x": 1.5}], "none", ["a limit"])
    assert told["verdict"].startswith("So it is.")
    assert told["settings"] == {"quick": True, "n": 3}
    assert told["machine"]["python"] and told["interrupted"] is False


def test_settings_reach_the_experiment(made):
    experiment = made("return Finding([{'quick': settings.quick, **settings.options}], '', True)")
    assert running.run(experiment, Settings(True, {"pid": "7"})).finding.rows == [{"quick": True, "pid": "7"}]


def test_it_runs_in_a_fresh_process_with_one_thread_that_leads_its_group(made):
    body = """
    return Finding([{
        "pid": os.getpid(), "group": os.getpgrp(), "threads": threading.active_count(),
        "loaded": [name for name in ("click", "rich", "pytest") if name in sys.modules],
        "stdin": os.readlink("/proc/self/fd/0"),
    }], "", True)
    """
    (row,) = running.run(made(body), Settings()).finding.rows
    assert row["pid"] == row["group"] != os.getpid()
    assert (row["threads"], row["loaded"], row["stdin"]) == (1, [], "/dev/null")


def test_what_it_prints_is_no_result(made, capfd):
    running.run(made("print('noise'); os.system('echo more >&2'); return Finding([], '', True)"), Settings())
    assert capfd.readouterr() == ("", "")


def test_progress_is_heard(made):
    heard = []
    body = """
    progress.step(1, 4, "the second part")
    progress.partial([{"x": 1}])
    return Finding([], "", True)
    """
    running.run(made(body), Settings(), lambda *said: heard.append(said))
    assert (1, 4, "the second part") in heard


@pytest.mark.parametrize(("kind", "error"), [("LabError", LabError), ("LabMisuseError", LabMisuseError)])
def test_a_reason_is_told_as_it_is(made, kind, error):
    with pytest.raises(error, match=r"^no such thing$") as caught:
        running.run(made(f"raise {kind}('no such thing')"), Settings())
    assert type(caught.value) is error


def test_a_defect_is_named_and_its_traceback_kept(made):
    with pytest.raises(LabError, match="is broken: ZeroDivisionError: division by zero") as caught:
        running.run(made("1 / 0"), Settings())
    assert "1 / 0" in caught.value.traceback


@pytest.mark.parametrize("body", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_one_that_dies_is_no_hang_and_no_finding(made, body):
    with pytest.raises(LabError, match="the experiment made died"):
        running.run(made(f"os.write(2, b'last words')\n{body}"), Settings())


def test_the_last_words_of_one_that_dies_are_shown(made):
    with pytest.raises(LabError, match="died: last words"):
        running.run(made("os.write(2, b'first\\nlast words\\n'); os._exit(3)"), Settings())


def test_one_that_is_stuck_is_ended(made, monkeypatch):
    monkeypatch.setattr(running, "LIMIT", 0.3)
    with pytest.raises(LabError, match="still running after 0 s"):
        running.run(made("time.sleep(600)"), Settings())


def test_helpers_end_with_it(made, tmp_path):
    note = tmp_path / "pid"
    body = f"""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    open({str(note)!r}, "w").write(str(child.pid))
    return Finding([], "", True)
    """
    running.run(made(body), Settings())
    assert not Process(int(note.read_text())).alive


def test_a_helper_that_detached_and_ignores_sigterm_ends_with_it(made, tmp_path):
    note = str(tmp_path / "pid")
    running.run(made(f"{DETACHED % (note, note, note)}\n    return Finding([], '', True)"), Settings())
    assert not Process(int((tmp_path / "pid").read_text())).alive


def test_what_ran_before_is_left_alone(made):
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as mine:
        try:
            running.run(made("return Finding([], '', True)"), Settings())
            assert Process(mine.pid).alive
        finally:
            mine.kill()


def test_its_temporary_files_go_with_it(made):
    body = """
    import tempfile
    kept = tempfile.mkdtemp()
    return Finding([{"folder": kept}], "", True)
    """
    (row,) = running.run(made(body), Settings()).finding.rows
    assert not os.path.exists(row["folder"])


def test_an_orphan_that_ends_meanwhile_is_reaped(made):
    body = """
    pid = os.fork()
    if pid == 0:
        grandchild = os.fork()
        if grandchild:
            os.write(w, str(grandchild).encode())
            os._exit(0)
        signal.pause()
    os.waitpid(pid, 0)
    orphan = int(os.read(r, 99))
    os.kill(orphan, 9)
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{orphan}") and time.monotonic() < deadline: time.sleep(0.005)
    return Finding([{"gone": not os.path.exists(f"/proc/{orphan}")}], "", True)
    """
    body = "\n    r, w = os.pipe()" + body
    assert running.run(made(body), Settings()).finding.rows == [{"gone": True}]


def interrupting(number, note):
    """Send ourselves a signal once the experiment has written its note."""

    def life():
        wait_until(lambda: os.path.exists(note))
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=life)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_what_was_measured_so_far(made, tmp_path, number):
    note = str(tmp_path / "pid")
    body = f"""
    progress.partial([{{"x": 1}}])
    {DETACHED % (note, note, note)}
    open({note + ".go"!r}, "w").close()
    time.sleep(600)
    """
    experiment = made(body, conclude=lambda rows: f"{len(rows)} seen.")
    before = signal.getsignal(number)
    thread = interrupting(number, note + ".go")
    with pytest.raises(Interrupted) as caught:
        running.run(experiment, Settings())
    thread.join(GROSS_HANG)
    assert caught.value.number == number
    told = caught.value.result.as_object()
    assert (told["rows"], told["confident"], told["interrupted"]) == ([{"x": 1}], False, True)
    assert told["verdict"].startswith("Unsure: interrupted after") and told["verdict"].endswith("1 seen.")
    assert not Process(int((tmp_path / "pid").read_text())).alive
    assert signal.getsignal(number) == before


def test_a_busy_machine_makes_a_timed_verdict_unsure(made, monkeypatch):
    monkeypatch.setattr(running.Meter, "others_and_stolen", lambda _self: (0.6, 0.0))
    body = "return Finding([], 'It takes 3 µs.', True)"
    noisy = running.run(made(body, timed=True), Settings()).finding
    assert not noisy.confident
    assert noisy.verdict == "It takes 3 µs. Unsure: other programs used 60% of the machine meanwhile."
    assert running.run(made(body, timed=False), Settings()).finding.confident


@pytest.mark.parametrize(
    ("verdict", "doubted"),
    [
        ("It is 3.", "It is 3. Unsure: a; b."),
        ("It is 3. Unsure: few runs.", "It is 3. Unsure: few runs; a; b."),
        ("Unsure: few runs. It is 3.", "Unsure: few runs. It is 3. Unsure: a; b."),
    ],
)
def test_doubts_are_said_in_one_sentence(verdict, doubted):
    made = result.doubted(Finding([], verdict, True), ["a", "b"])
    assert (made.verdict, made.confident) == (doubted, False)
    assert result.doubted(made, []) == made


def test_a_killed_command_takes_its_experiment_along(made, tmp_path):
    note = tmp_path / "pid"
    experiment = made(f"open({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    program = (
        "from nbmon.lab import running; from nbmon.lab.experiment import Experiment, Settings\n"
        f"running.run(Experiment('made', '?', print, module={experiment.module!r}), Settings())"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as command:
        wait_until(lambda: note.exists() and note.read_text())
        command.kill()
    wait_until(lambda: not Process(int(note.read_text())).alive)


def test_descendants_are_found_through_others_but_not_through_those_that_are_apart():
    known = {2: 1, 3: 2, 4: 3, 5: 1, 6: 5}
    assert system.descendants(1, known=known) == {2, 3, 4, 5, 6}
    assert system.descendants(1, besides={2}, known=known) == {5, 6}
    assert system.descendants(9, known=known) == set()


def test_other_systems_are_told_so(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(LabError, match="needs Linux"):
        system.need_linux()
