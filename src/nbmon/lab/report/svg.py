"""Plots as SVG for a page: colours are the page's (`--s0` … `--s6`), so that they are right in the dark, too.

Pure: a plot and a width in, text out. Each series has a shape besides its colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from nbmon.lab.drawing import tick
from nbmon.lab.plots import PALETTE, Axis, Bars, Chart, Matrix, Plot, Series, Timeline
from nbmon.lab.report.scales import Scale, scale

LETTER = 7.2  # pixels, the width of an average letter of 12 px
HEIGHT = 300  # pixels of a chart
ROW = 26  # pixels of a bar, a lane, a row
FOOT = 46  # pixels below the area: ticks and the axis's label
TOP = 14
SHAPES = 4
GAP = 4  # pixels between two ticks' words
MOST_TICKS = 7  # on the axis below


def figure(plot: Plot, width: int) -> str:
    """One plot, so many pixels wide."""
    if isinstance(plot, Chart):
        return _chart(plot, width)
    if isinstance(plot, Bars):
        return _bars(plot, width)
    return _timeline(plot, width) if isinstance(plot, Timeline) else _matrix(plot, width)


def legend(plot: Plot) -> list[tuple[int, str, str]]:
    """(colour, a mark as SVG, words); empty where one colour says all."""
    if isinstance(plot, Chart):
        named = [(_colour(at, one), mark(at, 6, 6, dashed=one.dashed), one.label) for at, one in _each(plot)]
        return named if len(named) > 1 else []
    if isinstance(plot, Timeline):
        return [(colour, _box(), what) for what, colour in plot.colours().items()]
    words = _words(plot)
    return [(at, _box(), word) for at, word in enumerate(words)] if any(words) else []


def _words(plot: Plot) -> list[str]:
    """What the colours stand for. A matrix has its words in its cells."""
    if isinstance(plot, Bars):
        return list(dict.fromkeys(bar.group for bar in plot.bars))
    return []


def _each(plot: Chart) -> list[tuple[int, Series]]:
    return list(enumerate(plot.series))


def _colour(at: int, one: Series) -> int:
    return (at if one.colour is None else one.colour) % len(PALETTE)


def _box() -> str:
    return '<rect x="1" y="1" width="10" height="10" rx="2"/>'


def mark(shape: int, x: float, y: float, dashed: bool = False) -> str:
    """A point: a circle, a square, a triangle, a diamond; a dash for what is only a model."""
    if dashed:
        return f'<path d="M{x - 6:.1f} {y:.1f}h12" class="dashed"/>'
    marks = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>',
        f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6.5" height="6.5"/>',
        f'<path d="M{x:.1f} {y - 4.5:.1f}l4.5 8h-9z"/>',
        f'<path d="M{x:.1f} {y - 4.5:.1f}l4.5 4.5l-4.5 4.5l-4.5 -4.5z"/>',
    )
    return marks[shape % SHAPES]


def _svg(width: float, height: float, title: str, inside: Sequence[str]) -> str:
    parts = "\n".join(inside)
    head = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img"'
    return f'{head} aria-label="{escape(title)}">\n{parts}\n</svg>'


def _text(x: float, y: float, words: str, anchor: str = "start", style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str = "grid") -> str:
    return f'<path class="{style}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def _chart(plot: Chart, width: int) -> str:
    points = [point for one in plot.series for point in one.points]
    ends = [y for one in plot.series for y in (*one.low, *one.high)]
    bottom = TOP + 18 + HEIGHT
    y = scale([*(p[1] for p in points), *ends], plot.y, bottom, TOP + 18)
    left = 10 + LETTER * max(len(tick(value, plot.y.unit)) for value in y.ticks)
    x = _below([p[0] for p in points], plot.x, left, width - 16)
    inside = [_text(0, TOP, plot.y.label, style="label")]
    for value in y.ticks:
        inside += [_line(left, y(value), width - 16, y(value))]
        inside += [_text(left - 6, y(value) + 4, tick(value, plot.y.unit), "end")]
    inside += _ticks_below(x, plot.x, bottom, TOP + 18, left)
    for at, one in _each(plot):
        inside.append(f'<g class="c{_colour(at, one)}">{_series(at, one, x, y)}</g>')
    return _svg(width, bottom + FOOT, plot.title, inside)


def _below(values: Sequence[float], axis: Axis, start: float, end: float) -> Scale:
    """The scale of the axis below, with as many ticks as there is room for their words."""
    for wanted in range(MOST_TICKS, 1, -1):
        made = scale(values, axis, start, end, wanted)
        places = [_place(made, one, axis) for one in made.ticks]
        if all(b - a > half + other + GAP for (a, half), (b, other) in pairwise(places)):
            break
    return made


def _place(x: Scale, value: float, axis: Axis) -> tuple[float, float]:
    """The middle of a tick's word and half of its width; words at the edge stay inside."""
    half = LETTER * len(tick(value, axis.unit)) / 2
    return min(max(x(value), half), x.end + 16 - half), half


def _ticks_below(x: Scale, axis: Axis, bottom: float, top: float, left: float) -> list[str]:
    """Ticks, their words, and the axis's label below."""
    found = []
    for value in x.ticks:
        words = tick(value, axis.unit)
        place, _ = _place(x, value, axis)
        found += [_line(x(value), bottom, x(value), top), _text(place, bottom + 16, words, "middle")]
    return [*found, _text((left + x.end) / 2, bottom + 36, axis.label, "middle", "label")]


