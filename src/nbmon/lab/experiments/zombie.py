"""What is a zombie, who reaps it, where is the exit code? Each case is made, looked at in /proc, reaped."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from nbmon.lab import machine, proc, system
from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.forked import Forked, Talk
from nbmon.lab.plots import Matrix, Plot
from nbmon.lab.sampling import rounded
from nbmon.lab.tables import size

CODE = 7
HERDS = {True: (500,), False: (500, 2000)}  # how many at once, by `quick`
ROUNDS = 3
CACHES = ("task_struct", "sighand_cache", "signal_cache", "pid", "cred_jar")  # what is kept until a wait
REFUSED = "what the kernel keeps for a zombie stands in /proc/slabinfo, which only root may read"


def run(settings: Settings, progress: Progress) -> Finding:
    """All cases, then what many of them cost."""
    rows: list[Row] = []
    cases = (kept, killed_again, by_signal, ignored, parents_death, double_fork)
    herds = HERDS[settings.quick]
    for done, case in enumerate(cases):
        progress.step(done, len(cases) + len(herds), str(case.__doc__).rstrip("."))
        rows.append({"part": "cases", "case": case.__name__.replace("_", " "), **case()})
        progress.partial(rows)
    for done, count in enumerate(herds, start=len(cases)):
        progress.step(done, len(cases) + len(herds), f"{count} zombies at once")
        rows.append({"part": "cost", **herd(count)})
        progress.partial(rows)
    notes = [REFUSED] if _kernel_bytes() is None else []
    return Finding(rows, conclude(rows), _as_expected(rows), {"herds": list(herds)}, notes)


def kept() -> Row:
    """A child ends and nobody waits for it: state Z, nothing left but its number and its exit code."""
    pid = _ended(CODE)
    row = {"pid": pid, **left_of(pid), "then": proc.state(pid)}
    peeked = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert peeked is not None
    row |= {"peeked_code": peeked.si_status, "after_peek": proc.state(pid)}
    row["waited_code"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {**row, "after_wait": proc.state(pid), "reaped_by": "wait", "evidence": _again(pid)}


def killed_again() -> Row:
    """SIGKILL to a zombie: it is dead already."""
    pid = _ended(CODE)
    os.kill(pid, signal.SIGKILL)
    row = {"pid": pid, **left_of(pid), "then": proc.state(pid)}
    row["waited_code"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    told = "kill -9 succeeded and changed nothing"
    return {**row, "after_wait": proc.state(pid), "reaped_by": "wait", "evidence": told}


def by_signal() -> Row:
    """A child is killed: where an exit code would be stands the signal."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    os.kill(pid, signal.SIGKILL)
    proc.await_end(pid)
    row = {"pid": pid, **left_of(pid), "then": proc.state(pid)}
    row["waited_code"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    told = "the low seven bits of its status are the signal: Python says -9, a shell 137"
    return {**row, "after_wait": proc.state(pid), "reaped_by": "wait", "evidence": told}


def ignored() -> Row:
    """SIGCHLD ignored: the kernel reaps at once, and the exit code is lost."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        pid = _ended(CODE)
        return {"pid": pid, "then": proc.state(pid), "reaped_by": "the kernel", "evidence": _again(pid)}
    finally:
        signal.signal(signal.SIGCHLD, before)


def parents_death() -> Row:
    """A parent that never waits dies: its zombie is given to the nearest subreaper, else to init."""
    with Forked(_subreaper) as grandparent:
        return dict(grandparent.talk.hear())


def _subreaper(talk: Talk) -> int:
    """In a helper that takes in orphans itself, so that it can be seen who gets the exit code."""
    system.be_subreaper(True)
    with Forked(_careless) as parent:
        child = parent.talk.hear()
        proc.await_end(child)
        row = {"pid": child, **left_of(child), "then": proc.state(child)}
        owned_by = system.parent_of(child)
        parent.kill()
        parent.wait()
    adopted_by = system.parent_of(child)
    row["waited_code"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told = f"its parent was {owned_by}, after that one's death {adopted_by}, the subreaper, which waited"
    reaped = "the subreaper" if adopted_by == os.getpid() else f"process {adopted_by}"
    talk.say({**row, "after_wait": proc.state(child), "reaped_by": reaped, "evidence": told})
    return 0


def _careless(talk: Talk) -> int:
    talk.say(_ended(CODE, wait=False))
    signal.pause()
    return 0


def double_fork() -> Row:
    """Fork twice: the grandchild is nobody's zombie here, since another has to wait for it."""
    with Forked(_middle) as middle:
        grandchild = middle.talk.hear()
        middle.wait()  # the short-lived one in between is waited for, at once
        adopted_by = system.parent_of(grandchild) or 0
        fd = os.pidfd_open(grandchild)
        middle.talk.say("end")
        who = "init" if adopted_by == 1 else "a subreaper"
    with os.fdopen(fd):
        _gone(grandchild)
    told = f"its parent became {adopted_by} ({_name(adopted_by)}): {who}, which reaps what it is given"
    after = proc.state(grandchild)
    return {"pid": grandchild, "then": after, "reaped_by": who, "evidence": f"{told}. {_again(grandchild)}"}


def _middle(talk: Talk) -> int:
    pid = os.fork()
    if pid == 0:
        talk.hear()
        os._exit(CODE)
    talk.say(pid)
    return 0


def herd(count: int) -> Row:
    """So many zombies at once: what the kernel keeps for them."""
    limit = min(count, _room())
    seen = [found for found in (_herd_bytes(limit) for _ in range(ROUNDS)) if found is not None]
    # The most: the kernel frees lazily, and what an earlier round gave back still counts before a later one.
    each = rounded(max(0.0, max(seen) / limit), 3) if seen else None
    return {"count": limit, "numbers": limit, "memory_bytes": each, "limit_pid": _limit_pid()}


def _herd_bytes(count: int) -> int | None:
    before = _kernel_bytes()
    pids = []
    try:
        pids = [_ended(0, wait=False) for _ in range(count)]
        for pid in pids:
            proc.await_end(pid)
        after = _kernel_bytes()
        return None if before is None or after is None else after - before
    finally:
        for pid in pids:
            os.waitpid(pid, 0)


def _ended(code: int, wait: bool = True) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(code)
    if wait:
        proc.await_end(pid)
    return pid


def left_of(pid: int) -> Row:
    """What /proc still shows of it."""
    status = proc.status(pid)
    found: Row = {"state": status["State"], "memory": status.get("VmRSS", "none")}
    found["descriptors"] = _or(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())), "refused")
    found["command_line"] = _or(lambda: Path(f"/proc/{pid}/cmdline").read_bytes() != b"", "refused")
    kept = _or(lambda: int(proc.stat(pid)[49]), None)
    found["kept_status"] = kept
    return found


