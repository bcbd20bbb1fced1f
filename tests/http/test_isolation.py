"""No route sees or changes anything outside the data partition of its URL; proven on every row and blob that it touches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest

from dicom_core.http.routes import Binding, bindings
from dicom_core.identifiers import DEFAULT_PARTITION
from dicom_core.index.clock import Clock
from dicom_core.index.keys import INDEX_TABLE
from dicom_core.services import compose
from dicom_core.settings import Settings
from dicom_core.storage.embedded_blobs import EmbeddedBlobs
from dicom_core.storage.embedded_tables import EmbeddedTables
from dicom_core.storage.ports import BlobReader, Operation, Row
from dicom_core.storage.sqlite_file import SqliteFile
from tests.http.driver import Answer, Client
from tests.http.host_rules import sample_url
from tests.store.requests import file_of

OWN, OTHER, EMPTY = "own", "other", "empty"
SECRET = b"OTHERSECRET"
VALUES = {"study": "1.1", "series": "1.2", "instance": "1.3", "frames": "1", "frame": "1"}
PARTITIONED = [binding for binding in bindings() if binding.route.partitioned]


class RecordingTables(EmbeddedTables):
    """Tables that remember which partition keys of the index were touched."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.touched: set[str] = set()

    def _touch(self, table: str, partition_key: str) -> None:
        if table == INDEX_TABLE:
            self.touched.add(partition_key)

    async def get(self, table: str, partition_key: str, row_key: str, *, select: Sequence[str] | None = None) -> Row | None:
        self._touch(table, partition_key)
        return await super().get(table, partition_key, row_key, select=select)

    async def get_many(self, table: str, partition_key: str, row_keys: Sequence[str]) -> dict[str, Row]:
        self._touch(table, partition_key)
        return await super().get_many(table, partition_key, row_keys)

    async def scan(
        self, table: str, partition_key: str, start: str, end: str, *, limit: int | None = None, select: Sequence[str] | None = None
    ) -> AsyncIterator[list[Row]]:
        self._touch(table, partition_key)
        async for page in super().scan(table, partition_key, start, end, limit=limit, select=select):
            yield page

    async def commit(self, table: str, partition_key: str, operations: Sequence[Operation], *, lasting: bool = True) -> list[str | None]:
        self._touch(table, partition_key)
        return await super().commit(table, partition_key, operations, lasting=lasting)


class RecordingBlobs(EmbeddedBlobs):
    """Blobs that remember which ones were touched."""

    def __init__(self, root: Path, file: SqliteFile) -> None:
        super().__init__(root, file)
        self.touched: set[str] = set()

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        self.touched.add(name)
        await super().put(name, data, lasting=lasting)

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes | memoryview]) -> int:
        self.touched.add(name)
        return await super().put_stream(name, chunks)

    async def read(self, name: str, offset: int = 0, length: int | None = None) -> BlobReader:
        self.touched.add(name)
        return await super().read(name, offset, length)

    async def delete(self, names: Iterable[str]) -> None:
        names = list(names)
        self.touched.update(names)
        await super().delete(names)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        self.touched.add(prefix)
        async for name in super().list(prefix):
            yield name


