from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dicom_core.errors import BackendError
from dicom_core.identifiers import DEFAULT_PARTITION, Partition
from dicom_core.index.events import Action, Event
from dicom_core.index.keys import INDEX_TABLE, outbox_key
from dicom_core.index.lane import Debt
from dicom_core.services import OpenServices, Services, open_services
from dicom_core.settings import Settings
from dicom_core.storage.ports import Insert, StorageUnavailable


def _settings(folder: Path, **values: int) -> Settings:
    return Settings(storage="embedded", data=str(folder / "new" / "data"), **values)  # type: ignore[arg-type]  # shards only


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    OpenServices(_settings(tmp_path))
    assert list(tmp_path.iterdir()) == []


async def test_services_are_opened_once(tmp_path: Path) -> None:
    opened = OpenServices(_settings(tmp_path))
    first, second = await asyncio.gather(opened(), opened())
    assert first is second
    await opened.close()
    await opened.close()


async def test_a_folder_that_is_lost_makes_the_storage_unavailable(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    (tmp_path / "new").touch()
    with pytest.raises(StorageUnavailable):
        await open_services(settings)


async def test_failing_to_open_is_not_for_ever(tmp_path: Path) -> None:
    attempts = []

    async def opener(settings: Settings) -> Services:
        attempts.append(settings)
        if len(attempts) == 1:
            raise BackendError("not yet")
        return await open_services(settings)

    opened = OpenServices(_settings(tmp_path), opener)
    with pytest.raises(BackendError):
        await opened()
    assert isinstance(await opened(), Services)
    await opened.close()


async def test_number_of_shards_stays_as_first_set(tmp_path: Path) -> None:
    for shards, expected in ((3, 3), (8, 3)):
        services = await open_services(_settings(tmp_path, shards=shards))
        assert services.index.shards == expected
        await services.close()


async def test_sweeping_an_empty_store_is_harmless(tmp_path: Path) -> None:
    services = await open_services(_settings(tmp_path))
    await services.sweep()
    assert [info.partition.name for info in await services.partitions.all()] == [DEFAULT_PARTITION]
    await services.close()


async def test_a_new_process_pays_what_a_crash_left_owing(tmp_path: Path) -> None:
    crashed = await open_services(_settings(tmp_path))
    [shard] = crashed.index.partition_keys(Partition(DEFAULT_PARTITION, 1))
    event = Event(Action.CREATE, DEFAULT_PARTITION, "1.1", "2.1", "3.1", 1)
    debt = Debt(shard, outbox_key(crashed.index.clock.ulid()), [event], [])
    await crashed.index.tables.commit(INDEX_TABLE, shard, [Insert(debt.row_key, debt.properties())])
    await crashed.close()
    services = await open_services(_settings(tmp_path))
    await services.index.close()
    latest = await services.change_feed.latest(metadata=False)
    assert latest is not None
    assert latest.published.event == event
    await services.close()
