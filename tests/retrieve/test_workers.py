from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from dicom_core.errors import BackendError
from dicom_core.retrieve.workers import Workers


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(threads=2, max_waiting=3)
    yield pool
    await pool.close()


async def test_work_runs_off_the_event_loop(workers: Workers) -> None:
    assert await workers.run(threading.get_ident) != threading.get_ident()


async def test_errors_pass(workers: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        await workers.run(lambda: 1 // 0)


async def test_too_much_waiting_work_is_refused_unless_an_answer_has_begun(workers: Workers) -> None:
    go = threading.Event()
    busy = [asyncio.create_task(workers.run(go.wait)) for _ in range(5)]
    await asyncio.sleep(0.01)
    with pytest.raises(BackendError):
        await workers.run(lambda: None)
    late = asyncio.create_task(workers.run(lambda: "done", begun=True))
    await asyncio.sleep(0.01)
    go.set()
    assert await asyncio.gather(*busy) == [True] * 5
    assert await late == "done"


async def test_steps_of_an_iterator(workers: Workers) -> None:
    assert [each async for each in workers.iterate(iter([3, 1, 2]))] == [3, 1, 2]


async def test_a_generator_is_closed_when_nobody_wants_more_of_it(workers: Workers) -> None:
    closed = []

    def numbers() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            closed.append(True)

    steps = workers.iterate(numbers())
    assert [await anext(steps), await anext(steps)] == [0, 1]
    await steps.aclose()
    assert closed == [True]


async def test_a_cancelled_caller_waits_for_the_thread(workers: Workers) -> None:
    begun, go, ended = threading.Event(), threading.Event(), []

    def slow() -> Iterator[int]:
        begun.set()
        go.wait()
        ended.append("thread")
        yield 1

    async def consume() -> None:
        async for _ in workers.iterate(slow()):
            raise AssertionError

    consumer = asyncio.create_task(consume())
    await asyncio.to_thread(begun.wait)
    consumer.cancel()
    await asyncio.sleep(0.01)
    assert not consumer.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert ended == ["thread"]


async def test_failure_of_cancelled_work_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    workers, started = Workers(1), threading.Event()

    def work() -> None:
        started.set()
        time.sleep(0.05)
        raise ValueError("damaged")

    task = asyncio.create_task(workers.run(work))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    await workers.close()
    assert not caplog.records
