"""The event loop made at the top of the module, before start(): its selector must live on."""

import asyncio
import sys

from nbmon import Daemon

LOOP = asyncio.new_event_loop()


class Preloaded(Daemon):
    async def tick(self):
        print("alive", flush=True)
        await asyncio.sleep(0.2)
        LOOP.create_task(self.tick())  # noqa: RUF006 - as such programs do

    def run(self):
        LOOP.create_task(self.tick())  # noqa: RUF006 - as such programs do
        LOOP.run_forever()


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Preloaded("shape.pid"), sys.argv[-1])()
