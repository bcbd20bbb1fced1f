"""The SQLite file of the embedded store: how it is opened, and the one schema it may have.

One generic table holds the rows of all tables. The fat part (properties) stays where it was written, in a rowid table;
only the slim unique index is kept in key order, so that a new key does not move other rows' properties. Against a
WITHOUT ROWID table this made commits a quarter faster and range scans a little slower. Another table holds small blobs.

WAL with synchronous=FULL: a commit is on the disk when COMMIT returns, readers never wait, and a process that is killed
at any moment leaves whole transactions only. Several processes may share the file, on a local disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dicom_core.storage.folder_lock import folder_lock
from dicom_core.storage.group_writer import GroupWriter
from dicom_core.storage.ports import StorageUnavailable

__all__ = ["SqliteFile", "unavailable"]

_VERSION = 2
_BUSY_SECONDS = 10.0  # another process' transaction lasts milliseconds, its checkpoint at most a second

_SETTINGS = (
    "synchronous = FULL",
    "wal_autocheckpoint = 0",  # the writer does it, when nobody waits
    "journal_size_limit = 67108864",
    "cache_size = -16384",
    "mmap_size = 268435456",
    "temp_store = MEMORY",  # where savepoints keep their pages
)

_SCHEMA = """
CREATE TABLE rows (
    id INTEGER PRIMARY KEY,
    tbl TEXT NOT NULL,
    pk TEXT NOT NULL,
    rk TEXT NOT NULL,
    etag INTEGER NOT NULL,
    properties BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX rows_by_key ON rows (tbl, pk, rk);
CREATE TABLE blobs (name TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE writers (last INTEGER NOT NULL) STRICT;
INSERT INTO writers VALUES (0);
PRAGMA user_version = 2;
"""


class SqliteFile:
    """The file at `path`, which is created when absent, opened by one process.

    `loop_connection` is for short reads (10-30 us) right on the event loop: a hop to a thread takes longer than such a
    read, and a WAL reader never waits. All writes go through `writer`. No other opening of the file ever has our `number`.

    Raises:
        StorageUnavailable: the file cannot be opened.
        RuntimeError: another version of this program wrote the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with unavailable():
            self.number = _create(path)
            self.loop_connection = _connect(path)
            self.writer = GroupWriter(_connect(path))

    def connect(self) -> sqlite3.Connection:
        """Open a further connection, which whoever asks for it closes before the file."""
        with unavailable():
            return _connect(self._path)

    def close(self) -> None:
        """Write what is queued, and close the file. The last connection to close folds the log into it."""
        self.writer.close()


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn errors of SQLite and of the disk into StorageUnavailable."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageUnavailable(str(error)) from error


def _create(path: Path) -> int:
    """Create the file when there is none, and return a number that no other writer of it has ever had.

    Raises:
        RuntimeError: another version of this program wrote the file.
        sqlite3.Error: the file cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Switching to WAL and leaving it (the last close) do not wait for each other by themselves.
    with folder_lock(path.parent):
        connection = _connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in {0, _VERSION}:
                raise RuntimeError(f"{path} has schema version {version}; this program knows {_VERSION}")
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    connection.execute(statement)
            writer: int = connection.execute("UPDATE writers SET last = last + 1 RETURNING last").fetchone()[0]
            connection.execute("COMMIT")
            return writer
        finally:
            connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    """Open a connection that may pass between threads; transactions are opened by hand."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
