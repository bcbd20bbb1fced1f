"""Pixel resources of damaged files: every answer is one of those specified, never 500."""

from __future__ import annotations

import logging
import random

import pytest

from dicom_core.http.accept import MORE_FRAMES
from tests.dicom.pixel_files import BUNDLED, StoredFile
from tests.http.driver import Client

_NAMES = [
    *("693_J2KI.dcm", "CT_small.dcm", "JPEG-lossy.dcm", "JPEGLSNearLossless_08.dcm", "MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm"),
    *("SC_rgb_rle_2frame.dcm", "SC_rgb_jpeg_dcmtk.dcm", "image_dfl.dcm", "examples_palette.dcm", "liver_1frame.dcm", "JPGExtended.dcm"),
]
_ACCEPT = {
    "/frames/1": ["application/octet-stream", "*/*", *(f'multipart/related; type="{offer.wanted}"' for offer in MORE_FRAMES[:8:2])],
    "/rendered": ["image/png"],
    "/thumbnail": ["image/jpeg"],
    "": ["application/dicom", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90", "application/dicom; transfer-syntax=*"],
}
_ALLOWED = {200, 404, 406}


def _mutated(name: str, seed: int) -> bytes:
    """A bundled file with some bytes changed, most of them in its pixel data."""
    chance = random.Random(f"{name} {seed}")
    data = bytearray(BUNDLED[name].read_bytes())
    pixel_data = StoredFile.of(bytes(data)).header.pixel_data
    assert pixel_data is not None
    start = 400 if seed % 3 == 0 or pixel_data.offset >= len(data) else pixel_data.offset
    for _ in range(chance.choice((1, 4, 30))):
        data[chance.randrange(start, min(len(data), start + 3000))] = chance.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", _NAMES)
async def test_answers_to_damaged_files(client: Client, name: str, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    answer = await client.send("POST", "/v2/studies", _mutated(name, seed), headers={"Content-Type": "application/dicom"})
    if answer.status == 409:
        return
    assert answer.status in (200, 202)
    url = answer.json["00081199"]["Value"][0]["00081190"]["Value"][0].removeprefix("http://dicom.test")
    for resource, accepts in _ACCEPT.items():
        for accept in accepts:
            found = await client.get(url + resource, accept)
            assert found.status in _ALLOWED, (resource, accept, caplog.text)
