"""Samples of uncompressed frames: from packed bytes to an array and back.

Standard: PS3.5 8.1, 8.2; PS3.3 C.7.6.3.1.2 for subsampled chrominance
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from dicom_core.dicom.pixel_module import PixelModule

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

__all__ = ["decode_big_endian", "decode_deflated", "decode_native", "encode_big_endian", "encode_native"]


def decode_native(frame: bytes, pixels: PixelModule, *, byte_order: str = "<") -> Samples:
    """Arrange the samples of an uncompressed frame by pixel, chrominance repeated where pixels share it."""
    import numpy as np

    if pixels.bits_allocated == 1:
        count = pixels.rows * pixels.columns * pixels.samples_per_pixel
        return np.unpackbits(np.frombuffer(frame, "u1"), count=count, bitorder="little").reshape(pixels.shape)
    samples = np.frombuffer(frame, byte_order + pixels.dtype, count=pixels.frame_bytes // pixels.sample_bytes)
    samples = samples.astype(pixels.dtype, copy=False)
    if pixels.subsampled:
        return _full_chrominance(samples).reshape(pixels.shape)
    if pixels.samples_per_pixel > 1 and pixels.planar_configuration == 1:
        planes = samples.reshape(pixels.samples_per_pixel, pixels.rows, pixels.columns)
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    return samples.reshape(pixels.shape)


def decode_big_endian(frame: bytes, pixels: PixelModule) -> Samples:
    """Arrange the samples of a frame of Explicit VR Big Endian."""
    return decode_native(frame, pixels, byte_order=">")


def encode_native(samples: Samples, pixels: PixelModule, *, byte_order: str = "<") -> bytes:
    """Pack samples, by pixel, into an uncompressed frame without padding."""
    import numpy as np

    if pixels.bits_allocated == 1:
        return np.packbits(samples.reshape(-1), bitorder="little").tobytes()
    return samples.astype(byte_order + pixels.dtype, copy=False).tobytes()


def encode_big_endian(samples: Samples, pixels: PixelModule) -> bytes:
    """Pack samples into a frame of Explicit VR Big Endian."""
    return encode_native(samples, pixels, byte_order=">")


def decode_deflated(frame: bytes, pixels: PixelModule) -> Samples:
    """Inflate a frame of Deflated Image Frame Compression (PS3.5 A.4.13), to no more bytes than it can have."""
    inflated = zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(frame, pixels.frame_bytes)
    if len(inflated) < pixels.frame_bytes:
        raise ValueError("the deflated frame is too short")
    return decode_native(inflated, pixels)


def _full_chrominance(samples: Samples) -> Samples:
    """Give each pixel its own Cb and Cr; two pixels are stored as Y Y Cb Cr."""
    import numpy as np

    pairs = samples.reshape(-1, 4)
    full = np.empty((len(pairs), 2, 3), samples.dtype)
    full[:, :, 0] = pairs[:, :2]
    full[:, :, 1:] = pairs[:, None, 2:]
    return full
