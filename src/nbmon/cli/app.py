"""The verbs. Each reads its words, calls one function of services, prints what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import nbmon
from nbmon.cli import elsewhere, lab, processing, steering, top, web, words
from nbmon.cli import status as status_
from nbmon.cli.words import Settings

if TYPE_CHECKING:
    from nbmon.services.control import Started

LAST_LINES = 100

__all__ = ["Settings", "cli"]


@click.group(cls=words.Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(nbmon.__version__, message="nbmon %(version)s")
@words.debug
def cli() -> None:
    """Runs Python programs, commands and picture servers as well-behaved daemons.

    \b
      nbmon start ./pictures    serve a folder's pictures; prints the address
      nbmon status              what runs, since when, where
      nbmon stop pictures       end it

    TARGET is a folder, module:Class (a Daemon of yours), a name of nbmon.toml, or -- COMMAND ARG…
    """


@cli.command(cls=words.Verb)
@words.target
@words.service_options
@words.debug
def run(target: tuple[str, ...], **said: Any) -> int:
    """Run TARGET here, in the foreground.

    Ctrl-C stops it. Its log is the terminal, its exit code is the service's own.
    """
    from nbmon.services import control

    control.run(_service(target, said))
    return 0


@cli.command(cls=words.Verb)
@words.target
@words.service_options
@words.debug
def start(target: tuple[str, ...], **said: Any) -> int:
    """Start TARGET as a daemon.

    Returns once it is ready; exits 1 with the reason if that cannot be, and then nothing is left of it.

    \b
      nbmon start ./pictures
      nbmon start monitor:MonitorDaemon
      nbmon start --name db -- redis-server --port 7001
    """
    from nbmon.services import control

    _say_started(control.start(_service(target, said)))
    return 0


@cli.command()
@words.name
@words.grace
@words.debug
def stop(name: str, grace: float | None) -> int:
    """Stop NAME; return once it is gone.

    SIGTERM, then SIGKILL after the grace time. No failure if it does not run.
    """
    from nbmon.services import control

    known = control.find(name)
    if known is None:
        click.echo(f"nbmon: {control.unknown(name)}", err=True)
        return 0
    ended = control.stop(known, grace)
    if ended.pid is None:
        swept = "; what it had left behind is removed" if ended.swept else ""
        click.echo(f"nbmon: {ended.name} was not running{swept}", err=True)
    else:
        how = ", with SIGKILL: it did not end by itself in time" if ended.killed else ""
        click.echo(f"{ended.name} is stopped (pid {ended.pid}{how})")
    return 0


@cli.command()
@words.name
@words.grace
@words.config
@words.debug
def restart(name: str, grace: float | None, config: str | None) -> int:
    """Stop NAME and start it anew.

    With the same options. What does not run is started. NAME/worker restarts that worker alone.
    """
    from nbmon.services import control

    if "/" in name and steering.restarted(name):
        return 0
    ended, started = control.restart(name, grace, config)
    if ended is None or ended.pid is None:
        click.echo(f"nbmon: {ended.name if ended else name} was not running; it is started", err=True)
    _say_started(started)
    return 0


@cli.command()
@words.name
@words.debug
def reload(name: str) -> int:
    """Let NAME open its log and its files anew.

    By SIGHUP: the log after a rotation, the folder of a picture server, `on_reload` of a class. A command
    that does nothing on SIGHUP is left alone. Of several workers, new ones serve before the old ones end.
    """
    from nbmon.services import control, steering

    known = control.find(name)
    pid = steering.reload(known) if known else None
    if known is None or pid is None:
        click.echo(f"nbmon: {control.unknown(name)}", err=True)
        return 1
    click.echo(f"{known.name} reloads (pid {pid})")
    return 0


@cli.command()
@words.optional_name
@click.option(
    "--json", "as_json", is_flag=True, help="For programs: an object, or without NAME a list of them."
)
@words.debug
def status(name: str | None, as_json: bool) -> int:
    """Show what runs.

    NAME alone, or everything.

    Exits 0 if it runs, 1 if it is dead and left its pid file, 3 if it does not run.
    """
    text, code = status_.told(name, as_json)
    click.echo(text, nl=False)
    return code


@cli.command()
@words.name
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    type=words.Whole(0),
    metavar="N",
    default=LAST_LINES,
    help="The last N lines.",
    show_default=True,
)
@words.config
@words.debug
def logs(name: str, follow: bool, lines: int, config: str | None) -> int:
    """Show the log of NAME.

    Also when it does not run.
    """
    from nbmon.cli import show
    from nbmon.services import control

    show.log(control.log_of(name, config), lines, follow=follow)
    return 0


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script of a shell.

    With it, a shell completes nbmon's verbs, options, names and folders.

    \b
      bash:  nbmon completion bash > ~/.local/share/bash-completion/completions/nbmon
      zsh:   nbmon completion zsh > ~/.zfunc/_nbmon      (with ~/.zfunc in fpath)
      fish:  nbmon completion fish > ~/.config/fish/completions/nbmon.fish
    """
    click.echo(words.completion_source(cli, shell))
    return 0


cli.add_command(elsewhere.unit)
cli.add_command(elsewhere.convert)
cli.add_command(steering.scale)
cli.add_command(steering.events)
cli.add_command(steering.upgrade)
cli.add_command(top.top)
cli.add_command(web.web)
cli.add_command(lab.lab)
cli.add_command(processing.sign)
cli.add_command(processing.cache)


def _service(target: tuple[str, ...], said: dict[str, Any]) -> Any:
    from nbmon.services import targets

    name, config = said.pop("name"), said.pop("config")
    command = click.get_current_context().find_object(Settings).command  # type: ignore[union-attr]  # main gave it
    if len(target) > 1:
        words_ = " ".join(target)
        raise click.UsageError(f"give one TARGET; a command stands after --, as in nbmon start -- {words_}")
    word = target[0] if target else None
    return targets.resolve(word, command, words.options(said), name, config)


def _say_started(started: Started) -> None:
    from nbmon.services.errors import printable

    note = f": {printable(started.note)}" if started.note else ""
    click.echo(started.url or f"{started.name} is running (pid {started.pid}){note}")
