"""A process that stores and deletes until it is killed, and says what it was told: `python -m ... {folder} {shards} {name}`."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from dicom_core.delete.service import DeleteService
from dicom_core.identifiers import Identifiers
from dicom_core.store.report import StoredItem
from tests.index.factories import PARTITION, open_storage
from tests.store.requests import file_of, send


async def main(folder: Path, shards: int, name: str) -> None:
    async with open_storage(folder, shards) as storage:
        index = storage.index()

        async def work(worker: int) -> None:
            for number in count():
                study, uids = f"1.{worker % 2}", [f"{name}.{worker}.{number}.{part}" for part in range(3)]
                report = await send(index, *(file_of(study, f"2.{part}", uid) for part, uid in enumerate(uids)))
                stored = [item.instance for item in report.items if isinstance(item, StoredItem)]
                print("\n".join(f"+{uid}" for uid in stored), flush=True)
                await DeleteService(index).delete(PARTITION, Identifiers(study, "2.0", uids[0]))
                print(f"-{uids[0]}", flush=True)

        await asyncio.gather(*map(work, range(4)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
