"""Storage that fails at a chosen call, to show that a stop at any point leaves nothing wrong behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from dicom_core.storage.ports import BlobReader, Blobs, Operation, Row, Tables

__all__ = ["Fault", "Faults", "FaultyBlobs", "FaultyTables", "Moment"]

Kind = Literal["read", "write"]


class Moment(Enum):
    """When a fault strikes."""

    BEFORE = "the call is not carried out"
    AFTER = "the call is carried out, but the caller does not learn of it"
    HANG = "the call is not carried out and never returns"


@dataclass(frozen=True, slots=True)
class Fault:
    """Strike the `number`-th call of a kind, counted from 1 over all wrappers that share the `Faults`."""

    kind: Kind
    number: int
    moment: Moment
    error: Callable[[], BaseException]
    lasting: bool = False
    """Whether all later calls of any kind fail as well (before they are carried out), like those of a stopped process."""


class Faults:
    """Calls counted so far, and the fault planned, if any."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.calls: dict[Kind, int] = {"read": 0, "write": 0}
        self.struck = False

    async def before(self, kind: Kind) -> bool:
        """Count a call, fail it when it is its turn, and tell whether it must fail afterwards."""
        self.calls[kind] += 1
        fault = self.fault
        if fault is None:
            return False
        if self.struck:
            if fault.lasting:
                raise fault.error()
            return False
        if (kind, self.calls[kind]) != (fault.kind, fault.number):
            return False
        self.struck = True
        if fault.moment is Moment.BEFORE:
            raise fault.error()
        if fault.moment is Moment.HANG:
            await asyncio.Event().wait()
        return True

    def fail(self) -> None:
        """Raise the planned error."""
        assert self.fault is not None
        raise self.fault.error()


class FaultyTables:
    """`Tables` under a fault; each page of a scan is a call."""

    def __init__(self, tables: Tables, faults: Faults) -> None:
        self._tables = tables
        self._faults = faults

    async def get(self, table: str, partition_key: str, row_key: str, *, select: Sequence[str] | None = None) -> Row | None:
        fails = await self._faults.before("read")
        row = await self._tables.get(table, partition_key, row_key, select=select)
        if fails:
            self._faults.fail()
        return row

    async def get_many(self, table: str, partition_key: str, row_keys: Sequence[str]) -> dict[str, Row]:
        fails = await self._faults.before("read")
        rows = await self._tables.get_many(table, partition_key, row_keys)
        if fails:
            self._faults.fail()
        return rows

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
        pages = self._tables.scan(table, partition_key, start, end, limit=limit, select=select)
        while True:
            fails = await self._faults.before("read")
            try:
                page = await anext(pages)
            except StopAsyncIteration:
                return
            if fails:
                self._faults.fail()
            yield page

    async def commit(self, table: str, partition_key: str, operations: Sequence[Operation], *, lasting: bool = True) -> list[str | None]:
        fails = await self._faults.before("write")
        etags = await self._tables.commit(table, partition_key, operations, lasting=lasting)
        if fails:
            self._faults.fail()
        return etags

    async def close(self) -> None:
        await self._tables.close()


class FaultyBlobs:
    """`Blobs` under a fault; opening a range, not reading it, is a call."""

    def __init__(self, blobs: Blobs, faults: Faults) -> None:
        self._blobs = blobs
        self._faults = faults

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        fails = await self._faults.before("write")
        await self._blobs.put(name, data, lasting=lasting)
        if fails:
            self._faults.fail()

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes | memoryview]) -> int:
        fails = await self._faults.before("write")
        length = await self._blobs.put_stream(name, chunks)
        if fails:
            self._faults.fail()
        return length

    async def read(self, name: str, offset: int = 0, length: int | None = None) -> BlobReader:
        fails = await self._faults.before("read")
        reader = await self._blobs.read(name, offset, length)
        if fails:
            await reader.aclose()
            self._faults.fail()
        return reader

    async def delete(self, names: Iterable[str]) -> None:
        fails = await self._faults.before("write")
        await self._blobs.delete(names)
        if fails:
            self._faults.fail()

    async def list(self, prefix: str) -> AsyncIterator[str]:
        fails = await self._faults.before("read")
        async for name in self._blobs.list(prefix):
            yield name
        if fails:
            self._faults.fail()

    async def close(self) -> None:
        await self._blobs.close()
