"""A small XCAP server for the demo: documents with entity tags, in memory.

``python examples/xcap_server.py [PORT]`` serves on 127.0.0.1.
"""

import itertools
import sys
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    documents: dict[str, tuple[bytes, str]] = {}  # noqa: RUF012
    tags = itertools.count(1)

    def do_GET(self):
        body, etag = self.documents.get(self.path, (None, None))
        if body is None:
            self.answer(404)
        elif self.headers.get("If-None-Match") == etag:
            self.answer(304, etag=etag)
        else:
            self.answer(200, body, etag)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, etag = self.documents.get(self.path, (None, None))
        wanted = self.headers.get("If-Match")
        if wanted is not None and wanted != etag:
            self.answer(412)
            return
        tag = f'"{next(self.tags)}"'
        self.documents[self.path] = (body, tag)
        self.answer(200 if etag else 201, etag=tag)

    def answer(self, code, body=b"", etag=None):
        self.send_response(code)
        if etag:
            self.send_header("ETag", etag)
        if code != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *args):
        pass


@contextmanager
def serving(port=0):
    """The server on a free port; yields the address of its XCAP root."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/xcap-root"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with serving(int(sys.argv[1]) if len(sys.argv) > 1 else 8089) as address:
        print(f"serving on {address}; Ctrl-C ends", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
