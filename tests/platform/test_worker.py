"""The app under the worker library of Azure: it loads whole, and serves real requests."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from pydicom import dcmread
from pydicom.data import get_testdata_file

from dicom_core.http.routes import bindings
from local_host.routing import Route, Router
from local_host.template_parser import parse_template
from local_host.templates import Parameter, Template
from tests.dicom.factories import make_instance
from tests.platform.conftest import Deployed

_METHODS = {"GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS"}
_CT = str(get_testdata_file("CT_small.dcm", download=False))


def _trigger(functions: dict[str, list[dict[str, Any]]], name: str) -> dict[str, Any]:
    (trigger,) = (binding for binding in functions[name] if binding["type"].endswith("Trigger"))
    return trigger


def test_every_function_loads(deployed: Deployed) -> None:
    assert {binding.name for binding in bindings()} <= set(deployed.functions)
    assert all(_trigger(deployed.functions, name) for name in deployed.functions)


def test_names_are_those_that_the_host_takes(deployed: Deployed) -> None:
    for name, function in deployed.functions.items():
        assert re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,127}", name)
        assert [binding["name"] for binding in function if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*|\$return", binding["name"])] == []
    assert len({name.lower() for name in deployed.functions}) == len(deployed.functions)


def test_http_functions_list_their_methods_and_leave_access_to_us(deployed: Deployed) -> None:
    for name in deployed.functions:
        trigger = _trigger(deployed.functions, name)
        if trigger["type"] == "httpTrigger":
            assert trigger["methods"]
            assert set(trigger["methods"]) <= _METHODS
            assert trigger["authLevel"] == "ANONYMOUS"
            assert not trigger["route"].lower().startswith(("admin", "runtime"))


def _example(template: Template) -> str:
    values = {"version": "v2", "study": "1.2", "series": "1.2.3", "instance": "1.2.3.4", "frames": "1"}
    segments = (
        "".join(part if isinstance(part, str) else values.get(part.name, "1") for part in segment)
        for segment in template.segments
        if not (isinstance(segment[0], Parameter) and segment[0].catch_all)
    )
    return "/" + "/".join(segments)


def test_no_route_hides_another(deployed: Deployed) -> None:
    triggers = {name: _trigger(deployed.functions, name) for name in deployed.functions}
    router = Router(
        Route(name, frozenset(trigger["methods"]), parse_template(trigger["route"]), name)
        for name, trigger in triggers.items()
        if trigger["type"] == "httpTrigger"
    )
    for route in router.routes:
        path = _example(route.template)
        for method in route.methods:
            found = router.find(method, path)
            assert found is not None, (method, path)
            assert found[0] == route.name, (method, path)


@pytest.fixture
def stored(deployed: Deployed) -> Iterator[str]:
    """URL of an instance that was stored by a chunked upload."""
    header = dcmread(_CT, stop_before_pixels=True)
    study = f"{deployed.url}/v2/studies/{header.StudyInstanceUID}"
    with open(_CT, "rb") as file:
        answer = requests.post(
            f"{deployed.url}/v2/studies",
            data=iter(lambda: file.read(1000), b""),
            headers={"Content-Type": "application/dicom", "Accept": "application/dicom+json"},
            timeout=30,
        )
    assert answer.ok, answer.text
    yield f"{study}/series/{header.SeriesInstanceUID}/instances/{header.SOPInstanceUID}"
    assert requests.delete(study, timeout=30).status_code == 204


def test_stored_file_comes_back(stored: str) -> None:
    answer = requests.get(stored, headers={"Accept": "application/dicom; transfer-syntax=*"}, timeout=30)
    assert answer.status_code == 200
    with open(_CT, "rb") as file:
        assert answer.content[128:] == file.read()[128:]


def test_stored_study_is_found(deployed: Deployed, stored: str) -> None:
    found = requests.get(f"{deployed.url}/v2/studies?PatientID=1CT1&limit=5", timeout=30).json()
    assert [study["0020000D"]["Value"][0] for study in found] == [stored.split("/")[5]]


def test_head_has_the_headers_of_get(stored: str) -> None:
    headers = {"Accept": "application/dicom; transfer-syntax=*"}
    get, head = requests.get(stored, headers=headers, timeout=30), requests.head(stored, headers=headers, timeout=30)
    names = {name.lower() for name in get.headers} - {"date", "x-correlation-id"}
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers.get(name) for name in names} == {name: get.headers.get(name) for name in names}


def _peak(deployed: Deployed) -> int:
    """Most memory that the worker, and the stand-in in its process, ever had, in MiB."""
    status = Path(f"/proc/{deployed.process_id}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


@contextmanager
def _large(deployed: Deployed) -> Iterator[tuple[str, int]]:
    """URL and size of an instance of 192 MiB, stored by a chunked upload."""
    rows, columns = 12 * 1024, 16 * 1024
    pixels = bytes(rows * columns)
    file = make_instance(study="1.9", series="1.9.1", instance="1.9.1.1", rows=rows, columns=columns, pixel_data=pixels)
    pieces = (file[start : start + 65536] for start in range(0, len(file), 65536))
    assert requests.post(f"{deployed.url}/v2/studies", data=pieces, headers={"Content-Type": "application/dicom"}, timeout=60).ok
    yield f"{deployed.url}/v2/studies/1.9/series/1.9.1/instances/1.9.1.1", len(file)
    assert requests.delete(f"{deployed.url}/v2/studies/1.9", timeout=30).status_code == 204


_AS_STORED = {"Accept": "application/dicom; transfer-syntax=*"}


def test_large_bodies_stream_both_ways(deployed: Deployed) -> None:
    before = _peak(deployed)
    with _large(deployed) as (url, size):
        for headers in (_AS_STORED, {"Accept": "*/*"}):
            with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
                assert answer.ok
                assert sum(len(piece) for piece in answer.iter_content(65536)) >= size
    assert _peak(deployed) - before < 96


def _await_forgotten(deployed: Deployed) -> None:
    deadline = time.monotonic() + 20
    while requests.get(f"{deployed.url}/admin/remembered", timeout=30).json() != 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_clients_that_leave_are_forgotten(deployed: Deployed) -> None:
    before = _peak(deployed)
    with _large(deployed) as (url, _):
        for _ in range(5):
            with requests.get(url, headers=_AS_STORED, stream=True, timeout=60) as answer:
                assert next(answer.iter_content(65536))
        _await_forgotten(deployed)
    assert _peak(deployed) - before < 96


def test_uploads_that_are_broken_off_store_nothing(deployed: Deployed) -> None:
    file = make_instance(study="1.8", series="1.8.1", instance="1.8.1.1")
    address = ("127.0.0.1", int(deployed.url.rpartition(":")[2]))
    head = b"POST /v2/studies HTTP/1.1\r\nHost: h\r\nContent-Type: application/dicom\r\n"
    length, chunk = b"Content-Length: %d\r\n\r\n" % (len(file) + 1), b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(file)
    for framing in (length, chunk):
        with socket.create_connection(address, timeout=30) as connection:
            connection.sendall(head + framing + file)
            time.sleep(1)  # or else the stand-in may give up before the worker has heard of the request
    _await_forgotten(deployed)
    assert requests.get(f"{deployed.url}/v2/studies/1.8/metadata", timeout=30).status_code == 404


def test_requests_at_once_keep_apart(deployed: Deployed) -> None:
    def store_and_read(number: int) -> str:
        uid = f"1.7.{number}"
        study = f"{deployed.url}/v2/studies/{uid}"
        file = make_instance(study=uid, series=f"{uid}.1", instance=f"{uid}.1.1", PatientID=f"P{number}")
        assert requests.post(study, data=file, headers={"Content-Type": "application/dicom"}, timeout=60).ok
        (metadata,) = requests.get(f"{study}/metadata", timeout=60).json()
        assert requests.delete(study, timeout=60).status_code == 204
        return str(metadata["00100020"]["Value"][0])

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(store_and_read, range(1, 49))) == [f"P{number}" for number in range(1, 49)]


def test_log_names_no_patient(deployed: Deployed) -> None:
    for path in ("studies?PatientName=Doe^Jane", "studies?Doe^Jane=1", "Doe^Jane", "studies/Doe^Jane"):
        requests.get(f"{deployed.url}/v2/{path}", headers={"Accept": "*/*", "Referer": "http://h/?Doe^Jane"}, timeout=30)
    for log in deployed.logs:
        assert "Doe" not in log.read_text(encoding="utf-8")


def test_parameters_of_a_partitioned_route_arrive(deployed: Deployed) -> None:
    answer = requests.get(f"{deployed.url}/V2/Partitions/nowhere/STUDIES", timeout=30)
    assert answer.status_code == 400


def test_unknown_paths_and_methods_reach_the_last_function(deployed: Deployed) -> None:
    assert requests.get(f"{deployed.url}/v2/nothing/here", timeout=30).status_code == 404
    assert requests.get(f"{deployed.url}/v2%2Fstudies", timeout=30).status_code == 404
    assert requests.patch(f"{deployed.url}/v2/studies", timeout=30).status_code == 405
    assert requests.patch(f"{deployed.url}/v2/studies/", timeout=30).status_code == 405
    assert requests.get(f"{deployed.url}/", timeout=30).headers["Content-Type"].startswith("text/html")


def test_worker_forgets_finished_requests(deployed: Deployed) -> None:
    for _ in range(5):
        requests.get(f"{deployed.url}/v2/studies", timeout=30)
    assert requests.get(f"{deployed.url}/admin/remembered", timeout=30).json() == 0


def test_timer_runs(deployed: Deployed) -> None:
    timers = [name for name in deployed.functions if _trigger(deployed.functions, name)["type"] == "timerTrigger"]
    assert timers
    for name in timers:
        assert requests.post(f"{deployed.url}/admin/functions/{name}", timeout=30).json() == 1  # Success
