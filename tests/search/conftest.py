"""Archives for the tests of searching."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dicom_core.search.effort import DEFAULT_EFFORT, Effort
from tests.search.archive import Archive


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """An empty archive on one shard."""
    found = Archive(tmp_path)
    yield found
    await found.close()


# Little data goes every way when searches do little at a time.
WALKING = Effort(few=2, at_once=1, many=1, trial=2, deep=2, page=2, spare=0)
DESCENDING = Effort(few=64, at_once=1, many=64, deep=2, page=3, spare=0)


@pytest.fixture(
    params=[(1, DEFAULT_EFFORT), (8, DEFAULT_EFFORT), (1, WALKING), (3, WALKING), (3, DESCENDING)],
    ids=["1 shard", "8 shards", "walking", "walking on 3 shards", "descending"],
)
async def sharded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Archive]:
    """An empty archive, on one shard and on several, searched in leaps and in small steps."""
    found = Archive(tmp_path, *request.param)
    yield found
    await found.close()
