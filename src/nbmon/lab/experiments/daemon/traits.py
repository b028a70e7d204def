"""Each trait of a daemon, judged from what was seen, with what to mend (daemon(7), PEP 3143). Pure."""

from __future__ import annotations

import signal
from collections.abc import Callable

from nbmon.daemon.environment import unwanted
from nbmon.lab.experiment import Row
from nbmon.lab.experiments.daemon.look import Descriptor, Kin, Look

INIT = 1
TERMINALS = ("/dev/pts/", "/dev/tty", "/dev/console")
HOMES = ("/var/", "/run/", "/srv/", "/opt/")  # where a service's own folder may be (hier(7))
PASSING = ("/var/tmp",)  # noqa: S108 - named, not used
LOGS = ("/dev/log", "/run/systemd/journal")
ASKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)  # what a daemon is asked by
Verdict = tuple[bool, str, str]  # ok, seen, what to mend


def judged(look: Look) -> list[Row]:
    """All traits, as rows."""
    rows = []
    for trait, judge in TRAITS.items():
        ok, seen, mend = judge(look)
        rows.append({"trait": trait, "ok": ok, "seen": seen, "mend": "" if ok else mend})
    return rows


def supervised(look: Look) -> bool:
    """A worker of a service: its parent is itself one that nobody's session holds."""
    parent, above = look.parent, look.grandparent
    if parent is None or parent.pid == INIT or parent.tty or parent.session != look.me.session:
        return False
    return above is None or above.pid == INIT or above.session != parent.session


def in_service(look: Look) -> bool:
    """systemd started it in a unit of its own, whose processes it knows without a pid file."""
    return any(line.endswith(".service") for line in look.cgroup.splitlines())


def _kin(kin: Kin | None) -> str:
    return "outside this pid namespace" if kin is None else f"{kin.pid} ({kin.name})"


def parent(look: Look) -> Verdict:
    """Adopted, or a supervisor's."""
    above = look.parent
    if above is None or above.pid == INIT:
        return True, f"{_kin(above)}: adopted by init", ""
    if above.session != look.me.session:
        return True, f"{_kin(above)}, in another session: adopted, or supervised", ""
    if supervised(look):
        return True, f"{_kin(above)}: its supervisor", ""
    mend = "fork and let the parent exit (nbmon start), or let a service manager run it"
    return False, f"{_kin(above)}, which started it and is still in the same session", mend


def group(look: Look) -> Verdict:
    """Not the starter's, whose Ctrl-C and kill it would get."""
    above = look.parent
    if above is not None and above.group == look.me.group and above.pid != INIT and not supervised(look):
        return False, f"{look.me.group}, its starter's: a signal to the group reaches both", "call setsid()"
    return True, f"{look.me.group}", ""


def session(look: Look) -> Verdict:
    """Its own, and it does not lead it."""
    me, above = look.me, look.parent
    leads = me.session == me.pid
    if above is not None and above.session == me.session and above.pid != INIT and not supervised(look):
        seen = f"{me.session}, its starter's: it ends, or is stopped, with that"
        return False, seen, "call setsid() in a forked child"
    if leads and not in_service(look):
        seen = f"{me.session}, which it leads: a terminal that it opens becomes its own"
        return False, seen, "fork once more after setsid(), or open with O_NOCTTY"
    return True, f"{me.session}, " + ("which it leads, as a unit does" if leads else "led by another"), ""


def tty(look: Look) -> Verdict:
    """None."""
    if look.me.tty:
        major, minor = look.me.tty >> 8 & 0xFFF, look.me.tty & 0xFF
        return False, f"device {major}:{minor}: it hears of Ctrl-C and of the hang-up", "call setsid()"
    return True, "none", ""


def cwd(look: Look) -> Verdict:
    """A folder that keeps nobody from unmounting, and that stays."""
    if look.cwd.endswith(" (deleted)"):
        return False, f"{look.cwd}: relative paths lead nowhere", "chdir to / or to a folder that stays"
    passing = look.cwd.startswith(PASSING)
    if look.cwd == "/" or (look.cwd.startswith(HOMES) and not passing):
        return True, look.cwd, ""
    return False, f"{look.cwd}: it cannot be unmounted while this runs", "chdir to /, or to its own folder"


def umask(look: Look) -> Verdict:
    """Set so that what it makes is not for everyone to write."""
    if look.umask is None:
        return True, "not shown by this kernel", ""
    if look.umask & 0o002:
        return True, f"{look.umask:04o}", ""
    seen = f"{look.umask:04o}: files that it makes may be written by anyone"
    return False, seen, "set the umask to 022, or 027"


def _is_terminal(one: Descriptor) -> bool:
    return one.target.startswith(TERMINALS)


def _named(found: list[Descriptor]) -> str:
    shown = ", ".join(f"{one.number} → {one.target}" for one in found[:5])
    return shown + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def descriptors(look: Look) -> Verdict:
    """None left over from whoever started it: a terminal, a file that is gone."""
    others = [one for one in look.descriptors if one.number > 2]
    bad = [one for one in others if _is_terminal(one) or _gone(one)]
    if bad:
        return False, f"{len(others)} beside the streams; inherited: {_named(bad)}", "close what is inherited"
    kept = sum(not one.closes_on_exec for one in others)
    passed = f", {kept} of them passed on by exec" if kept else ""
    return True, f"{len(others)} beside the streams{passed}", ""


