"""What the darkroom and the cache have done, as Prometheus reads it. Must not read the world."""

from __future__ import annotations

from collections.abc import Iterator

from nbmon.pictures.tally import BUCKETS, Counts
from nbmon.serve.metrics import family, histogram


def exposition(seen: Counts) -> bytes:
    """The text, to stand behind that of the server."""
    return "".join(_families(seen)).encode()


def _families(seen: Counts) -> Iterator[str]:
    outcomes = [((("outcome", name),), float(count)) for name, count in seen.outcomes.items()]
    yield family(
        "pictures_total", "counter", "Pictures asked of the darkroom, by what became of them.", outcomes
    )
    words = "From the start of a picture's process to its end."
    yield histogram("picture_seconds", words, (BUCKETS, seen.seconds, seen.seconds_sum))
    words = "Time that pictures waited for their process, added up."
    yield family("picture_wait_seconds_total", "counter", words, [((), seen.waited_sum)])
    yield family("pictures_waiting", "gauge", "Pictures that wait for their process.", [((), seen.waiting)])
    yield family("pictures_running", "gauge", "Pictures that are being made.", [((), seen.running)])
    looks: list[tuple[tuple[tuple[str, str], ...], float]] = [
        ((("result", "hit"),), seen.hits),
        ((("result", "miss"),), seen.misses),
    ]
    words = "Results looked for in the cache; answers from memory are not among them."
    yield family("picture_cache_total", "counter", words, looks)
    words = "Bytes written into the cache."
    yield family("picture_cache_written_bytes_total", "counter", words, [((), seen.kept_bytes)])
    words = "Results removed from the cache to make room."
    yield family("picture_cache_evicted_total", "counter", words, [((), seen.evicted)])
    words = "Bytes of those results."
    yield family("picture_cache_evicted_bytes_total", "counter", words, [((), seen.evicted_bytes)])
