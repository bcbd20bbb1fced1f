"""Runs the app of the working directory under the worker library that Azure uses, behind a small stand-in for the Functions host.

The library is called as the worker process calls it on messages of the host: initialise, list the functions, invoke. Like the host, the
stand-in routes each HTTP request, sends it on to the worker's own HTTP server under an invocation id, and asks for the invocation. It
prints the functions as one line of JSON, then its port.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from local_host.http_trigger import routing_path
from local_host.routing import Route, Router
from local_host.template_parser import parse_template

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


class _Protos:
    """Stands for the generated protocol messages, of which the library only makes and reads attributes."""

    class BindingInfo(SimpleNamespace):
        undefined, out, inout = 0, 1, 2

    class StatusResult(SimpleNamespace):
        Failure, Success = 0, 1

    def __getattr__(self, name: str) -> type[SimpleNamespace]:
        return SimpleNamespace


class _TypedData(SimpleNamespace):
    def WhichOneof(self, _group: str) -> str:
        return next(iter(vars(self)))


class _Binding(SimpleNamespace):
    def WhichOneof(self, _group: str) -> str:
        return "data"


class Worker:
    """The worker library with the app loaded."""

    def __init__(self) -> None:
        self._library = importlib.import_module("azure_functions_runtime")
        self.functions: dict[str, Any] = {}
        self.http_uri = ""

    async def start(self) -> None:
        properties = {"host": "127.0.0.1", "protos": _Protos()}
        init = SimpleNamespace(capabilities={}, function_app_directory=str(Path.cwd()))
        message = SimpleNamespace(request=SimpleNamespace(worker_init_request=init), properties=properties)
        started = await self._library.worker_init_request(message)
        if started.result.status != _Protos.StatusResult.Success:
            raise RuntimeError(started.result.exception.message + started.result.exception.stack_trace)
        listed = await self._library.functions_metadata_request(message)
        for function in listed.function_metadata_results:
            bindings = [json.loads(text) for text in function.raw_bindings]
            self.functions[function.name] = SimpleNamespace(id=function.function_id, bindings=bindings)
        self.http_uri = started.capabilities["HttpUri"]

    async def invoke(self, name: str, invocation: str, data: _TypedData) -> Any:
        function = self.functions[name]
        trigger = next(binding for binding in function.bindings if binding["type"].endswith("Trigger"))
        context = SimpleNamespace(trace_parent="", trace_state="", attributes={}, retry_count=0, max_retry_count=0, exception=None)
        request = SimpleNamespace(
            invocation_id=invocation,
            function_id=function.id,
            input_data=[_Binding(name=trigger["name"], data=data)],
            trigger_metadata={},
            trace_context=context,
            retry_context=context,
        )
        message = SimpleNamespace(request=SimpleNamespace(invocation_request=request))
        return await self._library.invocation_request(message)

    def remembered_requests(self) -> int:
        coordinator = importlib.import_module("azure_functions_runtime.http_v2").http_coordinator
        return len(coordinator._context_references)


class Host:
    """Sends requests on to the worker."""

    def __init__(self, worker: Worker, session: aiohttp.ClientSession) -> None:
        self._worker = worker
        self._session = session
        self._router = Router(
            Route(name, frozenset(trigger["methods"]), parse_template(trigger["route"]), name)
            for name, function in worker.functions.items()
            for trigger in function.bindings
            if trigger["type"] == "httpTrigger"
        )

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/admin/remembered":
            return web.json_response(self._worker.remembered_requests())
        if request.path.startswith("/admin/functions/"):
            return await self._run(request.path.rpartition("/")[2])
        path = routing_path({"raw_path": request.rel_url.raw_path.encode(), "path": request.path})
        found = self._router.find(request.method, path)
        if found is None:
            return web.Response(status=404)
        name, parameters = found
        return await self._forward(request, name, parameters)

    async def _run(self, name: str) -> web.Response:
        """Run a timer function at once, as the real host's administration address does."""
        done = await self._worker.invoke(name, str(uuid.uuid4()), _TypedData(json='{"IsPastDue": false}'))
        return web.json_response(done.result.status)

    async def _forward(self, request: web.BaseRequest, name: str, parameters: dict[str, str]) -> web.StreamResponse:
        invocation = str(uuid.uuid4())
        http = SimpleNamespace(method=request.method, url=str(request.url), headers={}, body=_NOTHING, params=parameters, query={})
        invoked = asyncio.create_task(self._worker.invoke(name, invocation, _TypedData(http=http)))
        headers = [(key, value) for key, value in request.headers.items() if key.lower() not in _HOP_BY_HOP]
        async with self._session.request(
            request.method,
            URL(self._worker.http_uri + request.raw_path, encoded=True),
            headers=[*headers, ("Host", request.host), ("x-ms-invocation-id", invocation)],
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        ) as answer:
            kept = [(key, value) for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP]
            response = web.StreamResponse(status=answer.status)
            response.headers.extend(kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        await response.write_eof()
        await invoked
        return response


class _Nothing:
    def WhichOneof(self, _group: str) -> None:
        """No body: it comes over HTTP."""


_NOTHING = _Nothing()


async def main() -> None:
    worker = Worker()
    await worker.start()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        server = web.Server(Host(worker, session).answer)
        runner = web.ServerRunner(server)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(json.dumps({name: function.bindings for name, function in worker.functions.items()}))
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    asyncio.run(main())
