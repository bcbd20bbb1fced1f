"""The faulty wrappers of the tests do what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.ports import Blobs, Insert, StorageUnavailable, Tables
from tests.faulty import Fault, Faults, FaultyBlobs, FaultyTables, Moment


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[tuple[Faults, Tables, Blobs]]:
    faults = Faults()
    inner_tables, inner_blobs = open_embedded(tmp_path)
    tables, blobs = FaultyTables(inner_tables, faults), FaultyBlobs(inner_blobs, faults)
    yield faults, tables, blobs
    await tables.close()
    await blobs.close()


def unavailable() -> BaseException:
    return StorageUnavailable("planned")


@pytest.mark.parametrize(("moment", "written"), [(Moment.BEFORE, False), (Moment.AFTER, True)])
async def test_the_chosen_write_fails(storage: tuple[Faults, Tables, Blobs], moment: Moment, written: bool) -> None:
    faults, tables, blobs = storage
    faults.fault = Fault("write", 2, moment, unavailable)
    await blobs.put("first", [b"x"])
    assert await tables.get("table", "p", "second") is None

    with pytest.raises(StorageUnavailable, match="planned"):
        await tables.commit("table", "p", [Insert("second", {})])

    assert faults.struck
    assert (await tables.get("table", "p", "second") is not None) == written
    await tables.commit("table", "p", [Insert("third", {})])


async def test_a_lasting_fault_ends_everything(storage: tuple[Faults, Tables, Blobs]) -> None:
    faults, tables, blobs = storage
    faults.fault = Fault("write", 1, Moment.AFTER, unavailable, lasting=True)

    with pytest.raises(StorageUnavailable):
        await blobs.put("first", [b"x"])
    with pytest.raises(StorageUnavailable):
        await tables.get("table", "p", "a")
    with pytest.raises(StorageUnavailable):
        await blobs.delete(["first"])

    faults.fault = None
    assert [name async for name in blobs.list("")] == ["first"]


async def test_a_hanging_call_does_nothing(storage: tuple[Faults, Tables, Blobs]) -> None:
    faults, tables, _ = storage
    faults.fault = Fault("write", 1, Moment.HANG, unavailable)
    commit = asyncio.create_task(tables.commit("table", "p", [Insert("a", {})]))

    done, _ = await asyncio.wait({commit}, timeout=0.05)
    commit.cancel()

    assert not done
    assert await tables.get("table", "p", "a") is None


async def test_each_page_of_a_scan_is_a_call(storage: tuple[Faults, Tables, Blobs]) -> None:
    faults, tables, _ = storage
    for first in range(0, 300, 100):
        await tables.commit("table", "p", [Insert(f"r{first + number:03d}", {}) for number in range(100)])
    faults.fault = Fault("read", 2, Moment.BEFORE, unavailable)
    pages = tables.scan("table", "p", "r", "s")

    assert len(await anext(pages)) > 0
    with pytest.raises(StorageUnavailable):
        await anext(pages)
