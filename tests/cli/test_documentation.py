"""What docs/command-line.md tells of verbs, options and keys is so; its examples are right."""

import re
from pathlib import Path

import pytest

from nbmon.cli.app import cli
from nbmon.services import config

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
OPTIONS = {verb: {word for one in made.params for word in one.opts} for verb, made in cli.commands.items()}


def section(title):
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows(title):
    """The cells of the tables in a section, without their heads."""
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if "---" not in line][
        1:
    ]


def test_the_verbs_of_the_page_are_all_that_there_are():
    assert sorted(re.match(r"`(\w+)", row[0])[1] for row in rows("Verbs")) == sorted(cli.commands)


@pytest.mark.parametrize("row", rows("Options"), ids=lambda row: row[0])
def test_an_option_of_the_page_is_one_of_its_verbs(row):
    names = set(re.findall(r"`(-[\w-]+)", row[0]))
    verbs = [verb for verb in row[1].split(", ") if verb in OPTIONS]
    if row[1] not in ("nbmon", "all"):
        verbs = verbs or sorted(set(OPTIONS) & {"start", "stop", "logs"})  # "all but …"
        assert [verb for verb in verbs if not names <= OPTIONS[verb]] == []
        assert not names <= OPTIONS["completion"]


@pytest.mark.parametrize("verb", sorted(cli.commands))
def test_every_option_has_help(verb):
    options = [one for one in cli.commands[verb].params if one.param_type_name == "option"]
    assert [one.name for one in options if not one.help] == []


def test_the_keys_of_the_page_are_those_of_the_file():
    keys = {key for row in rows("nbmon.toml") for key in re.findall(r"`(\w+)`", row[0])}
    assert keys >= {"target", "command", "host", "port", "model", "workers", "log", "directory"}
    assert keys <= set(config.ACCEPTED)


def test_the_example_of_the_file_is_right():
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert set(config.parse(example).services) == {"holiday", "monitor", "db"}


def test_the_example_of_a_wrong_file_is_what_is_said():
    (said,) = re.findall(r"^nbmon: (nbmon\.toml, line 3: .*?), … Did you mean port\?$", PAGE, re.MULTILINE)
    with pytest.raises(config.ServiceError, match=r"Did you mean port\?$") as caught:
        config.parse('[services.holiday]\ntarget = "pictures"\nprot = 8000\n')
    assert str(caught.value).startswith(said)
