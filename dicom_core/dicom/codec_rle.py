"""RLE Lossless: one PackBits segment for each byte of the samples, the most significant first.

Standard: PS3.5 Annex G
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from dicom_core.dicom.pixel_module import PixelModule

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

__all__ = ["MAX_SEGMENTS", "decode_rle", "encode_rle"]

MAX_SEGMENTS = 15

_HEADER = Struct("<16L")
_SLACK = 128  # a segment may end with a byte of padding, which can look like one more run


def decode_rle(frame: bytes, pixels: PixelModule) -> Samples:
    """Unpack the segments of a frame; the size of each is known, whatever its bytes say."""
    import imagecodecs
    import numpy as np

    count, *offsets = _HEADER.unpack_from(frame)
    width, samples = pixels.sample_bytes, pixels.samples_per_pixel
    if count != width * samples:
        raise ValueError("the number of RLE segments does not fit the samples")
    size = pixels.rows * pixels.columns
    unpacked = np.empty((pixels.rows, pixels.columns, samples, width), "u1")
    ends = [*offsets[1:count], len(frame)]
    for segment, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        if not _HEADER.size <= start < end <= len(frame):
            raise ValueError("an RLE segment lies outside the frame")
        data = imagecodecs.packbits_decode(frame[start:end], out=bytearray(size + _SLACK))
        if len(data) < size:
            raise ValueError("an RLE segment is too short")
        sample, significance = divmod(segment, width)
        unpacked[:, :, sample, width - 1 - significance] = np.frombuffer(data, "u1", count=size).reshape(pixels.rows, pixels.columns)
    return unpacked.view(f"<{pixels.dtype}").reshape(pixels.shape)


def encode_rle(samples: Samples, pixels: PixelModule) -> bytes:
    """Pack a frame; runs end with their row, as the standard wants."""
    import imagecodecs
    import numpy as np

    width = pixels.sample_bytes
    samples = np.ascontiguousarray(samples, f"<{pixels.dtype}")
    planes = samples.view("u1").reshape(pixels.rows, pixels.columns, pixels.samples_per_pixel, width)
    segments = []
    for sample in range(pixels.samples_per_pixel):
        for byte in reversed(range(width)):
            packed = bytes(imagecodecs.packbits_encode(planes[:, :, sample, byte].copy(), axis=-1))
            segments.append(packed + b"\0" * (len(packed) % 2))
    offsets, position = [], _HEADER.size
    for segment in segments:
        offsets.append(position)
        position += len(segment)
    unused = [0] * (MAX_SEGMENTS - len(segments))
    return _HEADER.pack(len(segments), *offsets, *unused) + b"".join(segments)
