"""What stands behind every figure: the machine, its limits, its kernel, this Python; and what makes it noisy.

Reads /proc, /sys and cgroups; what is not there is left out. `warnings` and `noise` are pure.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MEMORY_SHARE = 0.25  # of what is available: the most that an experiment may take
LOADED = 0.5  # runnable others a core, before the experiment begins
DISTURBED = 0.15  # share of the machine's CPU time that others used meanwhile
STOLEN = 0.02  # share of CPU time that the hypervisor gave to other machines
CACHES = "/sys/devices/system/cpu/cpu0/cache"
SIZES = {"K": 1024, "M": 1024**2, "G": 1024**3}

Facts = dict[str, Any]


def facts() -> Facts:
    """All that is known, keys with their units; only what could be found."""
    found = {**_processor(), **_limits(), **_kernel(), **_python()}
    return {key: value for key, value in found.items() if value is not None}


def cores() -> list[int]:
    """The cores on which this process may run."""
    return sorted(os.sched_getaffinity(0))


def memory_budget(share: float = MEMORY_SHARE) -> int:
    """Bytes that an experiment may take: a share of what is available here, the cgroup's limit included."""
    available = _meminfo().get("MemAvailable", 512 * 1024**2)
    room = [available, *(limit for limit in [_cgroup_memory_room()] if limit is not None)]
    return int(min(room) * share)


def caches() -> dict[str, int]:
    """Bytes of each data cache of the first core, as {"L1": 32768, …}; empty where the kernel shows none."""
    found: dict[str, int] = {}
    for index in sorted(Path(CACHES).glob("index*")) if os.path.isdir(CACHES) else ():  # noqa: PTH112 - a str
        level, kind, size = (_text(f"{index}/{name}") for name in ("level", "type", "size"))
        if level and size and kind in ("Data", "Unified"):
            found[f"L{level}"] = size_of(size)
    return found


def size_of(text: str) -> int:
    """Bytes of what sysfs writes.

    >>> size_of("32K"), size_of("12")
    (32768, 12)
    """
    unit = SIZES.get(text[-1:], 0)
    return int(text[:-1]) * unit if unit else int(text)


def gil() -> bool:
    """Whether this interpreter holds a global lock now; a free-threaded build may (PEP 703)."""
    asked = getattr(sys, "_is_gil_enabled", None)
    return True if asked is None else bool(asked())


def _processor() -> Facts:
    info = _fields(Path("/proc/cpuinfo"))
    allowed = cores()
    return {
        "cpu": info.get("model name") or info.get("Processor") or os.uname().machine,
        "cores": os.cpu_count(),
        "cores_allowed": len(allowed),
        "cgroup_cores": _cgroup_cores(),
        "cache_bytes": caches() or None,
        "smt": {"1": True, "0": False}.get(_text("/sys/devices/system/cpu/smt/active") or ""),
        "governor": _text(f"/sys/devices/system/cpu/cpu{allowed[0]}/cpufreq/scaling_governor"),
        "boost": _boost(),
        "virtualisation": _virtualisation(info.get("flags", "")),
        "memory_bytes": _meminfo().get("MemTotal"),
        "memory_available_bytes": _meminfo().get("MemAvailable"),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def _limits() -> Facts:
    import resource

    def soft(which: int) -> int | None:
        found = resource.getrlimit(which)[0]
        return None if found == resource.RLIM_INFINITY else found

    return {
        "limit_descriptors": soft(resource.RLIMIT_NOFILE),
        "limit_processes": soft(resource.RLIMIT_NPROC),
        "limit_pid": _number("/proc/sys/kernel/pid_max"),
        "limit_threads": _number("/proc/sys/kernel/threads-max"),
        "cgroup_pids": _cgroup_number("pids.max", "pids", "pids.max"),
        "cgroup_memory_bytes": _cgroup_number("memory.max", "memory", "memory.limit_in_bytes"),
        "memory_budget_bytes": memory_budget(),
    }


def _kernel() -> Facts:
    named = os.uname()
    return {
        "system": named.sysname,
        "kernel": named.release,
        "architecture": named.machine,
        "libc": _libc(),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
    }


def _python() -> Facts:
    import sysconfig
    import time

    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "gil": gil(),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "switch_interval_s": sys.getswitchinterval(),
        "clock_resolution_ns": round(time.get_clock_info("perf_counter").resolution * 1e9, 3),
    }


