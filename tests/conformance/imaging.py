"""Images over HTTP: what is stored, how frames are asked for, what pydicom makes of them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from pydicom.pixels.utils import pixel_array

from tests.conformance.place import HOST, Place, stored
from tests.dicom.bundled import quiet
from tests.dicom.pixel_files import BUNDLED, read_dataset
from tests.http.driver import Answer

__all__ = [
    "BIG_ENDIAN",
    "DEFLATED",
    "EXPLICIT",
    "IMPLICIT",
    "JPEG",
    "JPEG_2000",
    "OCTETS",
    "RLE",
    "VIDEO",
    "assert_text",
    "bundled_bytes",
    "multipart",
    "picture",
    "pixels",
    "put",
    "single",
]

IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, RLE, JPEG, JPEG_2000, VIDEO = (
    f"1.2.840.10008.1.2{suffix}" for suffix in ("", ".1", ".2", ".1.99", ".5", ".4.50", ".4.90", ".4.102")
)
OCTETS = "application/octet-stream"


def multipart(media_type: str = OCTETS, syntax: str | None = None) -> str:
    """An Accept entry for parts of a type."""
    entry = f'multipart/related; type="{media_type}"'
    return entry if syntax is None else f"{entry}; transfer-syntax={syntax}"


def single(media_type: str = OCTETS, syntax: str | None = None) -> str:
    """An Accept entry for a single part of a type; also the content type of one."""
    return media_type if syntax is None else f"{media_type}; transfer-syntax={syntax}"


async def put(place: Place, file: bytes) -> str:
    """Store a file and return the path of its instance."""
    [item] = stored(await place.store(file))
    return str(item["00081190"]["Value"][0]).removeprefix(HOST + place.url()).lstrip("/")


def bundled_bytes(name: str) -> bytes:
    """A bundled file as the service keeps it, with an empty preamble."""
    return bytes(128) + BUNDLED[name].read_bytes()[128:]


def pixels(file: bytes) -> np.ndarray[Any, Any]:
    """All frames as pydicom decodes them, without conversion of colours; the first dimension is that of frames."""
    with quiet():
        data_set = read_dataset(file)
        decoded = pixel_array(data_set, raw=True)
    return decoded if int(data_set.get("NumberOfFrames") or 1) > 1 else decoded[np.newaxis]


def picture(answer: Answer) -> Image.Image:
    """The image that an answer carries."""
    assert answer.status == 200, answer.text
    return Image.open(BytesIO(answer.body))


def assert_text(answer: Answer, status: int) -> None:
    """An error is one bare sentence."""
    assert (answer.status, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8"), answer.body
    assert answer.text
    assert not answer.text.startswith("{")
