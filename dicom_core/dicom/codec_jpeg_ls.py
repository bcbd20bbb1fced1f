"""JPEG-LS by CharLS in the package imagecodecs.

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

_START_OF_IMAGE, _SPIFF, _FRAME_HEADER = b"\xff\xd8", b"\xff\xe8", b"\xff\xf7"
_HEADER_ROOM = 1024


def decode_jpeg_ls(frame: bytes, pixels: PixelModule) -> Samples:
    """Decode a frame, lossless or near-lossless."""
    import imagecodecs

    codestream = jpeg_codestream(frame)
    check_codestream(codestream, pixels)
    return with_sign(imagecodecs.jpegls_decode(frame), codestream.precision, pixels)


def encode_jpeg_ls(samples: Samples, pixels: PixelModule) -> bytes:
    """Encode without loss, with the whole cells of samples for precision."""
    import imagecodecs

    cells, _ = unsigned_cells(samples, pixels)
    room = 2 * cells.nbytes + _HEADER_ROOM  # noise grows by some percent, and tiny frames by their markers
    return _without_spiff(bytes(imagecodecs.jpegls_encode(cells, out=room)))


def _without_spiff(codestream: bytes) -> bytes:
    """Remove the SPIFF header that imagecodecs writes, for decoders that expect the frame header at once."""
    start = codestream.find(_FRAME_HEADER)
    return _START_OF_IMAGE + codestream[start:] if codestream[2:4] == _SPIFF and start > 0 else codestream