def _libc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return None  # another C library than GNU's


def _boost() -> bool | None:
    disabled = _text("/sys/devices/system/cpu/intel_pstate/no_turbo")
    if disabled is not None:
        return disabled == "0"
    return {"1": True, "0": False}.get(_text("/sys/devices/system/cpu/cpufreq/boost") or "")


def _virtualisation(flags: str) -> str | None:
    """What lies between us and the hardware; None where nothing shows."""
    vendor = _text("/sys/class/dmi/id/sys_vendor")
    layers = []
    if "hypervisor" in flags.split():  # cpuid's bit, which a guest sees and bare metal does not
        layers.append(f"virtual machine ({vendor})" if vendor else "virtual machine")
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):  # noqa: PTH110 - two stat calls
        layers.append("container")
    return ", ".join(layers) or None


def _cgroup_cores() -> float | None:
    """Cores' worth of time that the cgroup may use; None without a limit. cgroup v2 cpu.max, v1 cpu.cfs_*."""
    second = _cgroup_file("cpu.max")
    if second:
        quota, _, period = second.partition(" ")
        return None if quota == "max" else int(quota) / int(period)
    quota_us = _number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period_us = _number("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    return quota_us / period_us if quota_us and period_us and quota_us > 0 else None


def _cgroup_memory_room() -> int | None:
    limit = _cgroup_number("memory.max", "memory", "memory.limit_in_bytes")
    used = _cgroup_number("memory.current", "memory", "memory.usage_in_bytes")
    return None if limit is None or used is None else max(0, limit - used)


def _cgroup_number(second: str, controller: str, first: str) -> int | None:
    """A number of our cgroup by its name in v2, or in v1; None for `max` and for none."""
    text = _cgroup_file(second) or _text(f"/sys/fs/cgroup/{controller}{_cgroup_of(controller)}/{first}")
    found = int(text) if text and text.isdigit() else None
    return None if found is None or found >= 1 << 62 else found  # v1 writes "none" as a huge number


def _cgroup_file(name: str) -> str | None:
    return _text(f"/sys/fs/cgroup{_cgroup_of('')}/{name}") or _text(f"/sys/fs/cgroup/{name}")


def _cgroup_of(controller: str) -> str:
    """This process's path in the hierarchy of a controller (v1), or in v2's for ""; see cgroups(7)."""
    for line in (_text("/proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path if path != "/" else ""
    return ""


def _meminfo() -> dict[str, int]:
    return {k: int(v.split()[0]) * 1024 for k, v in _fields(Path("/proc/meminfo")).items() if v[:1].isdigit()}


def _fields(path: Path) -> dict[str, str]:
    """`key: value` lines, the first of each key."""
    found: dict[str, str] = {}
    for line in (_text(str(path)) or "").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), value.strip())
    return found


def _number(path: str) -> int | None:
    text = _text(path)
    return int(text) if text and text.lstrip("-").isdigit() else None


def _text(path: str) -> str | None:
    """What stands in a small file; None if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def warnings(known: Mapping[str, Any]) -> list[str]:
    """What about this machine makes times worth less. Pure."""
    said = []
    usable = min(known.get("cores_allowed", 1), known.get("cgroup_cores") or 1 << 20)
    if known.get("load_1min", 0) > LOADED * usable:
        said.append(
            f"load {known['load_1min']} on {usable} core(s) as this began: of others, or of what ran before"
        )
    if usable < 2:
        said.append("one core only: nothing can run at the same time, so that parallel models cannot pay")
    if known.get("cgroup_cores"):
        said.append(f"the cgroup allows {known['cgroup_cores']:g} cores' time; beyond it, all wait")
    if known.get("governor") not in (None, "performance"):
        said.append(f"the governor is {known['governor']}: the clock's speed changes while measuring")
    if known.get("virtualisation"):
        said.append(f"{known['virtualisation']}: a switch or a fault may cost more than on the bare machine")
    if known.get("free_threaded") and known.get("gil"):
        said.append("a free-threaded Python with its global lock switched on: threads take turns")
    return said


def noise(others: float, stolen: float) -> list[str]:
    """Why times that were taken meanwhile are unsure, from shares of the machine's CPU time. Pure."""
    said = []
    if others > DISTURBED:
        said.append(f"other programs used {others:.0%} of the machine meanwhile")
    if stolen > STOLEN:
        said.append(f"the hypervisor took {stolen:.0%} of the time away")
    return said
