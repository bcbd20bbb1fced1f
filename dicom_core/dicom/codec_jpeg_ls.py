"""JPEG-LS by CharLS: decoding in the package imagecodecs, encoding in pyjpegls, which lets the precision be chosen.

Standard: PS3.5 8.2.3, A.4.3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_core.dicom.codestreams import check_codestream, jpeg_codestream
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.sample_cells import unsigned_cells, with_sign

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

__all__ = ["decode_jpeg_ls", "encode_jpeg_ls"]

_ONE_COMPONENT, _INTERLEAVED_BY_SAMPLE = 0, 2


def decode_jpeg_ls(frame: bytes, pixels: PixelModule) -> Samples:
    """Decode a frame, lossless or near-lossless."""
    import imagecodecs

    codestream = jpeg_codestream(frame)
    check_codestream(codestream, pixels)
    return with_sign(imagecodecs.jpegls_decode(frame), codestream.precision, pixels)


def encode_jpeg_ls(samples: Samples, pixels: PixelModule) -> bytes:
    """Encode without loss."""
    import jpeg_ls

    cells, precision = unsigned_cells(samples, pixels)
    interleave = _ONE_COMPONENT if pixels.samples_per_pixel == 1 else _INTERLEAVED_BY_SAMPLE
    lossy_error = 0
    return bytes(
        jpeg_ls.encode_buffer(cells.tobytes(), pixels.rows, pixels.columns, pixels.samples_per_pixel, precision, lossy_error, interleave)
    )
