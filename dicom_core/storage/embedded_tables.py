"""Tables in one SQLite file, for one machine; any number of processes on it.

Where work runs, by its cost: a short read runs right on the event loop; the further pages of a long scan and large
`get_many` run on one reader thread; writes run on one writer thread, which groups them (`group_writer`).

An ETag is the number of the writer (each opening of the file gets a new one) and the number of its commit: it needs no disk
access and never comes twice, whichever process writes and however often a row is deleted and inserted.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import msgpack

from dicom_core.storage.group_writer import Batch
from dicom_core.storage.limits import check_batch, check_table
from dicom_core.storage.ports import AlreadyExists, ConditionFailed, Delete, Insert, Operation, Replace, Row
from dicom_core.storage.sqlite_file import SqliteFile, unavailable

__all__ = ["EmbeddedTables"]

P = ParamSpec("P")
T = TypeVar("T")

_COMMIT_BITS = 40  # of an ETag; the 23 bits above number the writers

_LOOP_ROWS = 128  # what a scan may read on the event loop before it moves to the reader thread
_LOOP_BYTES = 256 * 1024
_PAGE_ROWS = 1_000
_PAGE_BYTES = 2 * 1024 * 1024
_LOG_BYTES_PER_ROW = 4096  # a row dirties at least one page of the index

_GET = "SELECT etag, properties FROM rows WHERE tbl = ? AND pk = ? AND rk = ?"
_SCAN = "SELECT rk, etag, properties FROM rows WHERE tbl = ? AND pk = ? AND rk >= ? AND rk < ? ORDER BY rk LIMIT ?"
_INSERT = "INSERT INTO rows (tbl, pk, rk, etag, properties) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_UPSERT = (
    "INSERT INTO rows (tbl, pk, rk, etag, properties) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (tbl, pk, rk) DO UPDATE SET etag = excluded.etag, properties = excluded.properties"
)
_REPLACE = "UPDATE rows SET etag = ?, properties = ? WHERE tbl = ? AND pk = ? AND rk = ?"
_DELETE = "DELETE FROM rows WHERE tbl = ? AND pk = ? AND rk = ?"
_AND_ETAG = " AND etag = ?"

_UNLIMITED = 2**63 - 1


class EmbeddedTables:
    """`Tables` in the SQLite file at `path`, which is created when absent, and closed with them.

    Raises:
        StorageUnavailable: the file cannot be opened.
        RuntimeError: another version of this program wrote the file.
    """

    def __init__(self, path: Path) -> None:
        self.file = SqliteFile(path)
        self._loop_connection = self.file.loop_connection
        self._reader_connection = self.file.connect()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="table-reader")
        self._commits = count(1)

    async def get(self, table: str, partition_key: str, row_key: str, *, select: Sequence[str] | None = None) -> Row | None:
        """Read one row, or None."""
        check_table(table)
        with unavailable():
            return _get(self._loop_connection, table, partition_key, row_key)

    async def get_many(self, table: str, partition_key: str, row_keys: Sequence[str]) -> dict[str, Row]:
        """Read several rows of one partition, by row key; absent rows are left out."""
        check_table(table)
        if len(row_keys) <= _LOOP_ROWS:
            with unavailable():
                return _get_many(self._loop_connection, table, partition_key, row_keys)
        return await self._read(_get_many, table, partition_key, row_keys)

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
        """Yield pages of rows with start <= row key < end; what is more than a little is read by the reader thread."""
        check_table(table)
        left = _UNLIMITED if limit is None else limit
        with unavailable():
            page, more = _page(self._loop_connection, table, partition_key, start, end, min(left, _LOOP_ROWS), _LOOP_BYTES)
        if more and len(page) < left:  # read again, so that callers get few large pages, as from Azure
            page, more = await self._read(_page, table, partition_key, start, end, min(left, _PAGE_ROWS), _PAGE_BYTES)
        while True:
            yield page
            left -= len(page)
            if not more or left <= 0:
                return
            start = page[-1].row_key + "\0"  # the smallest key above it
            page, more = await self._read(_page, table, partition_key, start, end, min(left, _PAGE_ROWS), _PAGE_BYTES)

    async def commit(self, table: str, partition_key: str, operations: Sequence[Operation], *, lasting: bool = True) -> list[str | None]:
        """Apply all operations or none; without `lasting`, the flush of the disk is left to the next commit that is."""
        check_table(table)
        check_batch(partition_key, operations)
        etag = self.file.number << _COMMIT_BITS | next(self._commits)
        packed = [b"" if isinstance(operation, Delete) else msgpack.packb(dict(operation.properties)) for operation in operations]
        log_bytes = _LOG_BYTES_PER_ROW * len(packed) + sum(map(len, packed))
        return await self.file.writer.commit(_batch(table, partition_key, operations, packed, etag), log_bytes, lasting=lasting)

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        self._loop_connection.close()  # here, where it is used: closing it under a read ends the process
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._reader.shutdown()
        self._reader_connection.close()
        self.file.close()

    async def _read(self, function: Callable[Concatenate[sqlite3.Connection, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        read = partial(function, self._reader_connection, *arguments, **options)
        with unavailable():
            return await asyncio.get_running_loop().run_in_executor(self._reader, read)


def _row(row_key: str, etag: int, properties: bytes) -> Row:
    return Row(row_key, msgpack.unpackb(properties), str(etag))


def _get(connection: sqlite3.Connection, table: str, partition_key: str, row_key: str) -> Row | None:
    found = connection.execute(_GET, (table, partition_key, row_key)).fetchone()
    return None if found is None else _row(row_key, *found)


def _get_many(connection: sqlite3.Connection, table: str, partition_key: str, row_keys: Sequence[str]) -> dict[str, Row]:
    found = ((row_key, _get(connection, table, partition_key, row_key)) for row_key in row_keys)
    return {row_key: row for row_key, row in found if row is not None}


def _page(
    connection: sqlite3.Connection, table: str, partition_key: str, start: str, end: str, max_rows: int, max_bytes: int
) -> tuple[list[Row], bool]:
    """Read rows up to either limit, and say whether there are more. One statement sees one state of the file."""
    rows: list[Row] = []
    size = 0
    cursor = connection.execute(_SCAN, (table, partition_key, start, end, max_rows + 1))
    for row_key, etag, properties in cursor:
        if len(rows) == max_rows or size >= max_bytes:
            cursor.close()
            return rows, True
        rows.append(_row(row_key, etag, properties))
        size += len(properties)
    return rows, False


def _batch(table: str, partition_key: str, operations: Sequence[Operation], packed: list[bytes], etag: int) -> Batch:
    """Make the function that writes a batch. It changes rows as it goes: a refusal relies on the caller's savepoint."""

    def write(cursor: sqlite3.Cursor) -> list[str | None]:
        for operation, properties in zip(operations, packed, strict=True):
            _write(cursor, (table, partition_key, operation.row_key), operation, properties, etag)
        return [None if isinstance(operation, Delete) else str(etag) for operation in operations]

    return write


def _write(cursor: sqlite3.Cursor, key: tuple[str, str, str], operation: Operation, properties: bytes, etag: int) -> None:
    match operation:
        case Replace(_, _, None):
            cursor.execute(_REPLACE, (etag, properties, *key))
        case Replace(_, _, expected):
            cursor.execute(_REPLACE + _AND_ETAG, (etag, properties, *key, expected))
        case Delete(_, None):
            cursor.execute(_DELETE, key)
        case Delete(_, expected):
            cursor.execute(_DELETE + _AND_ETAG, (*key, expected))
        case _:
            cursor.execute(_INSERT if isinstance(operation, Insert) else _UPSERT, (*key, etag, properties))
    if cursor.rowcount != 1:
        raise AlreadyExists(operation.row_key) if isinstance(operation, Insert) else ConditionFailed(operation.row_key)
