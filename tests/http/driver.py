"""The HTTP interface in process: routed as the host does it, on the embedded store, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.types import Message

from dicom_core.http.endpoint import endpoint
from dicom_core.http.fallback import FALLBACK_NAME, fallback
from dicom_core.http.policies import Policies
from dicom_core.http.routes import bindings
from dicom_core.services import Services, open_services
from dicom_core.settings import Settings
from tests.http.host_rules import find, registered

__all__ = ["Answer", "Client", "open_client"]


@dataclass(frozen=True)
class Answer:
    """A response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def parts(self) -> list[tuple[str, bytes]]:
        """Content type and content of the parts of a multipart body."""
        boundary = self.headers["content-type"].partition("boundary=")[2].encode()
        first, *middle, last = (b"\r\n" + self.body).split(b"\r\n--" + boundary)
        assert (first, last) == (b"", b"--\r\n")
        split = (piece.partition(b"\r\n\r\n") for piece in middle)
        return [(head.decode().removeprefix("\r\nContent-Type: "), content) for head, _, content in split]


class Client:
    """Sends requests to the functions of a service, which it has at hand to look behind the interface."""

    def __init__(self, services: Services) -> None:
        async def opened() -> Services:
            return services

        self.services = services
        policies = Policies.from_settings(services.settings)
        self._functions = {binding.name: endpoint(binding.route, opened, policies) for binding in bindings()}
        self._functions[FALLBACK_NAME] = fallback(policies)
        self._registered = registered()

    async def get(self, url: str, accept: str | None = None, **headers: str) -> Answer:
        """GET; underscores in header names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("GET", url, headers=named if accept is None else {"Accept": accept, **named})

    async def send(
        self,
        method: str,
        url: str,
        body: bytes | Iterable[bytes] = b"",
        *,
        headers: Mapping[str, str] | None = None,
        leaves: bool = False,
        before_body: Callable[[], Awaitable[None]] | None = None,
    ) -> Answer:
        """Send a request, in chunks if the body is not bytes, and read all of the answer.

        With `leaves` the client is gone before the end of its body. `before_body` is awaited when the head of the answer is out.
        """
        chunks = [body] if isinstance(body, bytes) else list(body)
        sent: list[Message] = []

        async def receive() -> Message:
            if chunks:
                return {"type": "http.request", "body": chunks.pop(0), "more_body": leaves or bool(chunks)}
            if not leaves:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body" and len(sent) == 1 and before_body is not None:
                await before_body()
            sent.append(message)

        path, _, query = url.partition("?")
        found = find(self._registered, method, unquote(path))
        assert found is not None
        scope = _scope(method, path, query, headers or {}, found[1])
        response = await self._functions[found[0].name](Request(scope, receive))
        await response(scope, receive, send)
        return _answer(method, sent)


@asynccontextmanager
async def open_client(folder: Path, **settings: Any) -> AsyncIterator[Client]:
    """A client of a service on a store of its own."""
    services = await open_services(Settings(storage="embedded", data=str(folder), **settings))
    try:
        yield Client(services)
    finally:
        await services.close()


def _scope(method: str, path: str, query: str, headers: Mapping[str, str], values: dict[str, str]) -> dict[str, Any]:
    named = {"Host": "dicom.test", **headers}
    return {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()],
        "server": ("dicom.test", 80),
        "client": ("192.0.2.1", 4711),
        "path_params": values,
    }


def _answer(method: str, sent: list[Message]) -> Answer:
    start, *bodies = sent
    body = b"".join(bytes(message.get("body", b"")) for message in bodies)
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in start["headers"]]
    headers = dict(pairs)
    assert len(headers) == len(pairs), "a header comes twice"
    assert {"x-content-type-options", "x-frame-options", "content-security-policy", "x-correlation-id"} <= headers.keys()
    if "content-length" in headers and method != "HEAD":
        assert int(headers["content-length"]) == len(body)
    return Answer(start["status"], headers, body)
