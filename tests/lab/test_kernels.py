"""The kernels measure what they say, in small: real processes, threads, sockets, locks."""

import math
import threading

import pytest

from nbmon.lab.kernels import apart, client, cores, known, pools, target
from nbmon.lab.kernels.births import KINDS
from nbmon.lab.kernels.locks import ASYNC, PROCESSES, THREADS
from nbmon.lab.kernels.means import MEANS

KERNELS = "nbmon.lab.kernels."
EFFORT = {"runs": 3, "target": 1e6}


@pytest.fixture(scope="module")
def cpu() -> int:
    return cores.machine.cores()[-1]


@pytest.mark.parametrize(
    ("kernel", "means"),
    [("processes", "pipe"), ("processes", "eventfd"), ("processes", "futex"), ("threads", "lock"),
     ("threads", "pipe")],
)  # fmt: skip
def test_two_that_hand_over_are_switched_by_the_kernel(kernel, means, cpu):
    how = {"means": means, "cpus": [cpu, cpu], **EFFORT} | ({"set_bytes": 0} if kernel == "processes" else {})
    found = apart.value(f"{KERNELS}handover:{kernel}", how)
    assert len(found["ns"]) == 3
    assert 0 < found["alone_ns"][0] < 1e8
    assert found["voluntary"] + found["involuntary"] > 0.3


def test_calls_alone_switch_nobody(cpu):
    for make in MEANS.values():
        make().alone()  # it would block here for ever, if it waited for another


@pytest.mark.parametrize("apart_", [False, True], ids=["one core", "two cores"])
def test_who_computes_holds_the_gil_for_its_interval(cpu, apart_):
    cpus = list(cores.pair() or (cpu, cpu)) if apart_ else [cpu, cpu]
    found = apart.value(KERNELS + "handover:gil", {"cpus": cpus, "runs": 3})
    assert min(found["ns"]) > found["interval_ns"] / 10


def test_a_crowd_that_yields_is_switched(cpu):
    found = apart.value(KERNELS + "handover:race", {"workers": 4, "cpu": cpu, "runs": 1})
    assert found["voluntary"] + found["involuntary"] == pytest.approx(1.0, abs=0.01)
    assert found["ns"][0] > 0


@pytest.mark.parametrize("kernel", ["tasks", "generators"])
def test_coroutines_switch_without_the_kernel(kernel, cpu):
    how = {"workers": 5, "cpu": cpu, **EFFORT} | ({"loop": "asyncio"} if kernel == "tasks" else {})
    found = apart.value(f"{KERNELS}loops:{kernel}", how)
    assert found["voluntary"] < 0.01
    assert all(0 < one < 1e8 for one in found["ns"])


@pytest.mark.parametrize("means", list(KINDS))
def test_workers_of_each_kind_are_made_and_ended(means):
    found = apart.value(KERNELS + "births:made", {"means": means, "count": 2})
    assert found["starts_us"] > 0
    assert found["memory_bytes"] > 100


