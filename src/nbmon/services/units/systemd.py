"""A service as a hardened systemd unit, and as a socket unit (systemd.service(5), .exec(5), .socket(5)).

Text out. What systemd reads differently from what was meant is escaped (systemd.syntax(7)): `%` begins a
specifier everywhere, `$` a variable in commands, `\\` an escape.
"""

from __future__ import annotations

import re

import msgspec

from nbmon.services.errors import MisuseError, ServiceError, printable
from nbmon.services.service import HOST
from nbmon.services.units.plan import UNIX, Plan, unsaid, whole, words

WATCHDOG = 30  # seconds without a word from nbmon's own loop, after which systemd starts it anew
TERMINATED = 143  # 128 + SIGTERM: what a command's `nbmon run` exits with when it was stopped
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+-]+")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,30}")
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - names to be recognised

# What no service of ours needs, whatever it does (systemd.exec(5)).
SANDBOX = """\
NoNewPrivileges=yes
ProtectSystem=strict
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM"""
# What a picture server does not need, while a program of somebody's might: a compiler in it (just in time
# code is written and run), a change of its owner or priority, files for others.
PICTURES_ALONE = """\
SystemCallFilter=~@privileged @resources
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
UMask=0077"""
OTHERS = "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK"


def unit(plan: Plan, *, socket: bool = False) -> str:
    """The service unit. With `socket` it takes its sockets from the socket unit. Raises ServiceError."""
    if plan.user and not _USER.fullmatch(plan.user):
        raise MisuseError(
            f"--user {printable(plan.user)} is no name of a user; give one, as in --user www-data"
        )
    plan = _taking_sockets(plan) if socket else plan
    parts = [_head(plan, socket), _service(plan), "", *_who(plan), *_paths(plan), *_sandbox(plan)]
    return "\n".join([*parts, "", "[Install]", "WantedBy=multi-user.target", ""])


def socket_unit(plan: Plan) -> str:
    """The socket unit of a picture server: systemd listens, also while the service restarts."""
    if not plan.is_pictures:
        raise MisuseError(
            f"--socket is for picture servers; {printable(plan.service.said)} opens its own ports, if any"
        )
    if plan.port == 0:
        raise MisuseError("--port 0, any free port, is nothing a socket unit can listen at; give a number")
    lines = [
        f"# {plan.name}.socket",
        "[Unit]",
        f"Description={plan.name}'s address",
        "",
        "[Socket]",
        *(f"ListenStream={address}" for address in _streams(plan)),
        "NoDelay=yes",
        "",
        "[Install]",
        "WantedBy=sockets.target",
        "",
    ]
    return "\n".join(lines)


def _streams(plan: Plan) -> list[str]:
    """Each place to listen at, as `nbmon run` would."""
    usual = [_address(plan.service.options.host or HOST, plan.port)] if plan.is_asked_for_usual else []
    said = plan.said("listen")
    return [*usual, *(_further(said, plan.port) if isinstance(said, tuple) else [])]


def _further(said: tuple[str, ...], port: int) -> list[str]:
    """The places of `--listen` but for those that systemd hands over anyway."""
    from nbmon.serve.addresses import parse

    places = [place for place in map(parse, said) if place.handed is None]
    return [
        _specifiers(place.host.removeprefix(UNIX))
        if place.host.startswith(UNIX)
        else _address(place.host, port if place.port is None else place.port)
        for place in places
    ]


def _address(host: str, port: int) -> str:
    """As ListenStream= has it; a name that must be looked up is nothing it takes."""
    from ipaddress import ip_address

    if host == "*":
        return str(port)
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        raise MisuseError(
            f"--host {printable(host)} is a name, and a socket unit listens at addresses; "
            f"give one, as in --host {HOST}, or * for all",
            "host",
        ) from None
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _head(plan: Plan, socket: bool) -> str:
    needs = [f"Requires={plan.name}.socket", f"After={plan.name}.socket"] if socket else []
    lines = [
        f"# {plan.name}.service",
        *(f"# not kept, `nbmon run` has no word for it: {key}" for key in _lost(plan)),
        "[Unit]",
        f"Description={_specifiers(printable(f'nbmon: {plan.name} ({plan.service.kind})'))}",
        "Wants=network-online.target",
        "After=network-online.target",
        *needs,
        "StartLimitIntervalSec=60",
        "StartLimitBurst=5",
        "",
    ]
    return "\n".join(lines)


def _lost(plan: Plan) -> list[str]:
    """What the command line cannot say. systemd itself keeps the grace time; nbmon.toml keeps everything."""
    options = plan.service.options if plan.config is None else plan.typed
    return [printable(key) for key in unsaid(plan, options) if not key.startswith("stop_timeout")]


def _service(plan: Plan) -> str:
    lines = [
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={command_line([*plan.program, *words(plan)])}",
        f"ExecReload={_reload(plan)}",
        "KillMode=mixed",
        "Restart=on-failure",
        "RestartSec=1",
        f"TimeoutStartSec={whole(plan.start_timeout)}",
        f"TimeoutStopSec={whole(plan.patience)}",
        *_watchdog(plan),
    ]
    if not plan.is_pictures:
        lines.append(f"SuccessExitStatus={TERMINATED}")
        lines.append(f"WorkingDirectory={_directory(plan.service.directory)}")
    return "\n".join(lines)


