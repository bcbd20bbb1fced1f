"""The app under the worker library of Azure: it loads whole, and serves real requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pydicom import dcmread
from pydicom.data import get_testdata_file

from dicom_core.http.routes import bindings
from local_host.routing import Route, Router
from local_host.template_parser import parse_template
from local_host.templates import Parameter, Template
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


def test_parameters_of_a_partitioned_route_arrive(deployed: Deployed) -> None:
    answer = requests.get(f"{deployed.url}/V2/Partitions/nowhere/STUDIES", timeout=30)
    assert answer.status_code == 400


def test_unknown_paths_and_methods_reach_the_last_function(deployed: Deployed) -> None:
    assert requests.get(f"{deployed.url}/v2/nothing/here", timeout=30).status_code == 404
    assert requests.patch(f"{deployed.url}/v2/studies", timeout=30).status_code == 405


def test_worker_forgets_finished_requests(deployed: Deployed) -> None:
    for _ in range(5):
        requests.get(f"{deployed.url}/v2/studies", timeout=30)
    assert requests.get(f"{deployed.url}/admin/remembered", timeout=30).json() == 0


def test_timer_runs(deployed: Deployed) -> None:
    timers = [name for name in deployed.functions if _trigger(deployed.functions, name)["type"] == "timerTrigger"]
    assert timers
    for name in timers:
        assert requests.post(f"{deployed.url}/admin/functions/{name}", timeout=30).json() == 1  # Success
