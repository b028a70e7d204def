"""What a program may say of its workers, and what is answered to the rest."""

from __future__ import annotations

import pytest

from nbmon import Supervisor, WorkerError, coroutine, process, thread
from nbmon.workers.nodes import Node


def work():
    """A worker's function that is never called here."""


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: process("a/b", work), "'a/b' cannot name a worker"),
        (lambda: process("", work), "'' cannot name a worker"),
        (lambda: process("x" * 65, work), "cannot name a worker"),
        (lambda: process("-a", work), "'-a' cannot name a worker"),
        (lambda: process("a", 3), "a: 3 is nothing to run"),
        (lambda: process("a", []), "a: [] is nothing to run"),
        (lambda: process("a", ["x", 3]), "is nothing to run"),
        (lambda: process("a", ["x\0y"]), "NUL"),
        (lambda: process("a", "redis-server --port 7001"), "a command is given as a list of its words"),
        (lambda: process("a", work, count=-1), "count is -1; accepted is a whole number from 0"),
        (lambda: process("a", work, count=True), "count is True"),
        (lambda: process("a", work, restart="always"), "accepted are permanent, transient, temporary"),
        (lambda: process("a", work, grace=-1), "grace is -1; accepted is a number from 0"),
        (lambda: process("a", work, grace=float("nan")), "grace is nan"),
        (lambda: process("a", work, start_timeout=0), "accepted is a number above 0"),
        (lambda: process("a", work, heartbeat="5"), "heartbeat is '5'"),
        (lambda: process("a", work, ready="notify"), "a function is ready at once (False) or says so (True)"),
        (lambda: process("a", ["x"], ready="fd:2"), "a command is ready at once"),
        (lambda: process("a", ["x"], ready="fd:100"), "a command is ready at once"),
        (lambda: process("a", ["x"], ready="port"), "a command is ready at once"),
        (lambda: process("a", ["x"], ready=70000), "a command is ready at once"),
        (
            lambda: process("a", work, limits={"nofiles": 3}),
            "there is no limit 'nofiles'; accepted are as",
        ),
        (lambda: process("a", work, limits={"nofile": "3"}), "limit nofile is '3'"),
        (lambda: process("a", work, memory_limit=0), "memory_limit is 0; accepted is a whole number from 1"),
        (lambda: process("a", work, max_requests=1.5), "max_requests is 1.5"),
        (lambda: process("a", work, log="x", log_bytes=0), "log_bytes is 0"),
        (
            lambda: process("a", work, log="x", prefix=True),
            "a: prefix is for the common log; leave it out, or",
        ),
        (lambda: process("a", work, prefix="x"), "prefix is 'x'; accepted are True and False"),
        (lambda: thread("a", work, prefix=True), "a thread has no option 'prefix' (a process has it)"),
        (lambda: Supervisor(prefix=1), "the supervisor: prefix is 1; accepted are True and False"),
        (lambda: thread("a", work, user="nobody"), "a thread has no option 'user' (a process has it)"),
        (
            lambda: coroutine("a", work, colour=1),
            "a coroutine has no option 'colour'; accepted are args",
        ),
        (lambda: thread("a", ["sleep", "1"]), "is no callable"),
        (lambda: Supervisor("a"), "'a' is no worker"),
        (lambda: Supervisor(process("a", work), thread("a", work)), "has two children named 'a'"),
        (lambda: Supervisor(process("a", work, count=2), thread("a-1", work)), "two children named 'a-1'"),
        (lambda: Supervisor(Supervisor(process("a", work))), "'' cannot name an inner supervisor"),
        (lambda: Supervisor(strategy="all"), "accepted are one_for_one, one_for_all, rest_for_one"),
        (lambda: Supervisor(intensity=-1), "intensity is -1"),
        (lambda: Supervisor(period=0), "period is 0; accepted is a number above 0"),
        (lambda: Supervisor(backoff=-1), "backoff is -1"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(make, said):
    with pytest.raises(WorkerError) as caught:
        make()
    assert said in str(caught.value)


def test_several_of_one_are_numbered_and_inner_ones_have_the_supervisors_name():
    tree = Supervisor(
        process("resizer", work, count=3), Supervisor(thread("web", work), name="front"), process("one", work)
    )
    assert [slot.name for slot in Node(tree.plan).slots()] == [
        *("resizer-1", "resizer-2", "resizer-3", "front/web", "one")
    ]


@pytest.mark.parametrize(
    ("given", "kept"),
    [(7001, "port:127.0.0.1:7001"), ("::1:80", "port:::1:80"), ("[::1]:80", "port:::1:80"), (True, "notify")],
)
def test_a_commands_readiness_is_understood(given, kept):
    assert process("a", ["x"], ready=given).ready == kept


def test_a_function_may_be_named_and_is_looked_for_in_the_worker_only():
    assert process("a", "no.such.module:function").target == "no.such.module:function"


def test_a_plan_may_be_used_for_several_trees():
    tree = Supervisor(process("a", work))
    assert Node(tree.plan).children[0] is not Node(tree.plan).children[0]
    assert Supervisor(tree.plan.children[0]).plan == tree.plan
