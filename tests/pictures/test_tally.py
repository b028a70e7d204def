"""The counts of the darkroom: shared by processes and threads, and none is lost."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from prometheus_client.parser import text_string_to_metric_families

from nbmon.pictures.tally import BUCKETS, Outcome, Tally
from nbmon.services.processed_counts import exposition


def test_it_begins_with_nothing() -> None:
    seen = Tally().counts()
    assert set(seen.outcomes.values()) | set(seen.seconds) == {0}
    assert (seen.hits, seen.misses, seen.kept_bytes, seen.evicted, seen.evicted_bytes) == (0,) * 5
    assert set(seen.outcomes) == {one.value for one in Outcome}


def test_a_job_is_counted_with_its_end_and_its_time() -> None:
    tally = Tally()
    tally.ended(Outcome.MADE, 0.025, 0.5)
    tally.ended(Outcome.LATE, 21.0, 0.25)
    tally.came(Outcome.FULL)
    tally.at_work(3, 2)
    seen = tally.counts()
    assert (seen.waiting, seen.running, seen.seconds_sum, seen.waited_sum) == (3, 2, 21.025, 0.75)
    assert {name for name, count in seen.outcomes.items() if count == 1} == {"made", "late", "full"}
    assert [i for i, count in enumerate(seen.seconds) if count] == [BUCKETS.index(0.025), len(BUCKETS)]


def test_what_is_counted_in_forked_processes_and_threads_at_once_is_all_there() -> None:
    tally, times = Tally(), 300
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            for _ in range(times):
                tally.looked(True)
            os._exit(0)
        children.append(pid)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: tally.evicted(1, 10), range(times)))
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
    seen = tally.counts()
    assert (seen.hits, seen.evicted, seen.evicted_bytes) == (3 * times, times, 10 * times)


def test_nothing_of_it_is_mapped_so_that_a_job_inherits_nothing() -> None:
    with open("/proc/self/maps") as maps:
        before = maps.read().count("nbmon-tally")
    tally = Tally()
    with open("/proc/self/maps") as maps:
        assert maps.read().count("nbmon-tally") == before == 0
    assert tally.counts().hits == 0


def test_prometheus_can_read_it() -> None:
    tally = Tally()
    tally.ended(Outcome.MADE, 0.03, 0.5)
    tally.ended(Outcome.MADE, 60.0, 0.0)
    tally.looked(True)
    tally.looked(False)
    tally.kept(1_000)
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposition(tally.counts()).decode())
        for sample in family.samples
    }
    assert found["nbmon_pictures_total", "made"] == 2
    assert found["nbmon_pictures_total", "died"] == 0
    assert found["nbmon_picture_seconds_bucket", "0.025"] == 0
    assert found["nbmon_picture_seconds_bucket", "20.0"] == 1
    assert found["nbmon_picture_seconds_bucket", "+Inf"] == found["nbmon_picture_seconds_count",] == 2
    assert found["nbmon_picture_seconds_sum",] == 60.03
    assert found["nbmon_picture_cache_total", "hit"] == found["nbmon_picture_cache_total", "miss"] == 1
    assert found["nbmon_picture_cache_written_bytes_total",] == 1_000
