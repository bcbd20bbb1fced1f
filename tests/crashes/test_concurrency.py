"""Many tasks in two processes store and delete the same instances at once: the end is that of some order of them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from pathlib import Path

import pytest

from dicom_core.delete.service import DeleteService
from dicom_core.errors import NotFoundError
from dicom_core.identifiers import Identifiers
from dicom_core.index.changes import Stored, Terms
from dicom_core.index.events import Action
from dicom_core.index.index import Index
from dicom_core.index.sweeper import sweep
from tests.feed_rows import read_feed
from tests.index.factories import PARTITION, open_storage, store
from tests.invariants import check_invariants
from tests.store.requests import file_of, send

_INSTANCES = [(f"1.{study}", f"2.{series}", f"3.{instance}") for study in range(2) for series in range(2) for instance in range(3)]


async def _store(index: Index, ids: tuple[str, str, str], chance: random.Random, told: Counter[str]) -> None:
    outcome = await store(index, *ids, Modality=chance.choice(["CT", "MR"]), PatientName=chance.choice("ABC"))
    told[f"{outcome is Stored.CREATED} {ids}"] += 1


async def _delete(index: Index, ids: tuple[str, str, str], level: int, told: Counter[str]) -> None:
    try:
        await DeleteService(index).delete(PARTITION, Identifiers(*ids[:level]))
        told[f"deleted {level}"] += 1
    except NotFoundError:
        told[f"not found {level}"] += 1


@pytest.mark.parametrize("shards", [1, 8])
@pytest.mark.parametrize("seed", range(4))
async def test_concurrent_changes_end_as_if_one_came_after_the_other(tmp_path: Path, seed: int, shards: int) -> None:
    chance = random.Random(seed)
    told: Counter[str] = Counter()
    async with open_storage(tmp_path, shards) as storage:
        indexes = [storage.index(), storage.index()]

        async def work(worker: int) -> None:
            for _ in range(10):
                await asyncio.sleep(chance.random() * 0.004)
                index, ids = indexes[worker % 2], chance.choice(_INSTANCES)
                if chance.random() < 0.6:
                    await _store(index, ids, chance, told)
                else:
                    await _delete(index, ids, chance.choice([1, 2, 3, 3]), told)

        await asyncio.gather(*map(work, range(16)))
        for index in indexes:
            await index.close()
        await sweep(indexes[0], [PARTITION], outbox_age=0, journal_age=0)
        present = await check_invariants(storage.tables, storage.blobs, shards)
        events = Counter((entry.event.action, entry.event[2:5]) for entry in await read_feed(storage.tables))
        for ids in _INSTANCES:
            created, deleted = events[Action.CREATE, ids], events[Action.DELETE, ids]
            assert created == told[f"True {ids}"], "every store that succeeded is in the feed"
            assert created - deleted == ((PARTITION.name, *ids) in present)


@pytest.mark.parametrize("shards", [1, 8])
async def test_an_instance_stored_many_times_at_once_is_stored_once(tmp_path: Path, shards: int) -> None:
    async with open_storage(tmp_path, shards) as storage:
        indexes = [storage.index(), storage.index()]
        outcomes = await asyncio.gather(*(store(indexes[number % 2], "1", "2", "3", PatientName=f"N{number}") for number in range(30)))
        assert Counter(outcomes) == {Stored.CREATED: 1, Stored.EXISTED: 29}
        for index in indexes:
            await index.close()
        assert len(await check_invariants(storage.tables, storage.blobs, shards)) == 1


async def test_sweepers_beside_live_requests_repeat_and_lose_nothing(tmp_path: Path) -> None:
    async with open_storage(tmp_path, 2) as storage:
        indexes = [storage.index() for _ in range(3)]
        done = asyncio.Event()

        async def sweeping(index: Index) -> None:
            while not done.is_set():
                await sweep(index, [PARTITION], outbox_age=0, journal_age=3600)
                await asyncio.sleep(0.002)

        sweepers = [asyncio.create_task(sweeping(index)) for index in indexes]
        for start in range(0, 60, 12):
            numbers = range(start, start + 12)
            await asyncio.gather(*(store(indexes[number % 3], f"1.{number % 5}", "2", f"3.{number}") for number in numbers))
            await DeleteService(indexes[0]).delete(PARTITION, Identifiers("1.0"))
        done.set()
        await asyncio.gather(*sweepers)
        for index in indexes:
            await index.close()
        await sweep(indexes[0], [PARTITION], outbox_age=0, journal_age=0)
        assert len(await check_invariants(storage.tables, storage.blobs, 2)) == 48


async def test_instances_replaced_and_deleted_at_once_leave_one_version_or_none(tmp_path: Path) -> None:
    chance = random.Random(5)
    async with open_storage(tmp_path) as storage:
        indexes = [storage.index(), storage.index()]

        async def work(worker: int) -> None:
            for number in range(6):
                index, ids = indexes[worker % 2], chance.choice(_INSTANCES[:4])
                await send(index, file_of(*ids, PatientName=f"N{worker}.{number}"), terms=Terms(replaces=True))
                if chance.random() < 0.3:
                    with contextlib.suppress(NotFoundError):
                        await DeleteService(index).delete(PARTITION, Identifiers(*ids[: chance.randint(1, 3)]))

        await asyncio.gather(*map(work, range(12)))
        for index in indexes:
            await index.close()
        await sweep(indexes[0], [PARTITION], outbox_age=0, journal_age=0)
        await check_invariants(storage.tables, storage.blobs, 1, replacing=True)
        events = [entry.event for entry in await read_feed(storage.tables)]
        assert sum(event.action is Action.CREATE for event in events) == 72
