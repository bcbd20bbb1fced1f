from __future__ import annotations

import asyncio
import random

import pytest

from dicom_core.index.clock import Clock
from dicom_core.index.events import Action, Event, dump_events, load_events
from dicom_core.index.feed import Feed
from dicom_core.index.lane import Debt
from dicom_core.storage.counting import CountingTables
from dicom_core.storage.ports import StorageUnavailable, Tables
from tests.faulty import Fault, Faults, FaultyTables, Moment
from tests.feed_rows import read_feed
from tests.index.debts import drop, owe
from tests.index.factories import Storage

_clock = Clock()


async def events_of(tables: Tables) -> list[Event]:
    return [entry.event for entry in await read_feed(tables)]


def test_events_survive_storage() -> None:
    events = [Event(action, "Ward-1", "1.2", "1.3", "1.4", 2**53 - 1) for action in Action]
    assert load_events(dump_events(events)) == events


async def test_events_come_in_the_order_of_their_debts(storage: Storage) -> None:
    feed = Feed(storage.tables, _clock)
    debts = [await owe(storage.tables, events) for events in (1, 3, 151, 2)]
    for debt in debts:
        await feed.append(debt)
    assert await events_of(storage.tables) == [event for debt in debts for event in debt.events]


async def test_debts_of_concurrent_requests_share_a_batch(storage: Storage) -> None:
    debts = [await owe(storage.tables) for _ in range(50)]
    tables = CountingTables(storage.tables)
    feed = Feed(tables, _clock)
    await asyncio.gather(*map(feed.append, debts))
    assert tables.calls["commit"] <= 4  # the first opens the feed
    tables.reset()
    await asyncio.gather(*[feed.append(await owe(storage.tables)) for _ in range(50)])
    assert tables.calls == {"commit": 1}


@pytest.mark.parametrize("doubtful", [False, True])
async def test_a_debt_is_appended_once(storage: Storage, doubtful: bool) -> None:
    feed = Feed(storage.tables, _clock)
    debt = await owe(storage.tables, 3)
    await asyncio.gather(feed.append(debt), feed.append(debt, doubtful=doubtful))
    await feed.append(debt, doubtful=doubtful)
    await Feed(storage.tables, _clock).append(debt, doubtful=True)
    assert await events_of(storage.tables) == debt.events


async def test_a_debt_settled_and_forgotten_by_another_process_is_not_appended_again(storage: Storage) -> None:
    one, other = Feed(storage.tables, _clock), Feed(storage.tables, _clock)
    debt, *more = [await owe(storage.tables) for _ in range(3)]
    await one.append(debt)
    await drop(storage.tables, one, debt)
    await one.append(more[0])
    assert (await one.head()).pending == (more[0].name,), "the debt is forgotten"
    await other.append(debt, doubtful=True)
    await other.append(more[1])
    await other.append(debt)
    assert await events_of(storage.tables) == [event for owed in (debt, *more) for event in owed.events]


async def test_a_debt_that_waited_while_others_settled_it_is_looked_up(storage: Storage) -> None:
    slow, sweeper = Feed(storage.tables, _clock), Feed(storage.tables, _clock)
    await slow.append(await owe(storage.tables))  # it remembers the head
    debt = await owe(storage.tables)
    await sweeper.append(debt, doubtful=True)
    await drop(storage.tables, sweeper, debt)
    await sweeper.append(await owe(storage.tables))
    await slow.append(debt)
    assert (await events_of(storage.tables)).count(debt.events[0]) == 1


async def test_pending_debts_are_forgotten_when_their_outbox_row_is_gone(storage: Storage) -> None:
    feed = Feed(storage.tables, _clock)
    debts = [await owe(storage.tables) for _ in range(5)]
    for debt in debts:
        await feed.append(debt)
        await drop(storage.tables, feed, debt)
    assert (await feed.head()).pending == (debts[-1].name,)


