"""A daemon whose process has executed new code: it is detached, and holds its pid file, already."""

from __future__ import annotations

from nbmon.daemon import inside, life, signals

TYPE_CHECKING = False  # `typing` is heavy for every daemon; checkers know this name
if TYPE_CHECKING:
    from nbmon.daemon.daemon import Daemon


def resume(daemon: Daemon, held: int, *, detached: bool) -> None:
    """Let `daemon` be what this process is, with its pid file behind the descriptor `held`.

    Its streams stand where they stood. Without `detached` it is one in the foreground.
    """
    from nbmon.daemon.streams import Streams, renew_python_streams, stderr_of

    pidfile = inside.named_pid_file(daemon)
    pidfile.inherit(held)
    inside.own(daemon, pidfile)
    streams = None
    if detached:
        streams = Streams(daemon.stdin, daemon.stdout, stderr_of(daemon.stdout, daemon.stderr))
        renew_python_streams()
        life.hear_the_uncaught()
    signals.install(lambda: life.reload(streams, daemon.on_reload), signals.patience(daemon.stop_timeout))
