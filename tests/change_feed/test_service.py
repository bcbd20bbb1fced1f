from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson
import pytest

from dicom_core.change_feed.service import ChangeFeedService, Entry, State
from dicom_core.delete.service import DeleteService
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.events import Action
from dicom_core.index.index import Index
from dicom_core.storage.counting import CountingBlobs, CountingTables
from tests.dicom.factories import data_element
from tests.feed_rows import read_feed
from tests.index.factories import PARTITION, Storage, open_storage, store
from tests.store.requests import file_of, send

ROOT = Path(__file__).parents[2]
CREATE, DELETE = Action.CREATE, Action.DELETE
CURRENT, REPLACED, DELETED = State.CURRENT, State.REPLACED, State.DELETED


async def everything(index: Index, *, metadata: bool = True) -> list[Entry]:
    return await ChangeFeedService(index).by_sequence(0, 1000, metadata=metadata)


def told(entries: list[Entry]) -> list[tuple[int, Action, str, State]]:
    return [(each.published.sequence, each.published.event.action, each.published.event.instance, each.state) for each in entries]


async def delete(index: Index, *ids: str) -> None:
    await DeleteService(index).delete(PARTITION, Identifiers(*ids))


@pytest.mark.parametrize("metadata", [True, False])
async def test_states_are_those_of_the_moment_of_reading(storage: Storage, metadata: bool) -> None:
    index = storage.index()
    await store(index, "1", "2", "3")
    await store(index, "1", "2", "4")
    assert told(await everything(index, metadata=metadata)) == [(1, CREATE, "3", CURRENT), (2, CREATE, "4", CURRENT)]
    await delete(index, "1", "2", "3")
    expected = [(1, CREATE, "3", DELETED), (2, CREATE, "4", CURRENT), (3, DELETE, "3", DELETED)]
    assert told(await everything(index, metadata=metadata)) == expected
    await store(index, "1", "2", "3")
    expected = [(1, CREATE, "3", REPLACED), (2, CREATE, "4", CURRENT), (3, DELETE, "3", REPLACED), (4, CREATE, "3", CURRENT)]
    assert told(await everything(index, metadata=metadata)) == expected


async def test_metadata_is_that_of_the_current_version(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "3", PatientName="Old")
    await delete(index, "1")
    await store(index, "1", "2", "3", PatientName="New")
    await store(index, "1", "2", "4", PatientName="Gone")
    await delete(index, "1", "2", "4")
    names = [each.metadata and orjson.loads(each.metadata)["00100010"]["Value"][0]["Alphabetic"] for each in await everything(index)]
    assert names == ["New", "New", "New", None, None]
    assert all(each.metadata is None for each in await everything(index, metadata=False))


async def test_metadata_in_a_blob_is_read_too(storage: Storage) -> None:
    index = storage.index()
    noise = "".join(f"{number * number % 99991:x}" for number in range(400_000))
    await send(index, file_of("1", "2", "3", elements=[data_element("TextValue", "UT", noise)]))
    assert [name async for name in storage.blobs.list("") if name.endswith(".json")]
    [entry] = await everything(index)
    assert entry.metadata is not None
    assert noise[:100].encode() in entry.metadata


async def test_partitions_have_one_feed_and_their_own_instances(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "3", PatientName="A")
    await store(index, "1", "2", "3", Partition("Other", 2), PatientName="B")
    await delete(index, "1")
    entries = await everything(index)
    assert [each.published.event.partition for each in entries] == ["Microsoft.Default", "Other", "Microsoft.Default"]
    assert [each.state for each in entries] == [DELETED, CURRENT, DELETED]


