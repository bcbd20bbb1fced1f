from __future__ import annotations

import asyncio
from pathlib import Path

from dicom_core.storage.embedded_blobs import EmbeddedBlobs


async def test_blobs_are_written_into_folders_that_deletes_keep_removing(tmp_path: Path) -> None:
    blobs = EmbeddedBlobs(tmp_path)
    names = [f"a/b/{number}" for number in range(8)]
    for _ in range(150):
        await asyncio.gather(*(blobs.put(name, [b"x"]) for name in names[::2]), *(blobs.delete([name]) for name in names))
    await asyncio.gather(*(blobs.put(name, [b"x"]) for name in names))
    assert sorted([name async for name in blobs.list("")]) == names
    await blobs.close()
