from __future__ import annotations

import asyncio
import random
import string
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from dicom_core.dicom.document import fragments
from dicom_core.dicom.reason_codes import FailureReason
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, instance_key, study_key
from dicom_core.index.metadata import read_metadata
from dicom_core.index.rows import InstanceRow, StudyRow
from dicom_core.index.sweeper import sweep
from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.storage.embedded_blobs import EmbeddedBlobs
from dicom_core.storage.embedded_tables import EmbeddedTables
from dicom_core.storage.ports import StorageUnavailable
from dicom_core.store.report import FailedItem, StoredItem, StoreReport
from dicom_core.store.service import StoreService
from tests.dicom.factories import data_element
from tests.index.factories import PARTITION, Storage
from tests.invariants import check_invariants
from tests.store.requests import chunked, file_of, files_of, send

MiB = 1024 * 1024
SMALL, LARGE = 0, 3 * MiB


async def instance(storage: Storage, study: str, series: str, uid: str) -> InstanceRow:
    row = await storage.tables.get(INDEX_TABLE, "microsoft.default~0", instance_key(study, series, uid))
    assert row is not None
    return InstanceRow.of(row)


async def content(storage: Storage, name: str) -> bytes:
    return b"".join([chunk async for chunk in await storage.blobs.read(name)])


async def finish(storage: Storage, index: Index) -> set[str]:
    """Let a process end, sweep after it, and return the instances that are stored."""
    await index.close()
    after = storage.index()
    await sweep(after, [PARTITION], outbox_age=0, journal_age=0)
    await after.close()
    return {ids[3] for ids in await check_invariants(storage.tables, storage.blobs, storage.shards)}


def outcomes(report: StoreReport) -> list[str | int]:
    """For each item, the UID when it was stored, the reason when it failed."""
    return [item.instance if isinstance(item, StoredItem) else item.reason for item in report.items]


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["whole", "streamed"])
async def test_a_file_is_stored_as_it_is_but_for_its_preamble(storage: Storage, size: int) -> None:
    index = storage.index()
    sent = bytes(range(128)) + file_of("1", "2", "3", size=size)[128:]
    report = await send(index, sent)
    assert report.items == [StoredItem("1.2.840.10008.5.1.4.1.1.7", "1", "2", "3", None, ())]
    row = await instance(storage, "1", "2", "3")
    stored = await content(storage, row.blob)
    assert stored == bytes(128) + sent[128:]
    assert row.size == len(sent)
    assert row.transfer_syntax == "1.2.840.10008.1.2.1"
    assert fragments(await read_metadata(storage.blobs, row))["00100010"] == b'{"vr":"PN","Value":[{"Alphabetic":"Doe^Jane"}]}'
    assert await finish(storage, index) == {"3"}


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_chunks_of_any_size_make_the_same_file(storage: Storage, size: int) -> None:
    index = storage.index()
    sent = file_of("1", "2", "3")
    await StoreService(index).store(PARTITION, files_of(sent, size=size), study=None, lenient=True)
    assert await content(storage, (await instance(storage, "1", "2", "3")).blob) == sent


async def test_every_file_fails_or_succeeds_for_itself_in_the_order_of_the_request(storage: Storage) -> None:
    index = storage.index()
    files = [file_of("1", "2", "1"), b"", b"no DICOM", file_of("1", "2", "2"), file_of("1", "2", "3")[:200], file_of("9", "2", "4")]
    report = await send(index, *files, study="1")
    refused = FailureReason.VALIDATION_FAILED
    assert outcomes(report) == ["1", refused, refused, "2", refused, FailureReason.STUDY_MISMATCH]
    assert await finish(storage, index) == {"1", "2"}


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["whole", "streamed"])
async def test_what_is_stored_is_not_stored_again(storage: Storage, size: int) -> None:
    index = storage.index()
    await send(index, file_of("1", "2", "3", size=size, PatientName="First"))
    report = await send(index, file_of("1", "2", "3", size=size, PatientName="Second"))
    assert report.items == [FailedItem("1.2.840.10008.5.1.4.1.1.7", "3", FailureReason.ALREADY_STORED, ())]
    assert b"First" in await content(storage, (await instance(storage, "1", "2", "3")).blob)
    assert await finish(storage, index) == {"3"}


