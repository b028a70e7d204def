"""Plots and the report: every value in its place, every word escaped, nothing from elsewhere."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.lab import drawing
from nbmon.lab.errors import LabError
from nbmon.lab.experiment import Experiment, Finding, Settings
from nbmon.lab.plots import PALETTE, Axis, Bar, Bars, Chart, Lane, Matrix, Series, Span, Timeline
from nbmon.lab.report import page, svg
from nbmon.lab.report.scales import linear_ticks, log_ticks, scale
from nbmon.lab.result import Result
from support.lab_plots import BARS, CHART, DOTS, LINE, MATRIX, PLOTS

EVIL = "<script>alert('&')</script>"
numbers = st.floats(1e-3, 1e12, allow_nan=False)


@given(numbers, numbers)
def test_linear_ticks_enclose_both_ends_evenly(one, other):
    low, high = sorted((one, one + other))
    ticks = linear_ticks(low, high)
    assert ticks[0] <= low * (1 + 1e-6) and ticks[-1] >= high * (1 - 1e-6)
    assert 2 <= len(ticks) <= 8


@given(numbers, st.floats(1.0, 1e9))
def test_log_ticks_enclose_both_ends(low, factor):
    high = low * factor
    ticks = log_ticks(low, high)
    assert ticks[0] <= low * (1 + 1e-6) and ticks[-1] >= high * (1 - 1e-6)
    assert 2 <= len(ticks) <= 9
    assert list(ticks) == sorted(set(ticks))


@given(st.lists(numbers, min_size=1, max_size=9), st.booleans())
def test_a_scale_keeps_every_value_inside_and_in_order(values, log):
    made = scale(values, Axis("x", log=log), 50.0, 350.0)
    places = [made(value) for value in sorted(values)]
    assert all(50 - 1e-6 <= place <= 350 + 1e-6 for place in places)
    assert places == sorted(places)


@pytest.mark.parametrize("values", [[], [0.0], [-3.0, 5.0], [float("nan"), 2.0]])
def test_odd_values_have_a_scale_too(values):
    for log in (False, True):
        made = scale(values, Axis("x", log=log), 0.0, 100.0)
        assert made.low < made.high


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.title)
@pytest.mark.parametrize("width", [page.WIDE, page.NARROW])
def test_every_plot_is_well_formed_and_labelled(plot, width):
    tree = ET.fromstring(svg.figure(plot, width))
    words = " ".join(text.text or "" for text in tree.iter("text"))
    labels = {
        "A chart": ("memory", "time", "1 kB", "1 GB"),
        "Bars": ("cost", "a very long label of a bar", "10 ns", "3 ns"),
        "Dots": ("cost", "10 µs"),
        "A timeline": ("one", "two", "time", "10 ms"),
        "A matrix": ("thread", "process", "memory", "name", "shared", "own"),
    }
    assert [label for label in labels[plot.title] if label not in words] == []
    assert tree.get("aria-label") == plot.title
    assert float(tree.get("width")) == width


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.title)
def test_nothing_is_drawn_outside(plot):
    for width in (page.WIDE, page.NARROW):
        tree = ET.fromstring(svg.figure(plot, width))
        height = float(tree.get("height"))
        for rect in tree.iter("rect"):
            x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            assert x >= -1 and y >= -1 and x + w <= width + 1 and y + h <= height + 1
        for text in tree.iter("text"):
            assert -1 <= float(text.get("x")) <= width + 1 and 0 <= float(text.get("y")) <= height


def test_a_higher_value_is_drawn_higher_and_a_longer_bar_is_longer():
    tree = ET.fromstring(
        svg.figure(Chart("c", Axis("x"), Axis("y"), (Series("s", ((0, 0), (1, 5)), line=False),)), 700)
    )
    low, high = (float(dot.get("cy")) for dot in tree.iter("circle"))
    assert high < low
    tree = ET.fromstring(svg.figure(Bars("b", Axis("v"), (Bar("a", 1.0), Bar("b", 4.0))), 700))
    short, long = (float(bar.get("width")) for bar in tree.iter("rect"))
    assert long == pytest.approx(4 * short, rel=0.01)


@pytest.mark.parametrize("width", [320, page.NARROW, page.WIDE])
@pytest.mark.parametrize(("most", "unit"), [(33_140.0, "/s"), (9.4e9, "bytes"), (1.0, ""), (7.77e6, "ns")])
def test_words_below_an_axis_do_not_run_into_each_other(width, most, unit):
    tree = ET.fromstring(svg.figure(Bars("b", Axis("v", unit), (Bar("label", most),)), width))
    ticks = [
        one for one in tree.iter("text") if one.get("text-anchor") == "middle" and one.get("class") is None
    ]
    ends = [(float(one.get("x")), len(one.text) * svg.LETTER / 2) for one in ticks]
    assert len(ends) >= 2
    assert all(one + half <= other - more for (one, half), (other, more) in pairwise(ends))


def test_a_legend_names_what_colours_mean_and_only_where_there_are_several():
    assert [words for _, _, words in svg.legend(CHART)] == ["measured", "fitted", "points"]
    assert [words for _, _, words in svg.legend(BARS)] == ["x", "y"]
    assert [words for _, _, words in svg.legend(LINE)] == ["works", "ended", "waits"]
    assert svg.legend(DOTS) == svg.legend(MATRIX) == []


def test_series_differ_in_shape_besides_colour():
    assert len({re.sub(r"[\d. -]+", "", svg.mark(at, 1, 1)) for at in range(4)}) == 4


def test_timelines_of_one_kind_have_the_same_colours():
    spans = (Span(0, 1, "b"), Span(1, 2, "c"))
    made = Timeline("t", Axis("time"), (Lane("l", spans),), kinds=("a", "b", "c"))
    assert made.colours() == {"b": 1, "c": 2}


def test_the_palette_is_okabe_and_itos():
    assert {"#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"} < set(PALETTE)


def result(rows, plots=(), verdict="So.", confident=True, **machine):
    experiment = Experiment(
        "made", f"Is it {EVIL}?", lambda _s, _p: Finding([], "", True), lambda _f: list(plots)
    )
    finding = Finding(rows, verdict, confident, {"count": 3}, [f"note {EVIL}"])
    return Result(experiment, Settings(), {"cpu": "Z80", **machine}, finding, 1.5)


def test_the_report_has_everything_and_needs_nothing():
    text = page.report([result([{"median_ns": 1500.0, "what": EVIL}], PLOTS, warnings=["noisy"])])
    assert "1.5 µs" in text and "Z80" in text and "noisy" in text and "So." in text
    assert text.count("<svg viewBox") >= 2 * len(PLOTS)
    assert EVIL not in text and "&lt;script&gt;" in text
    assert not re.search(r'(src|href)="(?!#)|url\(|@import|<link|<script|http', text)


@pytest.mark.parametrize(
    "plot",
    [
        Chart(EVIL, Axis(EVIL), Axis(EVIL), (Series(EVIL, ((1, 1),)), Series("b", ((2, 2),)))),
        Bars(EVIL, Axis(EVIL), (Bar(EVIL, 1.0, group=EVIL),)),
        Timeline(EVIL, Axis(EVIL), (Lane(EVIL, (Span(0, 1, EVIL),)),)),
        Matrix(EVIL, (EVIL,), ((EVIL, (EVIL,)),)),
    ],
    ids=["chart", "bars", "timeline", "matrix"],
)
def test_no_word_of_a_plot_becomes_markup(plot):
    text = page.report([result([], [plot])])
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8
    ET.fromstring(svg.figure(plot, page.WIDE))


def test_an_unsure_verdict_looks_unsure():
    assert 'class="verdict unsure"' in page.report([result([], confident=False)])
    assert 'class="verdict"' in page.report([result([])])


def test_a_long_table_is_folded():
    rows = [{"x": at} for at in range(page.LONG_TABLE + 1)]
    assert "13 rows</summary>" in page.report([result(rows)])
    assert "12 rows</summary>" not in page.report([result(rows[:-1])])


def test_what_was_interrupted_is_reported_without_plots():
    made = result([{"x": 1}], PLOTS)
    stopped = Result(made.experiment, made.settings, made.machine, made.finding, 1.0, interrupted=True)
    assert "<figure>" not in page.report([stopped])


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_matplotlib_draws_every_plot(ending):
    pytest.importorskip("matplotlib")
    data = drawing.draw(PLOTS, ending)
    if ending == "png":
        assert data.startswith(b"\x89PNG")
        return
    words = " ".join(ET.fromstring(data).itertext())
    assert [
        one for one in ("A chart", "1 kB", "measured", "a very long label", "shared") if one not in words
    ] == []


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(LabError, match=r"pip install 'nbmon\[lab\]'"):
        drawing.need_matplotlib()
