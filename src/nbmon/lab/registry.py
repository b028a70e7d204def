"""Which experiments there are, in the order of a tour. Each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from nbmon.lab.errors import LabMisuseError, near
from nbmon.lab.experiment import Experiment, Option

HOME = "nbmon.lab.experiments"
TOUR = (
    *("share", "memory", "spawn", "switch", "scale", "lock"),
    *("threads", "zombie", "daemon", "serve", "advise"),
)


def names() -> list[str]:
    """All that can be run by name."""
    return [name for name in TOUR if find_spec(f"{HOME}.{name}")]


def find(name: str) -> Experiment:
    """The experiment of this name. LabMisuseError with what is accepted."""
    known = names()
    if name not in known:
        hint = near(name, known)
        raise LabMisuseError(f"{name} is no experiment; there are {', '.join(known)}, and all.{hint}")
    return load(f"{HOME}.{name}")


def load(module: str) -> Experiment:
    """The experiment of a module."""
    found = import_module(module).EXPERIMENT
    assert isinstance(found, Experiment), module
    return found


def module_of(experiment: Experiment) -> str:
    """Where `load` finds it."""
    return experiment.module or f"{HOME}.{experiment.name}"


def options_of(experiment: Experiment, words: list[str], pairs: list[str]) -> dict[str, str]:
    """What was typed after the name, by keys that the experiment knows. LabMisuseError."""
    said = dict(_pair(experiment, pair) for pair in pairs)
    takers = [one for one in experiment.options if one.word]
    if len(words) > len(takers):
        raise LabMisuseError(_too_many(experiment, takers, words))
    said |= {taker.key: word for taker, word in zip(takers, words, strict=False)}
    for one in experiment.options:
        if one.required and one.key not in said:
            raise LabMisuseError(f"{experiment.name} needs {one.key.upper()}: {one.help}")
    return said


def _pair(experiment: Experiment, pair: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    known = {one.key: one for one in experiment.options}
    if key in known and equals:
        return key, value
    if key in known:
        raise LabMisuseError(f"--option {key} needs a value, as in --option {key}=…: {known[key].help}")
    raise LabMisuseError(f"{experiment.name} has no option {key}; {_accepted(known)}{near(key, list(known))}")


def _accepted(known: dict[str, Option]) -> str:
    return "it has " + ", ".join(f"{key}=…" for key in known) + "." if known else "it has none."


def _too_many(experiment: Experiment, takers: list[Option], words: list[str]) -> str:
    takes = " ".join(one.key.upper() for one in takers) or "no word"
    return f"{experiment.name} takes {takes} after its name, not {' '.join(words)}"