class SlowBlobs(EmbeddedBlobs):
    """The first blob of a request takes the longest."""

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        await asyncio.sleep(0.05 if name.endswith(".0") else 0)
        await super().put(name, data, lasting=lasting)


async def test_the_order_of_a_request_is_the_order_of_its_commits(tmp_path: Path) -> None:
    tables = EmbeddedTables(tmp_path / "index.sqlite")
    blobs = SlowBlobs(tmp_path / "files", tables.file)
    slow = Storage(tables, blobs)
    index = slow.index()
    report = await send(index, *(file_of("1", "2", uid, PatientName=name) for uid, name in [("1", "A"), ("1", "B"), ("2", "C")]))
    assert outcomes(report) == ["1", FailureReason.ALREADY_STORED, "2"]
    row = await slow.tables.get(INDEX_TABLE, "microsoft.default~0", study_key("1"))
    assert row is not None
    assert StudyRow.of(row).newest == ("2", "2")
    assert b'"C"' in StudyRow.of(row).document
    await finish(slow, index)
    await blobs.close()
    await tables.close()


@pytest.mark.parametrize("files", [[SMALL, SMALL], [LARGE], [SMALL, LARGE, SMALL]])
async def test_a_request_that_goes_wrong_is_refused_as_a_whole(storage: Storage, files: list[int]) -> None:
    index = storage.index()
    sent = [file_of(f"1.{number}", "2", str(number), size=size) for number, size in enumerate(files)]
    with pytest.raises(LookupError):
        await StoreService(index).store(PARTITION, files_of(*sent, error=LookupError()), study=None, lenient=True)
    await index.close()
    assert await check_invariants(storage.tables, storage.blobs, 1) == {}, "nothing is left for a sweep"


async def test_a_request_broken_off_in_a_streamed_file_leaves_nothing(storage: Storage) -> None:
    index = storage.index()

    async def broken() -> AsyncIterator[bytes | memoryview]:
        async for chunk in chunked(file_of("1", "2", "2", size=LARGE)[: 2 * MiB]):
            yield chunk
        raise LookupError

    async def files() -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
        yield chunked(file_of("1", "2", "1"))
        yield broken()

    with pytest.raises(LookupError):
        await StoreService(index).store(PARTITION, files(), study=None, lenient=True)
    assert await finish(storage, index) == set()


async def test_a_cancelled_request_leaves_nothing_after_a_sweep(storage: Storage) -> None:
    index = storage.index()

    async def endless() -> AsyncIterator[bytes | memoryview]:
        async for chunk in chunked(file_of("1", "2", "2", size=LARGE)):
            yield chunk
        await asyncio.Event().wait()

    async def files() -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
        yield chunked(file_of("1", "2", "1"))
        yield endless()

    request = asyncio.create_task(StoreService(index).store(PARTITION, files(), study=None, lenient=True))
    await asyncio.sleep(0.1)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert await finish(storage, index) == set()


async def test_a_streamed_file_that_is_cut_short_fails_alone_and_leaves_nothing(storage: Storage) -> None:
    index = storage.index()
    cut = file_of("1", "2", "1", size=LARGE)[: 2 * MiB]
    report = await send(index, cut, file_of("1", "2", "2"))
    assert outcomes(report) == [FailureReason.VALIDATION_FAILED, "2"]
    await index.close()
    assert [name async for name in storage.blobs.list("")] == [(await instance(storage, "1", "2", "2")).blob]
    assert await finish(storage, index) == {"2"}


async def test_what_follows_pixel_data_in_a_streamed_file_is_seen(storage: Storage) -> None:
    index = storage.index()
    private = [data_element(0x7FE10010, "LO", "CREATOR"), data_element(0x7FE11001, "SH", "after")]
    report = await send(index, file_of("1", "2", "1", size=LARGE, elements=private))
    assert outcomes(report) == ["1"]
    metadata = fragments(await read_metadata(storage.blobs, await instance(storage, "1", "2", "1")))
    assert metadata["7FE11001"] == b'{"vr":"SH","Value":["after"]}'


