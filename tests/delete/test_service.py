from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicom_core.delete.service import DeleteService
from dicom_core.errors import NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.changes import Terms
from dicom_core.index.events import Action
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, study_key
from dicom_core.index.rows import StudyRow
from dicom_core.index.sweeper import sweep
from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.store.report import StoredItem
from tests.feed_rows import read_feed
from tests.index.factories import PARTITION, Storage, element, store
from tests.invariants import check_invariants
from tests.store.requests import file_of, send

OTHER = Partition("Other", 2)


async def seed(index: Index) -> None:
    """Two series of two instances, and another study with one."""
    for series, instance in [("1", "1"), ("2", "2"), ("1", "3"), ("2", "4")]:
        await store(index, "1", series, instance, Modality=f"M{series}")
    await store(index, "9", "9", "9")


@pytest.mark.parametrize(
    ("named", "left"),
    [
        (Identifiers("1"), "9"),
        (Identifiers("1", "2"), "1 3 9"),
        (Identifiers("1", "1"), "2 4 9"),
        (Identifiers("1", "2", "4"), "1 2 3 9"),
        (Identifiers("1", "1", "3"), "1 2 4 9"),
        (Identifiers("1", "1", "1"), "2 3 4 9"),
    ],
    ids=str,
)
async def test_a_delete_takes_away_what_is_named_and_nothing_else(storage: Storage, named: Identifiers, left: str) -> None:
    index = storage.index()
    await seed(index)
    await DeleteService(index).delete(PARTITION, named)
    await index.close()
    assert {ids[3] for ids in await check_invariants(storage.tables, storage.blobs, 1)} == set(left.split())
    deleted = [entry.event.instance for entry in await read_feed(storage.tables) if entry.event.action is Action.DELETE]
    assert sorted(deleted) == sorted({"1", "2", "3", "4", "9"} - set(left.split()))


@pytest.mark.parametrize(
    "named",
    [
        Identifiers("7"),
        Identifiers("1", "7"),
        Identifiers("7", "1"),
        Identifiers("1", "1", "7"),
        Identifiers("1", "7", "1"),
        Identifiers("1", "2", "1"),
        Identifiers("7", "1", "1"),
    ],
    ids=str,
)
async def test_nothing_is_found_under_other_identifiers(storage: Storage, named: Identifiers) -> None:
    index = storage.index()
    await seed(index)
    with pytest.raises(NotFoundError):
        await DeleteService(index).delete(PARTITION, named)
    assert len(await check_invariants(storage.tables, storage.blobs, 1, swept=False)) == 5


@pytest.mark.parametrize("named", [Identifiers("1"), Identifiers("1", "2"), Identifiers("1", "2", "4")], ids=str)
async def test_a_second_delete_finds_nothing_and_the_same_can_be_stored_again(storage: Storage, named: Identifiers) -> None:
    index = storage.index()
    await seed(index)
    deletes = DeleteService(index)
    await deletes.delete(PARTITION, named)
    with pytest.raises(NotFoundError):
        await deletes.delete(PARTITION, named)
    await store(index, "1", "2", "4")
    await index.close()
    assert (PARTITION.name, "1", "2", "4") in await check_invariants(storage.tables, storage.blobs, 1)


async def test_another_partition_is_left_alone(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "3")
    await store(index, "1", "2", "3", OTHER)
    await DeleteService(index).delete(OTHER, Identifiers("1"))
    with pytest.raises(NotFoundError):
        await DeleteService(index).delete(OTHER, Identifiers("1"))
    await index.close()
    found = await check_invariants(storage.tables, storage.blobs, 1, partitions=(PARTITION.name, OTHER.name))
    assert found.keys() == {(PARTITION.name, "1", "2", "3")}


async def test_requests_that_delete_the_same_at_once_announce_it_once(storage: Storage) -> None:
    one, other = storage.index(), storage.index()
    await seed(one)
    deletes = [DeleteService(index).delete(PARTITION, Identifiers("1")) for index in (one, other, one, other)]
    outcomes = await asyncio.gather(*deletes, return_exceptions=True)
    assert any(outcome is None for outcome in outcomes)
    assert all(outcome is None or isinstance(outcome, NotFoundError) for outcome in outcomes)
    await one.close()
    await other.close()
    await sweep(one, [PARTITION], outbox_age=0, journal_age=0)
    assert len(await check_invariants(storage.tables, storage.blobs, 1)) == 1


async def test_deleting_one_by_one_takes_modalities_and_counts_with_it(storage: Storage) -> None:
    index = storage.index()
    await seed(index)
    deletes = DeleteService(index)
    for series, instance, modalities in [("2", "4", {"M1": 1, "M2": 1}), ("2", "2", {"M1": 1}), ("1", "3", {"M1": 1})]:
        await deletes.delete(PARTITION, Identifiers("1", series, instance))
        row = await storage.tables.get(INDEX_TABLE, "microsoft.default~0", study_key("1"))
        assert row is not None
        assert StudyRow.of(row).modalities == modalities
        await check_invariants(storage.tables, storage.blobs, 1, swept=False)


async def test_a_study_of_many_series_is_deleted(storage: Storage) -> None:
    index = storage.index()
    files = [
        file_of("1", f"2.{number}", "3", Modality=f"M{number}", ManufacturerModelName="M", PerformedProcedureStepStartDate="20200101")
        for number in range(35)
    ]
    await send(index, *files)
    await DeleteService(index).delete(PARTITION, Identifiers("1"))
    await index.close()
    assert await check_invariants(storage.tables, storage.blobs, 1) == {}


@pytest.mark.parametrize("instances", [1, 2, 10, 11])
async def test_a_study_with_every_search_row_that_there_can_be_is_deleted(storage: Storage, instances: int) -> None:
    index = storage.index()
    names = "a b c d e f g h i j=1 2 3 4"
    texts = dict.fromkeys(("PatientID", "AccessionNumber", "StudyDescription", "ManufacturerModelName"), "x")
    dates = dict.fromkeys(("PatientBirthDate", "StudyDate", "PerformedProcedureStepStartDate"), "20200101")
    attributes: dict[str, Any] = {"PatientName": names, "ReferringPhysicianName": names, **texts, **dates}
    terms = Terms(lifetime=10**12, external={f"0019{0x1000 + number:04X}": element("LO", "x") for number in range(40)})
    modalities = [file_of("1", f"2.{number}", f"2.{number}", Modality=f"M{number}", **attributes) for number in range(16)]
    report = await send(index, *modalities, *(file_of("1", "3", f"3.{number}", **attributes) for number in range(instances)), terms=terms)
    assert all(isinstance(item, StoredItem) for item in report.items)
    deletes = DeleteService(index)
    await deletes.delete(PARTITION, Identifiers("1", "2.7"))
    await deletes.delete(PARTITION, Identifiers("1"))
    await index.close()
    assert await check_invariants(storage.tables, storage.blobs, 1) == {}


async def test_deleting_a_series_of_a_hundred_takes_few_calls(storage: Storage) -> None:
    tables, blobs = CountingTables(storage.tables), CountingBlobs(storage.blobs)
    index = Storage(tables, blobs).index()
    await send(index, *(file_of("1", "2", f"1.{number}") for number in range(100)), file_of("1", "3", "9"))
    await index.close()
    tables.reset()
    blobs.reset()
    await DeleteService(index).delete(PARTITION, Identifiers("1", "2"))
    assert tables.total <= 10, tables.snapshot()
    await index.close()
    assert blobs.snapshot() == {"delete": 100}
