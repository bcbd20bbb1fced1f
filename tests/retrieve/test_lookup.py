from __future__ import annotations

import pytest

from dicom_core.errors import BackendError
from dicom_core.retrieve.lookup import settled
from dicom_core.storage.ports import BlobNotFound


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_an_instance_may_be_replaced_while_it_is_read(failures: int) -> None:
    attempts = []

    async def attempt() -> str:
        attempts.append(1)
        if len(attempts) <= failures:
            raise BlobNotFound("a")
        return "found"

    assert await settled(attempt) == "found"
    assert len(attempts) == failures + 1


async def test_but_not_for_ever() -> None:
    async def attempt() -> str:
        raise BlobNotFound("a")

    with pytest.raises(BackendError):
        await settled(attempt)
