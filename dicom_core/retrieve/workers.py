"""Threads for decoding, encoding and rendering: as many as there are processors, whatever the number of requests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from dicom_core.errors import BackendError

__all__ = ["Workers"]

T = TypeVar("T")

_MAX_WAITING: Final = 256  # jobs; each holds the bytes of a frame


class Workers:
    """Runs work that computes, off the event loop."""

    def __init__(self, threads: int = 0, max_waiting: int = _MAX_WAITING) -> None:
        threads = threads or max(2, os.cpu_count() or 1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pixels")
        self._slots = asyncio.Semaphore(threads)
        self._max_waiting = max_waiting
        self._waiting = 0

    async def run(self, work: Callable[[], T], *, begun: bool = False) -> T:
        """Run work in a thread. When the caller is cancelled, the thread is waited for: it may be using what comes to an end.

        Raises:
            BackendError: too much work is waiting, and this is not part of an answer that has `begun`.
        """
        if self._waiting >= self._max_waiting and not begun:
            raise BackendError("The service is busy with other images. Please try again later.")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._pool, work)
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])
                running.exception()  # nobody wants it any more; asyncio logs those that are never looked at
                raise
        finally:
            self._slots.release()

    async def iterate(self, steps: Iterator[T]) -> AsyncGenerator[T, None]:
        """Take the steps of an iterator, each in a thread; only the first step waits its turn or is refused."""
        begun = False
        try:
            while (result := await self.run(partial(next, steps, None), begun=begun)) is not None:
                begun = True
                yield result
        finally:
            if isinstance(steps, Generator):
                steps.close()

    async def close(self) -> None:
        """Let what runs come to its end."""
        await asyncio.to_thread(self._pool.shutdown)
