"""One plot of each kind."""

from nbmon.lab.plots import Axis, Bar, Bars, Chart, Lane, Matrix, Series, Span, Timeline

CHART = Chart(
    "A chart",
    Axis("memory", "bytes", log=True),
    Axis("time", "µs"),
    (
        Series("measured", ((1e3, 1.0), (1e6, 30.0), (1e9, 20.0)), (0.5, 20.0, 15.0), (2.0, 40.0, 30.0)),
        Series("fitted", ((1e3, 2.0), (1e9, 25.0)), dashed=True),
        Series("points", ((1e4, 5.0),), line=False),
    ),
)
BARS = Bars(
    "Bars",
    Axis("cost", "ns"),
    (Bar("a", 10.0, 8.0, 12.0, "x"), Bar("a very long label of a bar", 3.0, group="y")),
)
DOTS = Bars("Dots", Axis("cost", "ns", log=True), (Bar("a", 10.0, 8.0, 12.0), Bar("b", 10_000.0)))
LINE = Timeline(
    "A timeline",
    Axis("time", "ms"),
    (Lane("one", (Span(0, 5, "works"), Span(5, 5, "ended"))), Lane("two", (Span(2, 9, "waits"),))),
)
MATRIX = Matrix("A matrix", ("thread", "process"), (("memory", ("shared", "own")), ("name", ("own", "own"))))
PLOTS = [CHART, BARS, DOTS, LINE, MATRIX]
