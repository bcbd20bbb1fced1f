"""Frames that a list names more than once: converted once, as long as they fit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

__all__ = ["RepeatedFrames"]


class RepeatedFrames:
    """Keeps converted frames until the list of `numbers` names them for the last time, the newest `max_bytes` of them."""

    def __init__(self, numbers: Sequence[int], max_bytes: int) -> None:
        self._numbers = numbers
        self._last = {number: position for position, number in enumerate(numbers)}
        self._max_bytes = max_bytes
        self._kept: dict[int, asyncio.Task[bytes]] = {}

    async def at(self, position: int, convert: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """The frame at a position of the list, converted unless it is at hand or under way. Positions come in order."""
        number, again = self._numbers[position], position < self._last[self._numbers[position]]
        task = self._kept.pop(number, None)
        if task is None:
            if not again:
                return await convert()
            task = asyncio.create_task(convert())
            task.add_done_callback(_look_at)
        if again:
            self._kept[number] = task
        frame = await task
        self._make_room()
        return frame

    def _make_room(self) -> None:
        """Forget what was used longest ago; the newest stays, whatever its size."""
        sizes = {number: len(task.result()) for number, task in self._kept.items() if task.done()}
        excess = sum(sizes.values()) - self._max_bytes
        for number in list(sizes)[:-1]:
            if excess > 0:
                excess -= sizes[number]
                del self._kept[number]


def _look_at(task: asyncio.Task[bytes]) -> None:
    """Take note of a failure, which asyncio logs where those who wait for it are cancelled."""
    if not task.cancelled():
        task.exception()
