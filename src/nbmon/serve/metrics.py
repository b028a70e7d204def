"""The numbers of a server as Prometheus reads them: its text format, version 0.0.4. Must not know sockets.

Written here and not by prometheus-client, which takes 73 ms and 14 MiB to load, a lock for each count, and
files on a disk to add up several processes (measured). Here a count is the ledger's
own addition, and the text is made when somebody asks. The tests read it with prometheus-client's parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nbmon.serve.ledger import BUCKETS, Counted, Key, Snapshot

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
KINDS = 64  # Content-Types told apart; the others are "other": a series must not be a stranger's to make
Label = tuple[str, str]


def total(snapshots: Iterable[Snapshot]) -> Snapshot:
    """What several workers have done together."""
    answers: dict[Key, Counted] = {}
    refusals: dict[str, int] = {}
    latency = [0] * (len(BUCKETS) + 1)
    seconds = 0.0
    from_memory = accepted = opened = 0
    for one in snapshots:
        for key, counted in one.answers.items():
            before = answers.get(key, Counted(0, 0))
            answers[key] = Counted(before.answers + counted.answers, before.content + counted.content)
        for reason, count in one.refusals.items():
            refusals[reason] = refusals.get(reason, 0) + count
        latency = [a + b for a, b in zip(latency, one.latency, strict=True)]
        seconds += one.latency_sum
        from_memory += one.from_memory
        accepted += one.accepted
        opened += one.open
    return Snapshot(answers, from_memory, latency, seconds, refusals, accepted, opened)


def exposition(seen: Snapshot, workers: int = 1) -> bytes:
    """The text of a scrape."""
    return "".join(_families(seen, workers)).encode()


def _families(seen: Snapshot, workers: int) -> Iterator[str]:
    by_kind = _by_kind(seen.answers)
    requests = [(_labels(key), float(counted.answers)) for key, counted in by_kind.items()]
    content = [(_labels(key), float(counted.content)) for key, counted in by_kind.items()]
    yield family("requests_total", "counter", "Answers by status and kind of content.", requests)
    yield family("content_bytes_total", "counter", "Bytes of content in those answers.", content)
    yield family(
        "memory_answers_total",
        "counter",
        "Answers that were given from memory, without being made anew.",
        [((), seen.from_memory)],
    )
    yield family(
        "refusals_total",
        "counter",
        "Requests and connections that were turned away, by reason.",
        [((("reason", reason),), count) for reason, count in sorted(seen.refusals.items())],
    )
    yield family("connections_total", "counter", "Connections accepted.", [((), seen.accepted)])
    yield family("connections", "gauge", "Connections open at this moment.", [((), seen.open)])
    yield family("workers", "gauge", "Processes that serve.", [((), workers)])
    words = "From a request to the kernel's having its answer."
    yield histogram("answer_seconds", words, (BUCKETS, seen.latency, seen.latency_sum))


def _by_kind(answers: dict[Key, Counted]) -> dict[tuple[int, str], Counted]:
    found: dict[tuple[int, str], Counted] = {}
    for (status, kind), counted in sorted(answers.items()):
        name = kind.partition(b";")[0].strip().decode("latin-1") or "none"
        key = (status, name if len(found) < KINDS else "other")
        before = found.get(key, Counted(0, 0))
        found[key] = Counted(before.answers + counted.answers, before.content + counted.content)
    return found


def _labels(key: tuple[int, str]) -> tuple[Label, ...]:
    return ("status", str(key[0])), ("kind", key[1])


def family(name: str, kind: str, words: str, samples: Sequence[tuple[tuple[Label, ...], float]]) -> str:
    """The lines of one counter or gauge."""
    lines = [_sample(name, labels, value) for labels, value in samples]
    return _header(name, kind, words) + "".join(lines)


def _header(name: str, kind: str, words: str) -> str:
    return f"# HELP nbmon_{name} {words}\n# TYPE nbmon_{name} {kind}\n"


def _sample(name: str, labels: tuple[Label, ...], value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    number = str(int(value)) if value == int(value) else repr(float(value))
    return f"nbmon_{name}{{{shown}}} {number}\n" if shown else f"nbmon_{name} {number}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def histogram(name: str, words: str, seen: tuple[Sequence[float], Sequence[int], float]) -> str:
    """The lines of a histogram: its bounds, how many are in each and beyond, not cumulated, and their sum."""
    bounds, counts, seconds = seen
    lines = [_header(name, "histogram", words)]
    below = 0
    for bound, count in zip((*bounds, float("inf")), counts, strict=True):
        below += count
        shown = "+Inf" if bound == float("inf") else repr(bound)
        lines.append(_sample(f"{name}_bucket", (("le", shown),), below))
    lines += [_sample(f"{name}_sum", (), seconds), _sample(f"{name}_count", (), below)]
    return "".join(lines)
