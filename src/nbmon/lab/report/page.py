"""The report's page: a template of our own, filled with values, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nbmon
from nbmon.lab.experiment import JSON
from nbmon.lab.plots import PALETTE, Plot
from nbmon.lab.report import svg
from nbmon.lab.result import Result
from nbmon.lab.tables import heading, quantity, tables

WIDE, NARROW = 760, 350  # pixels; a page shows the one that fits
LONG_TABLE = 12  # rows; a longer one is folded


def report(results: Sequence[Result]) -> str:
    """The whole page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("nbmon.lab", "report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return made.get_template("report.html").render(
        results=[_section(one) for one in results],
        machine=_machine(results),
        warnings=list(dict.fromkeys(w for one in results for w in one.machine.get("warnings", []))),
        palette=PALETTE,
        version=nbmon.__version__,
        folds=LONG_TABLE,
    )


def _section(result: Result) -> dict[str, Any]:
    finding = result.finding
    return {
        "name": result.experiment.name,
        "question": result.experiment.question,
        "verdict": finding.verdict,
        "confident": finding.confident,
        "tables": tables(finding.rows),
        "notes": finding.notes,
        "settings": _pairs(result.as_object()["settings"]),
        "seconds": f"{result.seconds:.1f}",
        "plots": [_figure(plot) for plot in _plots(result)],
    }


def _plots(result: Result) -> list[Plot]:
    """None where an interruption left nothing to draw."""
    if result.interrupted:
        return []
    return result.experiment.plots(result.finding)


def _figure(plot: Plot) -> dict[str, Any]:
    from markupsafe import Markup

    legend = [(colour, Markup(drawn), words) for colour, drawn, words in svg.legend(plot)]  # noqa: S704 - ours
    return {
        "title": plot.title,
        "note": plot.note,
        "legend": legend,
        "wide": Markup(svg.figure(plot, WIDE)),  # noqa: S704 - words in it are escaped there
        "narrow": Markup(svg.figure(plot, NARROW)),  # noqa: S704 - the same
    }


def _machine(results: Sequence[Result]) -> list[tuple[str, str]]:
    """Of the first: they were made one after the other."""
    if not results:
        return []
    return _pairs({key: value for key, value in results[0].machine.items() if key != "warnings"})


def _pairs(values: dict[str, JSON]) -> list[tuple[str, str]]:
    return [(heading(key), quantity(value, _unit(key))) for key, value in values.items()]


def _unit(key: str) -> str:
    unit = key.rpartition("_")[2]
    return unit if heading(key) != key.replace("_", " ") else ""
