"""Blobs for one machine and any number of processes on it: small ones as rows beside the tables, others as files of a folder.

Disk work runs on pool threads, in as few hops as possible (a hop takes 60-100 us): a range is read in none when the page
cache holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from dicom_core.storage.blob_folder import BlobFolder, SharedFile
from dicom_core.storage.ports import BlobNotFound, BlobReader
from dicom_core.storage.small_blobs import SmallBlobs
from dicom_core.storage.sqlite_file import SqliteFile, unavailable

__all__ = ["EmbeddedBlobs"]

P = ParamSpec("P")
T = TypeVar("T")


class _Hop(Protocol):
    """Run a blocking function on the pool."""

    async def __call__(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T: ...


_CHUNK = 1024 * 1024
_FLUSH_BYTES = 16 * _CHUNK
_SMALL_BYTES = 64 * 1024  # SQLite writes a row twice, to its log and to its place: longer ones are cheaper as files
_THREADS = 8
_NAMES = 1_000  # listed per hop


class EmbeddedBlobs:
    """`Blobs` in the folder `root`, which is created when absent, and in a `file` that others open and close.

    Raises:
        StorageUnavailable: the folder cannot be created or written.
    """

    def __init__(self, root: Path, file: SqliteFile) -> None:
        with unavailable():
            self._folder = BlobFolder(root)
        self._small = SmallBlobs(file)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        """Write a blob from buffers, a large one always durably."""
        self._folder.path(name)
        if sum(map(len, data)) > _SMALL_BYTES:
            await self._hop(self._folder.put, name, data)
            await self._displace(name)
            return
        await self._small.put(name, b"".join(data), lasting=lasting)
        if self._folder.holds(name):
            await self._hop(self._folder.delete, [name])

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes | memoryview]) -> int:
        """Write a blob from a stream; about 1 MiB is being received while the 1 MiB before it is being written."""
        self._folder.path(name)
        upload = _Upload(self._folder, self._hop)
        try:
            async for chunk in chunks:
                await upload.add(chunk)
            if upload.short:
                await self.put(name, upload.gathered)
            else:
                await upload.finish(name)
                await self._displace(name)
            return upload.length
        except BaseException:
            await asyncio.shield(upload.abandon())
            raise

    async def _displace(self, name: str) -> None:
        """Delete the small blob of a name that now is a file's."""
        if self._small.holds(name):
            await self._small.delete([name])

    async def read(self, name: str, offset: int = 0, length: int | None = None) -> BlobReader:
        """Open a byte range; up to 1 MiB is read at once."""
        with unavailable():
            try:
                file = self._folder.open(name)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                small = self._small.read(name, offset, length)
                if small is None:
                    raise BlobNotFound(name) from error
                return _ShortRange(small)
            try:
                whole = file.size
                start = min(offset, whole)
                size = whole - start if length is None else min(length, whole - start)
                if size > _CHUNK:
                    return _LongRange(file, start, size, self._hop)
                data = file.read(start, size) if file.is_cached(start, size) else await self._hop(file.read, start, size)
            except BaseException:
                file.close()
                raise
            file.close()
            return _ShortRange(data)

    async def delete(self, names: Iterable[str]) -> None:
        """Delete blobs; absent ones are passed over."""
        names = list(names)
        await self._hop(self._folder.delete, names)
        await self._small.delete(names)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with `prefix`."""
        names = self._folder.names(prefix)
        while page := await self._hop(_take, names):
            for name in page:
                yield name
        last = ""
        while page := self._small.names(prefix, last):
            for last in page:
                yield last

    async def close(self) -> None:
        """Let what was begun end, and remove this run's traces."""
        await asyncio.to_thread(self._pool.shutdown)
        self._folder.close()

    async def _hop(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        with unavailable():
            return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *arguments, **options))


class _Upload:
    """A stream on its way into a file. One that is `short`, ending within the first chunk, has nothing in the making yet.

    While it runs, the disk is kept busy with flushes of what was written, so that little is left to flush at the end.
    """

    def __init__(self, folder: BlobFolder, hop: _Hop) -> None:
        self._folder = folder
        self._hop = hop
        self._file: SharedFile | None = None
        self.gathered: list[bytes | memoryview] = []
        self._gathered_bytes = 0
        self.length = 0
        self._unflushed_bytes = 0
        self._writing: asyncio.Future[None] = _done()
        self._flushing: asyncio.Future[None] = _done()

    @property
    def short(self) -> bool:
        return self._file is None

    async def add(self, chunk: bytes | memoryview) -> None:
        self.gathered.append(chunk)
        self._gathered_bytes += len(chunk)
        self.length += len(chunk)
        if self._gathered_bytes >= _CHUNK:
            await self._write()

    async def finish(self, name: str) -> None:
        assert self._file is not None
        await self._write()
        await self._writing
        await self._flushing  # a failed flush is reported once: the last one may know nothing of it
        await self._hop(self._folder.finish, self._file, name)

    async def abandon(self) -> None:
        if self._file is not None:
            await self._hop(self._folder.abandon, self._file)
            await asyncio.gather(self._writing, self._flushing, return_exceptions=True)

    async def _write(self) -> None:
        if self._file is None:
            with unavailable():
                self._file = self._folder.begin()
        await self._writing
        if self._unflushed_bytes >= _FLUSH_BYTES and self._flushing.done():
            await self._flushing
            self._flushing = asyncio.ensure_future(self._hop(self._file.flush))
            self._unflushed_bytes = 0
        self._writing = asyncio.ensure_future(self._hop(self._file.write, self.gathered))
        self._unflushed_bytes += self._gathered_bytes
        self.gathered, self._gathered_bytes = [], 0


def _done() -> asyncio.Future[None]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


class _ShortRange:
    """A range that was read already."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        data, self._data = self._data, b""
        if data:
            yield data

    async def aclose(self) -> None:
        self._data = b""


class _LongRange:
    """A range of an open file; the next chunk is read while the present one is being used."""

    def __init__(self, file: SharedFile, start: int, size: int, hop: _Hop) -> None:
        self.size = size
        self._file = file
        self._start = start
        self._hop = hop

    async def __aiter__(self) -> AsyncIterator[bytes]:
        end = self._start + self.size
        reading: asyncio.Future[bytes] | None = None
        try:
            for offset in range(self._start, end, _CHUNK):
                chunk = await (reading or self._read(offset, end))
                following = offset + _CHUNK
                reading = self._read(following, end) if following < end else None
                yield chunk
        finally:
            await self.aclose()
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def aclose(self) -> None:
        await self._hop(self._file.close)

    def _read(self, offset: int, end: int) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(self._hop(self._file.read, offset, min(_CHUNK, end - offset)))


def _take(names: Iterator[str]) -> list[str]:
    return list(islice(names, _NAMES))
