"""What the verbs' words have in common: options, names, the command after `--`, completion."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from nbmon.services.service import Options

Function = TypeVar("Function", bound=Callable[..., Any])
COMPLETE = "_NBMON_COMPLETE"
LONGEST = 86400  # seconds
DIGITS = 16  # of a number that is read


class Settings:
    """What is said beside the verb's own words."""

    def __init__(self) -> None:
        self.debug = False
        self.command: tuple[str, ...] = ()  # what stands after `--`


class Verbs(click.Group):
    """The list of verbs, in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """As they were defined, not by the alphabet."""
        return list(self.commands)


class Verb(click.Command):
    """A verb that takes a command after `--`, whose words are nobody else's options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Click drops the `--`, which is what tells a command from a TARGET."""
        if "--" in args:
            at = args.index("--")
            args, command = args[:at], args[at + 1 :]
            if not command:
                raise click.UsageError("there is no command after --, as in -- redis-server --port 7001", ctx)
            ctx.ensure_object(Settings).command = tuple(command)
        return super().parse_args(ctx, args)


class Port(click.ParamType[int]):
    """A port, or 0 for any free one."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """A number from 0 to 65535; click's own usage error otherwise."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= 65535):
            self.fail(
                f"{text} is not a port; give a number from 1 to 65535, or 0 for any free one", param, ctx
            )
        return int(text)


class Workers(click.ParamType[int | str]):
    """How many workers, or `auto`."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """A number from 1, or `auto`; click's own usage error otherwise."""
        text = str(value)
        if text == "auto":
            return text
        if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) > 0):
            self.fail(f"{text} is not a number of workers; give a number from 1, or auto", param, ctx)
        return int(text)


class Seconds(click.ParamType[float]):
    """A time; click's own range lets "nan" through, and says "valid float range" of what is no number."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A number from 0 to LONGEST; click's own usage error otherwise."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= LONGEST:
            self.fail(
                f"{value} is not a number of seconds; give one from 0 to {LONGEST}, as in 2.5", param, ctx
            )
        return seconds


class Whole(click.ParamType[int]):
    """A whole number between two bounds."""

    name = "n"

    def __init__(self, least: int, most: int | None = None) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; click's own usage error otherwise."""
        text = str(value)
        digits = text.removeprefix("-")
        number = int(text) if digits.isascii() and digits.isdigit() and len(digits) < DIGITS else None
        if number is None or number < self.least or (self.most is not None and number > self.most):
            to = "" if self.most is None else f" to {self.most}"
            self.fail(f"{text} is not accepted; give a whole number from {self.least}{to}", param, ctx)
        return number


def options(said: dict[str, Any]) -> Options:
    """The options that were given, with paths made absolute where the user stands."""
    from nbmon.services.service import Options
    from nbmon.services.serving import FILES, STDOUT

    for key in ("log", *FILES):
        if said.get(key) not in (None, STDOUT):
            said[key] = os.path.abspath(os.path.expanduser(said[key]))  # noqa: PTH100, PTH111 - costs an import
    for key, value in said.items():
        if value == ():  # of one that may be repeated, and was not said
            said[key] = None
    return Options(**said)


def _note_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Settings).debug = True


