"""Storage that counts what is asked of it, for benchmarks and for the tests of our budgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence

from dicom_core.storage.ports import BlobReader, Blobs, Operation, Row, Tables

__all__ = ["CountingBlobs", "CountingTables"]


class _Counts:
    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        """Storage requests by method; a batch is one, and a scan is one for each page fetched."""
        self.items: Counter[str] = Counter()
        """Rows read or written, or blobs touched, by method."""

    def reset(self) -> None:
        """Start counting anew."""
        self.calls.clear()
        self.items.clear()

    def snapshot(self) -> dict[str, int]:
        """Copy the calls by method."""
        return dict(self.calls)

    @property
    def total(self) -> int:
        """All calls together."""
        return self.calls.total()

    def _count(self, method: str, items: int) -> None:
        self.calls[method] += 1
        self.items[method] += items


class CountingTables(_Counts):
    """`Tables` that count. `get_many` is one call, whatever the adapter makes of it."""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self._tables = tables

    async def get(self, table: str, partition_key: str, row_key: str, *, select: Sequence[str] | None = None) -> Row | None:
        """Read one row, or None."""
        self._count("get", 1)
        return await self._tables.get(table, partition_key, row_key, select=select)

    async def get_many(self, table: str, partition_key: str, row_keys: Sequence[str]) -> dict[str, Row]:
        """Read several rows of one partition."""
        self._count("get_many", len(row_keys))
        return await self._tables.get_many(table, partition_key, row_keys)

    async def scan(
        self,
        table: str,
        partition_key: str,
        start: str,
        end: str,
        *,
        limit: int | None = None,
        select: Sequence[str] | None = None,
    ) -> AsyncIterator[list[Row]]:
        """Yield pages of rows with start <= row key < end."""
        async for page in self._tables.scan(table, partition_key, start, end, limit=limit, select=select):
            self._count("scan", len(page))
            yield page

    async def commit(self, table: str, partition_key: str, operations: Sequence[Operation], *, lasting: bool = True) -> list[str | None]:
        """Apply all operations or none."""
        self._count("commit", len(operations))
        return await self._tables.commit(table, partition_key, operations, lasting=lasting)

    async def close(self) -> None:
        """Close the tables."""
        await self._tables.close()


class CountingBlobs(_Counts):
    """`Blobs` that count. A listing is one call; a delete is one for each blob, as on Azure."""

    def __init__(self, blobs: Blobs) -> None:
        super().__init__()
        self._blobs = blobs

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        """Write a blob from buffers."""
        self._count("put", 1)
        await self._blobs.put(name, data, lasting=lasting)

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes | memoryview]) -> int:
        """Write a blob from a stream."""
        self._count("put_stream", 1)
        return await self._blobs.put_stream(name, chunks)

    async def read(self, name: str, offset: int = 0, length: int | None = None) -> BlobReader:
        """Open a byte range."""
        self._count("read", 1)
        return await self._blobs.read(name, offset, length)

    async def delete(self, names: Iterable[str]) -> None:
        """Delete blobs."""
        names = list(names)
        self.calls["delete"] += len(names)
        self.items["delete"] += len(names)
        await self._blobs.delete(names)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with `prefix`."""
        self._count("list", 0)
        async for name in self._blobs.list(prefix):
            self.items["list"] += 1
            yield name

    async def close(self) -> None:
        """Close the blobs."""
        await self._blobs.close()
