"""A package index on loopback with one wheel, that can be slow, cut its answers, or go wrong."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME, VERSION = "tinyweeks", "1.0"
FILE = f"{NAME}-{VERSION}-py3-none-any.whl"


def wheel(files: Mapping[str, bytes]) -> bytes:
    """A wheel with these files, which pip takes."""
    info = f"{NAME}-{VERSION}.dist-info"
    described = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in (dict(files) | described).items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return sink.getvalue()


class Index:
    """The index; `mode` is whole, slow, cut or altered, and may be changed while it serves."""

    def __init__(self, content: bytes, port: int) -> None:
        self.content, self.mode, self.n_asked = content, "whole", 0
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.url = f"http://127.0.0.1:{port}/simple"
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends the server."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """The page that links the wheel, or the wheel."""
        is_file = request.path.endswith(".whl")
        page = f'<!doctype html><a href="/{FILE}">{FILE}</a>'.encode()
        content = self.content if is_file else page
        request.send_response(200)
        kind = "application/octet-stream" if is_file else "text/html"
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if not is_file:
            request.wfile.write(content)
            return
        self.n_asked += 1
        self._send(request, content)

    def _send(self, request: BaseHTTPRequestHandler, content: bytes) -> None:
        half = content[: len(content) // 2]
        match self.mode:
            case "whole":
                request.wfile.write(content)
            case "altered":
                request.wfile.write(
                    half + bytes([content[len(half)] ^ 1]) + content[len(half) + 1 :]
                )
            case "cut":
                request.wfile.write(half)
                request.close_connection = True
            case _:
                request.wfile.write(half)
                self.closing.wait()
