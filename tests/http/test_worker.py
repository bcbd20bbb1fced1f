from __future__ import annotations

import logging
import sys
from types import ModuleType

import pytest
from starlette.requests import Request
from starlette.responses import Response

from dicom_core.http.worker import forget_after_response, silence_access_log


def _request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize("name", ["azure_functions_worker.http_v2", "azure_functions_runtime.http_v2"])
async def test_worker_forgets_the_request(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    class Coordinator:
        _context_references = {"one": object(), "two": object()}

    module = ModuleType(name)
    monkeypatch.setattr(module, "http_coordinator", Coordinator(), raising=False)
    monkeypatch.setitem(sys.modules, name, module)
    response = Response()
    forget_after_response(_request(x_ms_invocation_id="one"), response)
    assert response.background is not None
    await response.background()
    assert Coordinator._context_references.keys() == {"two"}


@pytest.mark.parametrize("coordinator", [None, object()])
async def test_other_workers_are_left_alone(monkeypatch: pytest.MonkeyPatch, coordinator: object) -> None:
    module = ModuleType("azure_functions_worker.http_v2")
    monkeypatch.setattr(module, "http_coordinator", coordinator, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    response = Response()
    forget_after_response(_request(x_ms_invocation_id="one"), response)
    assert response.background is not None
    await response.background()


def test_nothing_is_done_outside_of_the_worker() -> None:
    response = Response()
    forget_after_response(_request(), response)
    assert response.background is None


def test_access_log_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("uvicorn.access")
    before = list(logger.filters)
    try:
        silence_access_log()
        with caplog.at_level(logging.INFO):
            logger.info("GET /v2/studies?PatientName=Doe")
        assert not caplog.records
    finally:
        logger.filters = before
