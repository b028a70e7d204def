"""Becoming another user for good. Done in a forked child each time: there is no way back."""

from __future__ import annotations

import os

import pytest

from nbmon.daemon import DaemonContext
from nbmon.daemon.errors import DetachError
from nbmon.daemon.privileges import Identity
from support.kit import quietly

NOBODY = 65534
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can drop privileges")


def in_a_child(do) -> str:
    """What `do` returned, or the sentence of its DetachError."""
    read, write = os.pipe()
    pid = quietly(os.fork)
    if pid == 0:
        try:
            answer = str(do())
        except DetachError as error:
            answer = str(error)
        except BaseException as error:
            answer = repr(error)
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as stream:
        return stream.read()


@needs_root
def test_user_group_and_groups_are_the_new_ones():
    def do():
        Identity(NOBODY, NOBODY).assume()
        return os.getresuid(), os.getresgid(), os.getgroups()

    assert in_a_child(do) == str(((NOBODY,) * 3, (NOBODY,) * 3, [NOBODY]))


@needs_root
def test_a_user_without_a_group_named_takes_its_own():
    import pwd

    entry = next(e for e in pwd.getpwall() if e.pw_uid not in (0, NOBODY) and e.pw_gid != 0)

    def do():
        Identity(entry.pw_name, None).assume()
        return os.getresuid(), os.getresgid()

    assert in_a_child(do) == str(((entry.pw_uid,) * 3, (entry.pw_gid,) * 3))


@needs_root
def test_the_users_groups_are_taken_when_asked_for():
    import pwd

    entry = pwd.getpwuid(NOBODY)

    def do():
        Identity(NOBODY, None, initgroups=True).assume()
        return sorted(os.getgroups())

    assert in_a_child(do) == str(sorted(os.getgrouplist(entry.pw_name, entry.pw_gid)))


@needs_root
def test_rights_that_can_be_taken_back_are_found_out():
    def do():
        keep_saved = os.setresuid
        os.setresuid = lambda real, effective, _saved: keep_saved(real, effective, 0)  # the classic mistake
        Identity(NOBODY, NOBODY).assume()
        return "assumed"

    assert in_a_child(do).endswith("root's rights can be taken back; refusing to run so")


@needs_root
def test_without_the_right_it_is_told():
    def do():
        os.setresuid(NOBODY, NOBODY, NOBODY)
        Identity(1, 1).assume()
        return "assumed"

    assert "not permitted; only root may change the user" in in_a_child(do)


def test_who_one_is_already_needs_no_right():
    def do():
        Identity(os.getuid(), os.getgid()).assume()
        return "assumed"

    assert in_a_child(do) == "assumed"


@pytest.mark.parametrize(
    ("uid", "gid", "sentence"),
    [
        ("no-such-user", None, "there is no user 'no-such-user'; name one that `getent passwd` lists"),
        (54321, None, "user 54321 has no account that would name its group; give gid as well"),
        (None, "no-such-group", "there is no group 'no-such-group'; name one that `getent group` lists"),
    ],
)
def test_a_name_that_nobody_has_is_told_at_once(uid, gid, sentence):
    with pytest.raises(DetachError) as caught:
        Identity(uid, gid)
    assert str(caught.value) == sentence


def test_a_number_without_an_account_is_taken_as_it_stands():
    identity = Identity(54321, 54322)
    assert (identity.uid, identity.gid, identity.owner) == (54321, 54322, (54321, 54322))


def test_a_user_without_a_group_named_does_not_keep_the_callers_group():
    assert DaemonContext(uid=NOBODY).gid is None  # that user's own, then
    assert DaemonContext(uid=NOBODY, gid=12).gid == 12
    assert DaemonContext().gid == os.getgid()
