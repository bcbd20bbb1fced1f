from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from dicom_core.index.clock import Clock
from dicom_core.index.events import Action, Event
from dicom_core.index.keys import INDEX_TABLE
from dicom_core.index.lane import Change, Debt, Lane
from dicom_core.index.view import View
from dicom_core.storage.counting import CountingTables
from dicom_core.storage.ports import Row, StorageError, StorageUnavailable, Tables, Upsert
from tests.faulty import Fault, Faults, FaultyTables, Moment
from tests.feed_rows import rows_of
from tests.index.factories import Storage

KEY = "p~0"


MakeLane = Callable[..., Lane]


@pytest.fixture
async def lane(storage: Storage) -> AsyncIterator[MakeLane]:
    """Makes lanes, each as that of another process; `debts` gathers what they owe."""
    lanes: list[Lane] = []

    def make(tables: Tables = storage.tables, debts: list[Debt] | None = None) -> Lane:
        async def settle(debt: Debt) -> None:
            if debts is not None:
                debts.append(debt)

        lanes.append(Lane(tables, KEY, Clock(), settle))
        return lanes[-1]

    yield make
    for made in lanes:
        await made.close()


def add(row_key: str, amount: int = 1) -> Change[int]:
    """Add to a counter in a row and return the sum."""

    def apply(view: View) -> int:
        row = view.row(row_key)
        total = (int(row.properties["n"]) if row is not None else 0) + amount
        view.put(row_key, {"n": total})
        return total

    return Change(apply, reads=(row_key,))


def insert(row_key: str, before: Callable[[View], None] = lambda view: None) -> Change[bool]:
    """Write a row that is expected to be absent; whether it was."""

    def apply(view: View) -> bool:
        before(view)
        if view.row(row_key) is not None:
            return False
        view.put(row_key, {})
        return True

    return Change(apply, expected_absent=(row_key,))


async def read(tables: Tables, row_key: str) -> Row | None:
    return await tables.get(INDEX_TABLE, KEY, row_key)


async def test_concurrent_changes_share_batches_and_see_each_other(storage: Storage, lane: MakeLane) -> None:
    tables = CountingTables(storage.tables)
    one = lane(tables)
    totals = await asyncio.gather(*(one.commit(add("J|n")) for _ in range(64)))
    assert totals == list(range(1, 65)), "applied one after the other, in order"
    assert tables.calls == {"get_many": 1, "commit": 1}


async def test_a_row_written_before_is_not_read_again(storage: Storage, lane: MakeLane) -> None:
    tables = CountingTables(storage.tables)
    one = lane(tables)
    for _ in range(5):
        await one.commit(add("J|1"))
    assert tables.calls == {"get_many": 1, "commit": 5}


async def test_two_processes_lose_no_change(storage: Storage, lane: MakeLane) -> None:
    lanes = [lane() for _ in range(3)]
    totals = await asyncio.gather(*(lanes[number % 3].commit(add("J|n")) for number in range(90)))
    assert sorted(totals) == list(range(1, 91))
    row = await read(storage.tables, "J|n")
    assert row is not None
    assert row.properties == {"n": 90}


async def test_a_row_expected_to_be_absent_is_looked_at_when_it_is_there(storage: Storage, lane: MakeLane) -> None:
    one, other = lane(), lane()
    assert await one.commit(insert("K|1"))
    assert not await other.commit(insert("K|1"))
    assert await other.commit(insert("K|2"))


async def test_an_expected_absence_does_not_hide_what_another_change_has_read(storage: Storage, lane: MakeLane) -> None:
    one = lane()
    await one.commit(insert("K|1"))

    def remove(view: View) -> bool:
        found = view.row("K|1") is not None
        view.remove("K|1")
        return found

    changes = [insert("K|1"), Change(remove, reads=("K|1",)), insert("K|1")]
    assert await asyncio.gather(*map(one.commit, changes)) == [False, True, True]


async def test_a_refused_change_hears_why_and_writes_nothing(storage: Storage, lane: MakeLane) -> None:
    debts: list[Debt] = []
    one = lane(debts=debts)

    def refuse(view: View) -> None:
        view.put("J|n", {"n": 100})
        view.event(Event(Action.CREATE, "p", "1", "2", "3", 4))
        raise LookupError("no")

    refused = asyncio.create_task(one.commit(Change(refuse, reads=("J|n",))))
    assert await asyncio.gather(*(one.commit(add("J|n")) for _ in range(2))) == [1, 2]
    with pytest.raises(LookupError):
        await refused
    assert debts == []


async def test_a_change_larger_than_a_batch_is_refused_alone(storage: Storage, lane: MakeLane) -> None:
    one = lane()
    keys = tuple(f"K|{number}" for number in range(120))

    def apply(view: View) -> None:
        for key in keys:
            view.put(key, {})

    outcomes = await asyncio.gather(
        one.commit(add("J|n")), one.commit(Change(apply, reads=keys)), one.commit(add("J|n")), return_exceptions=True
    )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], StorageError)
    assert outcomes[2] == 2
    assert [row.row_key for row in await rows_of(storage.tables, INDEX_TABLE, KEY)] == ["J|n"]


