"""Studies are deleted when their time has come, unless a store has put that off."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from dicom_core.delete.expiry import delete_expired
from dicom_core.delete.service import DeleteService
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.changes import Terms
from dicom_core.index.index import Index
from dicom_core.index.sweeper import sweep
from dicom_core.storage.ports import StorageUnavailable
from tests.crashes.processes import recover
from tests.delete.interrupted import Interrupted
from tests.faulty import Fault, Faults, FaultyBlobs, FaultyTables, Moment
from tests.feed_rows import read_feed
from tests.index.factories import PARTITION, Storage, open_storage, store
from tests.invariants import check_invariants

SECOND = 1_000_000
SHORT, LONG = Terms(lifetime=10 * SECOND), Terms(lifetime=1000 * SECOND)
LATER = 1100.0
OTHER = Partition("Ward", 2)


class Time:
    """A clock's time, in seconds, that tests set."""

    def __init__(self, seconds: float = 1000) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


async def expire(index: Index, *partitions: Partition) -> int:
    return await delete_expired(index, DeleteService(index), partitions or [PARTITION])


async def present(storage: Storage, *, replacing: bool = False) -> set[str]:
    """The instances that are stored, when everything else has been finished."""
    for index in storage.indexes:
        await index.close()
    await sweep(storage.index(), [PARTITION, OTHER], outbox_age=0, journal_age=0)
    found = await check_invariants(
        storage.tables, storage.blobs, storage.shards, partitions=[PARTITION.name, OTHER.name], replacing=replacing
    )
    return {ids[3] for ids in found}


@pytest.mark.parametrize("shards", [1, 8])
async def test_what_has_expired_goes_and_nothing_else(tmp_path: Path, shards: int) -> None:
    time = Time()
    async with open_storage(tmp_path, shards) as storage:
        index = storage.index(now=time)
        for number in range(12):
            await store(index, f"1.{number}", "2", f"3.{number}", (PARTITION, OTHER)[number % 2], (SHORT, LONG, Terms())[number % 3])
        assert await expire(index, PARTITION, OTHER) == 0
        time.seconds = LATER
        assert await expire(index, PARTITION) == 2
        assert await expire(index, PARTITION, OTHER) == 2
        assert await expire(index, PARTITION, OTHER) == 0
        assert await present(storage) == {f"3.{number}" for number in range(12) if number % 3}


async def test_every_instance_of_a_large_study_goes_with_one_event_each(storage: Storage) -> None:
    time = Time()
    index = storage.index(now=time)
    for number in range(50):
        await store(index, "1", f"2.{number % 7}", f"3.{number}", PARTITION, SHORT, Modality=f"M{number % 7}")
    time.seconds = LATER
    assert await expire(index) == 50
    assert await present(storage) == set()
    assert Counter(entry.event.action for entry in await read_feed(storage.tables)) == {"Create": 50, "Delete": 50}


async def test_a_later_store_puts_it_off_or_cancels_it(storage: Storage) -> None:
    time = Time()
    index = storage.index(now=time)
    for number, terms in enumerate([LONG, Terms(), SHORT]):
        await store(index, f"1.{number}", "2", f"3.{number}", PARTITION, SHORT)
        await store(index, f"1.{number}", "2", f"4.{number}", PARTITION, terms)
    time.seconds = LATER
    assert await expire(index) == 2
    assert await present(storage) == {"3.0", "4.0", "3.1", "4.1"}


@pytest.mark.parametrize("terms", [Terms(), LONG, Terms(replaces=True)], ids=["cancelled", "put off", "replaced"])
@pytest.mark.parametrize("at", [1, 2])
async def test_a_store_in_between_wins(tmp_path: Path, terms: Terms, at: int) -> None:
    """Before the first commit everything stays; after it, what is stored stays and what was there goes."""
    time = Time()
    async with open_storage(tmp_path) as plain:
        tables = Interrupted(plain.tables)
        storage = Storage(tables, plain.blobs)
        one, other = storage.index(now=time), plain.index(now=time)
        for number in range(40):
            await store(one, "1", "2", f"3.{number}", PARTITION, SHORT)
        await one.close()
        time.seconds = LATER
        tables.at = at
        expiring = asyncio.create_task(expire(one))
        await tables.reached.wait()
        new = "3.39" if terms.replaces else "4"
        await store(other, "1", "2", new, PARTITION, terms)
        tables.go_on.set()
        deleted = await expiring
        before = {f"3.{number}" for number in range(40)}
        await one.close()
        assert await present(plain, replacing=True) == (before | {new} if at == 1 else {new})
        assert deleted == (0 if at == 1 else len(before - {new}))


async def test_one_study_that_fails_does_not_keep_the_others(tmp_path: Path) -> None:
    time = Time()
    async with open_storage(tmp_path) as storage:
        index = storage.index(now=time)
        for number in range(3):
            await store(index, f"1.{number}", "2", f"3.{number}", PARTITION, SHORT)
        await index.close()
        time.seconds = LATER
        faults = Faults(Fault("write", 1, Moment.BEFORE, lambda: StorageUnavailable("down")))
        failing = Index(FaultyTables(storage.tables, faults), FaultyBlobs(storage.blobs, faults), index.clock, 1)
        assert await expire(failing) == 2
        await failing.close()
        assert len(await present(storage)) == 1


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_a_stop_at_any_write_is_made_good_the_next_time(tmp_path: Path, moment: Moment) -> None:
    for number in count(1):
        time = Time()
        async with open_storage(tmp_path / str(number)) as storage:
            index = storage.index(now=time)
            for each in range(24):
                await store(index, "1", f"2.{each % 3}", f"3.{each}", PARTITION, SHORT)
            await store(index, "2", "2", "9")
            await index.close()
            time.seconds = LATER
            faults = Faults(Fault("write", number, moment, lambda: StorageUnavailable("down"), lasting=True))
            stopped = Index(FaultyTables(storage.tables, faults), FaultyBlobs(storage.blobs, faults), index.clock, 1)
            with suppress(StorageUnavailable):
                await expire(stopped)
            await asyncio.wait_for(stopped.close(), 10)
            assert "9" in await recover(storage)
            await expire(storage.index(now=time))
            assert await present(storage) == {"9"}
        if faults.calls["write"] < number:
            return


async def test_a_study_may_be_deleted_before_its_time(storage: Storage) -> None:
    time = Time()
    index = storage.index(now=time)
    await store(index, "1", "2", "3", PARTITION, SHORT)
    await DeleteService(index).delete(PARTITION, Identifiers("1"))
    await store(index, "1", "2", "3")
    time.seconds = LATER
    assert await expire(index) == 0
    assert await present(storage) == {"3"}
