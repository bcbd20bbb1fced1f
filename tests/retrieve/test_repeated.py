"""Lists that name frames more than once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from functools import partial
from typing import Any

import pytest

from dicom_core.dicom.codecs import CodecError
from dicom_core.retrieve.ahead import ahead
from dicom_core.retrieve.repeated import RepeatedFrames


async def _converted(numbers: list[int], max_bytes: int) -> list[int]:
    """Ask for ten bytes of each frame, two ahead, and tell which were converted."""
    converted = []
    repeated = RepeatedFrames(numbers, max_bytes)

    async def convert(number: int) -> bytes:
        converted.append(number)
        return bytes([number]) * 10

    async def jobs() -> AsyncIterator[Coroutine[Any, Any, bytes]]:
        for position, number in enumerate(numbers):
            yield repeated.at(position, partial(convert, number))

    frames = [frame async for frame in ahead(jobs(), 2)]
    assert frames == [bytes([number]) * 10 for number in numbers]
    return converted


@pytest.mark.parametrize(
    ("numbers", "max_bytes", "converted"),
    [
        ([1, 1, 1, 1, 1, 1], 0, [1]),
        ([1, 2, 1, 2, 1, 2], 100, [1, 2]),
        ([1, 2, 3, 4], 0, [1, 2, 3, 4]),
        ([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], 100, [1, 2, 3, 4, 5]),
        ([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], 15, [1, 2, 3, 4, 5, 1, 2, 3, 4]),
    ],
)
async def test_what_is_kept_is_not_converted_again(numbers: list[int], max_bytes: int, converted: list[int]) -> None:
    assert await _converted(numbers, max_bytes) == converted


async def test_a_failure_is_that_of_every_repetition() -> None:
    repeated = RepeatedFrames([1, 1], 100)

    async def fail() -> bytes:
        raise CodecError("damaged")

    for position in (0, 1):
        with pytest.raises(CodecError):
            await repeated.at(position, fail)