def _or(look: Callable[[], object], otherwise: object) -> object:
    try:
        return look()
    except OSError:
        return otherwise


def _again(pid: int) -> str:
    """What a (further) wait for it says."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        return "waitpid then says ECHILD: there is no such child"
    return "it could be waited for"


def _gone(pid: int) -> None:
    """Until the one who adopted it has reaped it; it may be a moment behind, or never do so."""
    for _ in range(100):
        if proc.state(pid) == "gone":
            return
        proc.await_end(pid)
        signal.sigtimedwait([], 0.02)


def _name(pid: int) -> str:
    return str(_or(lambda: proc.name(pid), "hidden"))


def _kernel_bytes() -> int | None:
    """What the kernel's caches hold for processes, by slabinfo(5); None where it is refused."""
    try:
        text = Path("/proc/slabinfo").read_text(encoding="ascii")
    except OSError:
        return None
    rows = (line.split() for line in text.splitlines())
    return sum(int(row[1]) * int(row[3]) for row in rows if row[0] in CACHES)


def _limit_pid() -> int:
    return int(Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii"))


def _room() -> int:
    """How many processes may be made: a tenth of what any limit leaves."""
    facts = machine.facts()
    limits = [facts.get(key) for key in ("limit_processes", "limit_pid", "limit_threads", "cgroup_pids")]
    return max(1, min(int(limit) for limit in limits if limit) // 10)


def conclude(rows: list[Row]) -> str:
    """From the rows: what a zombie was seen to be."""
    cases = {row["case"]: row for row in rows if row["part"] == "cases"}
    said = []
    if "kept" in cases:
        one = cases["kept"]
        said.append(
            f"A zombie is a dead child that nobody waited for: state {one['state']}, memory {one['memory']}, "
            f"{_count(one['descriptors'])} descriptors; its number and its exit code ({one['waited_code']}) "
            f"stay, until wait takes them; then it is {one['after_wait']}."
        )
    if "killed again" in cases:
        state = cases["killed again"]["then"]
        said.append(f"SIGKILL does not end one (state {state} after it).")
    if "ignored" in cases:
        said.append(f"With SIGCHLD ignored it was {cases['ignored']['then']} at once, its code lost.")
    if "parents death" in cases:
        said.append(f"When its parent died, {cases['parents death']['reaped_by']} reaped it.")
    if "double fork" in cases:
        said.append(f"After a double fork, {cases['double fork']['reaped_by']} did.")
    for row in (row for row in rows if row["part"] == "cost"):
        memory = (
            "" if row["memory_bytes"] is None else f" {size(row['memory_bytes'])} of the kernel's each, and"
        )
        said.append(
            f"{row['count']} of them took{memory} a number each, of {row['limit_pid']} that there are."
        )
    return " ".join(said)


def _count(value: object) -> str:
    return "no" if value in (0, "refused") else str(value)


def _as_expected(rows: list[Row]) -> bool:
    """Every case came out as the manual pages say."""
    cases = {row["case"]: row for row in rows if row["part"] == "cases"}
    return (
        all(row["then"] == "Z" for name, row in cases.items() if name not in ("ignored", "double fork"))
        and all(cases[name]["then"] == "gone" for name in ("ignored", "double fork"))
        and all(row.get("after_wait", "gone") == "gone" for row in cases.values())
    )


def plots(finding: Finding) -> list[Plot]:
    """What is left in each case."""
    cases = [row for row in finding.rows if row["part"] == "cases"]
    rows = tuple((row["case"], (_shown(row["then"]), row["reaped_by"])) for row in cases)
    return [Matrix("What became of the child that ended", ("in /proc", "reaped by"), rows)]


def _shown(state: str) -> str:
    return "zombie" if state == "Z" else state


EXPERIMENT = Experiment(
    name="zombie",
    question="What is a zombie, who reaps it, where is the exit code?",
    run=run,
    plots=plots,
    timed=False,
    conclude=conclude,
)
