"""Responses whose body is produced while it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dicom_core.http.tracing import correlation_id, report_failure

__all__ = ["BrokenOff", "Closeable", "StreamedResponse", "begun", "without_body"]

_COLLECTED: Final = 4 * 1024 * 1024  # bytes; longer answers are streamed


class Closeable(Protocol):
    """Something that holds on to resources."""

    def aclose(self) -> Awaitable[None]:
        """Let go of them."""


class BrokenOff(Exception):
    """A body that could not be finished; the server ends the connection. What went wrong has been logged, without its text."""


class StreamedResponse(Response):
    """Send buffers as they come, and stop producing them when the client has gone.

    With `length`, the exact number of bytes, the response carries Content-Length and buffers are passed on uncopied.
    An error while producing breaks the connection off, so that no client takes half an answer for the whole. `source` is
    closed in the end, even if production never begins: a generator cannot see to that.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes | memoryview, None],
        headers: Mapping[str, str],
        *,
        status: int = 200,
        length: int | None = None,
        source: Closeable | None = None,
    ) -> None:
        self.chunks = chunks
        self._source = source
        self._correlation = correlation_id.get()
        self.status_code = status
        self.background = None
        self.init_headers(headers if length is None else {**headers, "Content-Length": str(length)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for chunk in self.chunks:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception as error:
            report_failure(error, self._correlation)
            raise BrokenOff from None  # servers log what reaches them, texts included
        finally:
            gone.cancel()
            await self.aclose()
            if self.background is not None:
                await self.background()

    async def aclose(self) -> None:
        """Stop production."""
        await self.chunks.aclose()
        if self._source is not None:
            await self._source.aclose()


async def begun(
    chunks: AsyncGenerator[bytes | memoryview, None], headers: Mapping[str, str], *, status: int = 200, length: int | None = None
) -> Response:
    """Answer once the beginning is there: an error until then is answered as one. Short answers come whole, with their length."""
    collected, size = list[bytes | memoryview](), 0
    async for chunk in chunks:
        collected.append(chunk)
        size += len(chunk)
        if size > _COLLECTED:
            return StreamedResponse(_resumed(collected, chunks), headers, status=status, length=length, source=chunks)
    return Response(collected[0] if len(collected) == 1 else b"".join(collected), status, headers)


async def _resumed(
    collected: list[bytes | memoryview], chunks: AsyncGenerator[bytes | memoryview, None]
) -> AsyncGenerator[bytes | memoryview, None]:
    collected.reverse()
    while collected:
        yield collected.pop()
    async for chunk in chunks:
        yield chunk


async def without_body(response: Response) -> Response:
    """The same answer for HEAD: status and headers, Content-Length included, with nothing after them."""
    if isinstance(response, StreamedResponse):
        await response.aclose()
    bare = Response(status_code=response.status_code)
    bare.raw_headers = response.raw_headers
    return bare


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
