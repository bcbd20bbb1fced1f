"""Doing things in order, but starting on the next ones while one is being used."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


async def ahead(
    jobs: AsyncIterator[Coroutine[Any, Any, T]], count: int, discard: Callable[[T], Awaitable[None]] | None = None
) -> AsyncGenerator[T, None]:
    """Yield the results of jobs in order, with up to `count` jobs running beyond the one whose result is in use.

    When the consumer stops early, running jobs are cancelled, and results that nobody took are given to `discard`.
    """
    running: deque[asyncio.Task[T]] = deque()
    try:
        async for job in jobs:
            running.append(asyncio.create_task(job))
            if len(running) > count:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        for result in await asyncio.gather(*running, return_exceptions=True):
            if discard is not None and not isinstance(result, BaseException):
                await discard(result)
