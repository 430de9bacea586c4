"""The HTTP services that the example scripts ask: numbers, rates, fraud, call records.

``python examples/lookup_server.py [PORT]`` serves on 127.0.0.1.
"""

import json
import sys
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NETWORKS = {"+4930123456": "north", "+4989654321": "south"}
BLOCKED = {"mallory"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One segment for an answer: else the body waits for the acknowledgement of the head.
    wbufsize = -1

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        first, _, rest = url.path.lstrip("/").partition("/")
        if first == "number":
            network = NETWORKS.get(rest)
            self.answer(200 if network else 404, network or "unknown number")
        elif first == "lookup":
            network = NETWORKS.get(rest)
            found = {"number": rest, "network": network}
            self.answer(200 if network else 404, json.dumps(found))
        elif first == "carrier":
            self.answer(200, "carrier-a.example\nprice 0.012")
        elif first in ("fraud", "check"):
            caller = query.get("from") or query.get("caller")
            code = 403 if caller in BLOCKED and first == "fraud" else 200
            self.answer(code, "block" if caller in BLOCKED else "pass")
        elif first == "cdr":
            self.answer(200, "stored")
        else:
            self.answer(404, "no such service")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(200, "carrier-b.example" if self.path == "/rates" else "stored")

    def answer(self, code, text):
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of five, the usual number, a load test fills up in no time


@contextmanager
def serving(port=0):
    """The server on a free port; yields its address."""
    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with serving(int(sys.argv[1]) if len(sys.argv) > 1 else 8088) as address:
        print(f"serving on {address}; Ctrl-C ends", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