class Archive:
    """A service whose partitions hold instances of the same identifiers; only the other partition's have the secret."""

    def __init__(self, client: Client, tables: RecordingTables, blobs: RecordingBlobs) -> None:
        self.client = client
        self.tables = tables
        self.blobs = blobs

    async def fill(self) -> None:
        for partition, name in [(OWN, "Own"), (DEFAULT_PARTITION, "Default"), (OTHER, SECRET.decode())]:
            await self.store(partition, file_of("1.1", "1.2", "1.3", PatientName=name, rows=2, columns=2))
        await self.store(OTHER, file_of("1.1", "1.2", "1.4", PatientName=SECRET.decode(), StudyDescription=SECRET.decode()))
        await self.store(OTHER, file_of("1.1", "1.5", "1.6", PatientName=SECRET.decode()))
        await self.client.services.partitions.ensure(EMPTY)

    async def store(self, partition: str, data: bytes) -> None:
        url = f"/v2/partitions/{partition}/studies"
        assert (await self.client.send("POST", url, data, headers={"Content-Type": "application/dicom"})).status == 200

    async def send(self, binding: Binding, partition: str) -> Answer:
        """Send a request that the route can answer; `partition` is where its URL has one."""
        body, headers = b"", {}
        if binding.route.method in ("POST", "PUT"):
            body, headers = file_of("1.1", "1.2", "1.9"), {"Content-Type": "application/dicom"}
        return await self.client.send(binding.route.method, sample_url(binding, partitionName=partition, **VALUES), body, headers=headers)

    async def rows_of_other(self) -> list[Row]:
        return [row async for page in self.tables.scan(INDEX_TABLE, f"{OTHER}~0", "!", "~") for row in page]


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    tables = RecordingTables(tmp_path / "index.sqlite")
    blobs = RecordingBlobs(tmp_path / "files", tables.file)
    services = await compose(Settings(storage="embedded", data=str(tmp_path)), tables, blobs, Clock())
    filled = Archive(Client(services), tables, blobs)
    await filled.fill()
    await services.index.close()
    yield filled
    await services.close()


@pytest.mark.parametrize("binding", PARTITIONED, ids=lambda binding: binding.name)
async def test_a_route_touches_its_own_partition_only(archive: Archive, binding: Binding) -> None:
    before = await archive.rows_of_other()
    blobs = [name async for name in archive.blobs.list(f"{OTHER}~")]
    archive.tables.touched.clear()
    archive.blobs.touched.clear()
    answer = await archive.send(binding, OWN)
    await archive.client.services.index.close()
    assert answer.status in (200, 204), answer.text
    own = OWN if "{partitionName}" in binding.template else DEFAULT_PARTITION.lower()
    assert {key.partition("~")[0] for key in archive.tables.touched} == {own}
    assert {name.partition("~")[0] for name in archive.blobs.touched} <= {own}
    assert SECRET not in answer.body
    assert await archive.rows_of_other() == before
    assert sorted([name async for name in archive.blobs.list(f"{OTHER}~")]) == sorted(blobs)


READING = [binding for binding in PARTITIONED if "{partitionName}" in binding.template and binding.route.method not in ("POST", "PUT")]


@pytest.mark.parametrize("binding", READING, ids=lambda binding: binding.name)
async def test_a_route_finds_nothing_in_an_empty_partition(archive: Archive, binding: Binding) -> None:
    answer = await archive.send(binding, EMPTY)
    assert answer.status in (204, 404) or answer.json == {"count": 0}
    assert SECRET not in answer.body


@pytest.mark.parametrize("binding", READING, ids=lambda binding: binding.name)
@pytest.mark.parametrize("partition", ["unknown", "x" * 65, "a~b"])
async def test_a_route_refuses_a_partition_that_does_not_exist(archive: Archive, binding: Binding, partition: str) -> None:
    answer = await archive.send(binding, partition)
    assert answer.status == 400
    assert [info.partition.name for info in await archive.client.services.partitions.all()] == [DEFAULT_PARTITION, OWN, OTHER, EMPTY]


async def test_what_partitions_hold_is_independent(archive: Archive) -> None:
    client = archive.client
    assert (await client.send("DELETE", f"/v2/partitions/{OWN}/studies/1.1")).status == 204
    assert (await client.get(f"/v2/partitions/{OWN}/studies")).status == 204
    [study] = (await client.get("/v2/studies")).json
    assert study["00100010"]["Value"] == [{"Alphabetic": "Default"}]
    [study] = (await client.get(f"/v2/partitions/{OTHER.upper()}/studies?includefield=NumberOfStudyRelatedInstances")).json
    assert study["00201208"]["Value"] == [3]
