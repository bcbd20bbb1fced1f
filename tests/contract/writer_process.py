"""What other processes do to an embedded store in the tests; run as functions of spawned processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from pathlib import Path

from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.embedded_tables import EmbeddedTables
from dicom_core.storage.ports import ConditionFailed, Insert, Replace

__all__ = ["ROWS", "raise_counter", "write_forever", "write_rows"]

ROWS = 12
MIB = 1024 * 1024


def raise_counter(path: Path, times: int) -> None:
    """Raise the counter row `times` times, against whoever else does."""
    asyncio.run(_raise_counter(path, times))


async def _raise_counter(path: Path, times: int) -> None:
    tables = EmbeddedTables(path)
    raised = 0
    while raised < times:
        row = await tables.get("table", "p", "counter")
        assert row is not None
        try:
            await tables.commit("table", "p", [Replace("counter", {"n": int(row.properties["n"]) + 1}, row.etag)])
        except ConditionFailed:
            continue
        raised += 1
    await tables.close()


def write_rows(path: Path, worker: int, batches: int, answer: Connection) -> None:
    """Insert batches of rows, and send back the ETags."""
    asyncio.run(_write_rows(path, worker, batches, answer))


async def _write_rows(path: Path, worker: int, batches: int, answer: Connection) -> None:
    tables = EmbeddedTables(path)
    rows = [[Insert(f"{worker}-{batch}-{row}", {"n": 1}) for row in range(ROWS)] for batch in range(batches)]
    etags = await asyncio.gather(*(tables.commit("table", "p", batch) for batch in rows))
    answer.send([batch[0] for batch in etags])
    await tables.close()


def write_forever(folder: Path, run: int, acknowledged: Connection) -> None:
    """Write batches and blobs, and name each one once it was acknowledged, until killed."""
    asyncio.run(_write_forever(folder, run, acknowledged))


async def _write_forever(folder: Path, run: int, acknowledged: Connection) -> None:
    tables, blobs = open_embedded(folder)

    async def batches(lane: int) -> None:
        for number in range(1_000_000):
            batch = f"{run}-{lane}-{number}"
            await tables.commit("table", "p", [Insert(f"{batch}-{row}", {"data": bytes(900)}) for row in range(ROWS)])
            acknowledged.send(("batch", batch))

    async def small_blobs() -> None:
        for number in range(1_000_000):
            name = f"{run}/small/{number % 10}/{number}"
            await blobs.put(name, [b"x" * 20_000])
            acknowledged.send(("blob", name))

    async def large_blobs() -> None:
        for number in range(1_000_000):
            await blobs.put_stream(f"{run}/large/{number}", _stream())

    await asyncio.gather(*(batches(lane) for lane in range(6)), small_blobs(), large_blobs())


async def _stream() -> AsyncIterator[bytes]:
    for _ in range(6):
        yield b"y" * MIB