def test_a_limit_of_the_machine_is_a_result(monkeypatch, tmp_path):
    (tmp_path / "limited.py").write_text(
        "import resource\n"
        "from nbmon.lab.kernels import births\n"
        "def made():\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))\n"
        "    yield from births.made('fork', 50)\n"
        "    births.Forked.one = lambda self: (_ for _ in ()).throw(BlockingIOError(11, 'no more'))\n"
        "    yield from births.made('fork', 50)\n"
        "    one, left = births.Threads.begin, iter(range(7))\n"
        "    births.Threads.begin = lambda self: one(self) if next(left, None) is not None else no()\n"
        "    yield from births.made('thread', 50)\n"
        "def no():\n"
        '    raise RuntimeError("can\'t start new thread")\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    _, none, some = apart.each("limited:made", {})
    assert none == {"limit": "BlockingIOError: [Errno 11] no more", "reached": 0}
    assert (some["limit"], some["reached"]) == ("RuntimeError: can't start new thread", 7)
    assert some["starts_us"] > 0 and some["memory_bytes"] > 0


@pytest.mark.parametrize("kind", [*THREADS, *PROCESSES])
def test_a_lock_is_held_by_one_at_a_time(kind):
    take, give = (THREADS | PROCESSES)[kind]()
    inside, most = [0], [0]

    def work() -> None:
        for _ in range(50):
            take()
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            threading.Event().wait(0)
            inside[0] -= 1
            give()

    crew = [threading.Thread(target=work) for _ in range(3)]
    for one in crew:
        one.start()
    for one in crew:
        one.join(30)
    assert most == [1]


@pytest.mark.parametrize("kind", ["Lock", "futex"])
def test_every_taking_is_counted(kind):
    alone = apart.value(KERNELS + "locks:alone", {"kind": kind, **EFFORT})
    assert all(one > 0 for one in alone["ns"])
    found = apart.value(KERNELS + "locks:contended", {"kind": kind, "workers": 3, "seconds": 0.05})
    assert sum(found["taken"]) > 0
    assert all(again <= taken for again, taken in zip(found["retaken"], found["taken"], strict=True))
    assert max(found["longest_wait_ns"]) > 0


@pytest.mark.parametrize("kind", ASYNC)
def test_asyncios_are_tried_alike(kind):
    how = {"kind": kind, "workers": 3, "seconds": 0.02, "loops": 50, "runs": 2}
    alone, among = apart.each(KERNELS + "locks:awaited", how)
    assert len(alone["ns"]) == 2
    assert sum(among["taken"]) > 3


def test_with_a_lock_no_update_is_lost():
    found = {one["how"]: one for one in apart.each(KERNELS + "losing:lost", {"updates": 2000, "workers": 2})}
    locked = found["threads, read, call, write, with a lock"]
    assert locked["counted"] == locked["expected"] == 4000
    assert all(one["counted"] <= one["expected"] for one in found.values())


def test_with_a_lock_steps_do_not_interleave():
    without, with_lock = apart.each(KERNELS + "losing:timeline", {"workers": 2, "turns": 2})
    assert (without["lock"], with_lock["lock"]) == (False, True)
    turns = [who for who, *_ in with_lock["steps"]]
    assert all(len(set(turns[at : at + 3])) == 1 for at in range(0, len(turns), 3))


@pytest.mark.parametrize("model", ["none", "thread", "process", "coroutine"])
@pytest.mark.parametrize("function", ["tiny", "tiny_async"])
def test_every_model_calls_the_function(model, function):
    how = {"name": f"{KERNELS}known:{function}", "arguments": "[3]", "model": model, "workers": 2}
    found = apart.value(KERNELS + "profile:rung", how | {"seconds": 0.02, "each": 1e-6})
    assert found["calls"] > 0
    assert found["undisturbed"] > 0
    assert found["p99_ms"] >= found["p50_ms"]


@pytest.mark.parametrize("model", ["none", "thread", "process", "coroutine"])
def test_what_the_function_raises_is_a_result(model):
    how = {"name": f"{KERNELS}known:tiny", "arguments": "[[]]", "model": model, "workers": 2}
    found = apart.value(KERNELS + "profile:rung", how | {"seconds": 0.02, "each": 1e-6})
    assert "TypeError" in found["failed"]


def test_large_arguments_reach_several_processes():
    how = {"name": f"{KERNELS}known:counting", "arguments": f"{KERNELS}known:large", "model": "process"}
    found = apart.value(KERNELS + "profile:rung", how | {"workers": 2, "seconds": 0.05, "each": 0.01})
    assert found["calls"] >= 2


def test_undisturbed_is_what_the_wait_for_a_core_took():
    done = pools.Done(calls=10, seconds=2.0, shares=[(5, 1.0), (5, 0.0)])
    assert done.per_second == 5.0
    assert done.undisturbed == 5 / 1.0 + 5 / 2.0


def test_siblings_are_read_as_the_kernel_writes_them():
    assert cores.numbers("0-1,4\n") == {0, 1, 4}
    assert cores.numbers("") == set()


@pytest.mark.parametrize(("head", "bytes_"), [(b"HTTP/1.1 200 OK\r\ncontent-length:  7", 7)])
def test_the_length_of_an_answer_is_read(head, bytes_):
    assert client.length(head) == bytes_
    with pytest.raises(ValueError, match="without a length"):
        client.length(b"HTTP/1.1 200 OK\r\nX: 1")


def test_the_server_is_asked_in_a_model():
    both = [
        {"name": "few", "file": "small.jpg", "busy": 2, "idle": 3, "slow": 2},
        {"name": "large", "file": "large.jpg", "busy": 1},
    ]
    cpus = [cores.machine.cores()[0]] * 2
    how = {"model": "coroutine", "cpus": cpus, "loads": both, "seconds": 0.1}
    few, large = apart.each(KERNELS + "serving:served", how)
    assert few["errors"] == large["errors"] == 0
    assert few["per_second"] > 0
    assert large["bytes_per_second"] > 1 << 20
    assert few["memory_bytes"] > 1 << 20
    assert math.isfinite(few["cpu_us"])


def test_the_known_are_what_they_are_named():
    assert not target.is_async(known.sleeping)
    assert target.is_async(known.sleeping_async)
    assert known.digesting(known.large()[0]) == known.digesting(bytes(32 << 20))
