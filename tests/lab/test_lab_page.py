"""What docs/lab.md promises is so."""

import re
from pathlib import Path

import pytest

from nbmon.cli.lab import lab
from nbmon.lab import machine, registry, running, sampling
from nbmon.lab.experiment import Experiment, Finding, Settings
from nbmon.lab.experiments.threads.cases import CASES
from nbmon.lab.result import Result

PAGE = (Path(__file__).parents[2] / "docs" / "lab.md").read_text()
OPTIONS = {option for parameter in lab.params for option in parameter.opts if option.startswith("--")}


def table(head):
    """The first cells below a head."""
    lines = PAGE.partition(head)[2].partition("\n\n")[0].splitlines()[2:]
    return [word for line in lines for word in re.findall(r"`([\w -]+)`", line.split("|")[1])]


def test_the_keys_of_the_object_are_those_that_are_promised():
    made = Experiment("made", "?", lambda _s, _p: Finding([], "", True))
    told = Result(made, Settings(), {}, Finding([], "", True), 0.0).as_object()
    assert table("| key | is |") == list(told)


def test_every_option_of_the_page_is_one_and_none_is_missing():
    said = {word.split()[0] for word in re.findall(r"^\| `(--[\w]+[^`]*)`", PAGE, re.MULTILINE)}
    assert said == OPTIONS - {"--debug"}


@pytest.mark.parametrize("name", registry.TOUR)
def test_every_experiment_has_its_section_with_its_question(name):
    heading = f"### {name}: "
    assert heading in PAGE
    question = PAGE.partition(heading)[2].partition("\n")[0]
    assert question.casefold() == registry.find(name).question.casefold()


def test_the_numbers_of_the_page_are_those_of_the_code():
    assert f"more than {machine.DISTURBED:.0%}".replace("%", " %") in PAGE
    assert f"more\n  than {machine.STOLEN:.0%}".replace("%", " %") in PAGE
    assert machine.MEMORY_SHARE == 0.25 and "a quarter of the memory" in PAGE
    assert sampling.TARGET == 20_000_000 and "about 20 ms a run" in PAGE
    assert len(CASES) == 15 and "Fifteen small programs" in PAGE
    assert running.GRACE > 0


def test_its_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / link).exists(), link
