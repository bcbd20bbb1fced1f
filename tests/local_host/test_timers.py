from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

from local_host.functions import TimerFunction
from local_host.schedules import Schedule
from local_host.timers import running_timers

_NEVER = "0 0 0 1 1 *"


class Clock:
    """A clock that is nearly a second further each time it is read, so that nothing has to wait."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.moment += timedelta(milliseconds=990)
        return self.moment


def _timer(handler: Callable[..., Any], schedule: str, *, run_on_startup: bool = False) -> TimerFunction:
    return TimerFunction("tidy", "timer", handler, Schedule.parse(schedule), run_on_startup)


async def test_runs_at_start_and_when_due() -> None:
    calls: list[str] = []
    enough = asyncio.Event()

    async def at_start(timer: func.TimerRequest) -> None:
        calls.append(f"start, past due: {timer.past_due}")

    async def each_second(timer: func.TimerRequest) -> None:
        await asyncio.sleep(0)
        calls.append("due")
        if len(calls) > 3:
            enough.set()

    async with running_timers([_timer(at_start, _NEVER, run_on_startup=True), _timer(each_second, "* * * * * *")], now=Clock()):
        await asyncio.wait_for(enough.wait(), 10)
    assert calls[0] == "start, past due: False"
    assert set(calls[1:]) == {"due"}


async def test_plain_function_runs_in_a_thread() -> None:
    threads: list[int] = []
    called = threading.Event()

    def note(timer: func.TimerRequest) -> None:
        threads.append(threading.get_ident())
        called.set()

    async with running_timers([_timer(note, _NEVER, run_on_startup=True)]):
        await asyncio.to_thread(called.wait, 10)
    assert threads != [threading.get_ident()]


async def test_failure_is_logged_and_the_timer_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    calls = 0
    again = asyncio.Event()

    async def fail(timer: func.TimerRequest) -> None:
        nonlocal calls
        await asyncio.sleep(0)
        calls += 1
        if calls == 2:
            again.set()
        raise RuntimeError("no luck")

    with caplog.at_level(logging.ERROR):
        async with running_timers([_timer(fail, "* * * * * *")], now=Clock()):
            await asyncio.wait_for(again.wait(), 10)
    assert "timer function tidy failed" in caplog.text


async def test_stop_waits_for_an_invocation_but_not_for_ever() -> None:
    ended: list[str] = []

    def sleeper(name: str, seconds: float) -> TimerFunction:
        async def sleep(timer: func.TimerRequest) -> None:
            try:
                await asyncio.sleep(seconds)
                ended.append(f"{name} finished")
            except asyncio.CancelledError:
                ended.append(f"{name} cancelled")
                raise

        return _timer(sleep, _NEVER, run_on_startup=True)

    async with running_timers([sleeper("short", 0.01), sleeper("long", 60)], grace=0.2):
        await asyncio.sleep(0)
    assert ended == ["short finished", "long cancelled"]
