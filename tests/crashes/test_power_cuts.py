"""Cut the power after every write of a request: what was told before is still there, and nothing is there in part."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_core.identifiers import Identifiers
from dicom_core.storage.ports import StorageUnavailable
from tests.crashes.power import NotingBlobs, NotingTables, Writes
from tests.crashes.processes import Operation, deleting, recover, run, storing
from tests.faulty import Fault, Moment
from tests.index.factories import Storage, open_storage
from tests.store.requests import file_of

_OLD = [file_of("1", "2", "1", PatientName="Old"), file_of("1", "2", "2"), file_of("1", "3", "3")]

REQUESTS = {
    "store a new study": storing(file_of("4", "5", "6")),
    "store in a series": storing(file_of("1", "2", "5"), file_of("1", "2", "6")),
    "store what exists": storing(file_of("1", "2", "1"), file_of("1", "2", "7")),
    "replace": storing(file_of("1", "2", "1", PatientName="New"), replaces=True),
    "store large files": storing(file_of("1", "2", "8", size=200 * 1024), file_of("1", "2", "9", size=2 * 1024 * 1024)),
    "delete an instance": deleting(Identifiers("1", "3", "3")),
    "delete a study": deleting(Identifiers("1")),
}


@pytest.mark.parametrize("shards", [1, 8])
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_what_was_told_survives_any_power_cut(tmp_path: Path, request_: Operation, shards: int) -> None:
    async with open_storage(tmp_path / "before", shards) as plain:
        writes = Writes()
        storage = Storage(NotingTables(plain.tables, writes), NotingBlobs(plain.blobs, writes), shards)
        await run(storage, storing(*_OLD))
        first, index = len(writes.made), storage.index()
        acknowledged = await request_(index)
        told, last = writes.flushed, len(writes.made)
        await index.close()
        assert first < told <= last
    for number in range(first, last + 1):
        async with open_storage(tmp_path / str(number), shards) as after:
            await writes.repeat(number, after.tables, after.blobs)
            found = await recover(after, replacing=True)
            if number >= told:
                assert acknowledged.stored <= found
                assert not acknowledged.deleted or not found & {"3"}


async def test_what_was_told_survives_when_the_change_feed_does_not_work(tmp_path: Path) -> None:
    async with open_storage(tmp_path / "before") as plain:
        writes = Writes()
        await run(plain, storing(*_OLD))
        storage = Storage(NotingTables(plain.tables, writes), NotingBlobs(plain.blobs, writes))
        down = Fault("write", 4, Moment.BEFORE, lambda: StorageUnavailable("the change feed is down"))
        acknowledged, _ = await run(storage, storing(file_of("1", "2", "5")), down)
        assert acknowledged.stored == {"5"}
        assert writes.flushed == 4  # the journal, the file, the batch, and its outbox row once more
