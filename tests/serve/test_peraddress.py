"""One address may not take all connections, in any model; counting them is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.serve import Bounds
from nbmon.serve.peraddress import PerAddress, key_of
from support.proc import wait_until

CLIENTS = [("10.0.0.1", 5), ("10.0.0.2", 5), ("2001:db8::1", 5, 0, 0), ("2001:db8::2", 6, 0, 0)]


@given(st.lists(st.tuples(st.sampled_from(CLIENTS), st.booleans())), st.integers(1, 3))
def test_no_address_ever_has_more_than_it_may_and_none_is_remembered_in_vain(steps, most):
    counted, here = PerAddress(most), []
    for client, comes in steps:
        if comes:
            room = sum(key_of(one) == key_of(client) for one in here) < most
            assert counted.enter(client) is room
            here += [client] * room
        elif client in here:
            here.remove(client)
            counted.leave(client)
    assert len(counted) == len({key_of(client) for client in here})


def test_an_ipv6_network_is_one_address_and_another_is_another():
    assert key_of(("2001:db8::1", 1, 0, 0)) == key_of(("2001:db8::ffff", 2, 0, 0))
    assert key_of(("2001:db8::1", 1, 0, 0)) != key_of(("2001:db8:0:1::1", 1, 0, 0))
    assert key_of(("fe80::1%eth0", 1, 0, 2)) == key_of(("fe80::2", 1, 0, 2))


@pytest.mark.parametrize("client", ["", "/run/s.sock", None])
def test_clients_without_an_address_are_not_counted(client):
    counted = PerAddress(1)
    assert counted.enter(client)
    assert counted.enter(client)
    counted.leave(client)


def test_beyond_its_bound_an_address_is_told_and_turned_away_and_let_in_when_one_leaves(serve, connect):
    server = serve(bounds=Bounds(per_address=2))
    first, second = connect(server), connect(server)
    for client in (first, second):
        assert client.get().answer()[0] == 200
    third = connect(server).get()
    status, fields, _ = third.answer()
    assert (status, fields["connection"], fields["retry-after"]) == (503, "close", "2")
    assert third.rest() == b""
    first.sock.close()
    wait_until(lambda: server.connections() == 1)
    assert connect(server).get().answer()[0] == 200
    assert second.get().answer()[0] == 200
