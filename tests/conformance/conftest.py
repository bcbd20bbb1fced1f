"""One store for the tests of a module, and a place in it for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conformance.place import Place
from tests.http.driver import Client, open_client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    async with open_client(tmp_path_factory.mktemp("store")) as opened:
        yield opened


@pytest.fixture
def place(client: Client) -> Place:
    """A place where version 2 is spoken."""
    return Place(client)


@pytest.fixture
def strict_place(client: Client) -> Place:
    """A place where version 1 is spoken."""
    return Place(client, "v1")


@pytest.fixture(params=["v1.0-prerelease", "v1", "v2"])
def any_place(client: Client, request: pytest.FixtureRequest) -> Place:
    """A place in every version."""
    return Place(client, request.param)