async def test_windows_of_time_skip_and_limit(storage: Storage) -> None:
    seconds = iter(range(100, 10_000))
    index = storage.index(now=lambda: next(seconds))
    for number in range(9):
        await store(index, "1", "2", str(number))
    feed = ChangeFeedService(index)
    times = [entry.time for entry in await read_feed(storage.tables)]

    async def window(start: int | None, end: int | None, skip: int = 0, limit: int = 100) -> list[int]:
        entries = await feed.by_time(start, end, skip=skip, limit=limit, metadata=False)
        return [each.published.sequence for each in entries]

    assert await window(None, None) == list(range(1, 10))
    assert await window(times[2], times[6]) == [3, 4, 5, 6]
    assert await window(times[2] + 1, times[6] + 1) == [4, 5, 6, 7]
    assert await window(times[2], times[6], skip=1, limit=2) == [4, 5]
    assert await window(times[2], times[6], skip=4) == []
    assert await window(times[2], None, skip=2**63 - 1) == []
    assert await window(times[8] + 1, None) == []
    assert await window(None, times[0]) == []
    assert await window(-5, 0) == []


async def test_the_latest_change_is_the_last(storage: Storage) -> None:
    index = storage.index(bucket_size=1)
    feed = ChangeFeedService(index)
    assert await feed.latest(metadata=True) is None
    for number in range(3):
        await store(index, "1", "2", str(number))
        latest = await feed.latest(metadata=True)
        assert latest is not None
        assert told([latest]) == [(number + 1, CREATE, str(number), CURRENT)]


@pytest.mark.parametrize("metadata", [True, False])
async def test_a_page_of_a_hundred_events_takes_few_calls(storage: Storage, metadata: bool) -> None:
    tables, blobs = CountingTables(storage.tables), CountingBlobs(storage.blobs)
    index = Storage(tables, blobs).index()
    await send(index, *(file_of("1", f"2.{number % 2}", str(number)) for number in range(100)))
    feed = ChangeFeedService(index)
    await feed.by_sequence(0, 1, metadata=False)
    tables.reset()
    blobs.reset()
    assert len(await feed.by_sequence(0, 100, metadata=metadata)) == 100
    assert tables.total <= 6, tables.snapshot()  # buckets, events, and each series in at most two pages
    assert blobs.total == 0


async def test_few_events_of_a_large_series_do_not_read_all_of_it(storage: Storage) -> None:
    tables = CountingTables(storage.tables)
    index = Storage(tables, storage.blobs).index()
    await send(index, *(file_of("1", "2", f"3.{number:03}") for number in range(100, 300)))
    for number in (100, 150, 200, 250, 299):
        await delete(index, "1", "2", f"3.{number}")
        await store(index, "1", "2", f"3.{number}")
    tables.items.clear()
    entries = await ChangeFeedService(index).by_sequence(200, 10, metadata=True)
    assert [each.state for each in entries] == [REPLACED, CURRENT] * 5
    assert tables.items["scan"] + tables.items["get_many"] <= 40


async def test_readers_see_every_change_in_order_while_several_processes_write(tmp_path: Path) -> None:
    async with open_storage(tmp_path) as storage:
        writers = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.crashes.storing_process",
                tmp_path,
                "1",
                f"{number}",
                cwd=ROOT,
                stdout=asyncio.subprocess.DEVNULL,
            )
            for number in range(2)
        ]
        feed = ChangeFeedService(storage.index())
        by_sequence: list[Entry] = []
        by_time: list[Entry] = []
        while len(by_sequence) < 150:
            by_sequence += await feed.by_sequence(len(by_sequence), 100, metadata=False)
            start = by_time[0].published.time if by_time else None
            by_time += await feed.by_time(start, None, skip=len(by_time), limit=200, metadata=False)
            await asyncio.sleep(0.005)
        for writer in writers:
            writer.kill()
            await writer.wait()
        written = await read_feed(storage.tables)
        for seen in (by_sequence, by_time):
            assert [each.published.sequence for each in seen] == list(range(1, len(seen) + 1))
            assert [each.published.event for each in seen] == [entry.event for entry in written[: len(seen)]]
        assert len({entry.event.instance.partition(".")[0] for entry in written}) == 2, "both have written"
