from __future__ import annotations

import os
import socket

from hypothesis import given
from hypothesis import strategies as st

from nbmon.daemon import descriptors

NUMBERS = st.integers(0, 200)


@given(st.sets(NUMBERS), NUMBERS)
def test_the_gaps_and_what_is_kept_make_up_the_whole(keep, last):
    closed = [fd for low, high in descriptors.gaps(keep, last) for fd in range(low, high)]
    assert closed == [fd for fd in range(descriptors.FIRST, last + 1) if fd not in keep]


@given(st.sets(NUMBERS), NUMBERS)
def test_no_gap_is_empty(keep, last):
    assert all(low < high for low, high in descriptors.gaps(keep, last))


def test_what_is_a_descriptor_and_what_is_not(tmp_path):
    with (tmp_path / "f").open("w") as file, socket.socket() as sock:
        assert descriptors.descriptor_of(file) == file.fileno()
        assert descriptors.descriptor_of(sock) == sock.fileno()
    assert descriptors.descriptor_of(7) == 7
    for thing in (file, sock, True, -1, None, "7", object(), socket.socket):
        assert descriptors.descriptor_of(thing) is None


def test_an_object_that_fails_in_fileno_is_no_descriptor():
    class Odd:
        def fileno(self):
            raise RuntimeError("lazy")

    assert descriptors.descriptor_of(Odd()) is None


def test_what_an_object_holds_is_found_also_in_containers(tmp_path):
    class Holder:
        pass

    files = [(tmp_path / str(n)).open("w") for n in range(4)]
    holder = Holder()
    holder.one, holder.many, holder.by_name, holder.number = files[0], [files[1]], {"a": files[2]}, 12345
    holder.pair = (files[3], "x")
    try:
        assert descriptors.reachable(holder) == {file.fileno() for file in files}
    finally:
        for file in files:
            file.close()


def test_own_descriptors_are_those_that_no_exec_let_through(tmp_path):
    with (tmp_path / "f").open("w") as own:
        leaked = os.dup(own.fileno())
        os.set_inheritable(leaked, True)
        try:
            assert own.fileno() in descriptors.own_descriptors()
            assert leaked not in descriptors.own_descriptors()
            assert leaked in descriptors.open_descriptors()
        finally:
            os.close(leaked)
