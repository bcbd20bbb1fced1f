"""Deleting studies whose time has come: an expiry that a store has set and no later store has changed."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from dicom_core.delete.service import DeleteService
from dicom_core.errors import BackendError
from dicom_core.identifiers import Partition
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, expired
from dicom_core.storage.ports import StorageError

__all__ = ["delete_expired"]

_log = logging.getLogger(__name__)


async def delete_expired(index: Index, service: DeleteService, partitions: Iterable[Partition]) -> int:
    """Delete all expired studies, and return the number of their instances. What fails is left to the next time."""
    now = int(index.clock.seconds() * 1_000_000)
    deleted = 0
    for partition in partitions:
        for key in index.partition_keys(partition):
            async for page in index.tables.scan(INDEX_TABLE, key, *expired(now)):
                for row in page:
                    study = row.row_key.rpartition("|")[2]
                    try:
                        deleted += await service.expire(partition, study, now)
                    except (BackendError, StorageError) as error:
                        _log.warning("an expired study is left to the next time: %s", type(error).__name__)
    return deleted
