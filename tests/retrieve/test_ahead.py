from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any

import pytest

from dicom_core.retrieve.ahead import ahead


class _Jobs:
    """Jobs that note when they start; job `fails` raises, and later numbers finish sooner."""

    def __init__(self, count: int, fails: int = -1) -> None:
        self.started: list[int] = []
        self.discarded: list[int] = []
        self._count = count
        self._fails = fails

    async def all(self) -> AsyncIterator[Coroutine[Any, Any, int]]:
        for number in range(self._count):
            yield self._job(number)

    async def _job(self, number: int) -> int:
        self.started.append(number)
        for _ in range(self._count - number):
            await asyncio.sleep(0)
        if number == self._fails:
            raise ValueError(number)
        return number

    async def discard(self, number: int) -> None:
        self.discarded.append(number)


@pytest.mark.parametrize("count", [0, 1, 3, 20])
async def test_results_come_in_order(count: int) -> None:
    jobs = _Jobs(10)
    assert [number async for number in ahead(jobs.all(), count)] == list(range(10))


async def test_only_so_many_run_ahead() -> None:
    jobs = _Jobs(10)
    async with aclosing(ahead(jobs.all(), 2)) as results:
        async for number in results:
            await asyncio.sleep(0)
            assert max(jobs.started) <= number + 2


async def test_what_nobody_took_is_discarded() -> None:
    jobs = _Jobs(10)
    async with aclosing(ahead(jobs.all(), 3, jobs.discard)) as results:
        async for _ in results:
            for _ in range(20):
                await asyncio.sleep(0)
            break
    assert jobs.discarded == [1, 2, 3]


async def test_failure_passes_and_stops_the_rest() -> None:
    jobs = _Jobs(10, fails=2)
    results = ahead(jobs.all(), 3, jobs.discard)
    assert [await anext(results), await anext(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        await anext(results)
    assert max(jobs.started) <= 5
