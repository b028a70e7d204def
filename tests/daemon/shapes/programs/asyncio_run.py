"""asyncio.run() inside run()."""

import asyncio
import sys

from nbmon import Daemon


class Looping(Daemon):
    async def main(self):
        while True:
            print("alive", flush=True)
            await asyncio.sleep(0.2)

    def run(self):
        asyncio.run(self.main())


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Looping("shape.pid"), sys.argv[-1])()
