from __future__ import annotations

import asyncio

import pytest

from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE
from dicom_core.storage.ports import StorageUnavailable
from tests.faulty import Fault, Faults, FaultyTables, Moment
from tests.feed_rows import rows_of
from tests.index.factories import Storage

KEY = "microsoft.default~0"


async def journals(storage: Storage) -> list[str]:
    await asyncio.sleep(0.1)  # rows leave after a pause
    return [row.row_key for row in await rows_of(storage.tables, INDEX_TABLE, KEY)]


async def test_uploads_at_once_share_a_journal_and_have_names_of_their_own(storage: Storage) -> None:
    index = storage.index()
    uploads = await asyncio.gather(*(index.uploads.begin(KEY) for _ in range(20)))
    assert await journals(storage) == [uploads[0].journal.key]
    assert len({upload.name for upload in uploads}) == 20


async def test_a_journal_stays_until_its_last_upload_has_ended(storage: Storage) -> None:
    index = storage.index()
    first, second = await index.uploads.begin(KEY), await index.uploads.begin(KEY)
    index.uploads.end(first, clear=True)
    index.uploads.close()
    assert await journals(storage) == [first.journal.key]
    index.uploads.end(second, clear=True)
    assert await journals(storage) == []


async def test_an_unclear_upload_leaves_its_journal_to_the_sweeper(storage: Storage) -> None:
    index = storage.index()
    first, second = await index.uploads.begin(KEY), await index.uploads.begin(KEY)
    index.uploads.end(first, clear=False)
    index.uploads.end(second, clear=True)
    third = await index.uploads.begin(KEY)
    assert third.journal is not first.journal, "nothing more begins under it"
    index.uploads.end(third, clear=True)
    await index.close()
    assert await journals(storage) == [first.journal.key]


async def test_an_old_journal_takes_in_nothing_more(storage: Storage) -> None:
    seconds = [1000.0]
    index = storage.index(now=lambda: seconds[0])
    first = await index.uploads.begin(KEY)
    seconds[0] += 61
    second = await index.uploads.begin(KEY)
    assert second.journal is not first.journal
    index.uploads.end(first, clear=True)
    assert await journals(storage) == [second.journal.key]


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_a_journal_that_could_not_be_opened_fails_those_who_wait_and_no_one_later(storage: Storage, moment: Moment) -> None:
    faults = Faults(Fault("write", 1, moment, lambda: StorageUnavailable("down")))
    index = Index(FaultyTables(storage.tables, faults), storage.blobs, storage.index().clock, 1)
    outcomes = await asyncio.gather(*(index.uploads.begin(KEY) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(outcome, StorageUnavailable) for outcome in outcomes)
    upload = await index.uploads.begin(KEY)
    assert upload.journal.key in await journals(storage)
    await index.close()


async def test_who_stops_waiting_for_a_journal_gives_the_place_back(storage: Storage) -> None:
    index = storage.index()
    waiting = asyncio.create_task(index.uploads.begin(KEY))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await index.close()
    assert await journals(storage) == []
