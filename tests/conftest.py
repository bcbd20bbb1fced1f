"""Storage for tests of the index."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.index.factories import Storage, open_storage


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """An empty store with one shard."""
    async with open_storage(tmp_path) as opened:
        yield opened
