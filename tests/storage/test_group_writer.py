"""When the writer has the disk flushed, and what it survives."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dicom_core.storage.embedded_tables import EmbeddedTables
from dicom_core.storage.group_writer import GroupWriter
from dicom_core.storage.ports import Insert, StorageUnavailable

FULL, NORMAL = 2, 1  # of SQLite's "synchronous": a commit waits for the disk, or does not


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[EmbeddedTables]:
    opened = EmbeddedTables(tmp_path / "index.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
def commits(tables: EmbeddedTables) -> list[int]:
    """How the writer's connection was set at each commit, in turn."""
    seen: list[int] = []
    setting = FULL

    def note(statement: str) -> None:
        nonlocal setting
        if statement.startswith("PRAGMA synchronous = "):
            setting = FULL if statement.endswith("FULL") else NORMAL
        elif statement == "COMMIT":
            seen.append(setting)

    tables.file.writer._connection.set_trace_callback(note)
    return seen


async def test_only_what_has_to_last_waits_for_the_disk(tables: EmbeddedTables, commits: list[int]) -> None:
    for number, lasting in enumerate([True, False, False, True, False]):
        await tables.commit("dicom", "p", [Insert(f"{number}", {})], lasting=lasting)
    assert commits == [FULL, NORMAL, NORMAL, FULL, NORMAL]


async def test_all_of_a_group_wait_with_the_one_that_has_to_last(tables: EmbeddedTables, commits: list[int]) -> None:
    lasting = [number == 25 for number in range(50)]
    await asyncio.gather(*(tables.commit("dicom", "p", [Insert(f"{n}", {})], lasting=each) for n, each in enumerate(lasting)))
    assert commits.count(FULL) == 1


class _Failing(sqlite3.Connection):
    """A connection whose first rollback fails, as on a disk that is going."""

    failed = False

    def rollback(self) -> None:
        if not self.failed:
            self.failed = True
            raise sqlite3.OperationalError("disk I/O error")
        super().rollback()


async def test_a_failing_rollback_does_not_end_the_writer() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=_Failing)
    writer = GroupWriter(connection)

    def broken(cursor: sqlite3.Cursor) -> list[str | None]:
        cursor.execute("no SQL")
        return []

    def right(cursor: sqlite3.Cursor) -> list[str | None]:
        cursor.execute("CREATE TABLE t (n)")
        return ["etag"]

    for batch in (broken, right):  # the second one meets the transaction that the first one left
        with pytest.raises(StorageUnavailable):
            await writer.commit(batch, 0, lasting=True)
    assert await writer.commit(right, 0, lasting=True) == ["etag"]
    writer.close()
