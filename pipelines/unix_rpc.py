"""XML-RPC over a Unix socket, with a time limit on every call."""

import http.client
import socket
import xmlrpc.client
from pathlib import Path
from typing import Any

CALL_SECONDS = 5.0

Fault = xmlrpc.client.Fault


def call(path: Path, method: str, *arguments: Any) -> Any:
    """What a method answers.

    Raises:
        OSError: Nobody answers at the socket, or not in time.
        Fault: The method refuses.
    """
    try:
        with xmlrpc.client.ServerProxy("http://localhost", _Transport(path)) as proxy:
            return getattr(proxy, method)(*arguments)
    except (http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
        raise ConnectionError(str(error)) from error


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CALL_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CALL_SECONDS)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> _Connection:  # noqa: ARG002 -- the path says where
        return _Connection(self._path)
