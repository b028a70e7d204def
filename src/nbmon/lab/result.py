"""What an experiment brought, with the machine beside it; and the JSON object that others build on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nbmon.lab.experiment import Experiment, Finding, Row, Settings


@dataclass(frozen=True, slots=True)
class Result:
    """One experiment that was made, wholly or until it was interrupted."""

    experiment: Experiment
    settings: Settings
    machine: Row
    finding: Finding
    seconds: float
    interrupted: bool = False

    def as_object(self) -> Row:
        """The object of `--json`. Its keys are a promise: docs/lab.md."""
        finding = self.finding
        return {
            "experiment": self.experiment.name,
            "question": self.experiment.question,
            "machine": self.machine,
            "settings": {"quick": self.settings.quick, **self.settings.options, **finding.settings},
            "rows": finding.rows,
            "verdict": finding.verdict,
            "confident": finding.confident,
            "notes": finding.notes,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
            **finding.more,
        }


def doubted(finding: Finding, reasons: Sequence[str]) -> Finding:
    """The same finding, unsure for these reasons, and saying so."""
    if not reasons:
        return finding
    words = "; ".join(reasons)
    told = finding.verdict.rstrip()
    last = told.rpartition("Unsure: ")[2] if "Unsure: " in told else ". "
    if ". " in last:  # other sentences follow, or there is no doubt yet
        return replace(finding, verdict=f"{told} Unsure: {words}.", confident=False)
    return replace(finding, verdict=f"{told.rstrip('.')}; {words}.", confident=False)


def unfinished(experiment: Experiment, rows: list[Row], seconds: float) -> Finding:
    """What can be said when Ctrl-C came first."""
    head = f"Unsure: interrupted after {seconds:.1f} s, with {len(rows)} row(s) measured."
    told = experiment.conclude(rows) if experiment.conclude and rows else ""
    return Finding(rows=rows, verdict=f"{head} {told}".strip(), confident=False)
