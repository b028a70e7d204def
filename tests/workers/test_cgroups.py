"""A cgroup for each process: when, where, and that nobody leaves it. Real ones, where there are any."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.workers import cgroups
from nbmon.workers.cgroups import (
    Cgroup,
    Cgroups,
    Traits,
    is_delegated,
    master_of,
    mounted_at,
    named,
    own_path,
)
from support.proc import Process, wait_until
from workers.trees import Tree

GIVEN = Traits(
    is_real_root=False,
    is_namespace_root=False,
    is_writable=True,
    can_kill=True,
    is_marked=False,
    is_ours=False,
)


# --- what is decided ---


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),  # root may write everywhere, and was given nothing
        ({"is_marked": True}, True),
        ({"is_ours": True}, True),
        ({"is_namespace_root": True}, True),
        ({"is_marked": True, "is_writable": False}, False),  # ProtectControlGroups=yes
        ({"is_ours": True, "can_kill": False}, False),  # Linux before 5.14
        ({"is_namespace_root": True, "is_real_root": True}, False),
        ({"is_marked": True, "is_real_root": True}, False),
    ],
)
def test_only_what_was_given_away_is_taken(changes, expected):
    assert is_delegated(Traits(**{**vars(GIVEN), **changes})) is expected


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/system.slice/nbmon.service\n", "/system.slice/nbmon.service"),
        ("12:cpu:/x\n1:name=systemd:/y\n0::/z\n", "/z"),
        ("0::/\n", "/"),
        ("0::/a (deleted)\n", "/a"),
        ("0::/../other\n", None),
        ("4:memory:/only/v1\n", None),
        ("", None),
    ],
)
def test_the_own_path_is_the_one_of_version_two(text, path):
    assert own_path(text) == path


@pytest.mark.parametrize(
    ("line", "path", "folder"),
    [
        ("30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "/a/b", "/sys/fs/cgroup/a/b"),
        ("30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "/", "/sys/fs/cgroup"),
        ("30 24 0:26 /box /sys/fs/cgroup rw shared:9 - cgroup2 c rw", "/box/in", "/sys/fs/cgroup/in"),
        ("30 24 0:26 /box /sys/fs/cgroup rw - cgroup2 c rw", "/box", "/sys/fs/cgroup"),
        ("30 24 0:26 /box /sys/fs/cgroup rw - cgroup2 c rw", "/boxer", None),
        ("30 24 0:26 / /mnt/a\\040b rw - cgroup2 c rw", "/x", "/mnt/a b/x"),
        ("30 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu", "/x", None),
        ("nonsense", "/x", None),
    ],
)
def test_the_folder_of_a_cgroup_is_where_its_tree_is_mounted(line, path, folder):
    assert mounted_at(line + "\n", path) == folder


@given(st.integers(1, 1 << 22), st.integers(1, 1 << 40), st.text(max_size=300))
def test_a_name_is_one_plain_file_name_that_tells_its_master(master, number, worker):
    name = named(master, number, worker)
    assert master_of(name) == master
    assert name.isascii()
    assert "/" not in name
    assert "\0" not in name
    assert len(name) <= 255


@pytest.mark.parametrize("name", ["", "nbmon.", "nbmon.x.1.y", "init.scope", "5.1.web", "nbmon.²"])
def test_a_name_of_anothers_is_nobodys_master(name):
    assert master_of(name) is None


# --- a folder that behaves like one ---


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def test_where_nothing_is_delegated_nothing_is_made():
    assert Cgroups(None).make("web") is None
    assert Cgroups(None).of(os.getpid()) is None
    Cgroups(None).end()


def test_a_folder_that_takes_none_is_no_failure(folder):
    gone = Cgroups(str(folder / "gone"))
    assert gone.make("web") is None
    lost = Cgroup(str(folder / "nowhere"))
    assert (lost.entrance(), lost.events(), lost.remove()) == (-1, -1, True)
    lost.kill()
    lost.end()


def test_each_has_a_folder_of_its_own_also_beside_those_of_a_former_image(folder):
    first = Cgroups(str(folder)).make("front/web-1")
    again = Cgroups(str(folder)).make("front/web-1")
    assert first.folder != again.folder
    assert {Path(one.folder).name for one in (first, again)} == {path.name for path in folder.iterdir()}
    assert first.remove()
    assert not Path(first.folder).exists()


def test_what_a_killed_master_left_is_removed_by_the_next_and_anothers_is_not(folder):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True)
    left = folder / named(int(ended.stdout), 1, "web")
    others = [folder / named(os.getppid(), 1, "web"), folder / "another", folder / "nbmon.x"]
    for one in (left, *others):
        one.mkdir()
    Cgroups(str(folder))
    assert sorted(folder.iterdir()) == sorted(others)


def test_what_a_worker_has_made_in_it_goes_with_it(folder):
    made = Cgroups(str(folder)).make("web")
    (Path(made.folder) / "a" / "b").mkdir(parents=True)
    assert made.remove()
    assert not list(folder.iterdir())


# --- real ones ---

ESCAPE = """
def escape():
    nbmon.stopping()
    if os.fork() == 0:
        os.setsid()
        note("escaped", os.getpid())
        while True:
            time.sleep(1000)
    note("up", nbmon.current_worker().name, os.getpid())
    nbmon.ready()
    nbmon.wait_stopping()
