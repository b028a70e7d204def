"""Telling systemd: one datagram to NOTIFY_SOCKET (sd_notify(3))."""

from __future__ import annotations

import os


def notify(message: str) -> bool:
    """Send `message` (`READY=1`, several lines allowed) to the service manager; False when none listens.

    A manager that cannot be reached is no failure of the daemon: nothing is raised.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    import socket

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            # A leading @ stands for the NUL of an abstract address (unix(7)).
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(message.encode("utf-8", "backslashreplace"))
    except OSError:  # no descriptor is left, for one
        return False
    return True


def notify_reloading() -> bool:
    """Say that a reload begins; the time is asked for by Type=notify-reload (sd_notify(3))."""
    if "NOTIFY_SOCKET" not in os.environ:
        return False
    import time

    return notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
