"""Frames of colour as 8-bit RGB.

Standard: PS3.3 C.7.6.3.1.2, C.7.6.3.1.5, C.7.9
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.codecs import CodecError
from dicom_core.dicom.grayscale import cell_values
from dicom_core.dicom.pixel_module import PixelModule

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]
    Colours = np.ndarray[Any, np.dtype[np.uint8]]

__all__ = ["palette_colour", "true_colour"]

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_DATA = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED_DATA = (0x00281221, 0x00281222, 0x00281223)

_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2
_MAX_ENTRIES = 1 << 16


def palette_colour(samples: Samples, pixels: PixelModule, attributes: Attributes) -> Colours:
    """Look up the colour of each pixel; values outside of the palette get its first or last colour.

    Raises:
        CodecError: the palette is missing or damaged, or the pixels have too many bits for one.
    """
    import numpy as np

    if pixels.bits_allocated not in (8, 16):
        raise CodecError("The pixel data does not suit a colour palette.")
    stored = cell_values(pixels).astype(np.int64)
    table = np.empty((len(stored), 3), np.uint8)
    for channel in range(3):
        first, entries = _palette(attributes, channel)
        table[:, channel] = entries[np.clip(stored - first, 0, len(entries) - 1)]
    return np.take(table, samples.view(f"u{pixels.sample_bytes}"), axis=0)


def true_colour(samples: Samples, pixels: PixelModule) -> Colours:
    """Bring three samples per pixel to 8 bits and to RGB.

    Raises:
        CodecError: the colour space is none that can be shown.
    """
    import numpy as np

    if pixels.samples_per_pixel != 3 or pixels.floating:
        raise CodecError("The colour space of the pixel data is not supported.")
    if pixels.bits_stored > 8:
        samples = np.right_shift(samples, pixels.bits_stored - 8)
    elif pixels.bits_stored < 8:
        samples = samples.astype(np.uint16) * 255 // ((1 << pixels.bits_stored) - 1)
    eight_bits = np.ascontiguousarray(samples, np.uint8)
    if pixels.photometric_interpretation.startswith("YBR_FULL"):
        return _full_range_ybr(eight_bits)
    if pixels.photometric_interpretation.startswith("YBR_PARTIAL"):
        return _partial_range_ybr(eight_bits)
    return eight_bits


def _full_range_ybr(samples: Colours) -> Colours:
    import numpy as np
    from PIL import Image

    size = samples.shape[1], samples.shape[0]
    return np.asarray(Image.frombytes("YCbCr", size, samples.tobytes()).convert("RGB"))


def _partial_range_ybr(samples: Colours) -> Colours:
    """Convert luminance of 16 to 235 and chrominance of 16 to 240 (ITU-R BT.601)."""
    import numpy as np

    to_rgb = np.array([[1.1644, 0.0, 1.5960], [1.1644, -0.3918, -0.8130], [1.1644, 2.0172, 0.0]])
    rgb: Colours = np.clip(np.rint((samples - np.array([16.0, 128.0, 128.0])) @ to_rgb.T), 0, 255).astype(np.uint8)
    return rgb


def _palette(attributes: Attributes, channel: int) -> tuple[int, Colours]:
    """Read one channel of a palette: the first pixel value it maps, and its entries in 8 bits."""
    import numpy as np

    descriptor = attributes.numbers(_DESCRIPTORS[channel])
    if len(descriptor) != 3:
        raise CodecError("The colour palette is missing.")
    number, first, bits = (int(value) for value in descriptor)
    number = number & 0xFFFF or _MAX_ENTRIES
    data = attributes.words(_DATA[channel])
    if not data:
        entries = _expanded(attributes.words(_SEGMENTED_DATA[channel]), bits)
    elif bits == 8 and len(data) < 2 * number:
        entries = np.frombuffer(data, np.uint8)
    else:
        entries = np.frombuffer(data, "<u2", count=len(data) // 2)
    entries = entries[:number]
    if not len(entries):
        raise CodecError("The colour palette is empty.")
    eight_bits = bits <= 8 or int(entries.max()) < 256  # some writers state 16 bits for entries of 8
    return first, (entries if eight_bits else entries >> 8).astype(np.uint8)


def _expanded(segments: bytes, bits: int) -> Samples:
    """Expand a segmented palette (PS3.3 C.7.9.2)."""
    import numpy as np

    width = 1 if bits == 8 else 2
    numbers = np.frombuffer(segments, f"<u{width}", count=len(segments) // width).tolist()
    entries: list[int] = []
    _expand(numbers, 0, len(numbers), entries, width)
    return np.array(entries, np.uint16)


def _expand(numbers: list[int], position: int, segments: int, entries: list[int], width: int, *, refers: bool = True) -> None:
    """Append so many segments: runs of entries, straight lines, and (not inside one) references to segments before."""
    import numpy as np

    while segments > 0 and position + 1 < len(numbers) and len(entries) < _MAX_ENTRIES:
        code, length = numbers[position : position + 2]
        values = numbers[position + 2 : position + 2 + (length if code == _DISCRETE else 1 if code == _LINEAR else 4 // width)]
        if not values or length == 0:
            raise CodecError("The colour palette is damaged.")
        if code == _DISCRETE:
            entries += values
        elif code == _LINEAR and entries:
            entries += np.rint(np.linspace(entries[-1], values[0], length + 1)[1:]).astype(int).tolist()
        elif code == _INDIRECT and refers:
            offset = sum(value << (8 * width * at) for at, value in enumerate(values))
            _expand(numbers, offset // width, length, entries, width, refers=False)
        else:
            raise CodecError("The colour palette is damaged.")
        position += 2 + len(values)
        segments -= 1
