"""Blobs in one container of Azure Blob Storage, through its async SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar
from uuid import uuid4

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobServiceClient, ContainerClient, StorageStreamDownloader

from dicom_core.storage.azure_errors import unavailable
from dicom_core.storage.limits import check_blob_name
from dicom_core.storage.ports import BlobNotFound, BlobReader

__all__ = ["READ_BYTES", "WRITE_BYTES", "AzureBlobs"]

T = TypeVar("T")

READ_BYTES = 4 * 1024 * 1024  # of one request
WRITE_BYTES = 256 * 1024 * 1024  # of one request, when the whole blob is in memory anyway
_BLOCK_BYTES = 8 * 1024 * 1024
_BLOCKS_IN_FLIGHT = 4
_CHUNK = 1024 * 1024
_CONCURRENT_DELETES = 16
_RANGE_NOT_SATISFIABLE = 416


class AzureBlobs:
    """`Blobs` in the named container, which comes into being with the first blob."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._service = service
        self.container: ContainerClient = service.get_container_client(container)

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        """Write a blob with one request."""
        check_blob_name(name)
        body = data[0] if len(data) == 1 and isinstance(data[0], bytes) else b"".join(data)
        await self.write(lambda: self.container.upload_blob(name, body, length=len(body), overwrite=True))

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes | memoryview]) -> int:
        """Write a blob in blocks of 8 MiB, up to four on their way while the next is being received.

        The blocks of a stream that raises stay invisible, and the service drops them within a week.
        """
        check_blob_name(name)
        upload = _Upload(self, name)
        try:
            async for chunk in chunks:
                await upload.add(chunk)
            return await upload.finish()
        except BaseException:
            await upload.abandon()
            raise

    async def read(self, name: str, offset: int = 0, length: int | None = None) -> BlobReader:
        """Open a byte range; the first 4 MiB are read at once, with one request."""
        check_blob_name(name)
        try:
            if length == 0:
                await self.container.get_blob_client(name).get_blob_properties()
                return _Range(None)
            return _Range(await self.container.download_blob(name, offset=offset, length=length))
        except ResourceNotFoundError as error:
            raise BlobNotFound(name) from error
        except AzureError as error:
            if isinstance(error, HttpResponseError) and error.status_code == _RANGE_NOT_SATISFIABLE:
                return _Range(None)  # past the end: the service has no empty ranges
            raise unavailable(error) from error

    async def delete(self, names: Iterable[str]) -> None:
        """Delete blobs, several at a time; absent ones are passed over."""
        remaining = list(names)
        for name in remaining:
            check_blob_name(name)
        workers = min(_CONCURRENT_DELETES, len(remaining))
        await asyncio.gather(*(self._delete_from(remaining) for _ in range(workers)))

    async def _delete_from(self, remaining: list[str]) -> None:
        while remaining:
            name = remaining.pop()
            try:
                await self.container.delete_blob(name)
            except ResourceNotFoundError:
                continue
            except AzureError as error:
                raise unavailable(error) from error

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with `prefix`, in order."""
        names = self.container.list_blob_names(name_starts_with=prefix)
        while True:
            try:
                name = await anext(names)
            except (StopAsyncIteration, ResourceNotFoundError):
                return
            except AzureError as error:
                raise unavailable(error) from error
            yield name

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def write(self, send: Callable[[], Awaitable[T]]) -> T:
        """Send a request that needs the container, creating it when absent."""
        try:
            try:
                return await send()
            except ResourceNotFoundError:  # nothing else can be missing
                await self._create_container()
                return await send()
        except AzureError as error:
            raise unavailable(error) from error

    async def _create_container(self) -> None:
        with suppress(ResourceExistsError):
            await self.container.create_container()


class _Upload:
    """A stream on its way into blocks. One that ends within the first block is written at once."""

    def __init__(self, blobs: AzureBlobs, name: str) -> None:
        self._blobs = blobs
        self._name = name
        self._client = blobs.container.get_blob_client(name)
        self._prefix = uuid4().hex  # a late block of an abandoned upload of this name is not one of ours
        self._blocks: list[BlobBlock] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._gathered: list[bytes | memoryview] = []
        self._gathered_bytes = 0
        self._length = 0

    async def add(self, chunk: bytes | memoryview) -> None:
        self._gathered.append(chunk)
        self._gathered_bytes += len(chunk)
        self._length += len(chunk)
        if self._gathered_bytes >= _BLOCK_BYTES:
            await self._stage()

    async def finish(self) -> int:
        if not self._blocks:
            await self._blobs.put(self._name, self._gathered)
            return self._length
        if self._gathered:
            await self._stage()
        await self._arrived(asyncio.ALL_COMPLETED)
        await self._blobs.write(lambda: self._client.commit_block_list(self._blocks))
        return self._length

    async def abandon(self) -> None:
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def _stage(self) -> None:
        if len(self._in_flight) == _BLOCKS_IN_FLIGHT:
            await self._arrived(asyncio.FIRST_COMPLETED)
        block_id = f"{self._prefix}{len(self._blocks):06d}"
        data, self._gathered, self._gathered_bytes = b"".join(self._gathered), [], 0
        self._blocks.append(BlobBlock(block_id))
        self._in_flight.add(asyncio.create_task(self._send(block_id, data)))

    async def _send(self, block_id: str, data: bytes) -> None:
        await self._blobs.write(lambda: self._client.stage_block(block_id, data, length=len(data)))

    async def _arrived(self, until: str) -> None:
        done, self._in_flight = await asyncio.wait(self._in_flight, return_when=until)
        for error in [task.exception() for task in done]:  # all of them, so that none is reported as overlooked
            if error is not None:
                raise error


class _Range:
    """A range that the SDK reads in pieces of 4 MiB; the next one is fetched while the present one is being used."""

    def __init__(self, download: StorageStreamDownloader[bytes] | None) -> None:
        self.size: int = 0 if download is None else download.size
        self._download = download
        self._fetching: asyncio.Task[bytes] | None = None
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._download is None:
            return
        pieces, self._download = self._download.chunks(), None
        fetching = self._fetching = asyncio.create_task(_next(pieces))
        try:
            while piece := await fetching:
                fetching = self._fetching = asyncio.create_task(_next(pieces))
                for start in range(0, len(piece), _CHUNK):
                    yield piece if len(piece) <= _CHUNK else piece[start : start + _CHUNK]
                if self._closed:
                    return
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        self._closed = True
        self._download = None
        if self._fetching is not None:
            fetching, self._fetching = self._fetching, None
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    try:
        return await anext(pieces, b"")
    except (ResourceNotFoundError, ResourceModifiedError) as error:  # the SDK asks for the version that it began with
        raise BlobNotFound("deleted while it was being read") from error
    except AzureError as error:
        raise unavailable(error) from error
