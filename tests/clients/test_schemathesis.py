"""Schemathesis asks what the OpenAPI document allows, and what it does not: no failure, no answer that is not documented."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema
from schemathesis.transport.asgi import ASGI_TRANSPORT
from starlette.types import Message, Receive, Scope, Send

from dicom_core.http.descriptions import PATH_PARAMETERS
from dicom_core.http.endpoint import endpoint
from dicom_core.http.fallback import FALLBACK_NAME, FALLBACK_TEMPLATE, METHODS, fallback
from dicom_core.http.policies import Policies
from dicom_core.http.routes import bindings
from dicom_core.identifiers import DEFAULT_PARTITION
from dicom_core.services import OpenServices
from dicom_core.settings import Settings
from local_host.functions import read_app
from local_host.http_trigger import HttpApp
from local_host.routing import Router
from tests.dicom.factories import make_instance

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_OPERATIONS = [binding.name for binding in bindings() if binding.route.versions]


@ASGI_TRANSPORT.serializer("application/dicom")
def _as_file(_: schemathesis.SerializationContext, value: Any) -> dict[str, Any]:
    return {"data": _bytes(value)}


@ASGI_TRANSPORT.serializer("multipart/related")
def _as_multipart(_: schemathesis.SerializationContext, value: Any) -> dict[str, Any]:
    framed = b"--frontier\r\nContent-Type: application/dicom\r\n\r\n" + _bytes(value) + b"\r\n--frontier--\r\n"
    return {"data": framed, "headers": {"Content-Type": 'multipart/related; type="application/dicom"; boundary=frontier'}}


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class _Application:
    """The service as an ASGI application that opens and closes with it, and has the instance that the examples name."""

    def __init__(self, folder: Path) -> None:
        configured = Settings(storage="embedded", data=str(folder))
        policies = Policies.from_settings(configured)
        self._services = OpenServices(configured)
        app = func.FunctionApp()
        for binding in bindings():
            function = endpoint(binding.route, self._services, policies)
            app.function_name(binding.name)(app.route(binding.template, methods=binding.route.methods)(function))
        app.function_name(FALLBACK_NAME)(app.route(FALLBACK_TEMPLATE, methods=METHODS)(fallback(policies)))
        self._http = HttpApp(Router(read_app(app).routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
            return
        while True:
            message: Message = await receive()
            if message["type"] == "lifespan.startup":
                await self._seed()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._services.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _seed(self) -> None:
        services = await self._services()
        for name in (DEFAULT_PARTITION, "north-hospital"):
            await services.store.store(await services.partitions.ensure(name), _files(make_instance()), study=None, lenient=True)


async def _files(content: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    yield chunks()


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Application]:
    yield _Application(tmp_path_factory.mktemp("store"))
    shutdown_lifespans()


@pytest.fixture(scope="module", params=["v1", "v2"])
def interface(request: pytest.FixtureRequest, application: _Application) -> OpenApiSchema:
    return schemathesis.openapi.from_asgi(f"/{request.param}/api.json", application)


@pytest.mark.parametrize("operation_id", _OPERATIONS)
def test_every_answer_is_documented(interface: OpenApiSchema, operation_id: str) -> None:
    operation = interface.find_operation_by_id(operation_id)
    existing = {name: PATH_PARAMETERS[name]["example"] for name in PATH_PARAMETERS if f"{{{name}}}" in operation.path}
    anything, nonsense = operation.as_strategy(), operation.as_strategy(GenerationMode.NEGATIVE)
    found = operation.as_strategy(path_parameters=existing) if existing else anything

    @given(found | anything | nonsense)
    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    def ask(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=_CHECKS)

    ask()
