"""What pixels cost: storage calls, and code that must not be loaded."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from dicom_core.index.clock import Clock
from dicom_core.services import compose
from dicom_core.settings import Settings
from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.storage.embedded_store import open_embedded
from tests.dicom.pixel_files import make_file
from tests.http.driver import Client
from tests.http.storing import Stored, store_file

_JPEG = "1.2.840.10008.1.2.4.50"
_SINGLE = "application/octet-stream; transfer-syntax=*"
_TILES = 12_000


@dataclass
class Counted:
    client: Client
    tables: CountingTables
    blobs: CountingBlobs

    async def cost(self, url: str, accept: str | None = None, status: int = 200) -> tuple[dict[str, int], dict[str, int], bytes]:
        self.tables.reset()
        self.blobs.reset()
        answer = await self.client.get(url, accept)
        assert answer.status == status, answer.text
        later = ("commit", "put", "delete")  # what stores before have left to do
        tables, blobs = (
            {name: calls for name, calls in each.snapshot().items() if name not in later} for each in (self.tables, self.blobs)
        )
        return tables, blobs, answer.body


@pytest.fixture
async def counted(tmp_path: Path) -> AsyncIterator[Counted]:
    inner_tables, inner_blobs = open_embedded(tmp_path)
    tables, blobs = CountingTables(inner_tables), CountingBlobs(inner_blobs)
    services = await compose(Settings(storage="embedded"), tables, blobs, Clock())
    yield Counted(Client(services), tables, blobs)
    await services.close()


def _tile(number: int) -> bytes:
    return b"\xff\xd8" + number.to_bytes(4, "big") * (20 + zlib.crc32(number.to_bytes(4, "big")) % 200)


async def _slide(client: Client) -> Stored:
    tiles = encapsulate([_tile(number) for number in range(1, _TILES + 1)])
    return await store_file(client, make_file(np.zeros((2, 8, 8), "u1"), syntax=_JPEG, NumberOfFrames=_TILES, PixelData=tiles))


async def test_a_frame_is_one_row_and_one_range(counted: Counted) -> None:
    stored = await store_file(counted.client, make_file(np.arange(3 * 64 * 64, dtype="u2").reshape(3, 64, 64)))
    for accept in (_SINGLE, "application/octet-stream", None):
        tables, blobs, _ = await counted.cost(f"{stored.url}/frames/2", accept)
        assert (tables, blobs) == ({"get": 1}, {"read": 1})
    tables, blobs, _ = await counted.cost(f"{stored.url}/frames/1,2,3")
    assert (tables, blobs) == ({"get": 1}, {"read": 1})
    tables, blobs, _ = await counted.cost(f"{stored.url}/rendered")
    assert (tables, blobs) == ({"get": 1}, {"read": 1})
    tables, blobs, _ = await counted.cost(stored.url, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90")
    assert (tables, blobs) == ({"get": 1}, {"read": 1})
    tables, blobs, _ = await counted.cost(f"{stored.series}/thumbnail")
    assert (tables, blobs) == ({"scan": 1}, {"read": 1})
    for url in (f"{stored.url}/bulkdata/7FE00010", f"{stored.url}/pixeldata", f"{stored.url}/bulkdata"):
        tables, blobs, _ = await counted.cost(url)
        assert (tables, blobs) == ({"get": 1}, {"read": 1})


async def test_tiles_of_a_slide(counted: Counted) -> None:
    stored = await _slide(counted.client)
    for number in (1, 513, _TILES):
        tables, blobs, body = await counted.cost(f"{stored.url}/frames/{number}", _SINGLE)
        assert body.rstrip(b"\0") == _tile(number).rstrip(b"\0")
        assert (tables, blobs) == ({"get": 1}, {"read": 2})  # one of them for a chunk of the layout
    numbers = [_TILES, 1, 6000, 6001, 6002, 6000]
    answer = await counted.client.get(f"{stored.url}/frames/{','.join(map(str, numbers))}")
    assert [body.rstrip(b"\0") for _, body in answer.parts()] == [_tile(number).rstrip(b"\0") for number in numbers]
    await counted.cost(f"{stored.url}/frames/{_TILES + 1}", _SINGLE, 404)
    _, blobs, _ = await counted.cost(f"{stored.url}/frames/" + ",".join(map(str, range(2000, 3000))))
    assert blobs == {"read": 2}


async def test_rendering_a_far_frame_reads_header_and_frame(counted: Counted) -> None:
    stored = await store_file(counted.client, make_file(np.zeros((5, 1000, 1000), "u2")))
    tables, blobs, _ = await counted.cost(f"{stored.url}/frames/5/rendered")
    assert (tables, blobs) == ({"get": 1}, {"read": 2})


def test_codecs_are_not_loaded_before_they_are_needed() -> None:
    program = "import sys, dicom_core.http.routes; print(sorted({'imagecodecs'} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
