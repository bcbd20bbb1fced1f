"""Stores, searches, retrieves and deletes with 16 clients at once, over HTTP: nothing fails, counts are exact, memory stays flat."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any, Final

from bench.hosting import LocalHost, running_local_host
from bench.images import multipart, multipart_type, uid, write_image

__all__ = ["print_load"]

_CLIENTS: Final = 16
_PHASES: Final = 5  # memory is read between them; the first is a warm-up
_ROUNDS: Final = 8  # studies of each client in a phase
_INSTANCES: Final = 3
_MOST_GROWTH: Final = 30  # MiB
_FILES: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class _Client:
    """One connection, and the study numbers that belong to it."""

    def __init__(self, port: int, number: int, requests: Counter[str]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._number = number
        self._requests = requests

    def phase(self, phase: int) -> None:
        """Store studies, look at each of them, and delete every second one."""
        for each in range(_ROUNDS):
            study = 100_000 + (phase * _CLIENTS + self._number) * _ROUNDS + each
            self._store(study)
            self._look(study)
            if each % 2:
                self._send("DELETE", f"/v2/studies/{uid(study)}", 204)
                self._send("GET", f"/v2/studies/{uid(study)}/metadata", 404)

    def count(self, path: str) -> int:
        number: int = json.loads(self._send("GET", f"/v2/{path}/count", 200))["count"]
        return number

    def _store(self, study: int) -> None:
        images = [write_image(study, 1, instance, size=64) for instance in range(1, _INSTANCES + 1)]
        self._send("POST", "/v2/studies", 200, multipart(images), {"Content-Type": multipart_type()})

    def _look(self, study: int) -> None:
        found = json.loads(self._send("GET", f"/v2/studies?PatientID=P{study}&includefield=NumberOfStudyRelatedInstances", 200))
        assert [result["00201208"]["Value"] for result in found] == [[_INSTANCES]], study
        self._send("GET", "/v2/studies?limit=20", 200)
        metadata = json.loads(self._send("GET", f"/v2/studies/{uid(study)}/metadata", 200))
        assert len(metadata) == _INSTANCES, study
        files = self._send("GET", f"/v2/studies/{uid(study)}", 200, headers={"Accept": _FILES})
        assert files.count(uid(study, 1, 1).encode()) >= 1, study

    def _send(self, method: str, path: str, status: int, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        self._connection.request(method, path, body, headers or {"Accept": "application/dicom+json"})
        response = self._connection.getresponse()
        content = response.read()
        assert response.status == status, (method, path, response.status, content[:500])
        with _lock:
            self._requests[method] += 1
        return content


_lock = threading.Lock()


def print_load() -> None:
    """Print a row for each phase: requests, rate, and the memory of the service."""
    with running_local_host() as host:
        requests: Counter[str] = Counter()
        clients = [_Client(host.port, number, requests) for number in range(_CLIENTS)]
        print(f"\n{f'{_CLIENTS} clients, mixed requests over HTTP':38}{'requests':>10}{'per second':>12}{'MiB':>6}")
        memory = [_phase(host, clients, phase, requests) for phase in range(_PHASES)]
        kept = _PHASES * _CLIENTS * _ROUNDS // 2
        counts: dict[str, Any] = {path: clients[0].count(path) for path in ("studies", "series", "instances")}
        assert counts == {"studies": kept, "series": kept, "instances": kept * _INSTANCES}, counts
        growth = memory[-1] - memory[0]
        print(f"counts are exact: {counts}; memory grew by {growth} MiB after the first phase")
        assert growth < _MOST_GROWTH, memory


def _phase(host: LocalHost, clients: list[_Client], phase: int, requests: Counter[str]) -> int:
    before, started = requests.total(), time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(lambda client: client.phase(phase), clients))
    sent = requests.total() - before
    memory = host.memory()
    print(f"{f'phase {phase + 1}':38}{sent:>10}{sent / (time.perf_counter() - started):>12.0f}{memory:>6}", flush=True)
    return memory
