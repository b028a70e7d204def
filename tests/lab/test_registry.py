"""Which experiments there are, and what may be said to them."""

import pytest

from nbmon.lab import registry
from nbmon.lab.errors import LabMisuseError
from nbmon.lab.experiment import Experiment, Finding, Option

PLAIN = Experiment("plain", "?", run=lambda _s, _p: Finding([], "", True))
ASKS = Experiment(
    "asks",
    "?",
    run=PLAIN.run,
    options=(Option("target", "module:function", word=True, required=True), Option("seconds", "a number")),
)


@pytest.mark.parametrize("name", registry.names())
def test_every_experiment_is_found_and_asks_its_question(name):
    found = registry.find(name)
    assert found.name == name
    assert found.question.endswith("?")
    assert registry.load(registry.module_of(found)) is found


def test_the_tour_begins_with_what_is_shared():
    assert registry.names()[0] == "share"
    assert {"share", "memory", "threads", "zombie", "daemon"} <= set(registry.names())


def test_a_wrong_name_is_told_what_there_is():
    with pytest.raises(
        LabMisuseError, match=r"shar is no experiment; there are share, memory.*Did you mean share\?"
    ):
        registry.find("shar")


def test_a_word_and_options_reach_the_keys():
    assert registry.options_of(ASKS, ["m:f"], ["seconds=3=4"]) == {"target": "m:f", "seconds": "3=4"}
    assert registry.options_of(ASKS, [], ["target=m:f"]) == {"target": "m:f"}
    assert registry.options_of(PLAIN, [], []) == {}


@pytest.mark.parametrize(
    ("experiment", "words", "pairs", "said"),
    [
        (ASKS, [], [], "asks needs TARGET: module:function"),
        (ASKS, ["a", "b"], [], "asks takes TARGET after its name, not a b"),
        (PLAIN, ["4711"], [], "plain takes no word after its name, not 4711"),
        (PLAIN, [], ["x=1"], "plain has no option x; it has none."),
        (ASKS, ["t"], ["second=1"], "it has target=…, seconds=…. Did you mean seconds?"),
        (ASKS, ["t"], ["seconds"], "--option seconds needs a value, as in --option seconds=…: a number"),
    ],
)
def test_what_makes_no_sense_is_said_with_what_is_accepted(experiment, words, pairs, said):
    with pytest.raises(LabMisuseError) as caught:
        registry.options_of(experiment, words, pairs)
    assert said in str(caught.value)
