from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncGenerator

import pytest
from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Message

from dicom_core.http.streaming import BrokenOff, StreamedResponse, without_body
from dicom_core.http.tracing import correlation_id


class _Source:
    """A body of `count` chunks that knows how far it was read and whether it was closed."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.given = 0
        self.closed = False
        self._count = count
        self._error = error

    async def chunks(self) -> AsyncGenerator[bytes | memoryview, None]:
        try:
            for _ in range(self._count):
                self.given += 1
                yield b"xy"
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


async def _connected() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_chunks_are_sent_as_they_come() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    source = _Source(3)
    await StreamedResponse(source.chunks(), {"Content-Type": "a/b"}, length=6)({"type": "http"}, _connected, send)
    assert sent[0]["headers"] == [(b"content-type", b"a/b"), (b"content-length", b"6")]
    assert [(message["body"], message["more_body"]) for message in sent[1:]] == [*[(b"xy", True)] * 3, (b"", False)]
    assert source.closed


async def test_production_stops_when_the_client_leaves() -> None:
    left = asyncio.Event()

    async def receive() -> Message:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if source.given == 5:
            left.set()
        await asyncio.sleep(0)

    source = _Source(1_000_000)
    await StreamedResponse(source.chunks(), {})({"type": "http"}, receive, send)
    assert source.given < 20
    assert source.closed


async def test_failure_breaks_off_without_its_text_and_the_rest_is_still_done(caplog: pytest.LogCaptureFixture) -> None:
    done = []

    async def after() -> None:
        done.append(True)

    async def send(message: Message) -> None:
        assert message.get("more_body", True)

    source = _Source(1, ValueError("Doe^Jane"))
    correlation_id.set("4711")
    response = StreamedResponse(source.chunks(), {})
    response.background = BackgroundTask(after)
    with pytest.raises(BrokenOff) as broken:
        await response({"type": "http"}, _connected, send)
    assert "Request 4711 failed with ValueError" in caplog.text
    assert "Doe" not in caplog.text + "".join(traceback.format_exception(broken.value))
    assert source.closed
    assert done


async def test_head_reads_nothing() -> None:
    class Held:
        closed = False

        async def aclose(self) -> None:
            self.closed = True

    source, held = _Source(3), Held()
    response = await without_body(StreamedResponse(source.chunks(), {"ETag": '"1"'}, length=6, source=held))
    assert source.given == 0
    assert held.closed
    assert response.body == b""
    assert dict(response.headers) == {"etag": '"1"', "content-length": "6"}


async def test_head_of_a_short_answer() -> None:
    response = await without_body(Response("abc", 404, media_type="text/plain"))
    assert (response.status_code, response.body, response.headers["content-length"]) == (404, b"", "3")
