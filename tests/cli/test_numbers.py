"""Numbers typed wrongly: what was given, what is accepted; none of them reaches a service."""

import pytest

SECONDS = "give one from 0 to 86400"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "soon", "", "1e9", "-0.5"])
@pytest.mark.parametrize("words", [["stop", "--grace"], ["start", "--start-timeout"]], ids=lambda w: w[0])
def test_what_is_no_number_of_seconds_is_refused(nbmon, words, value):
    done = nbmon(*words, value, "anything", code=2)
    assert f"{value} is not a number of seconds; {SECONDS}" in done.stderr


@pytest.mark.parametrize("value", ["three", "1.5", "-1", "", "٣", "9" * 5000])
def test_what_is_no_whole_number_is_refused(nbmon, value):
    assert "give a whole number from 0" in nbmon("scale", "web/worker", "--", value, code=2).stderr
    assert "give a whole number from 0" in nbmon("logs", "-n", value, "web", code=2).stderr
    done = nbmon("unit", "--kubernetes", "--image", "x", "--replicas", value, ".", code=2)
    assert "give a whole number from 1 to 10000" in done.stderr


def test_a_time_may_be_a_fraction_and_nought(nbmon):
    assert "x is not running" in nbmon("stop", "--grace", "0.25", "x").stderr
    assert "x is not running" in nbmon("stop", "--grace", "0", "x").stderr
