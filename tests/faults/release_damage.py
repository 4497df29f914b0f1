"""What somebody else does to a release: damaged route files, a server on a slot's port."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines import storage
from pipelines.rollout.gateway import route_file
from pipelines.rollout.moves import Route
from tests.integration.running import wait_until


def truncate(path: Path) -> None:
    """A route file cut off."""
    storage.write_atomic(path, path.read_bytes()[:100])


def put_another_schema(path: Path) -> None:
    """A route file that is JSON and no route."""
    content = {"version_info": "999", "resources": [{"@type": "nonsense"}]}
    storage.write_atomic(path, json.dumps(content).encode())


def edit_in_place(path: Path) -> None:
    """A route file written without a rename."""
    path.write_text(json.dumps(route_file(Route("999", None))))


@contextmanager
def stranger(port: int, *, shares: bool) -> Iterator[None]:
    """Somebody else's server that answers 200 to everything."""
    program = f"""
import http.server, socket
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_port = {shares}
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"hi")
Server(("127.0.0.1", {port}), Answer).serve_forever()
"""
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_open(port), "the stranger listens")
        yield
    finally:
        process.kill()
        process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
