"""The container of Azure blobs, which comes into being with the first blob."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from dicom_core.storage.azure_connection import AzureAccount, open_azure
from dicom_core.storage.ports import BlobNotFound, Blobs


@pytest.fixture
async def without_container(azurite: str) -> AsyncIterator[Blobs]:
    """Blobs in a container that does not exist."""
    tables, blobs = open_azure(AzureAccount(connection_string=azurite), container=f"c{uuid4().hex}")
    yield blobs
    await tables.close()
    await blobs.close()


async def test_nothing_is_there_before_the_first_blob(without_container: Blobs) -> None:
    with pytest.raises(BlobNotFound):
        await without_container.read("name")
    assert [name async for name in without_container.list("")] == []
    await without_container.delete(["name"])


async def test_the_first_blob_makes_it(without_container: Blobs) -> None:
    await without_container.put("name", [b"content"])

    assert [chunk async for chunk in await without_container.read("name")] == [b"content"]


async def test_the_first_stream_makes_it(without_container: Blobs) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"content"

    assert await without_container.put_stream("name", stream()) == 7
    assert [chunk async for chunk in await without_container.read("name")] == [b"content"]
