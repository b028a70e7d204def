"""The verbs for those who come from other supervisors, or live under one: print, and change nothing."""

from __future__ import annotations

from typing import Any

import click

from nbmon.cli import words
from nbmon.cli.words import Settings


@click.command(cls=words.Verb)
@words.target
@words.service_options
@click.option("--socket", is_flag=True, help="A socket unit too: systemd listens, also during a restart.")
@click.option("--user", metavar="USER", default="", help="Who shall run it; a user made for it by default.")
@click.option("--kubernetes", is_flag=True, help="A Kubernetes manifest instead.")
@click.option("--compose", is_flag=True, help="A Compose file instead.")
@click.option("--image", metavar="IMAGE", help="The image for --kubernetes and --compose.")
@click.option(
    "--replicas", type=words.Whole(1, 10_000), metavar="N", help="Pods of --kubernetes; 2 by default."
)
@words.debug
def unit(target: tuple[str, ...], **said: Any) -> int:
    """Print a systemd unit for TARGET.

    Hardened, Type=notify, with the options of `start`. Instead: --kubernetes or --compose, with --image.

    \b
      nbmon unit /srv/pictures > /etc/systemd/system/pictures.service
      nbmon unit --name db -- redis-server --port 7001
      nbmon unit --kubernetes --image example.com/pictures:1.0 /srv/pictures
    """
    click.echo(_written(target, said), nl=False)
    return 0


def _written(target: tuple[str, ...], said: dict[str, Any]) -> str:
    own = {key: said.pop(key) for key in ("socket", "user", "kubernetes", "compose", "image", "replicas")}
    _check(own)
    plan = _plan(target, said, own["user"])
    if own["kubernetes"]:
        from nbmon.services.units.kubernetes import manifest

        return manifest(plan, own["image"], own["replicas"] or 2)
    if own["compose"]:
        from nbmon.services.units.compose import compose

        return compose(plan, own["image"])
    from nbmon.services.units import systemd

    service = systemd.unit(plan, socket=own["socket"])
    return f"{service}\n{systemd.socket_unit(plan)}" if own["socket"] else service


def _check(own: dict[str, Any]) -> None:
    """The options that do not go together. click.UsageError."""
    contained = [f"--{key}" for key in ("kubernetes", "compose") if own[key]]
    if len(contained) > 1:
        raise click.UsageError("--kubernetes and --compose print one file each; give one of the two")
    systems = [f"--{key}" for key in ("socket", "user") if own[key]]
    if contained and systems:
        raise click.UsageError(f"{systems[0]} is systemd's; {contained[0]} has nothing of the kind")
    if contained and not own["image"]:
        raise click.UsageError(f"{contained[0]} needs --image, as in --image example.com/pictures:1.0")
    if own["image"] and not contained:
        raise click.UsageError("--image is for --kubernetes and --compose; a systemd unit runs what is here")
    if own["replicas"] and not own["kubernetes"]:
        raise click.UsageError("--replicas is for --kubernetes")


def _plan(target: tuple[str, ...], said: dict[str, Any], user: str) -> Any:
    from nbmon.services.units import here

    context = click.get_current_context()
    command = context.find_object(Settings).command  # type: ignore[union-attr]  # main gave it
    if len(target) > 1:
        raise click.UsageError(f"give one TARGET; a command stands after --, as in -- {' '.join(target)}")
    name, config = said.pop("name"), said.pop("config")
    word = target[0] if target else None
    return here.plan(word, command, words.options(said), name, config, flags=_flags(context), user=user)


def _flags(context: click.Context) -> frozenset[str]:
    """The options that `nbmon run` takes, by their keys."""
    root = context.find_root().command
    run = root.commands["run"] if isinstance(root, click.Group) else context.command
    return frozenset(param.name for param in run.params if param.name and isinstance(param, click.Option))


@click.command()
@click.argument("file", type=click.Path())
@click.option(
    "--kind",
    type=click.Choice(["supervisord", "procfile", "circus"]),
    help="What FILE is; by its name and content otherwise.",
)
@words.debug
def convert(file: str, kind: str | None) -> int:
    """Print the nbmon.toml for another's FILE.

    FILE is a supervisord.conf, a Procfile or a circus.ini. What has no counterpart is listed on stderr.

    \b
      nbmon convert /etc/supervisor/supervisord.conf > nbmon.toml
    """
    from nbmon.services.convert.reading import convert as converted_from

    converted = converted_from(file, kind)
    for sentence in converted.sentences:
        click.echo(f"nbmon: {sentence}", err=True)
    click.echo(converted.text, nl=False)
    return 0
