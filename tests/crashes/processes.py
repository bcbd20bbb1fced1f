"""Processes that stop at a chosen call of their storage, and what the next process finds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dicom_core.delete.service import DeleteService
from dicom_core.errors import NotFoundError
from dicom_core.identifiers import Identifiers
from dicom_core.index.changes import Terms
from dicom_core.index.index import Index
from dicom_core.index.sweeper import sweep
from dicom_core.storage.ports import StorageError, StorageUnavailable
from dicom_core.store.report import StoredItem
from tests.faulty import Fault, Faults, FaultyBlobs, FaultyTables
from tests.index.factories import PARTITION, Storage
from tests.invariants import check_invariants
from tests.store.requests import send

__all__ = ["Acknowledged", "Operation", "deleting", "recover", "run", "storing", "sweeping"]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a client was told: the instances that are stored, whether a delete succeeded."""

    stored: frozenset[str] = frozenset()
    deleted: bool = False


Operation = Callable[[Index], Awaitable[Acknowledged]]


def storing(*files: bytes, replaces: bool = False) -> Operation:
    """Store files in one request, which may replace what is there."""

    async def store(index: Index) -> Acknowledged:
        report = await send(index, *files, terms=Terms(replaces=replaces))
        return Acknowledged(stored=frozenset(item.instance for item in report.items if isinstance(item, StoredItem)))

    return store


def deleting(named: Identifiers) -> Operation:
    """Delete what is named; nothing being left of it is a success too."""

    async def delete(index: Index) -> Acknowledged:
        with contextlib.suppress(NotFoundError):
            await DeleteService(index).delete(PARTITION, named)
        return Acknowledged(deleted=True)

    return delete


async def sweeping(index: Index) -> Acknowledged:
    """Sweep whatever is left, however young."""
    await sweep(index, [PARTITION], outbox_age=0, journal_age=0)
    return Acknowledged()


async def run(storage: Storage, operation: Operation, fault: Fault | None = None) -> tuple[Acknowledged, int]:
    """Run an operation in a process of its own until its end or the fault; what was acknowledged, and its writes."""
    faults = Faults(fault)
    index = Index(FaultyTables(storage.tables, faults), FaultyBlobs(storage.blobs, faults), storage.index().clock, storage.shards)
    acknowledged = Acknowledged()
    with contextlib.suppress(StorageError):
        acknowledged = await operation(index)
    with contextlib.suppress(StorageUnavailable):
        await asyncio.wait_for(index.close(), 10)
    return acknowledged, faults.calls["write"]


async def recover(storage: Storage, *, replacing: bool = False) -> set[str]:
    """Sweep in a new process and check everything; the instances that are stored."""
    index = storage.index()
    await sweeping(index)
    await index.close()
    return {ids[3] for ids in await check_invariants(storage.tables, storage.blobs, storage.shards, replacing=replacing)}
