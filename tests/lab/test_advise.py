"""advise on functions whose best model is known, on bad input, and the code that it prints."""

import socket
import threading

import pytest

import nbmon
from nbmon.lab.errors import LabError, LabMisuseError
from nbmon.lab.experiment import Finding, Progress, Settings
from nbmon.lab.experiments import advise
from nbmon.lab.experiments.advise import said
from nbmon.lab.experiments.advise.deciding import Advice
from nbmon.lab.kernels.profile import Profile
from nbmon.services import config

KNOWN = "nbmon.lab.kernels.known:"


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(advise, "QUICK_ROUNDS", 1)
    monkeypatch.setattr(advise, "QUICK_WINDOW", 0.1)
    monkeypatch.setattr(advise, "QUICK_PROFILED", 0.15)
    monkeypatch.setitem(advise.WIDE, True, {"thread": (16,), "process": (4,), "coroutine": (16,)})


@pytest.fixture
def slow_server():
    """Answers a byte after 10 ms; its port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    listening.settimeout(0.2)
    over = threading.Event()

    def answer(line: socket.socket) -> None:
        with line:
            try:
                if line.recv(1):
                    over.wait(0.01)
                    line.sendall(b"!")
            except OSError:
                pass

    def accept() -> None:
        while not over.is_set():
            try:
                line, _ = listening.accept()
            except TimeoutError:
                continue
            threading.Thread(target=answer, args=(line,), daemon=True).start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    yield listening.getsockname()[1]
    over.set()
    accepting.join()
    listening.close()


def asked(target: str, args: str = "") -> Finding:
    return advise.run(Settings(True, {"target": target, "args": args}), Progress())


@pytest.mark.parametrize(
    ("function", "args", "right"),
    [
        ("arithmetic", "", {"process"}),
        ("hashing", "", {"thread"}),
        ("sleeping", "", {"thread"}),
        ("sleeping_async", "", {"coroutine"}),
        ("asking", "[{port}]", {"thread"}),
        ("asking_async", "[{port}]", {"coroutine"}),
        ("tiny", "", {"none"}),
        ("tiny_async", "", {"none"}),
        ("counting", KNOWN + "large", {"none"}),
        ("digesting", KNOWN + "large", {"none", "thread"}),
    ],
)
def test_known_functions_are_advised_rightly_or_unsurely(function, args, right, slow_server):
    found = asked(KNOWN + function, args.format(port=slow_server))
    assert found.more["model"] in right or not found.confident, found.verdict
    assert found.confident or "Unsure" in found.verdict
    assert {"model", "workers", "per_second"} <= set(found.rows[0])
    assert advise.plots(found)


def test_threads_that_share_the_gil_are_judged_by_the_clock():
    round_ = {"per_second": 100.0, "undisturbed": 250.0, "p50_ms": 1.0, "p99_ms": 2.0}
    assert advise._row("thread", 1, [round_], held=0.6)["per_second"] == 100.0
    assert advise._row("thread", 1, [round_], held=0.1)["per_second"] == 250.0
    assert advise._row("process", 1, [round_], held=0.6)["per_second"] == 250.0
    assert advise._row("process", 4096, [round_], held=0.6)["per_second"] == 100.0


def test_an_unsure_advice_is_tried_again(monkeypatch):
    class Never:
        model, workers, gain, confident, doubts = "none", 1, 1.0, False, ("it is never sure",)

    monkeypatch.setattr(advise, "decide", lambda *_: Never())
    found = asked(KNOWN + "tiny")
    assert found.settings["rounds"] == advise.BATCHES * advise.QUICK_ROUNDS
    assert not found.confident


@pytest.mark.parametrize(
    ("target", "args", "sentence"),
    [
        ("nowhere_to_be_found:f", "", "there is no module nowhere_to_be_found"),
        (KNOWN + "arithmetik", "", "Did you mean arithmetic"),
        ("json", "", "write module:function"),
        (KNOWN + "BUFFER", "", "no function but bytes"),
        (KNOWN + "tiny", "[1", "no JSON list"),
        (KNOWN + "tiny", KNOWN + "hashing", "shall return a list"),
        ("nbmon.lab.kernels.locks:alone", "", "is a generator"),
    ],
)
def test_a_wrong_word_is_answered_with_what_is_accepted(target, args, sentence):
    with pytest.raises(LabMisuseError, match=sentence):
        asked(target, args)


def test_a_function_that_fails_is_named_with_its_own_reason(tmp_path, monkeypatch):
    (tmp_path / "failing.py").write_text("def f():\n    raise OSError('no paper')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match="failing:f failed: OSError: no paper"):
        asked("failing:f")


def test_a_function_that_ends_the_process_is_named():
    with pytest.raises(LabError, match=r"a call of sys:exit ended the process .* \(exit 3\)"):
        asked("sys:exit", "[3]")


def test_a_module_that_cannot_be_imported_is_named_with_its_own_reason(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match=r"broken cannot be imported.*nothing_of_this_name"):
        asked("broken:f")


def test_a_result_that_cannot_be_pickled_is_a_result(tmp_path, monkeypatch):
    (tmp_path / "local.py").write_text("import threading\ndef f():\n    return threading.Lock()\n")
    monkeypatch.chdir(tmp_path)
    found = asked("local:f")
    assert found.more["model"] != "process"
    assert "cannot go to another process" in found.verdict


@pytest.mark.parametrize("model", ["process", "thread", "coroutine", "none"])
@pytest.mark.parametrize("arguments", ["", "[1]", KNOWN + "large"])
def test_the_printed_code_is_a_tree_that_can_be_run(model, arguments, tmp_path):
    profile = Profile(model == "coroutine", 1.0, 1.0, 0.0, 0.0, 0.0, 1, 1, 1, 0.0)
    text = said.code(KNOWN + "tiny", arguments, profile, Advice(model, 3, 2.0, True, ()))
    space: dict[str, object] = {}
    exec(compile(text, said.FILE, "exec"), space)
    assert callable(space["work"])
    if model != "none":
        assert isinstance(space["tree"], nbmon.Supervisor)
        table = config.parse(said.table(KNOWN + "tiny"), str(tmp_path / "nbmon.toml"))
        assert table.services["tiny"].target == "advised:tree"
