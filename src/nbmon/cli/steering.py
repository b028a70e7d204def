"""The verbs for the workers of a service: scale, events, and restart of one."""

from __future__ import annotations

import click

from nbmon.cli import words


@click.command()
@click.argument("worker", metavar="NAME/WORKER")
@click.argument("count", metavar="N", type=words.Whole(0))
@words.debug
def scale(worker: str, count: int) -> int:
    """Let there be N of a worker.

    Returns once they run; those with the highest numbers leave first.

    \b
      nbmon scale web/resizer 8
    """
    from nbmon.services import steering

    name = steering.scale(worker, count)
    click.echo(f"{name} has {count} of {worker.partition('/')[2]}")
    return 0


@click.command()
@words.name
@words.debug
def upgrade(name: str) -> int:
    """Let NAME run the code of nbmon that is installed now.

    Its process stays, with its sockets and workers; then new workers take the old ones' places. No request is
    lost. If the new code cannot take over, the old goes on, and the reason is said.
    """
    from nbmon.services import control, steering

    known = control.find(name)
    pid = steering.upgrade(known) if known else None
    if known is None or pid is None:
        click.echo(f"nbmon: {control.unknown(name)}", err=True)
        return 1
    click.echo(f"{known.name} is upgraded (pid {pid})")
    return 0


@click.command()
@words.name
@click.option("--json", "as_json", is_flag=True, help="For programs: one object a line.")
@words.debug
def events(name: str, as_json: bool) -> int:
    """Show what happens to the workers of NAME.

    As it happens, until NAME ends, or Ctrl-C.
    """
    import json
    import time

    from nbmon.services import steering

    for event in steering.events(name):
        if as_json:
            click.echo(json.dumps(event))
            continue
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["time"]))
        why = f": {event['why']}" if event.get("why") else ""
        pid = f" (pid {event['pid']})" if event.get("pid") else ""
        click.echo(f"{when} {event['worker'] or name} {event['event']}{pid}{why}")
    return 0


def restarted(name: str) -> bool:
    """Restart a single worker, if that is what `name` means."""
    from nbmon.services import steering

    found = steering.split(name)
    if found is None:
        return False
    known, worker = found
    steering.restart(known, worker)
    click.echo(f"{known.name}/{worker} is restarted")
    return True
