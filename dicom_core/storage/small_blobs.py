"""Small blobs as rows of the SQLite file that the embedded tables lie in.

A file of its own costs two flushes of the disk, its own and its folder's, which is ten times what writing it costs. A row
costs one that it shares with whatever is committed beside it, and none of its own when it need not be lasting by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from dicom_core.storage.group_writer import Answer
from dicom_core.storage.sqlite_file import SqliteFile, unavailable

__all__ = ["SmallBlobs"]

_PUT: Final = "INSERT INTO blobs (name, data) VALUES (?, ?) ON CONFLICT DO UPDATE SET data = excluded.data"
_READ: Final = "SELECT data FROM blobs WHERE name = ?"
_HOLDS: Final = "SELECT 1 FROM blobs WHERE name = ?"
_DELETE: Final = "DELETE FROM blobs WHERE name = ?"
_NAMES: Final = "SELECT name FROM blobs WHERE name > ? AND name >= ? AND name < ? ORDER BY name LIMIT ?"
_LAST: Final = "\x7f"  # sorts after every character of a name
_PAGE: Final = 1_000
_ROW_BYTES: Final = 8192  # what a row dirties in the log beside its data


class SmallBlobs:
    """Blobs in a file that is opened and closed by others. Reads run on the event loop: they take some 20 us."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    async def put(self, name: str, data: bytes, *, lasting: bool) -> None:
        """Write a blob, or replace it."""

        def write(cursor: sqlite3.Cursor) -> Answer:
            cursor.execute(_PUT, (name, data))
            return []

        await self._file.writer.commit(write, len(data) + _ROW_BYTES, lasting=lasting)

    def read(self, name: str, offset: int, length: int | None) -> bytes | None:
        """Read a range, cut where the blob ends; None when there is no such blob."""
        with unavailable():
            found = self._file.loop_connection.execute(_READ, (name,)).fetchone()
        return None if found is None else found[0][offset : None if length is None else offset + length]

    def holds(self, name: str) -> bool:
        """Whether there is such a blob."""
        with unavailable():
            return self._file.loop_connection.execute(_HOLDS, (name,)).fetchone() is not None

    async def delete(self, names: Iterable[str]) -> None:
        """Delete blobs; absent ones are passed over."""
        parameters = [(name,) for name in names]

        def write(cursor: sqlite3.Cursor) -> Answer:
            cursor.executemany(_DELETE, parameters)
            return []

        await self._file.writer.commit(write, _ROW_BYTES * len(parameters), lasting=False)

    def names(self, prefix: str, after: str) -> list[str]:
        """A page of the names that start with a prefix, in order, behind the name `after`; empty behind the last."""
        with unavailable():
            return [name for (name,) in self._file.loop_connection.execute(_NAMES, (after, prefix, prefix + _LAST, _PAGE))]
