"""What was measured, as Markdown tables and a plot. Pure: rounds in, text out."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

NGINX, LIGHTTPD, SENDFILE, H2O, FLOOR = "nginx", "lighttpd", "lighttpd sendfile", "h2o", "C loop"
# Ratio of nbmon's CPU a request to the peer's, at most.
AIMS = {
    "4 KiB": {NGINX: 0.80, LIGHTTPD: 0.90, H2O: 0.92, FLOOR: 1.12},
    "64 KiB": {NGINX: 0.85, LIGHTTPD: 0.90, H2O: 0.75, FLOOR: 1.15},
    "varied": {NGINX: 0.90, LIGHTTPD: 1.20, H2O: 1.10},
    "new connections": {NGINX: 0.85, LIGHTTPD: 0.65, H2O: 0.90},
}
POOL_AIM = {"apache worker": 1.00, "apache prefork": 1.00}  # whatever the load
# For large files one of two is enough: the server's CPU, or the whole machine's.
EITHER = 1.05
LARGE_LOADS = ("512 KiB", "10 MiB")
WIDTH, BAR, GAP, LEFT = 760, 14, 4, 170  # pixels
COLOURS = {"nbmon": "#2b6cb0", FLOOR: "#a0aec0"}


@dataclass(frozen=True)
class Round:
    """One measurement: microseconds of CPU a request (the server's, the whole machine's), requests a second."""

    load: str
    peer: str
    server_us: float
    machine_us: float
    per_second: float
    p99_ms: float
    memory: int
    trouble: str = ""


def ours_for(name: str, names: Sequence[str]) -> str:
    """Whom of ours a peer is held against: a pool against a pool of its kind."""
    return {"apache worker": "nbmon thread", "apache prefork": "nbmon process"}.get(name, names[0])


def table(results: list[Round]) -> str:
    """Medians, minima of the server's CPU beside them, and the ratios of ours to each peer's."""
    lines = [
        "| load | server | CPU a request (us), median | least | machine's CPU a request (us) | requests/s | p99 (ms) | memory (MiB) | nbmon's CPU to it | the machine's |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for load in _loads(results):
        names = _peers(results, load)
        lines += [_line(results, load, name, ours_for(name, names)) for name in names]
    return "\n".join(lines)


def _line(results: list[Round], load: str, name: str, ours: str) -> str:
    rows = _of(results, load, name)
    if trouble := next((r.trouble for r in rows if r.trouble), ""):
        return f"| {load} | {name} | {trouble} | | | | | | | |"
    ratios = ["", ""]
    if name != ours:
        ratios = [_shown(ratio(results, load, ours, name, key)) for key in ("server_us", "machine_us")]
    return (
        f"| {load} | {name} | {_median(rows, 'server_us'):.2f} | {min(r.server_us for r in rows):.2f} | "
        f"{_median(rows, 'machine_us'):.2f} | {_median(rows, 'per_second'):.0f} | {_median(rows, 'p99_ms'):.2f} | "
        f"{_median(rows, 'memory') / 2**20:.1f} | {ratios[0]} | {ratios[1]} |"
    )


def ratio(results: list[Round], load: str, ours: str, peer: str, key: str) -> float | None:
    """Median to median; None where either had trouble or was not measured."""
    mine, theirs = _of(results, load, ours), _of(results, load, peer)
    if not mine or not theirs or any(r.trouble for r in (*mine, *theirs)):
        return None
    return _median(mine, key) / max(_median(theirs, key), 1e-9)


def aims(results: list[Round]) -> str:
    """Each aim, and whether it was met in this run."""
    lines = ["| load | peer | aim | measured | met |", "| --- | --- | ---: | ---: | --- |"]
    for load in _loads(results):
        names = _peers(results, load)
        for peer in [name for name in names if not name.startswith("nbmon")]:
            ours = ours_for(peer, names)
            if load in LARGE_LOADS:
                found = [ratio(results, load, ours, peer, key) for key in ("server_us", "machine_us")]
                met = any(one is not None and one <= EITHER for one in found)
                shown = f"{_shown(found[0])} or {_shown(found[1])}"
                lines.append(f"| {load} | {peer} | {EITHER} | {shown} | {_said(found, met)} |")
            elif (aim := AIMS.get(load, {}).get(peer, POOL_AIM.get(peer))) is not None:
                one = ratio(results, load, ours, peer, "server_us")
                lines.append(
                    f"| {load} | {peer} | {aim:.2f} | {_shown(one)} | {_said([one], one is not None and one <= aim)} |"
                )
    return "\n".join(lines)


def _said(found: Iterable[float | None], met: bool) -> str:
    return "not measured" if None in found else "yes" if met else "**no**"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def plot(results: list[Round]) -> str:
    """Bars of the server's CPU a request, each load scaled to its dearest server. An SVG."""
    parts, y = [], 24
    for load in _loads(results):
        parts.append(f'<text x="8" y="{y}" font-weight="bold">{escape(load)}, CPU a request in µs</text>')
        y += 8
        names = [n for n in _peers(results, load) if not any(r.trouble for r in _of(results, load, n))]
        most = max((_median(_of(results, load, n), "server_us") for n in names), default=1.0)
        for name in names:
            value = _median(_of(results, load, name), "server_us")
            width = (WIDTH - LEFT - 80) * value / most
            parts.append(
                f'<text x="{LEFT - 8}" y="{y + BAR - 3}" text-anchor="end">{escape(name)}</text>'
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{COLOURS.get(name, "#cbd5e0")}"/>'
                f'<text x="{LEFT + width + 6:.1f}" y="{y + BAR - 3}">{value:.1f}</text>'
            )
            y += BAR + GAP
        y += 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _loads(results: list[Round]) -> list[str]:
    return list(dict.fromkeys(r.load for r in results))


def _peers(results: list[Round], load: str) -> list[str]:
    return list(dict.fromkeys(r.peer for r in results if r.load == load))


def _of(results: list[Round], load: str, peer: str) -> list[Round]:
    return [r for r in results if r.load == load and r.peer == peer]


def _median(rows: list[Round], key: str) -> float:
    return statistics.median(getattr(r, key) for r in rows)
