from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from dicom_core.storage.azure_connection import AzureAccount, open_azure

MIB = 1024 * 1024


@pytest.fixture
def service() -> Iterator[socket.socket]:
    """A service that takes connections and never reads from them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def connection_string(service: socket.socket) -> str:
    address = f"http://127.0.0.1:{service.getsockname()[1]}/a"
    key = base64.b64encode(b"key").decode()
    return f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={key};BlobEndpoint={address};TableEndpoint={address}"


async def endless(sending: asyncio.Event) -> AsyncIterator[bytes]:
    for _ in range(16):
        yield bytes(MIB)
    sending.set()
    await asyncio.Event().wait()


async def test_closing_ends_connections_that_still_have_bytes_to_send(service: socket.socket) -> None:
    tables, blobs = open_azure(AzureAccount(connection_string=connection_string(service)), container="container")
    sending = asyncio.Event()
    upload = asyncio.create_task(blobs.put_stream("name", endless(sending)))
    await sending.wait()
    loop = asyncio.get_running_loop()
    connection, _ = await loop.sock_accept(service)
    with connection:
        begun = await loop.sock_recv(connection, 100)
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        await tables.close()
        await blobs.close()
        received = len(begun)
        while data := await loop.sock_recv(connection, MIB):
            received += len(data)
    assert 0 < received < 8 * MIB, "the rest of the block was given up"
