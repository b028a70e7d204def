"""docs/elsewhere.md: its commands are commands, and its example becomes what it says."""

import re
import shlex
from pathlib import Path

import click
import pytest

from nbmon.cli import app
from nbmon.services.convert import ini, supervisord
from nbmon.services.convert.programs import Notes, World, written

PAGE = (Path(__file__).parents[2] / "docs" / "elsewhere.md").read_text()
COMMANDS = re.findall(r"^(?:@reboot +|ssh host )?nbmon ([^|>\n]+)", PAGE, re.MULTILINE)


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return found


def test_the_page_has_its_commands():
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_is_one_that_can_be_typed(line):
    verb, *words = shlex.split(line)
    with app.cli.commands[verb].make_context(verb, words, parent=click.Context(app.cli, obj=app.Settings())):
        pass  # a word that is no option, or one too many, is a UsageError


def test_the_example_becomes_what_the_page_says():
    file, notes = "/etc/supervisor/supervisord.conf", Notes()
    sections = ini.read(block("ini"), file, ini.SUPERVISORD)
    made = written(supervisord.programs(sections, World({}), notes), notes, file)
    assert made.text == block("toml")
    lost = [sentence.partition(": ")[2].partition(" has no counterpart")[0] for sentence in made.sentences]
    assert lost == ["[program:web] umask = 022"]
