"""The report in a real Chromium: wide and on a phone, light and dark; nothing overflows, no word is cut."""

import pytest

from nbmon.lab.experiment import Experiment, Finding, Settings
from nbmon.lab.report import page
from nbmon.lab.result import Result
from support.lab_plots import PLOTS

pytestmark = pytest.mark.browser
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
VISIBLE = (
    "[...document.querySelectorAll('figure div svg')].filter(svg => svg.getBoundingClientRect().width > 0)"
)
CUT = f"""{VISIBLE}.flatMap(svg => {{
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {{
    const one = text.getBoundingClientRect();
    return one.left < box.left - 2 || one.right > box.right + 2 || one.bottom > box.bottom + 2;
  }}).map(text => text.textContent);
}})"""
SMALLEST = f"Math.min(...{VISIBLE}.map(svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width))"
INK_AND_PAPER = """['color', 'backgroundColor'].map(key =>
  getComputedStyle(document.body)[key].match(/\\d+/g).map(Number).reduce((a, b) => a + b))"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    rows = [{"means": "a pipe between two processes " * 4, "median_ns": 1234.5, "x" * 60: "y" * 200}]
    experiment = Experiment("made", "How long is a piece of string?", lambda *_: None, lambda _f: PLOTS)
    finding = Finding(rows, "Long. Unsure: it was cut.", False, {"n": 1}, ["a note"])
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page.report([Result(experiment, Settings(), {"cpu": "Z80"}, finding, 1.0)] * 2))
    return file


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 700, 390, 320])
def test_it_is_readable(browser, report, width, dark):
    scheme = "dark" if dark else "light"
    opened = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on(
        "request", lambda request: complaints.extend([request.url] * (not request.url.startswith("file:")))
    )
    opened.goto(report.as_uri())
    assert opened.evaluate(OVERFLOW) <= 0
    assert opened.evaluate(CUT) == []
    assert opened.evaluate(f"{VISIBLE}.length") == 2 * len(PLOTS)
    assert opened.evaluate(SMALLEST) > 0.75  # of its size: letters of 9 pixels and more
    ink, paper = opened.evaluate(INK_AND_PAPER)
    assert (ink > paper) is dark and abs(ink - paper) > 400
    assert complaints == []
    opened.close()