async def test_appending_stops_while_too_many_debts_are_not_settled(storage: Storage) -> None:
    feed = Feed(storage.tables, _clock)
    debts = [await owe(storage.tables) for _ in range(420)]
    for start in range(0, 420, 21):
        await asyncio.gather(*map(feed.append, debts[start : start + 21]))
    late = await owe(storage.tables)
    with pytest.raises(StorageUnavailable):
        await feed.append(late)
    for debt in debts:
        feed.dropped(debt.name)
    await feed.append(late)
    assert len(await read_feed(storage.tables)) == 421


async def test_times_never_go_back(storage: Storage) -> None:
    ahead, behind = Clock(lambda: 1000.0), Clock(lambda: 10.0)
    await Feed(storage.tables, ahead).append(await owe(storage.tables))
    await Feed(storage.tables, behind).append(await owe(storage.tables))
    assert [entry.time for entry in await read_feed(storage.tables)] == [1_000_000_000, 1_000_000_000]


async def test_full_buckets_are_followed_by_new_ones(storage: Storage) -> None:
    feed = Feed(storage.tables, _clock, bucket_size=5)
    debts = [await owe(storage.tables, 2) for _ in range(20)]
    for debt in debts:
        await feed.append(debt)
    assert await events_of(storage.tables) == [event for debt in debts for event in debt.events]
    assert (await feed.head()).bucket == 37


async def test_a_new_bucket_remembers_pending_debts(storage: Storage) -> None:
    feed = Feed(storage.tables, _clock, bucket_size=2)
    debts = [await owe(storage.tables, 2) for _ in range(3)]
    for debt in debts:
        await feed.append(debt)
    for debt in debts:
        await Feed(storage.tables, _clock, bucket_size=2).append(debt, doubtful=True)
    assert len(await read_feed(storage.tables)) == 6


@pytest.mark.parametrize("bucket_size", [4, 100_000])
async def test_feeds_of_several_processes_leave_no_gap_and_repeat_nothing(storage: Storage, bucket_size: int) -> None:
    chance = random.Random(7)
    feeds = [Feed(storage.tables, Clock(), bucket_size) for _ in range(4)]
    debts = [await owe(storage.tables, chance.randint(1, 4)) for _ in range(120)]

    async def settle(number: int, debt: Debt) -> None:
        await asyncio.sleep(chance.random() * 0.05)
        feed = feeds[number % 4]
        await feed.append(debt)
        if chance.random() < 0.3:
            await feeds[(number + 1) % 4].append(debt, doubtful=True)
        await drop(storage.tables, feed, debt)
        await feeds[(number + 2) % 4].append(debt, doubtful=True)

    await asyncio.gather(*(settle(number, debt) for number, debt in enumerate(debts)))
    assert sorted(await events_of(storage.tables)) == sorted(event for debt in debts for event in debt.events)


async def _append_with_fault(storage: Storage, debts: list[Debt], fault: Fault | None) -> int:
    """Append debts in a process that a fault may stop, then the rest in another; how often the first one wrote."""
    faults = Faults(fault)
    feed = Feed(FaultyTables(storage.tables, faults), _clock, bucket_size=3)
    for debt in debts:
        try:
            await feed.append(debt)
        except StorageUnavailable:
            continue
        await drop(storage.tables, feed, debt)
    after = Feed(storage.tables, _clock, bucket_size=3)
    for debt in debts:
        await after.append(debt, doubtful=True)
    return faults.calls["write"]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_a_stop_at_any_write_loses_and_repeats_nothing(storage: Storage, moment: Moment, lasting: bool) -> None:
    expected: list[Event] = []

    async def play(fault: Fault | None) -> int:
        debts = [await owe(storage.tables, 2) for _ in range(6)]
        expected.extend(event for debt in debts for event in debt.events)
        return await _append_with_fault(storage, debts, fault)

    writes = await play(None)
    for number in range(1, writes + 1):
        await play(Fault("write", number, moment, lambda: StorageUnavailable("down"), lasting=lasting))
        assert sorted(await events_of(storage.tables)) == sorted(expected)


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_a_stop_while_the_feed_is_opened_loses_nothing(storage: Storage, moment: Moment) -> None:
    for number in (1, 2, 3):
        debts = [await owe(storage.tables)]
        await _append_with_fault(storage, debts, Fault("write", number, moment, lambda: StorageUnavailable("down")))
    assert len(await read_feed(storage.tables)) == 3
