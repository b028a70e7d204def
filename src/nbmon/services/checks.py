"""Whether a service's options go together, and what is wrong if not. Must not touch the world."""

from __future__ import annotations

from nbmon.services import serving
from nbmon.services.errors import MisuseError, printable
from nbmon.services.service import Options, Service


def host_fault(host: str) -> str:
    """What is wrong with the form of `host`, with what to type instead; else ''. Whether it is there: at use.

    >>> host_fault("192.0.2.1:80")
    '192.0.2.1:80 is an address with a port; give --host 192.0.2.1 --port 80'
    """
    if not host:
        return "'' is no address; give 127.0.0.1 for this machine alone, * for all"
    shown = printable(host)
    if "/" in host:
        return f"{shown} is no address; give a name or an address alone, as in --host 127.0.0.1"
    bare, _, port = host.rpartition(":")
    if bare and port.isdigit() and (":" not in bare or bare.endswith("]")):
        return f"{shown} is an address with a port; give --host {printable(bare.strip('[]'))} --port {port}"
    if host.startswith("["):
        return f"{shown} has brackets, which belong into a URL; give --host {printable(host.strip('[]'))}"
    return ""


def flag(key: str) -> str:
    """An option as it is typed."""
    return "--" + key.replace("_", "-")


def check_options(service: Service) -> Service:
    """`service` if its options go together; MisuseError."""
    _check_place(service.options)
    _check_kind(service)
    if service.options.model == "process" and service.options.workers is not None:
        raise MisuseError(
            "--workers is for --model coroutine and thread; "
            "the process model's pool has as many as it needs, at most --limit processes=N",
            "workers",
        )
    if found := serving.fault(service.options):
        raise MisuseError(f"{flag(found[0])}: {found[1]}", found[0])
    return service


def _check_place(options: Options) -> None:
    if options.port is not None and not 0 <= options.port <= 65535:
        raise MisuseError(
            f"--port {options.port} is out of range; ports go from 1 to 65535, 0 means any free one", "port"
        )
    if options.host is not None and (fault := host_fault(options.host)):
        raise MisuseError(f"--host {fault}", "host")


def _check_kind(service: Service) -> None:
    """What is for other kinds of services."""
    options, kind = service.options, service.kind
    for key in ("host", "port", "model", "workers", *serving.KEYS):
        if kind != "pictures" and getattr(options, key) is not None:
            raise MisuseError(
                f"{flag(key)} is for picture servers; {service.said} opens its own ports, if any", key
            )
    if kind == "class" and options.restart is not None:
        raise MisuseError(
            f"--restart is for picture servers and commands; {service.said} is restarted as its own code "
            f"says: a Supervisor's workers are given restart=…, a Daemon may be put under systemd",
            "restart",
        )
