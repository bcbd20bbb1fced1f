from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.requests import Request

from dicom_core.health import HealthService
from dicom_core.http.endpoint import endpoint
from dicom_core.http.policies import Policies
from dicom_core.http.routes import ROUTES
from dicom_core.services import Services
from dicom_core.settings import Settings
from dicom_core.storage.ports import StorageUnavailable
from tests.http.driver import open_client


async def test_healthy_service(tmp_path: Path) -> None:
    async with open_client(tmp_path) as client:
        answer = await client.get("/health/check")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert "api-supported-versions" not in answer.headers
    assert answer.json["overallStatus"] == "Healthy"
    assert [(each["name"], each["status"], each["data"]) for each in answer.json["details"]] == [
        ("fileStore", "Healthy", {}),
        ("index", "Healthy", {}),
    ]


@pytest.mark.parametrize("broken", ["tables", "blobs"])
async def test_broken_store_makes_the_service_unhealthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise StorageUnavailable("secret key")

    async with open_client(tmp_path) as client:
        store = getattr(client.services.index, broken)
        monkeypatch.setattr(store, "get" if broken == "tables" else "read", fails)
        answer = await client.get("/health/check")
    assert answer.status == 503
    assert answer.headers["retry-after"].isdecimal()
    assert answer.json["overallStatus"] == "Unhealthy"
    assert sorted(each["status"] for each in answer.json["details"]) == ["Healthy", "Unhealthy"]
    assert "secret" not in answer.text


async def test_storage_that_cannot_be_opened_makes_the_service_unhealthy() -> None:
    async def closed() -> Services:
        raise StorageUnavailable("secret key")

    (route,) = (route for route in ROUTES if route.name == "health")
    policies = Policies.from_settings(Settings(storage="embedded"))
    scope = {"type": "http", "method": "GET", "path": "/health/check", "query_string": b"", "headers": []}
    answer = await endpoint(route, closed, policies)(Request(scope))
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/json"
    assert b"secret" not in bytes(answer.body)
    assert json.loads(bytes(answer.body)) == {
        "overallStatus": "Unhealthy",
        "details": [{"name": "storage", "status": "Unhealthy", "description": "It cannot be opened.", "data": {}}],
    }


async def test_result_is_kept_for_some_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    now = 1000.0
    async with open_client(tmp_path) as client:
        tables = client.services.index.tables
        get = tables.get

        async def counted(table: str, partition_key: str, row_key: str) -> object:
            asked.append(row_key)
            return await get(table, partition_key, row_key)

        monkeypatch.setattr(tables, "get", counted)
        health = HealthService(tables, client.services.index.blobs, now=lambda: now)
        for now in (1000.0, 1004.0, 1006.0, 1007.0):  # noqa: B007 - the clock reads it
            assert all(dependency.healthy for dependency in await health.check())
    assert asked.count("health") == 2  # the sweep at the start asks for other rows
