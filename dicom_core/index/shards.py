"""The number of shards, fixed when a store is first opened."""

from __future__ import annotations

import contextlib
from typing import cast

from dicom_core.index.keys import INDEX_TABLE
from dicom_core.storage.ports import AlreadyExists, Insert, StorageUnavailable, Tables

__all__ = ["fixed_shards"]

_META = "meta"
_SHARDS = "shards"


async def fixed_shards(tables: Tables, wanted: int) -> int:
    """The number of shards of this store: what its ``meta`` row says, which the first caller writes."""
    row = await tables.get(INDEX_TABLE, _META, _SHARDS)
    if row is None:
        with contextlib.suppress(AlreadyExists):  # another process opened the store at the same time
            await tables.commit(INDEX_TABLE, _META, [Insert(_SHARDS, {"count": wanted})])
        row = await tables.get(INDEX_TABLE, _META, _SHARDS)
    if row is None:
        raise StorageUnavailable("the meta row could not be written")
    return cast(int, row.properties["count"])