async def test_a_huge_header_is_stored_through_a_temporary_file(storage: Storage) -> None:
    index = storage.index()
    sent = file_of(
        "1", "2", "1", elements=[data_element("EncapsulatedDocument", "OB", bytes(18 * MiB)), data_element(0x00420013, "SQ", [])]
    )
    report = await send(index, sent)
    assert outcomes(report) == ["1"]
    assert await content(storage, (await instance(storage, "1", "2", "1")).blob) == sent
    assert await finish(storage, index) == {"1"}


async def test_metadata_too_large_for_a_row_goes_to_a_blob(storage: Storage) -> None:
    index = storage.index()
    noise = "".join(random.Random(1).choices(string.ascii_letters, k=600_000))
    report = await send(index, file_of("1", "2", "1", elements=[data_element("TextValue", "UT", noise)]))
    assert outcomes(report) == ["1"]
    row = await instance(storage, "1", "2", "1")
    assert row.blobs == (row.blob, row.blob + ".json")
    assert noise[:100].encode() in await read_metadata(storage.blobs, row)
    assert await finish(storage, index) == {"1"}


class FullBlobs(EmbeddedBlobs):
    """There is no room for the second blob of a request."""

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        if name.endswith(".1"):
            raise StorageUnavailable("full")
        await super().put(name, data, lasting=lasting)


async def test_an_instance_that_storage_does_not_take_fails_alone(tmp_path: Path) -> None:
    tables = EmbeddedTables(tmp_path / "index.sqlite")
    blobs = FullBlobs(tmp_path / "files", tables.file)
    full = Storage(tables, blobs)
    index = full.index()
    report = await send(index, *(file_of("1", "2", str(number)) for number in range(3)))
    assert outcomes(report) == ["0", FailureReason.PROCESSING_FAILURE, "2"]
    assert await finish(full, index) == {"0", "2"}
    await blobs.close()
    await tables.close()


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["whole", "streamed"])
async def test_a_request_taken_for_dead_stores_nothing_and_leaves_nothing(storage: Storage, size: int) -> None:
    index, sweeper = storage.index(), storage.index()

    async def files() -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
        yield chunked(file_of("1", "2", "1", size=size))
        await sweep(sweeper, [PARTITION], outbox_age=0, journal_age=0)
        yield chunked(file_of("1", "2", "2", size=size))

    report = await StoreService(index).store(PARTITION, files(), study=None, lenient=True)
    assert outcomes(report) == [FailureReason.PROCESSING_FAILURE] * 2
    await index.close()
    assert await check_invariants(storage.tables, storage.blobs, 1) == {}


async def _count(storage: Storage, *requests: list[bytes]) -> tuple[int, int]:
    """Table and blob calls of requests sent at once, with all that they leave for later, once a study is known."""
    await send(storage.index(), file_of("1", "2", "0"), file_of("9", "9", "0"))
    tables, blobs = CountingTables(storage.tables), CountingBlobs(storage.blobs)
    counted = Storage(tables, blobs)
    index = counted.index()
    await send(index, file_of("1", "2", "0.1"))
    await asyncio.sleep(0.2)  # until nothing is left to do
    tables.reset()
    blobs.reset()
    for report in await asyncio.gather(*(send(index, *files) for files in requests)):
        assert all(isinstance(item, StoredItem) for item in report.items)
    await index.close()
    return tables.total, blobs.total


@pytest.mark.parametrize(
    ("requests", "most_table_calls"),
    [
        ([[file_of("1", "2", "1")]], 6),
        ([[file_of("2", "2", "1")]], 8),
        ([[file_of("1", "2", f"1.{number}") for number in range(100)]], 12),
        ([[file_of("1", "2", f"1.{number}")] for number in range(64)], 128),
    ],
    ids=["one instance", "a new study", "100 instances", "64 requests"],
)
async def test_storing_takes_few_calls(storage: Storage, requests: list[list[bytes]], most_table_calls: int) -> None:
    table_calls, blob_calls = await _count(storage, *requests)
    assert table_calls <= most_table_calls
    assert blob_calls == sum(map(len, requests))