async def test_a_row_that_storage_cannot_hold_fails_its_own_change_only(storage: Storage, lane: MakeLane) -> None:
    one = lane()

    def apply(view: View) -> None:
        view.put("K|1", {"text": "x" * 40_000})

    refused = asyncio.create_task(one.commit(Change(apply, reads=("K|1",))))
    assert await one.commit(add("J|n")) == 1
    with pytest.raises(StorageError):
        await refused


async def test_many_changes_take_several_batches_in_order(storage: Storage, lane: MakeLane) -> None:
    tables = CountingTables(storage.tables)
    one = lane(tables)
    outcomes = await asyncio.gather(*(one.commit(insert(f"K|{number:03}")) for number in range(250)))
    assert all(outcomes)
    assert tables.calls["commit"] == 3
    assert len(await rows_of(storage.tables, INDEX_TABLE, KEY)) == 250


async def test_a_change_nobody_waits_for_any_more_is_passed_over(storage: Storage, lane: MakeLane) -> None:
    one = lane()
    gone = asyncio.create_task(one.commit(add("J|n", 100)))
    await asyncio.sleep(0)
    gone.cancel()
    assert await one.commit(add("J|n")) == 1


async def test_what_is_owed_lies_in_the_outbox_until_it_is_settled(storage: Storage, lane: MakeLane) -> None:
    debts: list[Debt] = []
    one = lane(debts=debts)
    event = Event(Action.CREATE, "p", "1", "2", "3", 4)

    def apply(view: View) -> None:
        view.put("J|1", {})
        view.event(event)
        view.unlink(["a", "b"])

    await one.commit(Change(apply, reads=("J|1",)))
    [debt] = debts
    assert (debt.events, debt.blobs) == ([event], ["a", "b"])
    row = await read(storage.tables, debt.row_key)
    assert row is not None
    assert Debt.of(KEY, row) == debt


async def test_rows_leave_soon_and_say_so(storage: Storage, lane: MakeLane) -> None:
    one = lane()
    await one.commit(add("J|1"))
    await one.commit(add("J|2"))
    gone: list[str] = []
    one.leave("J|1", lambda: gone.append("J|1"))
    one.leave("J|2")
    await one.close()
    assert gone == ["J|1"]
    assert await rows_of(storage.tables, INDEX_TABLE, KEY) == []


async def test_rows_leave_with_the_next_batch(storage: Storage, lane: MakeLane) -> None:
    tables = CountingTables(storage.tables)
    one = lane(tables)
    await one.commit(add("J|1"))
    one.leave("J|1")
    await one.commit(add("J|2"))
    assert tables.calls["commit"] == 2
    assert await read(tables, "J|1") is None


async def test_a_row_that_the_sweeper_took_away_does_not_hold_up_the_others(storage: Storage, lane: MakeLane) -> None:
    one = lane()
    await one.commit(add("J|1"))
    gone: list[str] = []
    one.leave("J|0", lambda: gone.append("J|0"))
    one.leave("J|1", lambda: gone.append("J|1"))
    assert await one.commit(add("J|2")) == 1
    await one.close()
    assert sorted(gone) == ["J|0", "J|1"]
    assert [row.row_key for row in await rows_of(storage.tables, INDEX_TABLE, KEY)] == ["J|2"]


async def test_rows_leave_even_when_every_batch_is_full(storage: Storage, lane: MakeLane) -> None:
    one = lane()
    keys = [f"J|old{number:03}" for number in range(300)]
    for start in range(0, 300, 100):
        await storage.tables.commit(INDEX_TABLE, KEY, [Upsert(key, {}) for key in keys[start : start + 100]])
    for key in keys:
        one.leave(key)
    busy = asyncio.gather(*(one.commit(insert(f"K|{number:04}")) for number in range(640)))
    await busy
    left = [row.row_key for row in await rows_of(storage.tables, INDEX_TABLE, KEY) if row.row_key.startswith("J|")]
    assert len(left) <= 200


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_after_an_unknown_outcome_everything_is_read_anew(storage: Storage, lane: MakeLane, moment: Moment) -> None:
    faults = Faults(Fault("write", 2, moment, lambda: StorageUnavailable("down")))
    one = lane(FaultyTables(storage.tables, faults))
    assert await one.commit(add("J|1")) == 1
    with pytest.raises(StorageUnavailable):
        await one.commit(add("J|1"))
    assert await one.commit(add("J|1")) == (2 if moment is Moment.BEFORE else 3)


async def test_every_change_of_a_failed_batch_fails(storage: Storage, lane: MakeLane) -> None:
    faults = Faults(Fault("write", 1, Moment.BEFORE, lambda: StorageUnavailable("down")))
    one = lane(FaultyTables(storage.tables, faults))
    outcomes = await asyncio.gather(*(one.commit(add("J|n")) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, StorageUnavailable) for outcome in outcomes)
    assert await one.commit(add("J|n")) == 1
