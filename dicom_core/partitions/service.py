"""Data partitions: finding, creating and listing them.

One row per partition, keyed by its lower-case name (names differ not only in letter case); a counter row gives out keys.
Partitions are never deleted, so what was found once is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from dicom_core.errors import BackendError, InvalidPartition
from dicom_core.identifiers import DEFAULT_PARTITION, Partition, check_partition_name
from dicom_core.index.clock import Clock
from dicom_core.index.keys import PARTITION_TABLE
from dicom_core.storage.ports import AlreadyExists, ConditionFailed, Insert, Operation, Replace, Row, Tables

__all__ = ["PartitionInfo", "PartitionService"]

_NAMES: Final = "names"
_COUNTER: Final = "|counter"  # sorts after every partition name
_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class PartitionInfo:
    """A partition with the time of its creation (ISO 8601, UTC)."""

    partition: Partition
    created: str


class PartitionService:
    """The data partitions of the store."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._known: dict[str, Partition] = {}

    async def find(self, name: str) -> Partition:
        """The partition with this name, letter case ignored.

        Raises:
            InvalidPartition: the name is malformed or unknown.
        """
        key = check_partition_name(name).lower()
        known = self._known.get(key)
        if known is not None:
            return known
        if key == DEFAULT_PARTITION.lower():
            return await self.ensure(DEFAULT_PARTITION)
        row = await self._tables.get(PARTITION_TABLE, _NAMES, key)
        if row is None:
            raise InvalidPartition("Specified PartitionName does not exist.")
        return self._remember(row)

    async def ensure(self, name: str) -> Partition:
        """The partition with this name, created when there is none.

        Raises:
            InvalidPartition: the name is malformed.
        """
        key = check_partition_name(name).lower()
        if key in self._known:
            return self._known[key]
        for _ in range(_ATTEMPTS):
            rows = await self._tables.get_many(PARTITION_TABLE, _NAMES, [key, _COUNTER])
            if key in rows:
                return self._remember(rows[key])
            await self._create(key, name, rows.get(_COUNTER))
        raise BackendError("The partition could not be created; please try again.")

    async def all(self) -> list[PartitionInfo]:
        """Every partition, in the order of their keys; the default one always is among them."""
        await self.ensure(DEFAULT_PARTITION)
        found = []
        async for page in self._tables.scan(PARTITION_TABLE, _NAMES, "!", _COUNTER):
            found += [PartitionInfo(self._remember(row), cast(str, row.properties["created"])) for row in page]
        return sorted(found, key=lambda info: info.partition.key)

    async def _create(self, key: str, name: str, counter: Row | None) -> None:
        default = key == DEFAULT_PARTITION.lower()
        name = DEFAULT_PARTITION if default else name
        number = 1 if default else (cast(int, counter.properties["next"]) if counter else 2)
        created = datetime.fromtimestamp(self._clock.seconds(), UTC).isoformat().replace("+00:00", "Z")
        operations: list[Operation] = [Insert(key, {"name": name, "key": number, "created": created})]
        if not default:
            values = {"next": number + 1}
            operations.append(Replace(_COUNTER, values, counter.etag) if counter else Insert(_COUNTER, values))
        try:
            await self._tables.commit(PARTITION_TABLE, _NAMES, operations)
        except (AlreadyExists, ConditionFailed):
            return  # somebody else creates partitions too: look again

    def _remember(self, row: Row) -> Partition:
        partition = Partition(cast(str, row.properties["name"]), cast(int, row.properties["key"]))
        self._known[row.row_key] = partition
        return partition
