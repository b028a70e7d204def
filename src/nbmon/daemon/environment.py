"""What the environment means for a daemon: what it must not inherit, and whether it should detach at all.

Pure: given values, returns values. Must not read `os.environ`, a descriptor or /proc itself.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` costs more than this module; mypy knows the name
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Words of a service manager to the process that it started, which this daemon no longer is (sd_notify(3),
# sd_listen_fds(3), systemd.exec(5)); then what describes the terminal and the login that are given up.
UNWANTED = frozenset(
    {
        *("NOTIFY_SOCKET", "INVOCATION_ID", "SYSTEMD_EXEC_PID", "JOURNAL_STREAM", "MAINPID", "MANAGERPID"),
        *("FDSTORE", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE"),
        *("TERM", "TERMCAP", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "COLORTERM", "COLUMNS", "LINES"),
        *("WINDOWID", "WINDOW", "STY", "GPG_TTY", "PWD", "OLDPWD", "SHLVL", "_"),
        *("XDG_SESSION_ID", "XDG_SEAT", "XDG_VTNR"),
    }
)
UNWANTED_PREFIXES = ("WATCHDOG_", "LISTEN_", "SSH_", "TMUX")


def unwanted(names: Iterable[str]) -> list[str]:
    """Those of `names` that a daemon must not inherit."""
    return [name for name in names if name in UNWANTED or name.startswith(UNWANTED_PREFIXES)]


def stays_in_foreground(environ: Mapping[str, str], pid: int, parent: int, interactive: bool) -> bool:
    """True when a service manager or a container runs us, which supervises the process that it started.

    systemd also hands INVOCATION_ID to everything below a service, a login shell of a user manager among
    them; so it counts only where no terminal is and where SYSTEMD_EXEC_PID (since v248) does not name
    someone else. The parent may be the one named: a shell script between (`ExecStart=/usr/bin/wrapper.sh`).
    """
    if pid == 1 or environ.get("NOTIFY_SOCKET"):
        return True
    if not environ.get("INVOCATION_ID") or interactive:
        return False
    return environ.get("SYSTEMD_EXEC_PID", str(pid)) in (str(pid), str(parent))
