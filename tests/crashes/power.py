"""Storage that notes what it wrote in which order, so that tests can cut the power: what comes after the cut is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.storage.ports import Blobs, Delete, Operation, Tables, Upsert

__all__ = ["NotingBlobs", "NotingTables", "Writes"]

Write = Callable[[Tables, Blobs], Awaitable[object]]


@dataclass(slots=True)
class Writes:
    """Every write so far, in order; the first `flushed` of them are on the disk."""

    made: list[Write] = field(default_factory=list)
    flushed: int = 0

    def note(self, write: Write, *, flushes: bool = False) -> None:
        self.made.append(write)
        if flushes:
            self.flushed = len(self.made)

    async def repeat(self, number: int, tables: Tables, blobs: Blobs) -> None:
        """Make the first writes again, on an empty storage."""
        for write in self.made[:number]:
            await write(tables, blobs)


class NotingTables(CountingTables):
    """`Tables` whose commits are noted."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        super().__init__(tables)
        self._writes = writes

    async def commit(self, table: str, partition_key: str, operations: Sequence[Operation], *, lasting: bool = True) -> list[str | None]:
        etags = await super().commit(table, partition_key, operations, lasting=lasting)
        self._writes.note(partial(_commit, table, partition_key, operations), flushes=lasting)
        return etags


class NotingBlobs(CountingBlobs):
    """`Blobs` whose writes and deletions are noted."""

    def __init__(self, blobs: Blobs, writes: Writes) -> None:
        super().__init__(blobs)
        self._writes = writes

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        await super().put(name, data, lasting=lasting)
        self._writes.note(partial(_put, name, data))

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes | memoryview]) -> int:
        kept: list[bytes | memoryview] = []

        async def keeping() -> AsyncIterator[bytes | memoryview]:
            async for chunk in chunks:
                kept.append(chunk)
                yield chunk

        length = await super().put_stream(name, keeping())
        self._writes.note(partial(_put, name, kept))
        return length

    async def delete(self, names: Iterable[str]) -> None:
        names = list(names)
        await super().delete(names)
        self._writes.note(partial(_delete, names))


async def _commit(table: str, partition_key: str, operations: Sequence[Operation], tables: Tables, _: Blobs) -> None:
    again = [Delete(each.row_key) if isinstance(each, Delete) else Upsert(each.row_key, each.properties) for each in operations]
    await tables.commit(table, partition_key, again)


async def _put(name: str, data: Sequence[bytes | memoryview], _: Tables, blobs: Blobs) -> None:
    await blobs.put(name, data)


async def _delete(names: Sequence[str], _: Tables, blobs: Blobs) -> None:
    await blobs.delete(names)
