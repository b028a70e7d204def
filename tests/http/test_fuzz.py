"""Whatever a stranger makes of the case table's requests: events or one refusal, and the same however cut.

Bounded in examples, not in time, so that it finds the same on every machine; some seconds. For hours of it
there is scripts/fuzz_http.py.
"""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.mutations import SEEDS, Choices, conversation, mutate, pieces

EXAMPLES = 1500
bounded = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])


@bounded
@given(st.binary(max_size=60), st.integers(0, 6), st.binary(max_size=60), st.booleans())
def test_a_request_made_wrong_gives_the_same_events_however_it_is_cut(accidents, rounds, cuts, half_close):
    data = mutate(Choices(accidents), rounds)
    whole = conversation([data], half_close)
    assert conversation(pieces(data, Choices(cuts)), half_close) == whole


@bounded
@given(st.lists(st.sampled_from(SEEDS), max_size=4).map(b"".join), st.binary(max_size=40), st.booleans())
def test_requests_behind_each_other_give_the_same_events_however_they_are_cut(data, cuts, half_close):
    data = data[:1800]  # what one receive may bring
    assert conversation(pieces(data, Choices(cuts)), half_close) == conversation([data], half_close)


@bounded
@given(st.binary(max_size=1500), st.booleans())
def test_any_bytes_give_events_or_one_refusal(data, half_close):
    seen = conversation([data], half_close)
    assert [len(event) for event in seen[:-1]].count(1) == 0, "a refusal was not the last word"