def _series(at: int, one: Series, x: Scale, y: Scale) -> str:
    places = [(x(px), y(py)) for px, py in one.points]
    parts = []
    if one.low and one.high and len(places) > 1:
        upper = [f"{px:.1f} {y(high):.1f}" for (px, _), high in zip(places, one.high, strict=True)]
        lower = [f"{px:.1f} {y(low):.1f}" for (px, _), low in zip(places, one.low, strict=True)]
        parts.append(f'<path class="band" d="M{"L".join([*upper, *reversed(lower)])}Z"/>')
    if one.line and len(places) > 1:
        joined = "L".join(f"{px:.1f} {py:.1f}" for px, py in places)
        parts.append(f'<path class="{"line dashed" if one.dashed else "line"}" d="M{joined}"/>')
    if not one.dashed:
        parts += [mark(at, px, py) for px, py in places]
    return "".join(parts)


def _rows(labels: Sequence[str], width: int) -> tuple[float, float, bool]:
    """Where the area begins, the height of a row, and whether labels stand above their rows."""
    longest = LETTER * max((len(label) for label in labels), default=0) + 20
    if longest > width * 0.4:
        return 4, ROW + 16, True
    return longest, ROW, False


def _labels(labels: Sequence[str], width: int) -> list[str]:
    left, row, above = _rows(labels, width)
    if above:
        return [_text(0, TOP + at * row + 13, label) for at, label in enumerate(labels)]
    return [_text(left - 8, TOP + at * row + row / 2 + 4, label, "end") for at, label in enumerate(labels)]


def _middle(at: int, row: float, above: bool) -> float:
    return TOP + at * row + (row - ROW / 2 if above else row / 2)


def _bars(plot: Bars, width: int) -> str:
    labels, groups = [bar.label for bar in plot.bars], _words(plot)
    left, row, above = _rows(labels, width)
    bottom = TOP + row * len(labels)
    values = [v for bar in plot.bars for v in (bar.value, bar.low, bar.high) if v is not None]
    x = _below(values, plot.value, left, width - 60)
    inside = [*_ticks_below(x, plot.value, bottom, TOP, left), *_labels(labels, width)]
    for at, bar in enumerate(plot.bars):
        y, place = _middle(at, row, above), x(bar.value)
        drawn = mark(0, place, y) if plot.value.log else _bar(left, y, place)
        if bar.low is not None and bar.high is not None:
            drawn += _line(x(bar.low), y, x(bar.high), y, "line" if plot.value.log else "whisker")
            place = max(place, x(bar.high))
        inside.append(f'<g class="c{groups.index(bar.group) % len(PALETTE)}">{drawn}</g>')
        inside.append(_text(place + 8, y + 4, tick(bar.value, plot.value.unit), style="value"))
    return _svg(width, bottom + FOOT, plot.title, inside)


def _bar(left: float, y: float, end: float) -> str:
    return f'<rect x="{left:.1f}" y="{y - 8:.1f}" width="{max(1.0, end - left):.1f}" height="16" rx="2"/>'


def _timeline(plot: Timeline, width: int) -> str:
    labels, colours = [lane.label for lane in plot.lanes], plot.colours()
    left, row, above = _rows(labels, width)
    bottom = TOP + row * len(labels)
    ends = [value for lane in plot.lanes for span in lane.spans for value in (span.start, span.end)]
    x = _below(ends, plot.time, left, width - 16)
    inside = [*_ticks_below(x, plot.time, bottom, TOP, left), *_labels(labels, width)]
    for at, lane in enumerate(plot.lanes):
        y = _middle(at, row, above)
        for span in lane.spans:
            start, end = x(span.start), x(span.end)
            drawn = _bar(start, y, end) if span.end > span.start else mark(3, start, y)
            told = f"<title>{escape(span.what)}</title>"
            inside.append(f'<g class="c{colours[span.what]}">{told}{drawn}</g>')
    return _svg(width, bottom + FOOT, plot.title, inside)


def _matrix(plot: Matrix, width: int) -> str:
    labels = [label for label, _ in plot.rows]
    words = list(dict.fromkeys(word for _, cells in plot.rows for word in cells))
    left, row, above = _rows(labels, width)
    column = (width - left) / max(1, len(plot.columns))
    inside = [
        _text(left + column * (at + 0.5), TOP, name, "middle", "label")
        for at, name in enumerate(plot.columns)
    ]
    inside.append(f'<g transform="translate(0 {TOP - 4})">{"".join(_labels(labels, width))}</g>')
    for at, (_, cells) in enumerate(plot.rows):
        y = TOP * 2 - 4 + at * row + (row - ROW if above else 0)
        for place, word in enumerate(cells):
            x = left + column * place
            inside.append(
                f'<g class="c{words.index(word) % len(PALETTE)}">'
                f'<rect class="cell" x="{x + 2:.1f}" y="{y + 2:.1f}" '
                f'width="{column - 4:.1f}" height="{ROW - 4}" rx="3"/></g>'
            )
            inside.append(_text(x + column / 2, y + ROW / 2 + 4, word, "middle"))
    return _svg(width, TOP * 2 + row * len(labels), plot.title, inside)
