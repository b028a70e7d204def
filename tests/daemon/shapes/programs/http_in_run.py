"""A web server made in run(); stop() overridden with a guard that only matters in the daemon."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from nbmon import Daemon


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")


class Web(Daemon):
    server = None

    def run(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        print("alive", self.server.server_port, flush=True)
        self.server.serve_forever()

    def stop(self):
        if self.server:
            self.server.socket.close()
        super().stop()


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Web("shape.pid"), sys.argv[-1])()
