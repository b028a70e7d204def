"""The verbs about processed pictures: `sign`, and `cache show|clear|warm`."""

from __future__ import annotations

import sys

import click

from nbmon.cli import words

key = click.option("--key", "key_file", metavar="FILE", help="The server's --sign-key.")


@click.command()
@click.argument("url")
@click.option("--key", "key_file", metavar="FILE", required=True, help="The server's --sign-key.")
@click.option(
    "--for",
    "seconds",
    type=words.Whole(1, 3_162_240_000),
    metavar="SECONDS",
    help="How long it is good; for ever by default.",
)
@click.option("--base-path", metavar="PATH", default="", help="The server's --base-path, if it has one.")
@words.debug
def sign(url: str, key_file: str, seconds: int | None, base_path: str) -> int:
    """Sign the URL of a processed picture.

    A server with --sign-key makes pictures for such addresses alone. Prints the URL with its signature.

    \b
      nbmon sign --key secret.key 'http://127.0.0.1:9085/a.jpg?w=320'
      nbmon sign --key secret.key --for 3600 '/a.jpg?w=320&fm=webp'
    """
    from nbmon.services import caching
    from nbmon.services.processing import read_key

    click.echo(caching.sign(url, read_key(key_file), seconds, base_path))
    return 0


@click.group()
def cache() -> None:
    """Look after the processed pictures on disk: show, clear, warm."""


@cache.command()
@words.debug
def show() -> int:
    """Show where the cache is, and how much is in it."""
    from nbmon.pictures.names import bytes_for_people
    from nbmon.services import caching

    shown = caching.show()
    click.echo(f"{shown.path}\n{_counted(shown.total.files)}, {bytes_for_people(shown.total.bytes)}")
    return 0


@cache.command()
@words.debug
def clear() -> int:
    """Remove every processed picture; running servers make them anew when they are asked."""
    from nbmon.pictures.names import bytes_for_people
    from nbmon.services import caching

    shown = caching.clear()
    click.echo(f"removed {_counted(shown.total.files)}, {bytes_for_people(shown.total.bytes)}")
    return 0


@cache.command()
@words.name
@click.argument("query")
@key
@words.debug
def warm(name: str, query: str, key_file: str | None) -> int:
    """Have every picture of the running NAME made as QUERY asks.

    \b
      nbmon cache warm pictures 'w=480&h=360&fit=crop&auto=format'
    """
    from nbmon.services import caching
    from nbmon.services.processing import read_key

    with_key = None if key_file is None else read_key(key_file)
    warmed = caching.warm(name, query, with_key, _progress)
    for line in warmed.failed:
        click.echo(f"nbmon: {line}", err=True)
    click.echo(f"{_counted(warmed.pictures - len(warmed.failed))} made or there already")
    return 1 if warmed.failed else 0


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {of}" + ("\n" if done == of else ""), err=True, nl=False)


def _counted(number: int) -> str:
    return f"{number} {'picture' if number == 1 else 'pictures'}"
