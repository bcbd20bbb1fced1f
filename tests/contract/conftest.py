"""Every adapter of the storage ports, opened for one test each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from dicom_core.storage.azure_connection import AzureAccount, open_azure
from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.ports import Blobs, Tables
from tests.azurite import run_azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """Connection string of an emulator that runs while the tests do."""
    with run_azurite() as connection_string:
        yield connection_string


@pytest.fixture(params=["embedded", "azurite"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Tables, Blobs]]:
    """Tables and blobs of one adapter."""
    tables: Tables
    blobs: Blobs
    if request.param == "embedded":
        tables, blobs = open_embedded(tmp_path)
    else:
        account = AzureAccount(connection_string=request.getfixturevalue("azurite"))
        tables, blobs = open_azure(account, container=f"c{uuid4().hex}")
    yield tables, blobs
    await tables.close()
    await blobs.close()


@pytest.fixture
def tables(storage: tuple[Tables, Blobs]) -> Tables:
    """Tables of one adapter, without rows in `table`."""
    return storage[0]


@pytest.fixture
def blobs(storage: tuple[Tables, Blobs]) -> Blobs:
    """Empty blobs of one adapter."""
    return storage[1]


@pytest.fixture
def table() -> str:
    """A table name that no other test uses."""
    return f"t{uuid4().hex}"
