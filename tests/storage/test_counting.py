from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.ports import Blobs, Insert, Tables


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[tuple[CountingTables, CountingBlobs]]:
    inner_tables, inner_blobs = open_embedded(tmp_path)
    tables, blobs = CountingTables(inner_tables), CountingBlobs(inner_blobs)
    yield tables, blobs
    await tables.close()
    await blobs.close()


@pytest.fixture
def tables(storage: tuple[CountingTables, CountingBlobs]) -> CountingTables:
    return storage[0]


@pytest.fixture
def blobs(storage: tuple[CountingTables, CountingBlobs]) -> CountingBlobs:
    return storage[1]


def test_wrappers_are_adapters(tables: CountingTables, blobs: CountingBlobs) -> None:
    as_tables: Tables = tables
    as_blobs: Blobs = blobs
    assert (as_tables, as_blobs) == (tables, blobs)


async def test_calls_and_rows_are_counted_by_method(tables: CountingTables) -> None:
    for first in range(0, 300, 100):
        await tables.commit("table", "p", [Insert(f"r{first + number:03d}", {}) for number in range(100)])
    await tables.get("table", "p", "r000")
    await tables.get_many("table", "p", ["r000", "r001", "absent"])
    pages = [page async for page in tables.scan("table", "p", "r", "s")]

    assert tables.snapshot() == {"commit": 3, "get": 1, "get_many": 1, "scan": len(pages)}
    assert tables.items == {"commit": 300, "get": 1, "get_many": 3, "scan": 300}
    assert tables.total == 5 + len(pages)
    tables.reset()
    assert tables.snapshot() == {}


async def test_a_deleted_blob_is_a_call(blobs: CountingBlobs) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"x"

    await blobs.put("a/1", [b"x"])
    await blobs.put_stream("a/2", stream())
    await (await blobs.read("a/1")).aclose()
    assert sorted([name async for name in blobs.list("a/")]) == ["a/1", "a/2"]
    await blobs.delete(f"a/{number}" for number in range(1, 3))

    assert blobs.snapshot() == {"put": 1, "put_stream": 1, "read": 1, "list": 1, "delete": 2}
    assert [name async for name in blobs.list("")] == []
