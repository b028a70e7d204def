"""How many connections each client address has. Must not know sockets.

An IPv6 client has a whole /64 of addresses at will (RFC 4291 section 2.5.4), so that is what counts as one. A
Unix socket's clients have no address, and are not counted.
"""

from __future__ import annotations

import socket

from nbmon.serve.ledger import Client
from nbmon.serve.sharedcounts import Row

PREFIX = 8  # bytes of an IPv6 address: the /64


class PerAddress:
    """Counts up to `most` for each address; keeps nothing of an address that has no connection.

    With a `row`, those of the other workers count, too; of two workers that take one at the same moment, each
    may think its own the last.
    """

    def __init__(self, most: int, row: Row | None = None) -> None:
        self._most = most
        self._row = row
        self._counts: dict[str | bytes, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def enter(self, client: Client) -> bool:
        """Count one more of this client's; False, and nothing counted, if it has as many as it may have."""
        if not isinstance(client, tuple):
            return True
        key = key_of(client)
        count = self._counts.get(key, 0)
        if count >= self._most:
            return False
        if self._row is not None:
            if count + self._row.elsewhere(key) >= self._most:
                return False
            self._row.add(key, 1)
        self._counts[key] = count + 1
        return True

    def leave(self, client: Client) -> None:
        """One of those that entered has gone."""
        if not isinstance(client, tuple):
            return
        key = key_of(client)
        count = self._counts[key] - 1
        if count:
            self._counts[key] = count
        else:
            del self._counts[key]
        if self._row is not None:
            self._row.add(key, -1)


def key_of(client: tuple[object, ...]) -> str | bytes:
    """What counts as one address, of what accept(2) gave."""
    host = str(client[0])
    if ":" not in host:
        return host
    return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:PREFIX]
