"""daemonize() with streams by keyword and nothing else: no pid file of the kit's."""

import os
import sys
import time

from nbmon import daemonize

here = os.getcwd()
daemonize(stderr=os.path.join(here, "err.log"), stdout=os.path.join(here, "out.log"))
with open(os.path.join(here, "shape.pid"), "w") as pidfile:
    print(os.getpid(), file=pidfile)
while True:
    print("alive", flush=True)
    print("also", file=sys.stderr)
    time.sleep(0.3)