tree = Supervisor(process("a", escape, ready=True), process("b", serve, ready=True), healthy=0)
"""


def _root():
    """Where the v2 tree is mounted, if cgroups can be made and marked there."""
    folder = mounted_at(Path("/proc/self/mountinfo").read_text(), "/")
    probe = Path(folder or "/nowhere") / f"nbmon-test-{os.getpid()}"
    try:
        probe.mkdir()
    except OSError:
        return None
    try:
        os.setxattr(probe, "user.delegate", b"1")
        return folder if (probe / "cgroup.kill").exists() else None
    except OSError:
        return None
    finally:
        probe.rmdir()


@pytest.fixture
def given_away(tmp_path):
    """A real cgroup, marked as systemd marks what it delegates."""
    root = _root()
    if root is None:
        pytest.skip("no cgroup (v2, with cgroup.kill) can be made here")
    made = Path(root) / f"nbmon-test-{os.getpid()}-{tmp_path.name[-40:]}"
    made.mkdir()
    os.setxattr(made, "user.delegate", b"1")
    yield made
    Cgroup(str(made)).end()


def _within(folder):
    return lambda: (folder / "cgroup.procs").write_text("0")


@pytest.fixture
def tree(tmp_path, given_away):
    made = Tree(tmp_path, ESCAPE, before=_within(given_away))
    yield made
    made.end()


def _escaped(tree, times=1):
    return Process(int(tree.wait_for("escaped", times)[times - 1].split()[1]))


def _groups(folder):
    return {path.name.split(".", 3)[3]: path for path in folder.iterdir() if path.is_dir()}


def test_each_process_is_in_a_cgroup_of_its_own_and_none_is_left_at_the_end(tree, given_away):
    tree.wait_for("ready")
    groups = _groups(given_away)
    assert set(groups) == {"a", "b"}
    inside = {int(pid) for pid in (groups["a"] / "cgroup.procs").read_text().split()}
    assert inside == {tree.pid_of("a"), _escaped(tree).pid}
    assert (groups["b"] / "cgroup.procs").read_text().split() == [str(tree.pid_of("b"))]
    assert str(tree.pid) in (given_away / "cgroup.procs").read_text().split()
    assert tree.stop() == 0
    assert not _groups(given_away)
    assert not _escaped(tree).alive


def test_who_left_its_group_ends_with_its_worker(tree, given_away):
    tree.wait_for("ready")
    escaped = _escaped(tree)
    os.kill(tree.pid_of("a"), signal.SIGKILL)
    tree.wait_for("up a", 2)
    wait_until(lambda: not escaped.alive)
    assert _escaped(tree, 2).alive
    wait_until(lambda: len(_groups(given_away)) == 2)  # the first one's is removed
    assert tree.stop() == 0


def test_who_left_its_group_ends_with_a_supervisor_that_is_killed(tree, given_away):
    tree.wait_for("ready")
    escaped = _escaped(tree)
    os.kill(tree.pid, signal.SIGKILL)
    wait_until(lambda: not escaped.alive)
    wait_until(lambda: not _groups(given_away))


def test_what_was_not_given_away_is_left_alone(tmp_path, given_away):
    os.removexattr(given_away, "user.delegate")
    if os.geteuid() != 0:
        pytest.skip("whoever owns it may use it")
    tree = Tree(tmp_path, ESCAPE, before=_within(given_away))
    try:
        tree.wait_for("ready")
        assert not _groups(given_away)
        assert tree.stop() == 0
    finally:
        tree.end()


def test_of_a_running_process_its_cgroup_is_found_again(given_away):
    made = Cgroups(str(given_away)).make("web")
    child = subprocess.Popen(["sleep", "1000"], preexec_fn=_within(Path(made.folder)))
    try:
        found = Cgroups(str(given_away)).of(child.pid)
        assert found is not None
        assert found.folder == made.folder
        assert Cgroups(str(given_away)).of(os.getpid()) is None
        assert not made.remove()
        found.end()
        assert child.wait() == -signal.SIGKILL
        assert not Path(made.folder).exists()
    finally:
        child.kill()
        child.wait()


def test_home_is_none_where_this_process_was_given_nothing():
    folder = cgroups.home()
    assert folder is None or os.access(folder, os.W_OK)
