from __future__ import annotations

import asyncio
import re

import pytest

from dicom_core.errors import InvalidPartition
from dicom_core.identifiers import Partition
from dicom_core.index.clock import Clock
from dicom_core.partitions.service import PartitionService
from dicom_core.storage.counting import CountingTables
from tests.index.factories import Storage


def service(storage: Storage) -> PartitionService:
    return PartitionService(storage.tables, Clock(lambda: 1_700_000_000.25))


async def test_the_default_partition_always_exists(storage: Storage) -> None:
    assert await service(storage).find("Microsoft.Default") == Partition("Microsoft.Default", 1)
    [info] = await service(storage).all()
    assert (info.partition, info.created) == (Partition("Microsoft.Default", 1), "2023-11-14T22:13:20.250000Z")


async def test_partitions_are_numbered_in_the_order_of_their_creation(storage: Storage) -> None:
    partitions = service(storage)
    assert [await partitions.ensure(name) for name in ("b", "a", "b")] == [Partition("b", 2), Partition("a", 3), Partition("b", 2)]
    assert [info.partition.name for info in await service(storage).all()] == ["Microsoft.Default", "b", "a"]


@pytest.mark.parametrize("name", ["ward", "WARD", "Ward"])
async def test_letter_case_is_ignored_and_the_first_spelling_kept(storage: Storage, name: str) -> None:
    await service(storage).ensure("Ward")
    assert await service(storage).find(name) == await service(storage).ensure(name) == Partition("Ward", 2)


@pytest.mark.parametrize("name", ["MICROSOFT.default", "microsoft.default"])
async def test_the_default_partition_has_one_spelling(storage: Storage, name: str) -> None:
    assert await service(storage).ensure(name) == Partition("Microsoft.Default", 1)


async def test_an_unknown_partition_is_not_found(storage: Storage) -> None:
    with pytest.raises(InvalidPartition, match=re.escape("Specified PartitionName does not exist.")):
        await service(storage).find("unknown")
    assert len(await service(storage).all()) == 1


@pytest.mark.parametrize("name", ["", "x" * 65, "a/b", "a b", "é", "a~1", "a|b", "a\n"])
async def test_malformed_names_are_refused(storage: Storage, name: str) -> None:
    for lookup in (service(storage).find, service(storage).ensure):
        with pytest.raises(InvalidPartition):
            await lookup(name)


@pytest.mark.parametrize("name", ["a", "x" * 64, "A-Z_a.z-0.9", ".", "..", "-"])
async def test_well_formed_names_are_taken(storage: Storage, name: str) -> None:
    assert (await service(storage).ensure(name)).name == name


async def test_processes_that_create_partitions_at_once_agree(storage: Storage) -> None:
    services = [service(storage) for _ in range(3)]
    found = await asyncio.gather(*(services[number % 3].ensure(f"P{number % 7}") for number in range(42)))
    assert len({partition.key for partition in found}) == len(set(found)) == 7
    assert sorted({partition.key for partition in found}) == list(range(2, 9))


async def test_a_partition_is_looked_up_once(storage: Storage) -> None:
    tables = CountingTables(storage.tables)
    partitions = PartitionService(tables, Clock())
    await partitions.ensure("a")
    tables.reset()
    await partitions.ensure("A")
    await partitions.find("a")
    assert tables.total == 0
