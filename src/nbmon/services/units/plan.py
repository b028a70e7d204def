"""What is known of a service before it is written down for another house: its words, its paths, its times.

Pure: must not look at the file system, the environment or the users of this machine.
"""

from __future__ import annotations

import math
import re

import msgspec

from nbmon.services.errors import MisuseError, printable
from nbmon.services.service import PORT, START_TIMEOUT, STOP_TIMEOUT, Options, Service

EVERYWHERE = "0.0.0.0"  # noqa: S104 - inside a container nothing else can be reached from outside
AFTERWARDS = 5.0  # seconds that nbmon itself needs after its service's grace time
ELSEWHERE = frozenset({"log", "directory"})  # the house keeps the log, and has its own word for the folder
FILES = ("tls_cert", "tls_key", "auth", "access_log", "sign_key")  # options that are paths of this machine
UNIX = "unix:"
PICTURES = "/pictures"  # where a container has the folder
FIRST_FREE_PORT = 1024
_PORT = re.compile(r"(?<!unix):(\d{1,5})\Z")
_LOOPBACK = re.compile(r"127(\.\d+){3}|::1|\[::1\]|localhost")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One service to be written down, with what its writer must know of this machine."""

    service: Service
    program: tuple[str, ...] = ("nbmon",)  # how nbmon is called here: absolute
    config: str | None = None  # absolute, if the service is a name of this nbmon.toml
    word: str = ""  # that name
    typed: Options = Options()  # what was typed beside it
    flags: frozenset[str] = frozenset()  # the options that `nbmon run` takes
    paths: tuple[str, ...] = ()  # absolute: what it cannot run without, nbmon and Python among them
    user: str = ""  # who shall run it, if that was said
    person: str = ""  # who types this

    @property
    def name(self) -> str:
        """The service's own."""
        return self.service.name

    @property
    def is_pictures(self) -> bool:
        """Whether nbmon itself is the server."""
        return self.service.kind == "pictures"

    @property
    def port(self) -> int:
        """Where a picture server listens."""
        return PORT if self.service.options.port is None else self.service.options.port

    def said(self, key: str) -> object:
        """The option `key`, None where nothing was said."""
        return getattr(self.service.options, key, None)

    @property
    def addresses(self) -> list[str]:
        """Where else it listens, as `--listen` and `--metrics` have it."""
        listen, metrics = self.said("listen"), self.said("metrics")
        return [
            *(listen if isinstance(listen, tuple) else ()),
            *([metrics] if isinstance(metrics, str) else []),
        ]

    @property
    def is_asked_for_usual(self) -> bool:
        """Whether it listens at --host and --port, which --listen alone replaces."""
        options = self.service.options
        return self.said("listen") is None or options.host is not None or options.port is not None

    @property
    def is_privileged(self) -> bool:
        """Whether it opens a port that not everybody may (capabilities(7), CAP_NET_BIND_SERVICE)."""
        ports = [int(found[1]) for text in self.addresses if (found := _PORT.search(text))]
        return self.is_pictures and any(
            0 < port < FIRST_FREE_PORT for port in [*ports, *([self.port] if self.is_asked_for_usual else [])]
        )

    @property
    def start_timeout(self) -> float:
        """Seconds until it must be ready."""
        said = self.service.options.start_timeout
        return START_TIMEOUT if said is None else said

    @property
    def patience(self) -> float:
        """Seconds between the house's request to stop and its SIGKILL."""
        said = self.service.options.stop_timeout
        return (STOP_TIMEOUT if said is None else said) + AFTERWARDS


def words(plan: Plan) -> list[str]:
    """What follows `nbmon` on this machine. A name of nbmon.toml stays one: its file goes on to be obeyed."""
    if plan.config is None:
        return [*_run(plan, plan.service.options), *_what(plan.service)]
    named = ["--name", plan.name] if plan.name != plan.word else []
    return ["run", *named, "--config", plan.config, *_flags(plan.typed, plan.flags), plan.word]


def container_words(plan: Plan) -> list[str]:
    """What follows `nbmon` in a container, which has neither this machine's folders nor its nbmon.toml."""
    options = plan.service.options
    if not plan.is_pictures:
        return [*_run(plan, options), *_what(plan.service)]
    if options.host is not None and _LOOPBACK.fullmatch(options.host):
        raise MisuseError(
            f"--host {options.host} cannot be reached from outside a container; leave it out, "
            f"which means --host {EVERYWHERE} there",
            "host",
        )
    if plan.port == 0:
        raise MisuseError("--port 0, any free port, cannot be told to others; give a number from 1", "port")
    kept = {key: None for key in (*FILES, "listen") if hasattr(options, key)}
    shown = options.replace(**{**kept, "host": options.host or EVERYWHERE, "port": plan.port})
    return [*_run(plan, shown), PICTURES]


def unsaid(plan: Plan, options: Options) -> list[str]:
    """Options that were given and that `nbmon run` has no word for, each as it stands in nbmon.toml."""
    given = _given(options)
    return [f"{key} = {value}" for key, value in given.items() if key not in plan.flags | ELSEWHERE]


def whole(seconds: float) -> int:
    """`seconds` for houses that count whole ones, and take 0 for no limit at all."""
    return max(1, math.ceil(seconds))


def not_contained(plan: Plan) -> list[str]:
    """A line for each option that a container cannot be given as it stands."""
    options = plan.service.options
    lost = [key for key in unsaid(plan, options) if not key.startswith("stop_timeout")]
    lines = [f"not kept, `nbmon run` has no word for it: {key}" for key in lost]
    if not plan.is_pictures:
        return [printable(line) for line in lines]
    for key in FILES:
        if (path := plan.said(key)) is not None:
            flag = f"--{key.replace('_', '-')}"
            lines.append(f"not kept, it is a file of this machine; mount it and add {flag}: {path}")
    if plan.said("listen") is not None:
        lines.append(f"not kept, a container is asked at one port, {plan.port}: --listen")
    return [printable(line) for line in lines]


def _run(plan: Plan, options: Options) -> list[str]:
    return ["run", "--name", plan.name, *_flags(options, plan.flags)]


def _what(service: Service) -> list[str]:
    return ["--", *service.command] if service.kind == "command" else [service.target]


def _given(options: Options) -> dict[str, object]:
    return options.given()


def _flags(options: Options, known: frozenset[str]) -> list[str]:
    """`--key value` for each option that was given, in the order of their definition."""
    found: list[str] = []
    for key, value in _given(options).items():
        if key in known - ELSEWHERE:
            found += _flag(f"--{key.replace('_', '-')}", value)
    return found


def _flag(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [name] if value else []
    if isinstance(value, tuple | list):
        return [word for one in value for word in (name, str(one))]
    return [name, str(value)]
