"""click: one command a verb, each of which makes the daemon anew."""

import time

import click

from nbmon import Daemon


class Clicked(Daemon):
    def run(self):
        click.echo("alive")
        while True:
            time.sleep(1)


@click.group()
@click.option("--pid", default="shape.pid")
@click.pass_context
def cli(ctx, pid):
    ctx.obj = {"pid": pid}


@cli.command()
@click.pass_obj
def start(obj):
    Clicked(obj["pid"]).start()


@cli.command()
@click.pass_obj
def stop(obj):
    Clicked(obj["pid"]).stop()


@cli.command()
@click.pass_obj
def restart(obj):
    Clicked(obj["pid"]).restart()


if __name__ == "__main__":
    cli()