def _gone(one: Descriptor) -> bool:
    """A file without a name that nobody meant to have none: neither locked nor memory."""
    return (
        one.target.endswith(" (deleted)")
        and not one.locked
        and not one.target.startswith(("/memfd:", "/dev/"))
    )


def streams(look: Look) -> Verdict:
    """0, 1 and 2 are open, and none is a terminal."""
    by_number = {one.number: one for one in look.descriptors}
    closed = [str(number) for number in range(3) if number not in by_number]
    if closed:
        seen = f"{', '.join(closed)} closed: the next file that is opened takes the place"
        return False, seen, "open /dev/null in their place"
    three = [by_number[number] for number in range(3)]
    terminals = [one for one in three if _is_terminal(one)]
    if terminals:
        return False, f"a terminal: {_named(terminals)}", "open /dev/null and a log file in their place"
    return True, _named(three), ""


def log(look: Look) -> Verdict:
    """What it says is kept somewhere."""
    out = [one for one in look.descriptors if one.number in (1, 2)]
    gone = [one for one in out if one.target.endswith(" (deleted)")]
    if gone:
        seen = f"{_named(gone)}: what it says is lost"
        return False, seen, "reopen the log after a rotation (nbmon reload)"
    kept = [one for one in out if _keeps(one)]
    kept = kept or [one for one in look.descriptors if one.number > 2 and _is_log(one)]
    if kept:
        return True, _named(kept), ""
    return (
        False,
        "nowhere that shows: stdout and stderr keep nothing",
        "write to a file, syslog or the journal",
    )


def _keeps(one: Descriptor) -> bool:
    """A file, a pipe or a socket to someone who keeps it."""
    return one.target not in ("/dev/null", "/dev/full") and not _is_terminal(one)


def _is_log(one: Descriptor) -> bool:
    return one.target.endswith(".log") or one.target.startswith(("/var/log/", *LOGS))


def environment(look: Look) -> Verdict:
    """Nothing of the login's or of another service's."""
    if look.variables is None:
        return True, "not shown: the process has overwritten it (as for its title in ps)", ""
    left = unwanted(look.variables)
    if left:
        more = " …" if len(left) > 8 else ""
        seen = f"as given at its exec, among {len(look.variables)}: {', '.join(sorted(left)[:8])}{more}"
        if parent(look)[0] and session(look)[0]:  # it forked since, and what it did then does not show
            return True, f"{seen}; what it has dropped since is not visible", ""
        return False, seen, "start it with a clean environment (env -i, a unit, nbmon start)"
    return True, f"{len(look.variables)} variables, none of a login's", ""


def signals(look: Look) -> Verdict:
    """It can be asked to end: nothing of a daemon's is blocked, SIGTERM is not ignored."""
    blocked = [one.name for one in ASKED if one in look.blocked]
    deaf = [one.name for one in (signal.SIGTERM, signal.SIGCHLD) if one in look.ignored]
    caught = [one.name for one in ASKED if one in look.caught]
    if blocked or deaf:
        words = [f"blocked: {', '.join(blocked)}"] * bool(blocked) + [f"ignored: {', '.join(deaf)}"] * bool(
            deaf
        )
        return False, "; ".join(words), "reset signals and their mask at the start (signal(7))"
    return True, f"handled: {', '.join(caught) or 'none, so that SIGTERM ends it at once'}", ""


def pid_file(look: Look) -> Verdict:
    """A locked one; or none, where someone else keeps the number."""
    held = [one for one in look.descriptors if one.holds_pid]
    named = ", ".join(look.pid_files)
    if held:
        return True, f"locked by it: {named or _file(held[0])}", ""
    if look.pid_files:
        seen = f"{named}, which it does not lock: once it has died the number may be a stranger's"
        return False, seen, "hold a lock on the pid file as long as it runs"
    if in_service(look):
        return True, "none: systemd knows the unit's processes", ""
    if supervised(look):
        return True, "none: its supervisor knows it", ""
    return False, "none that it holds, and none in the usual places", "write one and lock it (nbmon start)"


def _file(one: Descriptor) -> str:
    return one.target.removesuffix(" (deleted)")


def children(look: Look) -> Verdict:
    """It waits for those that end."""
    if look.zombies:
        return False, f"{look.zombies} zombie(s) that it does not wait for", "wait for children on SIGCHLD"
    return True, "no zombies", ""


TRAITS: dict[str, Callable[[Look], Verdict]] = {
    "parent": parent,
    "group": group,
    "session": session,
    "tty": tty,
    "cwd": cwd,
    "umask": umask,
    "descriptors": descriptors,
    "streams": streams,
    "log": log,
    "environment": environment,
    "signals": signals,
    "pid file": pid_file,
    "children": children,
}
