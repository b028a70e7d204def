"""A database opened at the top of the module: its descriptor is one that no Python object shows."""

import sqlite3
import sys
import time

from nbmon import Daemon

DATABASE = sqlite3.connect("global.sqlite")
DATABASE.execute("create table if not exists signs (word)")
DATABASE.commit()


class Recording(Daemon):
    def run(self):
        DATABASE.execute("insert into signs values ('alive')")
        DATABASE.commit()
        print(DATABASE.execute("select word from signs").fetchone()[0], flush=True)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Recording("shape.pid"), sys.argv[-1])()
