"""The app on the local host, as its own process, and requests byte by byte."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.local_host.running import Host, running_host

__all__ = ["Connection", "Reply", "running_app"]

_REPOSITORY = Path(__file__).parents[2]


@contextmanager
def running_app(folder: Path, **settings: str) -> Iterator[Host]:
    """The service on an embedded store in a folder; settings are named as in `dicom_core.settings`."""
    environment = {f"DICOM_{name.upper()}": value for name, value in settings.items()}
    with running_host(_REPOSITORY, environment={"DICOM_STORAGE": "embedded", "DICOM_DATA": str(folder), **environment}) as host:
        yield host


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A connection on which requests are written as bytes, one after the other."""

    def __init__(self, host: Host) -> None:
        self._socket = socket.create_connection(host.address, timeout=30)

    @classmethod
    @contextmanager
    def to(cls, host: Host) -> Iterator[Connection]:
        connection = cls(host)
        with closing(connection._socket):
            yield connection

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._socket.sendall(piece)

    def receive(self, method: str = "GET") -> Reply:
        """Read the next response, and no byte more."""
        response = http.client.HTTPResponse(self._socket, method=method)
        response.begin()
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, body)

    def receive_line(self) -> bytes:
        """Read a line and the empty one behind it: an interim response without headers."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += self._socket.recv(1)
        return data.removesuffix(b"\r\n\r\n")

    def request(self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, *, headers: Iterable[str] = ()) -> Reply:
        """Send a request, in chunks if the body is not bytes, and read the answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: dicom.test", *headers]
        if isinstance(body, bytes):
            lines.append(f"Content-Length: {len(body)}")
        elif body is not None:
            lines.append("Transfer-Encoding: chunked")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if isinstance(body, bytes):
            self.send(body)
        elif body is not None:
            for chunk in body:
                self.send(f"{len(chunk):x}\r\n".encode(), chunk, b"\r\n")
            self.send(b"0\r\n\r\n")
        return self.receive(method)
