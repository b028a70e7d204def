"""`nbmon lab`: reads the words, lets the laboratory try, shows what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from nbmon.cli import words

if TYPE_CHECKING:
    from nbmon.lab.experiment import Experiment, Settings
    from nbmon.lab.result import Result

ALL = "all"


def _complete(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    from nbmon.lab import registry

    return [CompletionItem(name) for name in (*registry.names(), ALL) if name.startswith(begun)]


@click.command()
@click.argument("name", required=False, metavar="[NAME|all]", shell_complete=_complete)
@click.argument("arguments", nargs=-1, metavar="[PID|TARGET]")
@click.option("--quick", is_flag=True, help="In seconds: fewer runs, smaller counts, wider intervals.")
@click.option("--json", "as_json", is_flag=True, help="For programs: an object; a list of them for all.")
@click.option("--plot", metavar="FILE", help="Draw the figures into FILE.svg or FILE.png (nbmon[lab]).")
@click.option("--html", metavar="FILE", help="Write a report: one file, with the plots inside.")
@click.option("--option", "pairs", multiple=True, metavar="KEY=VALUE", help="One of the experiment's own.")
@words.debug
def lab(  # noqa: PLR0917 - click calls it, by name
    name: str | None,
    arguments: tuple[str, ...],
    quick: bool,
    as_json: bool,
    plot: str | None,
    html: str | None,
    pairs: tuple[str, ...],
) -> int:
    """Try on this machine: process, thread or coroutine?

    Without NAME, the list of experiments. `all` makes them one after the other, in a few minutes.

    \b
      nbmon lab                          what there is
      nbmon lab switch --quick           what does a context switch cost?
      nbmon lab daemon 4711              is that process a proper daemon?
      nbmon lab advise module:function   which model for my function?
      nbmon lab all --html report.html
    """
    from nbmon.cli import labshow
    from nbmon.lab import registry
    from nbmon.lab.experiment import Settings

    if name is None:
        _no_more(arguments, pairs, quick, plot, html)
        click.echo(labshow.listed(as_json), nl=False)
        return 0
    outputs = labshow.Outputs(plot, html, as_json)
    outputs.check()
    if name == ALL:
        _no_more(arguments, pairs)
        chosen = [one for one in map(registry.find, registry.names()) if one.in_all]
        return _made([(one, Settings(quick)) for one in chosen], outputs, together=True)
    experiment = registry.find(name)
    options = registry.options_of(experiment, list(arguments), list(pairs))
    return _made([(experiment, Settings(quick, options))], outputs, together=False)


def _made(plan: list[tuple[Experiment, Settings]], outputs: object, together: bool) -> int:
    """Make them in turn; what was measured is shown whatever comes. The exit code."""
    from nbmon.cli import labshow
    from nbmon.lab.errors import LabError
    from nbmon.lab.running import Interrupted, run

    assert isinstance(outputs, labshow.Outputs)
    results: list[Result] = []
    code = 0
    for at, (experiment, settings) in enumerate(plan, start=1):
        place = f" ({at} of {len(plan)})" if together else ""
        try:
            with labshow.watching(f"{experiment.name}{place}") as watch:
                result = run(experiment, settings, watch)
        except Interrupted as stopped:
            result, code = stopped.result, 128 + stopped.number
        except LabError as error:
            if not together:
                raise
            click.echo(f"nbmon: {experiment.name}: {error}", err=True)  # the others' results are not lost
            code = 1
            continue
        results.append(result)
        outputs.one(result)
        if code > 1:
            break
    outputs.end(results, together)
    return code


def _no_more(words_: tuple[str, ...], pairs: tuple[str, ...], *others: object) -> None:
    """Neither the list nor `all` takes anything for one experiment."""
    if words_ or pairs:
        word = words_[0] if words_ else f"--option {pairs[0]}"
        raise click.UsageError(f"{word} is for one experiment, as in nbmon lab daemon 4711")
    if any(others):
        raise click.UsageError("name an experiment, or all; nbmon lab alone lists them")
