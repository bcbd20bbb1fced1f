from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from dicom_core.storage.embedded_tables import EmbeddedTables
from dicom_core.storage.ports import Insert, StorageUnavailable


async def test_requests_that_are_still_reading_when_the_tables_close_are_told(tmp_path: Path) -> None:
    tables = EmbeddedTables(tmp_path / "index.sqlite")
    await tables.commit("dicom", "p", [Insert(f"k{number}", {"n": number}) for number in range(90)])
    told = 0

    async def reading() -> None:
        nonlocal told
        with contextlib.suppress(StorageUnavailable):
            while True:
                await tables.get_many("dicom", "p", [f"k{number}" for number in range(90)])
                await asyncio.sleep(0)
        told += 1

    readers = [asyncio.create_task(reading()) for _ in range(4)]
    await asyncio.sleep(0.02)
    await tables.close()
    await asyncio.gather(*readers)
    assert told == 4


async def test_rows_that_just_fill_a_page_take_one(tmp_path: Path) -> None:
    tables = EmbeddedTables(tmp_path / "index.sqlite")
    for first in range(0, 1000, 100):
        await tables.commit("dicom", "p", [Insert(f"k{number:04}", {"n": number}) for number in range(first, first + 100)])
    assert [len(page) async for page in tables.scan("dicom", "p", "k", "l")] == [1000]
    await tables.commit("dicom", "p", [Insert("k9999", {"n": 1000})])
    assert [len(page) async for page in tables.scan("dicom", "p", "k", "l")] == [1000, 1]
    assert [len(page) async for page in tables.scan("dicom", "p", "k", "l", limit=1000)] == [1000]
    await tables.close()
