"""Reading the feed gives what a naive reader gives, in the same few calls wherever it reads."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from dicom_core.change_feed.reader import FeedReader
from dicom_core.index.feed import DIRECTORY, sequence_key
from dicom_core.index.keys import CHANGE_FEED_TABLE
from dicom_core.storage.counting import CountingTables
from dicom_core.storage.embedded_tables import EmbeddedTables
from dicom_core.storage.ports import Insert
from tests.change_feed.building import BuiltFeed, build_feed
from tests.feed_rows import read_feed
from tests.index.debts import owe
from tests.index.factories import Storage

MILLION = 1_000_000


@pytest.fixture(scope="module")
def long_feed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuiltFeed]:
    """A store with a million events."""
    path = tmp_path_factory.mktemp("feed") / "index.sqlite"

    async def build() -> BuiltFeed:
        tables = EmbeddedTables(path)
        feed = await build_feed(tables, MILLION, 100_000)
        await tables.close()
        return feed

    return path, asyncio.run(build())


async def test_any_page_and_window_of_a_million_events_takes_the_same_few_calls(long_feed: tuple[Path, BuiltFeed]) -> None:
    path, feed = long_feed
    tables = CountingTables(EmbeddedTables(path))
    reader = FeedReader(tables)
    chance = random.Random(1)
    for first in (1, 2, 99_950, 100_001, 500_000, MILLION - 50, MILLION, MILLION + 1, 2**63, *chance.choices(range(1, MILLION), k=50)):
        tables.reset()
        assert await reader.read(first, 200) == feed.published(first, first + 200)
        assert tables.total <= 4, "buckets, then one page or two of at most two buckets"
    for time in (
        0,
        feed.times[0],
        feed.times[-1],
        feed.times[-1] + 1,
        *(chance.choice(feed.times) + chance.choice((0, 1)) for _ in range(50)),
    ):
        tables.reset()
        first_since = await reader.first_since(time)
        assert (first_since or MILLION + 1) == feed.since(time)
        assert tables.total <= 3
    tables.reset()
    assert await reader.last() == MILLION
    assert tables.total <= 2
    await tables.close()


@pytest.mark.parametrize("seed", range(3))
async def test_windows_over_many_small_buckets(storage: Storage, seed: int) -> None:
    feed = await build_feed(storage.tables, 1000, 37, seed)
    assert [entry.time for entry in await read_feed(storage.tables)] == feed.times, "the feed is well formed"
    reader = FeedReader(storage.tables)
    chance = random.Random(seed)
    for _ in range(60):
        first, count = chance.randint(1, 1100), chance.randint(1, 300)
        assert await reader.read(first, count) == feed.published(first, first + count)
        before = chance.choice(feed.times) + chance.choice((-1, 0, 1))
        assert await reader.read(first, count, before=before) == feed.published(first, min(first + count, feed.since(before)))
        time = chance.choice(feed.times) + chance.choice((-1, 0, 1))
        assert (await reader.first_since(time) or 1001) == feed.since(time)


async def test_an_empty_feed_has_nothing(storage: Storage) -> None:
    reader = FeedReader(storage.tables)
    assert await reader.read(1, 10) == []
    assert await reader.first_since(0) is None
    assert await reader.last() == 0


async def test_a_bucket_that_is_only_announced_has_nothing_yet(storage: Storage) -> None:
    feed = await build_feed(storage.tables, 4, 2)
    await storage.tables.commit(CHANGE_FEED_TABLE, DIRECTORY, [Insert(sequence_key(5), {"time": feed.times[-1]})])
    reader = FeedReader(storage.tables)
    assert await reader.last() == 4
    assert await reader.read(1, 10) == feed.published(1, 5)
    assert await reader.first_since(feed.times[-1]) == feed.since(feed.times[-1])
    assert await reader.first_since(feed.times[-1] + 1) is None


async def test_a_reader_sees_what_is_appended_after_it_began(storage: Storage) -> None:
    index = storage.index(bucket_size=3)
    reader = FeedReader(storage.tables)
    for count in range(1, 12):
        await index.feed.append(await owe(storage.tables))
        assert await reader.last() == count
        assert [each.sequence for each in await reader.read(1, 100)] == list(range(1, count + 1))
