"""Measures latencies over HTTP, against a local host of its own on an empty folder."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count, islice
from typing import Any

from bench.hosting import running_local_host
from bench.images import TILES, multipart, multipart_type, uid, write_image, write_picture, write_slide

__all__ = ["print_latencies"]

_JSON = {"Accept": "application/dicom+json"}
_TILE = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
_FILES = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}


class _Client:
    """Keeps one connection per thread, as browsers and viewers do."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._local = threading.local()

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> None:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
        assert response.status in (200, 202, 204), (method, path, response.status, content[:500])

    def get(self, path: str, headers: dict[str, str] | None = None) -> None:
        self.send("GET", path, headers=headers or _JSON)

    def store(self, *images: bytes) -> None:
        self.send("POST", "/v2/studies", multipart(list(images)), {"Content-Type": multipart_type(), **_JSON})


def print_latencies() -> None:
    """Print a table: median, 95th percentile and rate of each workload."""
    with running_local_host() as host:
        client = _Client(host.port)
        print(f"\n{'over HTTP, embedded store':38}{'n':>6}{'median ms':>12}{'p95 ms':>10}{'per second':>12}")
        for title, together, requests in _workloads(client):
            _row(title, together, requests)


Request = partial[None]


def _workloads(client: _Client) -> Iterator[tuple[str, int, list[Request]]]:
    """Yield a title, how many requests to have under way at a time, and the requests, their bodies ready."""
    small = (write_image(study, 1, 1) for study in count(1))
    slices = (write_image(900, 1, instance, size=512) for instance in count(1))
    studies = [uid(study) for study in range(950, 958)]
    a_slice = f"/v2/studies/{uid(900)}/series/{uid(900, 1)}/instances/{uid(900, 1, 1)}"

    def repeat(number: int, *arguments: Any) -> list[Request]:
        return [partial(client.get, *arguments)] * number

    yield "store a small instance", 1, [partial(client.store, image) for image in islice(small, 152)]
    yield "store a small instance, 8 at a time", 8, [partial(client.store, image) for image in islice(small, 302)]
    yield "store a CT slice (0.5 MB)", 1, [partial(client.store, image) for image in islice(slices, 52)]
    yield (
        "store 50 CT slices, one request",
        1,
        [partial(client.store, *(write_image(study, 1, number, size=512) for number in range(1, 51))) for study in range(950, 958)],
    )
    patients = [partial(client.get, f"/v2/studies?PatientID=P{study}") for study in range(1, 403)]
    yield "search by PatientID", 1, patients[:202]
    yield "search by PatientID, 8 at a time", 8, patients
    yield "search, 100 studies", 1, repeat(52, "/v2/studies?limit=100")
    yield "metadata of an instance", 1, repeat(202, f"{a_slice}/metadata")
    yield "metadata of 50 instances", 1, repeat(52, f"/v2/studies/{studies[0]}/metadata")
    yield "retrieve a CT slice", 1, repeat(202, a_slice, _FILES)
    yield "retrieve a CT slice, 8 at a time", 8, repeat(402, a_slice, _FILES)
    yield "retrieve 50 CT slices (26 MB)", 1, repeat(17, f"/v2/studies/{studies[0]}", _FILES)
    yield from _pixels(client)
    yield "delete a study of 50", 1, [partial(client.send, "DELETE", f"/v2/studies/{study}") for study in studies]


def _pixels(client: _Client) -> Iterator[tuple[str, int, list[Request]]]:
    """Yield, likewise, what asks for frames and pictures."""
    client.store(write_picture(901), write_slide(902))
    slide, picture = (f"/v2/studies/{uid(study)}/series/{uid(study, 1)}/instances/{uid(study, 1, 1)}" for study in (902, 901))
    tiles = [partial(client.get, f"{slide}/frames/{number * 7 % TILES + 1}", _TILE) for number in range(402)]
    yield "retrieve a tile (60 KB) of a slide", 1, tiles
    yield "a tile of a slide, 16 at a time", 16, tiles
    row = ",".join(map(str, range(1, 33)))
    yield "retrieve 32 tiles in a row (2 MB)", 1, [partial(client.get, f"{slide}/frames/{row}", _TILE)] * 102
    for title, resource, accept in (
        ("render a CT slice as JPEG", "rendered", "image/jpeg"),
        ("render a CT slice as PNG", "rendered", "image/png"),
        ("render a thumbnail", "thumbnail", "image/jpeg"),
        ("CT frame as JPEG 2000", "frames/1", 'multipart/related; type="image/jp2"'),
        ("CT frame as HTJ2K", "frames/1", 'multipart/related; type="image/jphc"'),
    ):
        requests = [partial(client.get, f"{picture}/{resource}", {"Accept": accept})] * 102
        yield title, 1, requests
        yield f"{title}, 8 at a time", 8, requests


def _row(title: str, together: int, requests: list[Request]) -> None:
    """Run the requests, the first two as a warm-up, and print what the others took."""
    seconds: list[float] = []

    def timed(request: Request) -> None:
        started = time.perf_counter()
        request()
        seconds.append(time.perf_counter() - started)

    for request in requests[:2]:
        request()
    started = time.perf_counter()
    if together == 1:
        for request in requests[2:]:
            timed(request)
    else:
        with ThreadPoolExecutor(together) as pool:
            list(pool.map(timed, requests[2:]))
    elapsed = time.perf_counter() - started
    median, high = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    print(f"{title:38}{len(seconds):>6}{median * 1000:>12.2f}{high * 1000:>10.2f}{len(seconds) / elapsed:>12.0f}", flush=True)
