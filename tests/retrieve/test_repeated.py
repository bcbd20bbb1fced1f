"""Lists that name frames more than once."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from dicom_core.dicom.codecs import CodecError
from dicom_core.retrieve.repeated import RepeatedFrames


class _Converter:
    """Makes ten bytes of each frame, and keeps a list of those that it has made."""

    def __init__(self) -> None:
        self.converted = list[int]()

    async def convert(self, number: int) -> bytes:
        self.converted.append(number)
        await asyncio.sleep(0)
        return bytes([number]) * 10


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
    converter, repeated = _Converter(), RepeatedFrames(numbers, max_bytes)
    frames = [await repeated.at(position, partial(converter.convert, number)) for position, number in enumerate(numbers)]
    assert frames == [bytes([number]) * 10 for number in numbers]
    assert converter.converted == converted


async def test_what_is_under_way_is_waited_for() -> None:
    converter, repeated = _Converter(), RepeatedFrames([1, 1, 1], 0)
    frames = await asyncio.gather(*(repeated.at(position, partial(converter.convert, 1)) for position in range(3)))
    assert frames == [bytes([1]) * 10] * 3
    assert converter.converted == [1]


async def test_a_failure_is_that_of_every_repetition() -> None:
    repeated = RepeatedFrames([1, 1], 100)

    async def fail() -> bytes:
        raise CodecError("damaged")

    for position in (0, 1):
        with pytest.raises(CodecError):
            await repeated.at(position, fail)
