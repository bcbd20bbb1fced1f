"""Archives for the tests of searching."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.search.archive import Archive


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """An empty archive on one shard."""
    found = Archive(tmp_path)
    yield found
    await found.close()


@pytest.fixture(params=[1, 8], ids=["1 shard", "8 shards"])
async def sharded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Archive]:
    """An empty archive, on one shard and on eight."""
    found = Archive(tmp_path, request.param)
    yield found
    await found.close()
