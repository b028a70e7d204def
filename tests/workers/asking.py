"""Speaking to a tree over its control socket."""

from __future__ import annotations

import os
import socket

from nbmon.workers.remote import connect
from support.proc import GROSS_HANG

CONTROLLED = """
import asyncio
async def follow():
    nbmon.ready()
    await nbmon.stopped()
tree = Supervisor(process("web", serve, ready=True, count=2), thread("t", serve, ready=True),
                  coroutine("c", follow, ready=True), healthy=0, intensity=10_000)
_run = tree.run
tree.run = lambda on_ready: _run(on_ready, control="control.sock")
"""


def ask(tree, do="status", **more):
    remote = connect(str(tree.folder / "control.sock"), "the tree")
    try:
        return remote.ask(do, **more)
    finally:
        remote.close()


def states(tree):
    return {row["name"]: row["state"] for row in ask(tree)["workers"]}


def raw(tree):
    sock = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(tree.folder)  # the path may be longer than an address
    try:
        sock.connect("control.sock")
    finally:
        os.chdir(here)
    sock.settimeout(GROSS_HANG)
    return sock
