"""What docs/server.md tells of options is so, and its example is right."""

import re
from pathlib import Path

from nbmon.services import config, limits, serving

PAGE = (Path(__file__).parents[2] / "docs" / "server.md").read_text()


def test_every_option_stands_in_the_table():
    named = set(re.findall(r"^\| `--([\w-]+)", PAGE, re.MULTILINE))
    assert {key.replace("_", "-") for key in serving.KEYS} <= named


def test_the_example_of_all_options_is_right():
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    options = config.parse(example).options("holiday")
    assert [key for key in serving.KEYS if getattr(options, key) is None] == []
    assert serving.fault(options) is None


def test_the_metrics_of_the_page_are_those_that_are_told():
    from nbmon.pictures.tally import Tally
    from nbmon.serve.ledger import Ledger
    from nbmon.serve.metrics import exposition
    from nbmon.services import processed_counts

    text = exposition(Ledger().snapshot()) + processed_counts.exposition(Tally().counts())
    told = set(re.findall(r"^# TYPE (\w+)", text.decode(), re.MULTILINE))
    first_cells = re.findall(r"^\| (`nbmon_.*?`) \|", PAGE, re.MULTILINE)
    assert told == set(re.findall(r"`(nbmon_\w+)`", " ".join(first_cells)))


def test_the_limits_of_the_table_have_their_defaults():
    section = PAGE.partition("## Limits\n")[2].partition("\n## ")[0]
    told = {}
    for row in re.findall(r"^\| (`.*?) \| ([\d, ]+) \|", section, re.MULTILINE):
        told |= dict(zip(re.findall(r"`(\w+)`", row[0]), map(float, row[1].split(", ")), strict=True))
    assert told == limits.names()
