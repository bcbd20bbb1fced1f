"""Kill processes on the embedded store at a random moment; what they acknowledged is there, and everything agrees."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest

from tests.crashes.processes import recover
from tests.index.factories import open_storage

_ROOT = Path(__file__).parents[2]
_FIRST_LINES = 4  # the process is at work


async def _killed(folder: Path, shards: int, name: str, seconds: float) -> list[str]:
    """Let a process work for some time, kill it, and return what it had acknowledged."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crashes.storing_process", folder, str(shards), name, cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(_FIRST_LINES)]
    await asyncio.sleep(seconds)
    process.kill()
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


@pytest.mark.parametrize("shards", [1, 8])
async def test_killed_processes_lose_nothing_that_they_acknowledged(tmp_path: Path, shards: int) -> None:
    chance = random.Random(shards)
    told: list[str] = []
    for life in range(2):
        answers = await asyncio.gather(*(_killed(tmp_path, shards, f"{life}.{process}", chance.random() * 0.3) for process in range(2)))
        told += [line for lines in answers for line in lines]
        async with open_storage(tmp_path, shards) as storage:
            found = await recover(storage)
        deleted = {line[1:] for line in told if line[0] == "-"}
        stored = {line[1:] for line in told if line[0] == "+"}
        assert not deleted & found
        undecided = {uid for uid in stored - deleted if uid.endswith(".0")}  # their delete may have been under way
        assert stored - deleted - undecided <= found
