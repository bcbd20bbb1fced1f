"""The service in process, on storage that counts its calls."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.images import multipart, multipart_type
from dicom_core.index.clock import Clock
from dicom_core.services import compose
from dicom_core.settings import Settings
from dicom_core.storage.azure_connection import AzureAccount, open_azure
from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.ports import Blobs, Tables
from tests.http.driver import Client

__all__ = ["Bench", "open_bench"]


@dataclass(frozen=True, slots=True)
class Bench:
    """A service on counting storage."""

    client: Client
    tables: CountingTables
    blobs: CountingBlobs

    async def store(self, *images: bytes) -> None:
        answer = await self.client.send("POST", "/v2/studies", multipart(list(images)), headers={"Content-Type": multipart_type()})
        assert answer.status in (200, 202), answer.text

    async def get(self, path: str, accept: str = "application/dicom+json", **headers: str) -> None:
        answer = await self.client.get(path, accept, **headers)
        assert answer.status == 200, answer.text

    async def delete(self, path: str) -> None:
        answer = await self.client.send("DELETE", path)
        assert answer.status == 204, answer.text


@asynccontextmanager
async def open_bench(connection: str | None, shards: int) -> AsyncIterator[Bench]:
    """An empty service on the embedded store, or on the emulator or account of a connection string."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        inner: tuple[Tables, Blobs]
        if connection is None:
            inner = open_embedded(Path(folder))
        else:
            inner = open_azure(AzureAccount(connection_string=connection), container="dicom")
        tables, blobs = CountingTables(inner[0]), CountingBlobs(inner[1])
        services = await compose(Settings(storage="embedded", shards=shards), tables, blobs, Clock())
        try:
            yield Bench(Client(services), tables, blobs)
        finally:
            await services.close()
