"""Storage that stops a delete between its batches, so that others come in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dicom_core.index.keys import INDEX_TABLE
from dicom_core.storage.counting import CountingTables
from dicom_core.storage.ports import Operation, Tables

__all__ = ["Interrupted"]


class Interrupted(CountingTables):
    """Tables that wait before the batch numbered `at` of the index."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.at: int | None = None
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def commit(self, table: str, partition_key: str, operations: Sequence[Operation], *, lasting: bool = True) -> list[str | None]:
        if self.at is not None and table == INDEX_TABLE:
            self.at -= 1
            if self.at == 0:
                self.reached.set()
                await self.go_on.wait()
        return await super().commit(table, partition_key, operations, lasting=lasting)
