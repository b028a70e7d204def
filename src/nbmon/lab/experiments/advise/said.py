"""An advice in words and in code: why, what would change it, and the lines that do it. Pure."""

from __future__ import annotations

import re

from nbmon.lab.experiments.advise import deciding
from nbmon.lab.experiments.advise.deciding import Advice
from nbmon.lab.kernels import words
from nbmon.lab.kernels.profile import Profile

FILE = "advised.py"


def verdict(name: str, profile: Profile, advice: Advice) -> str:
    """What to take and the figures that decide."""
    call = words.duration(profile.call_seconds * 1e9)
    nature = f"A call of {name} takes {call}: {_nature(profile)}."
    return f"{_take(advice)} {nature}{_sure(advice)}"


def _take(advice: Advice) -> str:
    if advice.model == "none":
        return "none: call it in a plain loop; no model gained enough to pay."
    crew, gain = words.counted(advice.workers, advice.model), words.number(advice.gain)
    return f"{advice.model}: {crew} do {gain} times what a plain loop does."


def _nature(profile: Profile) -> str:
    told = [f"{profile.cpu_share:.0%} on a core", f"{profile.waiting_share:.0%} waiting"]
    if profile.gil:
        told.append(f"the GIL found held at {profile.gil_share:.0%} of the looks")
    if profile.unpicklable:
        told.append(f"it cannot go to another process ({profile.unpicklable})")
    else:
        told.append(f"pickling {words.duration(profile.pickle_seconds * 1e9)}")
    return ", ".join(told)


def measured(profile: Profile) -> str:
    """What was measured besides, and decides nothing."""
    start, memory = words.duration(profile.import_seconds * 1e9), words.size(profile.memory_bytes)
    there, back = words.size(profile.arguments_bytes), words.size(profile.result_bytes)
    return (
        f"its import takes {start}, an interpreter with it {memory} of memory; "
        f"pickled, its arguments are {there} and its result {back}"
    )


def _sure(advice: Advice) -> str:
    return "" if advice.confident else f" Unsure: {'; '.join(advice.doubts)}."


def would_change(profile: Profile, advice: Advice) -> list[str]:
    """What would lead to another advice, from the same figures."""
    changes = {"none": _none, "coroutine": _coroutine, "thread": _thread, "process": _process}
    return changes[advice.model](profile)


def _none(profile: Profile) -> list[str]:
    if deciding.heavy(profile) and not profile.unpicklable and profile.call_seconds >= deciding.TINY:
        weight = words.size(profile.arguments_bytes + profile.result_bytes)
        return [f"arguments and results of less than {weight}, or in shared memory: then processes may pay"]
    tiny = words.duration(deciding.TINY * 1e9)
    return [f"more work a call ({tiny} and above, or several calls handed out together)", "more cores"]


def _coroutine(profile: Profile) -> list[str]:
    busy = words.duration(profile.call_seconds * profile.cpu_share * 1e9)
    return [
        f"more computing a call: its {busy} on the core are the loop's limit, beyond which processes pay",
        "a blocking call in it, which would hold all of them up: then threads",
    ]


def _thread(profile: Profile) -> list[str]:
    if profile.waiting_share >= deciding.WAITS:
        return [
            "an `async def` of it: coroutines wait for as much with less memory",
            "much more computing under the GIL between the waits: then processes",
        ]
    return ["more of its time under the GIL, in Python's own code: then processes"]


def _process(profile: Profile) -> list[str]:
    limit = words.duration(deciding.HEAVY * profile.call_seconds * 1e9)
    changes = [f"arguments and results whose pickling takes more than {limit}: then none"]
    if profile.gil:
        changes.append("a free-threaded Python, or a library that gives the GIL up: then threads")
    return changes


def code(name: str, arguments: str, profile: Profile, advice: Advice) -> str:
    """The program that does so."""
    module, _, function = name.partition(":")
    given = _given(arguments)
    call = f"{module}.{function}({'*arguments' if given else ''})"
    imports = dict.fromkeys(["import nbmon", f"import {module}", *given[:1]])
    lines = [f"# {FILE}", *imports, *given[1:], "", ""]
    lines += _work(call, profile, advice)
    if advice.model == "none":
        return "\n".join(lines) + "\n"
    worker = f'nbmon.{advice.model}("{_worker(function)}", work, count={advice.workers})'
    return "\n".join([*lines, "", "", f"tree = nbmon.Supervisor({worker})"]) + "\n"


def _given(arguments: str) -> list[str]:
    if not arguments:
        return []
    if arguments.lstrip().startswith("["):
        return ["import json", "", f"arguments = json.loads({arguments!r})"]
    module, _, function = arguments.partition(":")
    return [f"import {module}", "", f"arguments = {module}.{function}()"]


def _work(call: str, profile: Profile, advice: Advice) -> list[str]:
    if advice.model == "coroutine":
        return ["async def work():", "    while not nbmon.stopping():", f"        await {call}"]
    if profile.awaited:
        inner = [f"    {line}" for line in _work(call, profile, Advice("coroutine", 1, 1.0, True, ()))]
        return ["def work():", "    import asyncio", "", *inner, "", "    asyncio.run(work())"]
    return ["def work():", "    while not nbmon.stopping():", f"        {call}"]


def _worker(function: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", function).strip("-") or "worker"


def table(name: str) -> str:
    """The lines of nbmon.toml that run it."""
    service, tree = _worker(name.rpartition(":")[2]), f"{FILE.removesuffix('.py')}:tree"
    return f'# nbmon.toml\n[services.{service}]\ntarget = "{tree}"\n'
