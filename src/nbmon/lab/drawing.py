"""Plots by matplotlib, for `--plot`: all of an experiment's in one picture, one below the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from nbmon.lab.errors import LabError
from nbmon.lab.plots import PALETTE, Axis, Bars, Chart, Matrix, Plot, Timeline
from nbmon.lab.tables import TIMES, duration, number, size

WIDTH, DPI = 9.0, 150  # inches, dots per inch
ROW = 0.32  # inches of height for a bar, a lane, a row
INK, GRID = "#333333", "#dddddd"
MICRO = {"µs": "us"}


def need_matplotlib() -> None:
    """LabError that says what to install, before anything is measured."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise LabError("--plot needs matplotlib: pip install 'nbmon[lab]'; --html draws without it")


def draw(plots: Sequence[Plot], ending: str) -> bytes:
    """The picture as `svg` or `png`."""
    need_matplotlib()
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    heights = [_height(plot) for plot in plots]
    style: dict[Any, Any] = {
        "font.size": 9,
        "axes.edgecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context({**style, "svg.fonttype": "none", "svg.hashsalt": "nbmon"}):
        figure, axes = plt.subplots(
            len(plots),
            figsize=(WIDTH, sum(heights)),
            height_ratios=heights,
            squeeze=False,
            layout="constrained",
        )
        for plot, (axis,) in zip(plots, axes, strict=True):
            _DRAWERS[type(plot)](axis, plot)
            axis.set_title(plot.title, loc="left", fontweight="bold")
        file = BytesIO()
        figure.savefig(file, format=ending, dpi=DPI, metadata={"Date": None} if ending == "svg" else None)
        plt.close(figure)
    return file.getvalue()


def _height(plot: Plot) -> float:
    """In inches."""
    if isinstance(plot, Chart):
        return 4.2
    rows = len(
        plot.bars if isinstance(plot, Bars) else plot.lanes if isinstance(plot, Timeline) else plot.rows
    )
    return 1.5 + ROW * rows


def _chart(axis: Any, plot: Chart) -> None:
    for at, one in enumerate(plot.series):
        colour = PALETTE[(at if one.colour is None else one.colour) % len(PALETTE)]
        x, y = [p[0] for p in one.points], [p[1] for p in one.points]
        style = ("--" if one.dashed else "-") if one.line else ""
        axis.plot(x, y, style, color=colour, label=one.label, marker="" if one.dashed else "o", markersize=4)
        if one.low and one.high:
            axis.fill_between(x, one.low, one.high, color=colour, alpha=0.18, linewidth=0)
    _axis(axis, "x", plot.x)
    _axis(axis, "y", plot.y)
    axis.grid(color=GRID, linewidth=0.6)
    if len(plot.series) > 1:
        axis.legend(frameon=False, fontsize=8)


def _bars(axis: Any, plot: Bars) -> None:
    groups = list(dict.fromkeys(bar.group for bar in plot.bars))
    places = range(len(plot.bars))
    colours = [PALETTE[groups.index(bar.group) % len(PALETTE)] for bar in plot.bars]
    for place, bar, colour in zip(places, plot.bars, colours, strict=True):
        label = bar.group if bar.group and bar.group not in axis.get_legend_handles_labels()[1] else None
        if plot.value.log:
            axis.plot([bar.value], [place], "o", color=colour, label=label)
        else:
            axis.barh(place, bar.value, color=colour, label=label, height=0.62)
        if bar.low is not None and bar.high is not None:
            axis.plot([bar.low, bar.high], [place, place], color=INK if not plot.value.log else colour)
    _lanes(axis, [bar.label for bar in plot.bars])
    _axis(axis, "x", plot.value)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    if any(groups):
        axis.legend(frameon=False, fontsize=8)


def _timeline(axis: Any, plot: Timeline) -> None:
    colours = plot.colours()
    for place, lane in enumerate(plot.lanes):
        for span in lane.spans:
            colour = PALETTE[colours[span.what]]
            label = span.what if span.what not in axis.get_legend_handles_labels()[1] else None
            if span.end > span.start:
                axis.barh(
                    place, span.end - span.start, left=span.start, color=colour, label=label, height=0.6
                )
            else:
                axis.plot([span.start], [place], "D", color=colour, label=label, markersize=5)
    _lanes(axis, [lane.label for lane in plot.lanes])
    _axis(axis, "x", plot.time)
    axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _matrix(axis: Any, plot: Matrix) -> None:
    words = list(dict.fromkeys(word for _, cells in plot.rows for word in cells))
    for place, (_, cells) in enumerate(plot.rows):
        for at, word in enumerate(cells):
            colour = PALETTE[words.index(word) % len(PALETTE)]
            axis.barh(place, 0.96, left=at + 0.02, color=colour, alpha=0.35, height=0.9)
            axis.text(at + 0.5, place, word, ha="center", va="center", fontsize=8)
    _lanes(axis, [label for label, _ in plot.rows])
    axis.set_xticks([at + 0.5 for at in range(len(plot.columns))], plot.columns)
    axis.set_xlim(0, len(plot.columns))
    axis.xaxis.tick_top()


def _lanes(axis: Any, labels: list[str]) -> None:
    """A line for each, the first above."""
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)


def _axis(axis: Any, which: str, described: Axis) -> None:
    """Label with unit, logarithm, ticks in the unit that reads best."""
    from matplotlib.ticker import FuncFormatter

    getattr(axis, f"set_{which}label")(described.label)
    if described.log:
        getattr(axis, f"set_{which}scale")("log")
    elif which == "y":
        axis.set_ylim(bottom=min(0, axis.get_ylim()[0]))
    formatter = FuncFormatter(lambda value, _at: tick(value, described.unit))
    getattr(axis, f"{which}axis").set_major_formatter(formatter)


def tick(value: float, unit: str) -> str:
    """The words beside a tick.

    >>> tick(1500.0, "ns"), tick(1000.0, ""), tick(2000.0, "/s"), tick(50.0, "%")
    ('1.5 µs', '1,000', '2,000 /s', '50 %')
    """
    if value == 0:
        return "0"  # of whatever
    key = MICRO.get(unit, unit)
    if key in TIMES:
        return duration(value * TIMES[key])
    if unit == "bytes":
        return size(value)
    plain = number(int(value) if float(value).is_integer() else value)
    return f"{plain} {unit}".strip()


_DRAWERS: dict[type, Callable[[Any, Any], None]] = {
    Chart: _chart,
    Bars: _bars,
    Timeline: _timeline,
    Matrix: _matrix,
}