def _watchdog(plan: Plan) -> list[str]:
    """nbmon says at half this time that its loop turns; a class of somebody's may not."""
    if plan.service.kind == "class":
        return [f"# for a Supervisor, or a Daemon that calls nbmon.heartbeat(): WatchdogSec={WATCHDOG}"]
    return [f"WatchdogSec={WATCHDOG}"]


def _reload(plan: Plan) -> str:
    """SIGHUP; for a command by `nbmon reload`, which spares a program that SIGHUP would end."""
    if plan.service.kind == "command":
        return command_line([*plan.program, "reload", plan.name])
    return "/bin/kill -HUP $MAINPID"


def _taking_sockets(plan: Plan) -> Plan:
    """The plan with systemd's sockets in the place of an address. ServiceError if run cannot do it."""
    if "listen" not in plan.flags:
        raise ServiceError("this version of nbmon run takes no sockets from systemd; leave --socket out")
    # Other places that were given are left to the socket unit, which has a ListenStream= for each.
    options = plan.service.options.replace(host=None, port=None, listen=("systemd",))
    service = plan.service.replace(options=options)
    # Not by its name: what its nbmon.toml says of addresses would be opened beside systemd's.
    return msgspec.structs.replace(plan, service=service, config=None)


def _who(plan: Plan) -> list[str]:
    """Its user, and folders that are that user's alone: run's pid file and record, logs, thumbnails."""
    person = plan.user or (plan.person if _below(plan.paths, _HOMES) else "")
    lines = [f"User={person}"] if person else ["DynamicUser=yes"]
    if person and not plan.user:
        lines.insert(0, "# what it needs lies in a home folder, which no user made for it could read")
    place = f"nbmon/{plan.name}"
    for kind, variable, root in (
        ("Runtime", "XDG_RUNTIME_DIR", "%t"),
        ("State", "XDG_STATE_HOME", "%S"),
        ("Cache", "XDG_CACHE_HOME", "%C"),
    ):
        lines += [f"{kind}Directory={place}", f"{kind}DirectoryMode=0700"]
        lines.append(f"Environment={variable}={root}/{place}")
    return lines


def _paths(plan: Plan) -> list[str]:
    """What of the file system it sees and may write to."""
    service = plan.service
    at_home, in_tmp = _below(plan.paths, _HOMES), _below(plan.paths, _TEMPORARY)
    lines = [f"ProtectHome={'read-only' if at_home else 'yes'}"]
    if in_tmp:
        lines.append("# what it needs lies in a temporary folder, which PrivateTmp=yes would hide")
    lines.append(f"PrivateTmp={'no' if in_tmp else 'yes'}")
    if plan.is_pictures:
        lines.append(f"ReadOnlyPaths={_listed(service.target)}")
        lines += [f"ReadWritePaths={_listed(folder)}" for folder in _written(plan)]
    else:
        lines.append("# where it works it may write; systemd-analyze security shows what else it may do")
        lines.append(f"ReadWritePaths={_listed(service.directory)}")
    return lines


def _written(plan: Plan) -> list[str]:
    """The folders that a picture server makes something in: its access log, its Unix sockets."""
    files = [text.removeprefix(UNIX) for text in plan.addresses if text.startswith(UNIX)]
    log = plan.said("access_log")
    files += [log] if isinstance(log, str) and log.startswith("/") else []
    return list(dict.fromkeys(file.rpartition("/")[0] or "/" for file in files))


def _sandbox(plan: Plan) -> list[str]:
    lines = ["CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "AmbientCapabilities=CAP_NET_BIND_SERVICE"]
    if not plan.is_privileged:
        # A command's ExecReload= looks at the command, which from users of its own it could not see.
        alone = [] if plan.service.kind == "command" else ["PrivateUsers=yes"]
        lines = ["CapabilityBoundingSet=", *alone]
    return [*lines, SANDBOX, PICTURES_ALONE if plan.is_pictures else OTHERS]


def _below(paths: tuple[str, ...], roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for path in paths for root in roots)


def command_line(argv: list[str]) -> str:
    """`argv` as ExecStart= has it. The program's own name is no place for variables, so its `$` stays.

    >>> command_line(["/bin/echo", "a b", "50%", "$HOME", ""])
    '/bin/echo "a b" "50%%" "$$HOME" ""'
    """
    first, *others = argv
    return " ".join([_quoted(first), *(_quoted(word.replace("$", "$$")) for word in others)])


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    return f'"{"".join(_escaped(c) for c in _specifiers(word))}"'


def _escaped(char: str) -> str:
    """One character between double quotes: C's escapes, a byte that is no UTF-8 by its number."""
    if char in '\\"':
        return f"\\{char}"
    if char < " " or char == "\x7f" or "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) & 0xFF:02x}"
    return char


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _directory(path: str) -> str:
    """A path that stands alone behind its key: to the end of the line, without quotes."""
    return _specifiers(_checked(path, "\\" if path.endswith("\\") else ""))


def _listed(path: str) -> str:
    """A path in a list of them. There, a backslash takes the next character as it is, and nothing else."""
    escaped = _specifiers(_checked(path)).replace("\\", "\\\\").replace('"', '\\"')
    return path if _PLAIN.fullmatch(path) else f'"{escaped}"'


def _checked(path: str, ending: str = "") -> str:
    """`path` if a unit file can name it; ServiceError."""
    if (
        ending
        or path != path.strip()
        or any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in path)
    ):
        raise ServiceError(
            f"{printable(path)!r} is a folder that no systemd unit can name (control characters, bytes that "
            f"are no UTF-8, blanks or a backslash at the end); rename it"
        )
    return path
