"""What a supervisor tells Prometheus: the text of a scrape, from rows of `report`. Must not read the world.

Workers are told one by one up to `MOST_WORKERS`; a larger tree says how many it has left out, and still
counts them all by kind and state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from nbmon.workers.costs import Cost

MOST_WORKERS = 1000
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
KINDS = ("process", "thread", "coroutine")
STATES = ("starting", "running", "backing-off", "stopping", "ended", "failed")

Labels = dict[str, str]
Sample = tuple[Labels, float]


class Seen(NamedTuple):
    """A tree at one moment: `report.tree`'s words, what each told worker costs, when each died last."""

    tree: dict[str, Any]
    supervisor: Cost | None
    uptime: float  # seconds, of the supervisor
    costs: Mapping[str, Cost]  # by a worker's name; none for what is not there, or shares its host
    deaths: Mapping[str, float]  # by a worker's name: time.time of the last one


def exposition(seen: Seen) -> str:
    """The text, in Prometheus' own format 0.0.4."""
    return "".join(_of_tree(seen)) + "".join(_of_workers(seen))


def _of_tree(seen: Seen) -> Iterator[str]:
    workers = seen.tree["workers"]
    counted = Counter((row["kind"], row["state"]) for row in workers)
    yield _family(
        "supervised_workers",
        "gauge",
        "Workers by kind and state.",
        (({"kind": k, "state": s}, counted[k, s]) for k in KINDS for s in STATES),
    )
    yield _family(
        "supervisor_restarts_total",
        "counter",
        "Restarts of a supervisor as a whole; the outermost has no name.",
        (({"supervisor": node["name"]}, node["restarts"]) for node in seen.tree["supervisors"]),
    )
    yield _family("supervisor_uptime_seconds", "gauge", "Since the supervisor began.", [({}, seen.uptime)])
    if seen.supervisor is not None:
        cpu, memory = seen.supervisor.cpu_seconds, seen.supervisor.memory
        yield _family(
            "supervisor_cpu_seconds_total",
            "counter",
            "CPU time, with that of workers that ended.",
            [({}, cpu)],
        )
        yield _family(
            "supervisor_memory_bytes",
            "gauge",
            "Resident memory of the supervisor's own process.",
            [({}, memory)],
        )
    yield _family(
        "supervised_workers_omitted",
        "gauge",
        "Workers that are only counted here, being too many.",
        [({}, max(0, len(workers) - MOST_WORKERS))],
    )


def _of_workers(seen: Seen) -> Iterator[str]:
    rows = seen.tree["workers"][:MOST_WORKERS]
    costs = [(_labels(row), cost) for row in rows if (cost := seen.costs.get(row["name"])) is not None]
    yield _family(
        "worker_up",
        "gauge",
        "Whether it runs and is ready.",
        ((_labels(r), r["state"] == "running") for r in rows),
    )
    yield _family(
        "worker_restarts_total", "counter", "Restarts.", ((_labels(row), row["restarts"]) for row in rows)
    )
    yield _family(
        "worker_uptime_seconds", "gauge", "Since it was started.", ((_labels(r), r["uptime"]) for r in rows)
    )
    yield _family(
        "worker_cpu_seconds_total",
        "counter",
        "CPU time of this life; a coroutine has none of its own.",
        ((labels, cost.cpu_seconds) for labels, cost in costs),
    )
    processes = [(labels, cost) for labels, cost in costs if labels["kind"] == "process"]
    yield _family(
        "worker_memory_bytes",
        "gauge",
        "Resident memory.",
        ((labels, cost.memory) for labels, cost in processes),
    )
    yield _family(
        "worker_threads",
        "gauge",
        "Threads of its process.",
        ((labels, cost.threads) for labels, cost in processes),
    )
    yield _family(
        "worker_last_death_timestamp_seconds",
        "gauge",
        "When it died last.",
        ((_labels(row), seen.deaths[row["name"]]) for row in rows if row["name"] in seen.deaths),
    )


def _labels(row: Mapping[str, Any]) -> Labels:
    return {"worker": row["name"], "kind": row["kind"]}


def _family(name: str, kind: str, words: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP nbmon_{name} {words}\n# TYPE nbmon_{name} {kind}\n"]
    lines += [_sample(name, labels, value) for labels, value in samples]
    return "".join(lines)


def _sample(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    number = str(int(value)) if value == int(value) else repr(round(value, 3))
    return f"nbmon_{name}{{{shown}}} {number}\n" if shown else f"nbmon_{name} {number}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
