"""One batch in the making: rows as read, changes laid over them, and the operations that follow. Pure.

Search rows are never written by hand: they are derived from the study, series and instance rows before and after.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dicom_core.index.events import Event
from dicom_core.index.search_rows import DERIVED_FROM, SearchRows, search_rows
from dicom_core.storage.ports import (
    MAX_BATCH_BYTES,
    MAX_BATCH_ROWS,
    MAX_PROPERTY_BYTES,
    Delete,
    Insert,
    Operation,
    Properties,
    Replace,
    Row,
    StorageError,
    Upsert,
    Value,
)

__all__ = ["View"]

_MAX_ROWS: Final = MAX_BATCH_ROWS - 4  # room for the outbox row and a few deletions that ride along
_MAX_BYTES: Final = MAX_BATCH_BYTES * 3 // 5  # the wire form of bytes is base 64, and has text around it

Changes = dict[str, Properties | None]  # by row key; None deletes


class View:
    """Rows as a change sees them: `row` reads, `put` and `remove` write; `event` and `unlink` are owed after the commit.

    `rows` holds every row that changes may name, None for absent ones. A change is tried, then `keep` makes it part
    of the batch if there is room, or `discard` takes it back.
    """

    def __init__(self, rows: dict[str, Row | None]) -> None:
        self._rows = rows
        self._kept: Changes = {}
        self._new: Changes = {}
        self._planned: dict[str, tuple[list[Operation], int]] = {}
        self._derived: dict[tuple[object, ...], SearchRows] = {}
        self._events: list[Event] = []
        self._blobs: list[str] = []
        self.events: list[Event] = []
        self.blobs: list[str] = []

    def row(self, key: str) -> Row | None:
        """The row as left by the changes before, or None."""
        for layer in (self._new, self._kept):
            if key in layer:
                properties = layer[key]
                return None if properties is None else Row(key, dict(properties), "")
        return self._rows[key]

    def put(self, key: str, properties: Properties) -> None:
        """Write a row."""
        self._new[key] = properties

    def remove(self, key: str) -> None:
        """Delete a row."""
        self._new[key] = None

    def event(self, event: Event) -> None:
        """Owe an event to the change feed."""
        self._events.append(event)

    def unlink(self, names: Iterable[str]) -> None:
        """Owe the deletion of blobs."""
        self._blobs.extend(names)

    def keep(self) -> bool:
        """Make the changes since the last call part of the batch; False, and nothing is kept, when it has no room left.

        Raises:
            StorageError: a row has a value that no row can hold.
        """
        planned = self._planned | {key: self._plan(key, properties) for key, properties in self._new.items()}
        rows = sum(len(operations) for operations, _ in planned.values())
        size = sum(size for _, size in planned.values()) + 400 * (len(self.events) + len(self._events))
        if rows > _MAX_ROWS or size > _MAX_BYTES:
            self.discard()
            return False
        self._planned = planned
        self._kept |= self._new
        self.events += self._events
        self.blobs += self._blobs
        self.discard()
        return True

    def discard(self) -> None:
        """Take back the changes since the last `keep`."""
        self._new, self._events, self._blobs = {}, [], []

    def operations(self) -> list[Operation]:
        """The batch of all kept changes."""
        return [operation for operations, _ in self._planned.values() for operation in operations]

    def _plan(self, key: str, properties: Properties | None) -> tuple[list[Operation], int]:
        """The operations that one row's change needs, with those of its search rows, and their size in bytes."""
        before = self._rows[key]
        operations: list[Operation] = []
        if properties is not None:
            operations.append(Insert(key, properties) if before is None else Replace(key, properties, before.etag))
        elif before is not None:
            operations.append(Delete(key, before.etag))
        operations += self._search_operations(key, before.properties if before is not None else None, properties)
        return operations, sum(map(_size, operations))

    def _search_operations(self, key: str, before: Properties | None, after: Properties | None) -> list[Operation]:
        if before is not None and after is not None and all(before.get(name) == after.get(name) for name in DERIVED_FROM):
            return []
        old = {} if before is None else self._search_rows(key, before)
        new = {} if after is None else self._search_rows(key, after)
        operations: list[Operation] = [Delete(search_key) for search_key in old if search_key not in new]
        for search_key, values in new.items():
            if search_key not in old:
                operations.append(Insert(search_key, values))
            elif old[search_key] != values:
                operations.append(Upsert(search_key, values))
        return operations

    def _search_rows(self, key: str, properties: Properties) -> SearchRows:
        facts = (key, *map(properties.get, DERIVED_FROM))
        if facts not in self._derived:
            self._derived[facts] = search_rows(key, properties)
        return self._derived[facts]


def _size(operation: Operation) -> int:
    if isinstance(operation, Delete):
        return 300
    return 300 + sum(map(_value_size, operation.properties.values()))


def _value_size(value: Value) -> int:
    if not isinstance(value, (str, bytes)):
        return 58
    size = len(value) if isinstance(value, bytes) else 2 * len(value)
    if size > MAX_PROPERTY_BYTES:
        raise StorageError("a row has a value that is too large")
    return 50 + size
