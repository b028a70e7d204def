"""A daemon that watches the load and a disk, by nbmon's class `Daemon`, with readiness and reload.

    python monitor.py start     returns once the first look has succeeded, or says why it did not
    python monitor.py status
    python monitor.py reload    reads monitor.toml again; one with a mistake changes nothing
    python monitor.py stop
    python monitor.py run       in the foreground; Ctrl-C ends it

It writes to monitor.log. An optional monitor.toml in the same folder sets the limits:

    interval = 10.0   # seconds between two looks
    load = 4.0        # warn above this load average
    disk = 0.9        # warn when more than this part of the disk is used
    path = "/"        # which disk
"""

import os
import shutil
import sys
import time
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path

from nbmon import Daemon


class SettingsError(Exception):
    """monitor.toml cannot be used; the text says what to change."""


@dataclass(frozen=True)
class Settings:
    interval: float = 10.0  # seconds
    load: float = float(os.cpu_count() or 1)
    disk: float = 0.9  # of the whole
    path: str = "/"


def read_settings(file: Path) -> Settings:
    """What `file` says, or the defaults where it says nothing; SettingsError when it cannot be used."""
    try:
        found = tomllib.loads(file.read_text())
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: {error}") from error
    for name, value in found.items():
        check(file, name, value)
    return replace(Settings(), **found)


def check(file: Path, name: str, value: object) -> None:
    known = {field.name: field.type for field in fields(Settings)}
    if name not in known:
        raise SettingsError(f"{file}: unknown setting {name!r}; known are {', '.join(known)}")
    if known[name] is float and (
        isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0
    ):
        raise SettingsError(f"{file}: {name} must be a number above 0, not {value!r}")
    if known[name] is str and not isinstance(value, str):
        raise SettingsError(f"{file}: {name} must be a text in quotes, not {value!r}")


def look(settings: Settings) -> list[str]:
    """One look at the machine: a line of figures, and a line for each limit that is passed."""
    load = os.getloadavg()[0]
    disk = shutil.disk_usage(settings.path)
    used = disk.used / disk.total
    lines = [f"load {load:.2f}, {settings.path} {used:.0%} full"]
    if load > settings.load:
        lines.append(f"WARNING: load {load:.2f} is above {settings.load:g}")
    if used > settings.disk:
        lines.append(f"WARNING: {settings.path} is {used:.0%} full, above {settings.disk:.0%}")
    return lines


def log(line: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}")


class Monitor(Daemon):
    wait_ready = True  # `start` waits until run() says that it is ready

    def __init__(self) -> None:
        super().__init__("monitor.pid", stdout="monitor.log", stderr="monitor.log")
        self.file = Path("monitor.toml").absolute()  # absolute now: a daemon's working directory is /
        self.settings = Settings()

    def run(self) -> None:
        try:
            self.settings = read_settings(self.file)
            self.look()
        except (SettingsError, OSError) as error:
            sys.exit(str(error))  # before ready(): `start` prints this, and exits 1
        self.ready(f"watching {self.settings.path}")
        while True:
            time.sleep(self.settings.interval)
            self.look()

    def look(self) -> None:
        for line in look(self.settings):
            log(line)

    def on_reload(self) -> None:
        """Called in the daemon after `reload` (SIGHUP) has opened the log anew."""
        try:
            self.settings = read_settings(self.file)
        except SettingsError as error:
            log(f"kept the old settings: {error}")
        else:
            log(f"new settings: {self.settings}")


def main() -> int:
    verb = sys.argv[1] if len(sys.argv) == 2 else ""
    if verb not in ("start", "stop", "restart", "reload", "status", "run"):
        print("usage: monitor.py start|stop|restart|reload|status|run", file=sys.stderr)
        return 2
    monitor = Monitor()
    if verb == "run":
        monitor.run_in_foreground()
        return 0
    return getattr(monitor, verb)() or 0


if __name__ == "__main__":
    sys.exit(main())
