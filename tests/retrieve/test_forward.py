from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.dicom.elements import NotDicom
from dicom_core.retrieve.forward import Forward, blocking, read_beginning
from dicom_core.retrieve.workers import Workers
from tests.dicom.factories import make_instance

_DATA = bytes(range(256)) * 4


async def _chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@given(st.integers(1, 300), st.lists(st.tuples(st.integers(-1, 100), st.integers(0, 200)), max_size=10))
def test_ranges_in_ascending_order(size: int, steps: list[tuple[int, int]]) -> None:
    read = Forward(_DATA[start : start + size] for start in range(0, len(_DATA), size))
    position = 0
    for gap, length in steps:
        offset = max(0, position + gap)
        assert read(offset, length) == _DATA[offset : offset + length]
        position = max(position, offset + length) if length else position


async def test_chunks_of_the_event_loop_in_a_thread() -> None:
    chunks = blocking(_chunks(_DATA, 100), asyncio.get_running_loop())
    assert await asyncio.to_thread(lambda: b"".join(chunks)) == _DATA


@pytest.mark.parametrize("size", [50, 1000, 1 << 20])
@pytest.mark.parametrize("image", [{"rows": 60, "columns": 60}, {}])
async def test_header_is_read_no_further_than_needed(size: int, image: dict[str, int]) -> None:
    data = make_instance(PatientComments="c" * 3000, **image)  # type: ignore[arg-type]  # sizes
    workers, chunks = Workers(1), _chunks(data, size)
    try:
        header, head = await read_beginning(chunks, len(data), workers)
    finally:
        await workers.close()
    assert data.startswith(head)
    assert (header.pixel_data is not None) == bool(image)
    if header.pixel_data is not None and size < 3000:
        assert header.pixel_data.offset <= len(head) < 2 * header.pixel_data.offset + size


async def test_file_without_header() -> None:
    workers = Workers(1)
    with pytest.raises(NotDicom):
        await read_beginning(_chunks(_DATA, 100), len(_DATA), workers)
    with pytest.raises(NotDicom):
        await read_beginning(_chunks(b"", 100), 0, workers)
    await workers.close()
