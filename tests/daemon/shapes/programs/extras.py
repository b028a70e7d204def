"""The later variant's extras: home_dir, umask and verbose, arguments handed from start() to run()."""

import os
import sys
import time

from nbmon import Daemon


class Extra(Daemon):
    def run(self, greeting="nobody came"):
        print(greeting, oct(os.umask(0o027)))
        while True:
            time.sleep(1)


if __name__ == "__main__":
    here = os.getcwd()
    extra = Extra("shape.pid", stdout="extra.log", stderr="extra.log", home_dir=here, umask=0o027, verbose=0)
    verb = sys.argv[-1]
    if verb == "start":
        extra.start("alive")
    elif verb == "stop":
        extra.stop()
    elif verb == "status":
        print(f"running as {extra.get_pid()}" if extra.is_running() else "stopped")
    else:
        sys.exit(2)
