from __future__ import annotations

import asyncio
from pathlib import Path

from dicom_core.storage.blob_folder import BlobFolder


async def test_blobs_are_written_into_folders_that_deletes_keep_removing(tmp_path: Path) -> None:
    folder = BlobFolder(tmp_path)
    names = [f"a/b/{number}" for number in range(8)]

    async def put_all(names: list[str]) -> None:
        await asyncio.gather(*(asyncio.to_thread(folder.put, name, [b"x"]) for name in names))

    for _ in range(150):
        await asyncio.gather(put_all(names[::2]), *(asyncio.to_thread(folder.delete, [name]) for name in names))
    await put_all(names)
    assert sorted(folder.names("")) == names
    folder.close()


async def test_a_file_that_got_its_name_is_not_missed_when_it_is_abandoned(tmp_path: Path) -> None:
    folder = BlobFolder(tmp_path)
    file = folder.begin()
    file.write([b"x"])
    folder.finish(file, "a")
    folder.abandon(file)
    assert list(folder.names("")) == ["a"]
    folder.close()
