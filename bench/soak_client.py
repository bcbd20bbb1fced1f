"""The only client of a server under soak: streams both ways, and prints what each request took."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from bench.hosting import LocalHost
from bench.images import write_image

__all__ = ["DICOM_FILE", "DICOM_FILES", "FRAME", "HEADING", "SoakClient"]

DICOM_FILE = "application/dicom; transfer-syntax=*"
DICOM_FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAME = "application/octet-stream; transfer-syntax=*"
HEADING = f"{'embedded store, one client':52}{'MB':>10}{'seconds':>10}{'MB/s':>8}{'growth MiB':>12}"

_PIECE = 1 << 20
_MEASURABLE = 50_000_000  # bytes that make a rate mean something

_Check = Callable[[bytes], object]


class SoakClient:
    """One connection to one server; `most_growth` is the most that its memory grew in a request, in MiB."""

    def __init__(self, host: LocalHost) -> None:
        self.most_growth = 0
        self._host = host
        self._connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=600)
        self._send("POST", "/v2/studies", iter([write_image(999, 1, 1)]), {"Content-Type": "application/dicom"})  # loads modules

    def store(self, title: str, body: Iterable[bytes], content_type: str = "application/dicom") -> None:
        """Store by a chunked upload."""
        with self._row(title) as count:
            self._send("POST", "/v2/studies", map(count, body), {"Content-Type": content_type})

    def retrieve(self, title: str, path: str, accept: str, check: _Check) -> None:
        """Retrieve a body and hand its pieces to `check`, as they come."""
        with self._row(title) as count:
            for piece in self._receive("GET", path, None, {"Accept": accept}):
                check(count(piece))

    def delete(self, title: str, path: str) -> None:
        with self._row(title):
            self._send("DELETE", path, None, {})

    def _send(self, method: str, path: str, body: Iterator[bytes] | None, headers: dict[str, str]) -> bytes:
        return b"".join(self._receive(method, path, body, headers))

    def _receive(self, method: str, path: str, body: Iterator[bytes] | None, headers: dict[str, str]) -> Iterator[bytes]:
        self._connection.request(method, path, body, headers, encode_chunked=True)
        response = self._connection.getresponse()
        assert response.status in (200, 204), (method, path, response.status, response.read(500))
        return iter(lambda: response.read(_PIECE), b"")

    @contextmanager
    def _row(self, title: str) -> Iterator[Callable[[bytes], bytes]]:
        """Print what a request took; what it gives counts the bytes that pass through it."""
        size = 0

        def count(piece: bytes) -> bytes:
            nonlocal size
            size += len(piece)
            return piece

        self._host.forget_peak()
        before, started = self._host.memory(), time.perf_counter()
        yield count
        seconds, growth = time.perf_counter() - started, max(0, self._host.peak_memory() - before)
        self.most_growth = max(self.most_growth, growth)
        rate = f"{size / 1e6 / seconds:.0f}" if size > _MEASURABLE else ""
        print(f"{title:52}{size / 1e6:>10.1f}{seconds:>10.3f}{rate:>8}{growth:>12}", flush=True)
