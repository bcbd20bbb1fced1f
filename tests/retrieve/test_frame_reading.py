from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicom_core.retrieve.frame_reading import frame_pieces, slice_ranges, whole_frames
from dicom_core.storage.counting import CountingBlobs
from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.ports import BlobNotFound

_DATA = b"".join(number.to_bytes(4, "big") for number in range(600_000))
_RANGE = st.tuples(st.integers(0, len(_DATA) - 300_000), st.integers(0, 5000) | st.integers(0, 300_000))


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[CountingBlobs]:
    tables, inner = open_embedded(tmp_path)
    opened = CountingBlobs(inner)
    await opened.put("a", [_DATA])
    opened.reset()
    yield opened
    await opened.close()
    await tables.close()


async def _read(blobs: CountingBlobs, frames: list[list[tuple[int, int]]]) -> list[bytes]:
    read = [(position, data) async for position, data in whole_frames(frame_pieces(blobs, "a", frames), len(frames))]
    assert [position for position, _ in read] == list(range(len(frames)))
    return [data for _, data in read]


def _expected(frames: list[list[tuple[int, int]]]) -> list[bytes]:
    return [b"".join(_DATA[offset : offset + length] for offset, length in ranges) for ranges in frames]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(st.lists(_RANGE, max_size=3), max_size=8))
async def test_any_ranges_in_any_order(blobs: CountingBlobs, frames: list[list[tuple[int, int]]]) -> None:
    assert await _read(blobs, frames) == _expected(frames)


@pytest.mark.parametrize(
    ("frames", "reads"),
    [
        ([[(0, 100)]], 1),
        ([[(offset, 100)] for offset in range(0, 100_000, 108)], 1),
        ([[(0, 10), (18, 10)], [(36, 10)]], 1),
        ([[(0, 10)], [(1_000_000, 10)]], 2),
        ([[(100, 10)], [(0, 10)]], 2),
        ([[(0, 10)], [(0, 10)]], 2),
        ([[], [(0, 0)]], 0),
    ],
    ids=["one", "neighbours", "fragments", "far apart", "backwards", "twice", "nothing"],
)
async def test_neighbours_are_read_together(blobs: CountingBlobs, frames: list[list[tuple[int, int]]], reads: int) -> None:
    assert await _read(blobs, frames) == _expected(frames)
    assert blobs.calls["read"] == reads


async def test_readers_are_closed_when_nobody_wants_more(blobs: CountingBlobs) -> None:
    pieces = frame_pieces(blobs, "a", [[(0, 2_400_000)], [(0, 2_400_000)], [(5, 5)]])
    await anext(pieces)
    await pieces.aclose()


async def test_missing_blob(blobs: CountingBlobs) -> None:
    with pytest.raises(BlobNotFound):
        _ = [piece async for piece in frame_pieces(blobs, "none", [[(0, 5)]])]


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 50)), max_size=5), st.integers(0, 260), st.integers(0, 260))
def test_slices_of_ranges(ranges: list[tuple[int, int]], start: int, length: int) -> None:
    joined = b"".join(_DATA[offset : offset + size] for offset, size in ranges)
    sliced = slice_ranges(ranges, start, length)
    assert b"".join(_DATA[offset : offset + size] for offset, size in sliced) == joined[start : start + length]