def _not_empty(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value == "":
        raise click.BadParameter("it is empty; nbmon status shows the names of what runs")
    return value


def complete_names(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of what runs."""
    from nbmon.services import control

    try:
        return [CompletionItem(name) for name in control.names() if name.startswith(begun)]
    except Exception:  # a Tab has nowhere to complain to
        return []


def _complete_targets(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    from nbmon.services import config

    try:
        found = config.load(None)
    except Exception:  # a Tab has nowhere to complain to
        found = None
    names = [name for name in (found.services if found else ()) if name.startswith(begun)]
    return [*(CompletionItem(name) for name in names), CompletionItem(begun, type="dir")]


debug = click.option(
    "--debug", is_flag=True, expose_value=False, is_eager=True, callback=_note_debug, help="Show tracebacks."
)
target = click.argument("target", nargs=-1, metavar="TARGET", shell_complete=_complete_targets)
name = click.argument("name", shell_complete=complete_names, callback=_not_empty)
optional_name = click.argument("name", required=False, shell_complete=complete_names, callback=_not_empty)
grace = click.option(
    "--grace",
    type=Seconds(),
    metavar="SECONDS",
    help="Between SIGTERM and SIGKILL; 10 by default.",
)
config = click.option("--config", metavar="FILE", type=click.Path(), help="Instead of nbmon.toml here.")
_SERVICE_OPTIONS = (
    click.option(
        "--name", metavar="NAME", help="By which it is stopped and shown; the target's own by default."
    ),
    click.option(
        "--host", metavar="HOST", help="Where a picture server listens; 127.0.0.1 by default, * for all."
    ),
    click.option("--port", type=Port(), help="9085 by default, 0 for any free one."),
    click.option("--workers", type=Workers(), help="How many serve; 1 by default."),
    click.option("--model", type=click.Choice(["coroutine", "thread", "process"]), help="How they serve."),
    click.option("--log", metavar="FILE", help="Instead of nbmon's own place for logs."),
    click.option(
        "--start-timeout",
        type=Seconds(),
        metavar="SECONDS",
        help="Until ready; 30 by default.",
    ),
    click.option(
        "--restart",
        type=click.Choice(["permanent", "transient", "temporary"]),
        help="Whether it comes back: always (a picture server), unless it ended well (start -- COMMAND), "
        "never (run -- COMMAND).",
    ),
    click.option(
        "--prefix",
        is_flag=True,
        default=None,
        help="Begin each worker's lines in the log with its name.",
    ),
    config,
    click.option(
        "--listen",
        multiple=True,
        metavar="ADDR[:PORT]",
        help="Also unix:/path and systemd; several places, each by an option of its own.",
    ),
    click.option("--tls-cert", metavar="FILE", help="Speak TLS with this certificate, or those of a folder."),
    click.option("--tls-key", metavar="FILE", help="The certificate's key, if it is not in the same file."),
    click.option("--access-log", metavar="FILE", help="A line for each answer; - for stdout."),
    click.option("--access-log-format", type=click.Choice(["combined", "json"]), help="combined by default."),
    click.option(
        "--metrics",
        metavar="ADDR:PORT",
        help="Where Prometheus and health checks ask; also unix:/path, or public: under /-/.",
    ),
    click.option("--auth", metavar="FILE", help="Ask for a password; FILE is one of htpasswd -B."),
    click.option("--cors", multiple=True, metavar="ORIGIN", help="Let this site's pages read; * for all."),
    click.option("--cache-control", multiple=True, metavar="PATTERN=VALUE", help="As in '*.jpg=max-age=60'."),
    click.option("--base-path", metavar="PATH", help="Serve under PATH, as in /photos."),
    click.option("--header", multiple=True, metavar="NAME: VALUE", help="On every answer."),
    click.option(
        "--limit", multiple=True, metavar="NAME=VALUE", help="As in idle=30 (seconds) or connections=1000."
    ),
    click.option(
        "--processing",
        type=click.Choice(["all", "presets", "none"]),
        help="Whose pictures are resized by ?w=320 and the like: anybody's by default.",
    ),
    click.option(
        "--only-presets", "processing", flag_value="presets", help="The same as --processing presets."
    ),
    click.option(
        "--preset",
        multiple=True,
        metavar="NAME=QUERY",
        help="As in 'thumb=w=320&h=240', for ?p=thumb.",
    ),
    click.option("--sign-key", metavar="FILE", help="Process for signed addresses alone (nbmon sign)."),
    click.option("--cache-size", metavar="SIZE", help="Of processed pictures on disk; 2GB by default."),
    click.option("--max-megapixels", metavar="N", help="Of a picture that is processed; 100 by default."),
    click.option(
        "--show-location",
        is_flag=True,
        default=None,
        help="Tell where pictures were taken.",
    ),
)


def service_options(function: Function) -> Function:
    """The options of `run` and `start`."""
    for option in reversed(_SERVICE_OPTIONS):
        function = option(function)
    return function


def completion_source(cli: click.Command, shell: str) -> str:
    """The script for `shell`. Click's class would start bash to ask its version, which changes nothing."""
    from click.shell_completion import ShellComplete, get_completion_class

    found = get_completion_class(shell)
    assert found is not None, shell
    return ShellComplete.source(found(cli, {}, "nbmon", COMPLETE))
