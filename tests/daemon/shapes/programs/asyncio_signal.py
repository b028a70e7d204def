"""An event loop that takes SIGTERM itself, by add_signal_handler."""

import asyncio
import signal
import sys

from nbmon import Daemon


class Graceful(Daemon):
    async def main(self):
        finish = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, finish.set)
        print("alive", flush=True)
        await finish.wait()
        print("told to go")

    def run(self):
        asyncio.run(self.main())


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Graceful("shape.pid"), sys.argv[-1])()
