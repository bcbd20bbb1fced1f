from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_core.dicom.part10 import NotDicom
from dicom_core.store import intake
from dicom_core.store.intake import Streamed, Whole, take_in
from tests.dicom.factories import data_element
from tests.store.requests import chunked, file_of

MiB = 1024 * 1024
TRAILER = [data_element(0x7FE10010, "LO", "CREATOR"), data_element(0x7FE11001, "SH", "after"), data_element(0xFFFCFFFC, "OB", b"\0" * 64)]
FILE = file_of("1", "2", "3", size=2 * MiB, elements=TRAILER)
COMPRESSED = file_of(
    "1",
    "2",
    "3",
    size=MiB,
    transfer_syntax="1.2.840.10008.1.2.4.50",
    pixel_data=[b"a" * 700_001, b"b" * 700_000],
    frames=2,
    elements=TRAILER,
)
DEFLATED = file_of(
    "1",
    "2",
    "3",
    size=2 * MiB,
    transfer_syntax=DeflatedExplicitVRLittleEndian,
    pixel_data=random.Random(1).randbytes(2 * MiB),
    elements=TRAILER,
)


async def taken(data: bytes, sizes: list[int]) -> tuple[bytes, list[str]]:
    """What is stored of a file that comes in chunks of these sizes, and the tags of its elements."""

    async def chunks() -> intake.Chunks:
        start = 0
        for size in sizes:
            yield data[start : start + size]
            start += size
        async for rest in chunked(data[start:]):
            yield rest

    incoming = await take_in(chunks())
    if isinstance(incoming, Whole):
        return b"".join(incoming.data), _tags(incoming)
    stored = b"".join([bytes(chunk) async for chunk in incoming.chunks()])
    incoming.finish()
    return stored, _tags(incoming)


def _tags(incoming: Whole | Streamed) -> list[str]:
    return [f"{element.tag:08X}" for element in incoming.header.elements]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([FILE, COMPRESSED, DEFLATED]), st.lists(st.integers(1, 700_000), max_size=8))
def test_chunks_may_end_anywhere(data: bytes, sizes: list[int]) -> None:
    stored, tags = asyncio.run(taken(data, sizes))
    assert stored == bytes(128) + data[128:]
    assert tags[-3:] == ["7FE10010", "7FE11001", "FFFCFFFC"]


@pytest.mark.parametrize("data", [b"", b"x", bytes(132), bytes(128) + b"DICM", FILE[:300], b"x" * (2 * MiB)], ids=len)
async def test_what_is_no_dicom_is_refused(data: bytes) -> None:
    with pytest.raises(NotDicom):
        await take_in(chunked(data))


@pytest.mark.parametrize("cut", [1, 63, 200, 700_000, MiB])
@pytest.mark.parametrize("data", [FILE, COMPRESSED, DEFLATED], ids=["native", "compressed", "deflated"])
async def test_a_file_cut_short_is_found_out_at_its_end_at_the_latest(data: bytes, cut: int) -> None:
    with pytest.raises(NotDicom):
        await taken(data[:-cut], [])


async def test_small_files_are_taken_whole_and_large_ones_are_not_read_ahead() -> None:
    assert isinstance(await take_in(chunked(file_of("1", "2", "3"))), Whole)
    read = 0

    async def counting() -> intake.Chunks:
        nonlocal read
        async for chunk in chunked(FILE):
            read += len(chunk)
            yield chunk

    assert isinstance(await take_in(counting()), Streamed)
    assert read < 1.6 * MiB
