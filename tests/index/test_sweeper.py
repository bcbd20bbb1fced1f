from __future__ import annotations

import pytest

from dicom_core.index.events import Action, Event
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, outbox_key
from dicom_core.index.lane import Debt
from dicom_core.index.sweeper import Swept, sweep
from dicom_core.storage.ports import Insert, StorageUnavailable
from tests.faulty import Fault, Faults, FaultyBlobs, Moment
from tests.feed_rows import read_feed, rows_of
from tests.index.factories import PARTITION, Storage, store
from tests.invariants import check_invariants

KEY = "microsoft.default~0"


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


async def owe(storage: Storage, ulid: str, instance: str, *blobs: str) -> None:
    """What a process leaves that stops right after its commit."""
    debt = Debt(KEY, outbox_key(ulid), [Event(Action.CREATE, PARTITION.name, "1", "2", instance, 4)], list(blobs))
    await storage.tables.commit(INDEX_TABLE, KEY, [Insert(debt.row_key, debt.properties())])


async def test_what_is_young_is_left_alone(storage: Storage) -> None:
    time = Time()
    index, sweeper = storage.index(now=time), storage.index(now=time)
    upload = await index.uploads.begin(KEY)
    await storage.blobs.put(upload.name, [b"file"])
    await owe(storage, index.clock.ulid(), "3")
    time.seconds += 59
    assert await sweep(sweeper, [PARTITION], outbox_age=60, journal_age=3600) == Swept()
    time.seconds += 1
    assert await sweep(sweeper, [PARTITION], outbox_age=60, journal_age=3600) == Swept(debts=1)
    time.seconds += 3540
    assert await sweep(sweeper, [PARTITION], outbox_age=60, journal_age=3600) == Swept(requests=1, blobs=1)
    assert [name async for name in storage.blobs.list("")] == []
    assert len(await read_feed(storage.tables)) == 1
    assert await rows_of(storage.tables, INDEX_TABLE, KEY) == []


async def test_one_debt_that_cannot_be_settled_does_not_hold_up_the_others(storage: Storage) -> None:
    faults = Faults(Fault("write", 1, Moment.BEFORE, lambda: StorageUnavailable("down")))
    index = Index(storage.tables, FaultyBlobs(storage.blobs, faults), storage.index().clock, 1)
    for instance in "345":
        await owe(storage, index.clock.ulid(), instance, f"blob{instance}")
    assert (await sweep(index, [PARTITION], outbox_age=0, journal_age=0)).debts == 2
    assert (await sweep(index, [PARTITION], outbox_age=0, journal_age=0)).debts == 1
    assert sorted(entry.event.instance for entry in await read_feed(storage.tables)) == ["3", "4", "5"]


async def test_what_a_dead_process_had_settled_is_forgotten(storage: Storage) -> None:
    time = Time()
    index = storage.index(now=time)
    await store(index, "1", "2", "3")
    await index.close()
    [name] = (await index.feed.head()).pending
    sweeper = storage.index(now=time)
    time.seconds += 61
    await sweep(sweeper, [PARTITION], outbox_age=60, journal_age=3600)
    await store(sweeper, "1", "2", "4")
    assert name not in (await sweeper.feed.head()).pending


@pytest.mark.parametrize("sweeps", [1, 2])
async def test_every_shard_of_every_partition_is_swept(storage: Storage, sweeps: int) -> None:
    index = Index(storage.tables, storage.blobs, storage.index().clock, 8)
    keys = index.partition_keys(PARTITION)
    for number, key in enumerate(keys):
        debt = Debt(key, outbox_key(index.clock.ulid()), [Event(Action.CREATE, PARTITION.name, "1", "2", str(number), 4)], [])
        await storage.tables.commit(INDEX_TABLE, key, [Insert(debt.row_key, debt.properties())])
    for _ in range(sweeps):
        await sweep(index, [PARTITION], outbox_age=0, journal_age=0)
    assert len(await read_feed(storage.tables)) == 8


async def test_a_sweep_of_a_store_in_order_finds_nothing(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "3")
    await index.close()
    assert await sweep(storage.index(), [PARTITION], outbox_age=0, journal_age=0) == Swept()
    assert len(await check_invariants(storage.tables, storage.blobs, 1)) == 1
