"""What the cases say together, and whether each came out as Python's documentation has it. Pure."""

from __future__ import annotations

from nbmon.lab.experiment import Row

# What is documented of each case, as a part of its row.
DOCUMENTED: dict[str, Row] = {
    "joined": {"thread_finished": True, "waited_for_at_exit": False, "exit_code": 0},
    "not joined": {"thread_finished": True, "waited_for_at_exit": True, "exit_code": 0},
    "daemon": {"thread_finished": False, "exit_code": 0},
    "daemon joined": {"thread_finished": True, "exit_code": 0},
    "low level": {"thread_finished": False, "exit_code": 0},
    "subclass": {"seen": {"in_main_thread": False}, "exit_code": 0},
    "run called": {"seen": {"in_main_thread": True}, "thread_finished": None, "exit_code": 0},
    "wrong calls": {"thread_finished": True, "exit_code": 0},
    "join timeout": {"seen": {"returned_early": "None", "alive_then": True, "alive_after_join": False}},
    "alive": {"seen": {"before_start": False, "running": True, "after_join": False}},
    "names": {"thread_finished": True, "exit_code": 0},
    "exception": {"seen": {"main_goes_on": True}, "exit_code": 0},
    "system exit": {"seen": {"main_goes_on": True}, "exit_code": 0},
    "ctrl c": {"seen": {"raised_in": "MainThread", "thread_alive": True}, "exit_code": 0},
    "fork": {"seen": {"threads_in_child": 1, "child_got_the_lock": False}, "exit_code": 0},
}


def expected(row: Row) -> bool:
    """Whether the row is as documented."""
    return all(
        all(row["seen"].get(name) == wanted for name, wanted in value.items())
        if key == "seen"
        else row[key] == value
        for key, value in DOCUMENTED[row["case"]].items()
    )


def conclude(rows: list[Row]) -> str:
    """One sentence for each thing that was asked, from what was seen."""
    cases = {row["case"]: row for row in rows}
    said = [words(cases[case]) for case, words in SENTENCES.items() if case in cases]
    return " ".join(said)


def _end(row: Row) -> str:
    if not row["thread_finished"]:
        return "cut off"
    return "waited for" if row["waited_for_at_exit"] else "done before"


def _names(row: Row) -> str:
    seen = row["seen"]
    return (
        f"Named {seen['python']}, a thread was {seen['kernel']} for the kernel, and when that name was set "
        f"{seen['kernel_when_set']}."
    )


def _fork(row: Row) -> str:
    seen = row["seen"]
    lock = "could be taken" if seen["child_got_the_lock"] else "stayed locked for ever"
    return (
        f"fork took {seen['threads_in_child']} thread along, and a lock that another had held {lock} in the "
        f"child{'; Python warned' if seen['python_warns'] else ''}."
    )


SENTENCES = {
    "not joined": lambda row: f"At the interpreter's exit, a thread that nobody joined was {_end(row)};",
    "daemon": lambda row: f"a daemon thread was {_end(row)};",
    "low level": lambda row: f"one of _thread's was {_end(row)}.",
    "daemon joined": lambda row: f"A daemon thread that was joined was {_end(row)}.",
    "run called": lambda row: (
        "run() without start() made "
        f"{'no thread: it ran in the main one' if row['seen'].get('in_main_thread') else 'a thread'}."
    ),
    "join timeout": lambda row: (
        f"join with a timeout returned {row['seen'].get('returned_early')} while the thread "
        f"{'was still alive' if row['seen'].get('alive_then') else 'was over'}: ask is_alive()."
    ),
    "names": _names,
    "exception": lambda row: (
        f"An exception ended its thread alone: exit {row['exit_code']}; on stderr “{row['error']}”."
    ),
    "system exit": lambda row: f"sys.exit(3) in a thread: exit code {row['exit_code']}.",
    "ctrl c": lambda row: f"KeyboardInterrupt was raised in {row['seen'].get('raised_in')}.",
    "fork": _fork,
}
