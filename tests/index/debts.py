"""Debts of the change feed for tests, as committed batches leave them."""

from __future__ import annotations

from itertools import count

from dicom_core.index.clock import Clock
from dicom_core.index.events import Action, Event
from dicom_core.index.feed import Feed
from dicom_core.index.keys import INDEX_TABLE, outbox_key
from dicom_core.index.lane import Debt
from dicom_core.storage.ports import Delete, Insert, Tables

__all__ = ["drop", "owe"]

_numbers = count(1)
_clock = Clock()


async def owe(tables: Tables, events: int = 1) -> Debt:
    """A debt in the outbox, with events that nobody else has."""
    found = [Event(Action.CREATE, "p", "1", "2", str(number), number) for number, _ in zip(_numbers, range(events), strict=False)]
    debt = Debt("p~0", outbox_key(_clock.ulid()), found, [])
    await tables.commit(INDEX_TABLE, debt.partition_key, [Insert(debt.row_key, debt.properties())])
    return debt


async def drop(tables: Tables, feed: Feed, debt: Debt) -> None:
    """Take a settled debt's row away."""
    await tables.commit(INDEX_TABLE, debt.partition_key, [Delete(debt.row_key)])
    feed.dropped(debt.name)
