"""Files of others, as nbmon.toml has them."""

from nbmon.services import config
from nbmon.services.convert import circus, ini, procfile, supervisord
from nbmon.services.convert.programs import Notes, World, written

WORLD = World({"HOME": "/home/ann", "PORT": "7000"}, "box", "/etc")


def from_supervisord(content, world=WORLD):
    notes = Notes()
    sections = ini.read(content, "supervisord.conf", ini.SUPERVISORD)
    made = written(supervisord.programs(sections, world, notes), notes, "supervisord.conf")
    return config.parse(made.text).services, made.sentences


def from_procfile(content):
    notes = Notes()
    made = written(procfile.programs(content, "Procfile", notes), notes, "Procfile")
    return config.parse(made.text).services, made.sentences


def program(lines):
    """The one service of a [program:web] with `lines`."""
    found, _ = from_supervisord(f"[program:web]\n{lines}")
    (table,) = found.values()
    return table


def from_circus(content, world=WORLD):
    notes = Notes()
    made = written(
        circus.programs(ini.read(content, "circus.ini", ini.CIRCUS), world, notes), notes, "circus.ini"
    )
    return config.parse(made.text).services, made.sentences
