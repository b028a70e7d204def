"""`nbmon` as the user nobody, who may not read root's own Python: all that it may need is loaded before."""

import importlib
import os
import pkgutil
import sys

import nbmon

NOBODY = 65534
LATER = (
    "ctypes difflib encodings.idna encodings.unicode_escape fcntl inspect json logging mmap pwd select "
    "setproctitle shlex shutil socket struct tempfile threading tomllib traceback unicodedata uuid"
)


def main():
    found = pkgutil.walk_packages(nbmon.__path__, "nbmon.")
    for name in [*LATER.split(), *(module.name for module in found if module.name != "nbmon.__main__")]:
        importlib.import_module(name)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    from nbmon.cli import main as nbmon_main

    nbmon_main(sys.argv[1:])


main()
