"""Runs timer functions when they come due, each in a task of its own."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from azure.functions.timer import TimerRequest

from local_host.functions import TimerFunction

__all__ = ["running_timers"]

_logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def running_timers(timers: Iterable[TimerFunction], *, grace: float = 10, now: Clock = _utc_now) -> AsyncIterator[None]:
    """Run timers while the block runs; then wait at most `grace` seconds for invocations under way."""
    stopped = asyncio.Event()
    tasks = [asyncio.create_task(_run(timer, stopped, now), name=f"timer {timer.name}") for timer in timers]
    try:
        yield
    finally:
        stopped.set()
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=grace)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _run(timer: TimerFunction, stopped: asyncio.Event, now: Clock) -> None:
    if timer.run_on_startup:
        await _invoke(timer)
    while True:
        due = timer.schedule.next_after(now())
        while (seconds := (due - now()).total_seconds()) > 0:
            try:
                async with asyncio.timeout(seconds):
                    await stopped.wait()
                return
            except TimeoutError:
                continue
        if stopped.is_set():
            return
        await _invoke(timer)


async def _invoke(timer: TimerFunction) -> None:
    arguments = {timer.parameter: TimerRequest(past_due=False)}
    try:
        if inspect.iscoroutinefunction(timer.handler):
            await timer.handler(**arguments)
        else:
            await asyncio.to_thread(timer.handler, **arguments)
    except Exception:
        _logger.exception("timer function %s failed", timer.name)
