"""What a picture of figures shows, as plain values. Drawn by `lab/report` (SVG) or by matplotlib.

Colours are an index into Okabe and Ito's palette, whose colours the colour-blind can tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Okabe & Ito 2008, "Color Universal Design"; yellow is left out (too pale on white), black follows the theme.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7f7f7f")


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis; `unit` is the unit of its values as given: the drawer writes 1,000 µs as ms."""

    label: str
    unit: str = ""  # "ns", "µs", "s", "bytes", "/s", "%"; "" for a count
    log: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """What stands above and below every plot."""

    title: str
    note: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one colour, joined by a line in the order given."""

    label: str
    points: tuple[tuple[float, float], ...]
    low: tuple[float, ...] = ()  # of each point; with `high`, drawn as a band or whiskers
    high: tuple[float, ...] = ()
    line: bool = True  # False: points alone
    dashed: bool = False  # a model fitted to others' points
    colour: int | None = None  # into PALETTE; by the series' position otherwise


@dataclass(frozen=True, slots=True)
class Chart(Picture):
    """Values against values."""

    x: Axis
    y: Axis
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `group` colours it and stands in the legend."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Bars(Picture):
    """Horizontal bars; on a logarithmic axis they become dots with whiskers (a bar needs a zero)."""

    value: Axis
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """What a lane did from `start` to `end`; `start == end` is an event."""

    start: float
    end: float
    what: str  # spans of the same `what` share a colour


@dataclass(frozen=True, slots=True)
class Lane:
    """One worker's line."""

    label: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Timeline(Picture):
    """Who did what, when."""

    time: Axis
    lanes: tuple[Lane, ...]
    kinds: tuple[str, ...] = ()  # all that spans may be, where several timelines shall have the same colours

    def colours(self) -> dict[str, int]:
        """The index into PALETTE of each `what` that occurs, in order."""
        seen = dict.fromkeys(span.what for lane in self.lanes for span in lane.spans)
        order = dict.fromkeys((*self.kinds, *seen))
        return {what: at % len(PALETTE) for at, what in enumerate(order) if what in seen}


@dataclass(frozen=True, slots=True)
class Matrix(Picture):
    """Words in cells; equal words share a colour."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]  # (label, a word for each column)


Plot = Chart | Bars | Timeline | Matrix
