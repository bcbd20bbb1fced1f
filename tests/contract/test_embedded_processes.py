"""The embedded store shared by several processes, and killed at any moment."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from dicom_core.storage.embedded_blobs import EmbeddedBlobs
from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.embedded_tables import EmbeddedTables
from dicom_core.storage.ports import Delete, Insert, StorageUnavailable, Upsert
from tests.contract.writer_process import ROWS, raise_counter, write_forever, write_rows

SPAWN = multiprocessing.get_context("spawn")
MIB = 1024 * 1024


def join(processes: list[multiprocessing.context.SpawnProcess]) -> None:
    for process in processes:
        process.join(120)
        assert process.exitcode == 0


class TestSeveralProcesses:
    async def test_counters_lose_no_step(self, tmp_path: Path) -> None:
        path = tmp_path / "tables.sqlite"
        tables = EmbeddedTables(path)
        await tables.commit("table", "p", [Insert("counter", {"n": 0})])
        processes = [SPAWN.Process(target=raise_counter, args=(path, 100)) for _ in range(3)]

        for process in processes:
            process.start()
        await asyncio.to_thread(join, processes)

        row = await tables.get("table", "p", "counter")
        assert row is not None
        assert row.properties == {"n": 300}
        await tables.close()

    async def test_writers_neither_block_nor_share_etags(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "tables.sqlite"
        pipes = [SPAWN.Pipe(duplex=False) for _ in range(3)]
        processes = [SPAWN.Process(target=write_rows, args=(path, worker, 40, pipe[1])) for worker, pipe in enumerate(pipes)]

        for process in processes:
            process.start()
        etags = [etag for receiver, _ in pipes for etag in await asyncio.to_thread(receiver.recv)]
        await asyncio.to_thread(join, processes)

        assert len(set(etags)) == 120
        tables = EmbeddedTables(path)
        assert len([row async for page in tables.scan("table", "p", "0", "9") for row in page]) == 120 * ROWS
        await tables.close()

    async def test_opening_leaves_alone_what_others_are_making(self, tmp_path: Path) -> None:
        tables, first = open_embedded(tmp_path)
        half_sent = asyncio.Event()
        opened = asyncio.Event()

        async def stream() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield bytes(MIB)
            half_sent.set()
            await opened.wait()
            yield bytes(MIB)

        writing = asyncio.create_task(first.put_stream("a", stream()))
        await half_sent.wait()
        other_tables, second = open_embedded(tmp_path)
        opened.set()

        assert await writing == 4 * MIB
        assert (await second.read("a")).size == 4 * MIB
        for each in (first, second, tables, other_tables):
            await each.close()


class TestKill:
    async def test_what_was_acknowledged_survives_kills_and_nothing_is_there_in_part(self, tmp_path: Path) -> None:
        chance = random.Random(7)
        acknowledged: list[tuple[str, str]] = []
        for run in range(6):
            acknowledged += await asyncio.to_thread(_run_and_kill, tmp_path, run, chance.uniform(0.05, 0.5))

        tables, blobs = open_embedded(tmp_path)
        batches: dict[str, int] = {}
        async for page in tables.scan("table", "p", "0", "9"):
            for row in page:
                batch = row.row_key.rpartition("-")[0]
                batches[batch] = batches.get(batch, 0) + 1
        names = {name async for name in blobs.list("")}
        sizes = {name: (await _size(blobs, name)) for name in names}

        assert len(acknowledged) > 50
        assert set(batches.values()) == {ROWS}
        assert {name for kind, name in acknowledged if kind == "batch"} <= batches.keys()
        assert {name for kind, name in acknowledged if kind == "blob"} <= names
        assert {size for name, size in sizes.items() if "/small/" in name} == {20_000}
        assert {size for name, size in sizes.items() if "/large/" in name} <= {6 * MIB}
        (run_of_ours,) = [entry for entry in (tmp_path / "files" / "incoming").iterdir() if entry.is_dir()]
        assert [entry.name for entry in run_of_ours.iterdir()] == ["lock"]
        await tables.close()
        await blobs.close()


def _run_and_kill(folder: Path, run: int, seconds: float) -> list[tuple[str, str]]:
    """Run a writer, kill it some time after its first acknowledgement, and return what it had acknowledged."""
    receiver, sender = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=write_forever, args=(folder, run, sender))
    process.start()
    sender.close()
    acknowledged = [_receive(receiver)]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if receiver.poll(0.01):
            acknowledged.append(_receive(receiver))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    try:
        while receiver.poll(0):
            acknowledged.append(_receive(receiver))
    except EOFError:
        receiver.close()
    return acknowledged


def _receive(receiver: Connection) -> tuple[str, str]:
    kind, name = receiver.recv()
    return kind, name


async def _size(blobs: EmbeddedBlobs, name: str) -> int:
    reader = await blobs.read(name)
    await reader.aclose()
    return reader.size


class TestFile:
    async def test_rows_survive_closing(self, tmp_path: Path) -> None:
        path = tmp_path / "tables.sqlite"
        tables = EmbeddedTables(path)
        etags = await tables.commit("table", "p", [Insert("a", {"n": 1})])
        await tables.close()

        tables = EmbeddedTables(path)
        row = await tables.get("table", "p", "a")
        later = await tables.commit("table", "p", [Upsert("a", {"n": 1})])
        await tables.close()

        assert row is not None
        assert [row.etag] == etags
        assert later != etags

    async def test_closing_finishes_what_was_begun_and_refuses_more(self, tmp_path: Path) -> None:
        tables = EmbeddedTables(tmp_path / "tables.sqlite")
        commits = [asyncio.create_task(tables.commit("table", "p", [Insert(f"{number}", {})])) for number in range(100)]
        await asyncio.sleep(0)
        await tables.close()

        assert len(await asyncio.gather(*commits)) == 100
        with pytest.raises(StorageUnavailable, match="closed"):
            await tables.commit("table", "p", [Insert("late", {})])
        await tables.close()

    async def test_many_commits_fold_into_the_file(self, tmp_path: Path) -> None:
        """The log is copied into the file from time to time, so it stays near its threshold of 16 MiB."""
        path = tmp_path / "tables.sqlite"
        tables = EmbeddedTables(path)
        for number in range(60):
            await tables.commit("table", "p", [Upsert(f"{number}-{row}", {"data": bytes(60_000)}) for row in range(15)])

        assert (tmp_path / "tables.sqlite-wal").stat().st_size < 40 * MIB
        assert len([row async for page in tables.scan("table", "p", "0", "9~") for row in page]) == 60 * 15
        await tables.close()

    async def test_a_file_of_another_version_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "tables.sqlite"
        await EmbeddedTables(path).close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 99")

        with pytest.raises(RuntimeError, match="schema version 99"):
            EmbeddedTables(path)

    async def test_a_cancelled_commit_does_not_disturb_the_others(self, tmp_path: Path) -> None:
        tables = EmbeddedTables(tmp_path / "tables.sqlite")
        commits = [asyncio.create_task(tables.commit("table", "p", [Insert(f"{number}", {})])) for number in range(20)]
        await asyncio.sleep(0)
        for commit in commits[::2]:
            commit.cancel()

        results = await asyncio.gather(*commits, return_exceptions=True)
        await tables.commit("table", "p", [Delete("1")])

        assert [type(result) for result in results] == [asyncio.CancelledError, list] * 10
        await tables.close()

    async def test_empty_folders_go_with_the_last_blob(self, tmp_path: Path) -> None:
        tables, blobs = open_embedded(tmp_path)
        await blobs.put("a/b/c/d", [bytes(MIB)])
        await blobs.put("a/e", [bytes(MIB)])
        await blobs.delete(["a/b/c/d"])

        assert [entry.name for entry in (tmp_path / "files" / "blobs" / "a").iterdir()] == ["e"]
        await blobs.close()
        await tables.close()
        incoming = tmp_path / "files" / "incoming"
        assert list(incoming.iterdir()) == [incoming / ".lock"]
