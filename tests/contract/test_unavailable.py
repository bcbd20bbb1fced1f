"""Stores that are gone, full or locked, and credentials that are wrong: StorageUnavailable, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import resource
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dicom_core.storage.azure_connection import AzureAccount, open_azure
from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.embedded_tables import EmbeddedTables
from dicom_core.storage.ports import Blobs, Delete, Insert, StorageUnavailable, Tables, Upsert

MIB = 1024 * 1024


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(10):
        yield bytes(MIB)


async def assert_all_unavailable(tables: Tables, blobs: Blobs) -> None:
    async def scan() -> None:
        async for _ in tables.scan("table", "p", "a", "z"):
            pass

    async def list_blobs() -> None:
        async for _ in blobs.list("a"):
            pass

    calls = [
        tables.get("table", "p", "a"),
        tables.get_many("table", "p", ["a", "b"]),
        scan(),
        tables.commit("table", "p", [Insert("a", {})]),
        tables.commit("table", "p", [Upsert("a", {}), Delete("b")]),
        blobs.put("a", [b"x"]),
        blobs.put_stream("a", chunks()),
        blobs.read("a"),
        blobs.read("a", 0, 0),
        blobs.delete(["a"]),
        list_blobs(),
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [StorageUnavailable] * len(calls)
    assert not any("http" in str(result) for result in results)


async def assert_unavailable(connection_string: str) -> None:
    tables, blobs = open_azure(AzureAccount(connection_string=connection_string), container="container")
    try:
        await assert_all_unavailable(tables, blobs)
    finally:
        await tables.close()
        await blobs.close()


class TestAzure:
    async def test_nobody_answers(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        key = base64.b64encode(b"key").decode()
        endpoints = f"BlobEndpoint=http://127.0.0.1:{port}/a;TableEndpoint=http://127.0.0.1:{port}/a"
        await assert_unavailable(f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={key};{endpoints}")

    async def test_the_key_is_wrong(self, azurite: str) -> None:
        wrong = base64.b64encode(os.urandom(64)).decode()
        await assert_unavailable(re.sub("AccountKey=[^;]+", f"AccountKey={wrong}", azurite))

    async def test_an_account_must_be_named(self) -> None:
        with pytest.raises(ValueError, match="account name"):
            open_azure(AzureAccount(), container="container")

    async def test_an_account_name_is_enough(self) -> None:
        tables, blobs = open_azure(AzureAccount(account_name="account", client_id="1234"), container="container")
        await tables.close()
        await blobs.close()


class TestEmbedded:
    async def test_the_file_is_no_database(self, tmp_path: Path) -> None:
        path = tmp_path / "tables.sqlite"
        path.write_bytes(b"something else entirely" * 100)

        with pytest.raises(StorageUnavailable):
            EmbeddedTables(path)

    async def test_the_folder_cannot_be_created(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")

        with pytest.raises(StorageUnavailable):
            open_embedded(tmp_path / "file")

    async def test_the_table_is_gone_under_our_feet(self, tmp_path: Path) -> None:
        path = tmp_path / "tables.sqlite"
        tables = EmbeddedTables(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE rows")
            connection.commit()

        with pytest.raises(StorageUnavailable):
            await tables.get("table", "p", "a")
        with pytest.raises(StorageUnavailable):
            await tables.commit("table", "p", [Insert("a", {})])
        await tables.close()

    async def test_the_folder_is_gone_under_our_feet(self, tmp_path: Path) -> None:
        tables, blobs = open_embedded(tmp_path)
        (tmp_path / "files" / "incoming").rename(tmp_path / "elsewhere")

        with pytest.raises(StorageUnavailable):
            await blobs.put("a", [bytes(MIB)])
        with pytest.raises(StorageUnavailable):
            await blobs.put_stream("a", chunks())
        await blobs.close()
        await tables.close()

    async def test_the_disk_is_full_for_a_while(self, tmp_path: Path) -> None:
        tables, blobs = open_embedded(tmp_path)
        large = {"data": bytes(60_000)}
        await tables.commit("table", "p", [Insert("before", large)])
        with no_file_larger_than(MIB // 2):
            results = await asyncio.gather(
                *(tables.commit("table", f"p{number}", [Insert(f"{row}", large) for row in range(9)]) for number in range(4)),
                blobs.put("a", [bytes(MIB)]),
                blobs.put_stream("b", chunks()),
                return_exceptions=True,
            )
        assert [type(result) for result in results] == [StorageUnavailable] * 6
        await tables.commit("table", "p", [Insert("after", large)])
        await blobs.put("c", [bytes(MIB)])

        assert [row.row_key async for page in tables.scan("table", "p", "a", "z") for row in page] == ["after", "before"]
        assert not any([await tables.get("table", f"p{number}", "0") for number in range(4)])
        assert [name async for name in blobs.list("")] == ["c"]
        await tables.close()
        await blobs.close()
        incoming = tmp_path / "files" / "incoming"
        assert list(incoming.iterdir()) == [incoming / ".lock"]
