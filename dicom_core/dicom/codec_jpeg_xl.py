"""JPEG XL by libjxl in the package imagecodecs: decoding only.

Standard: PS3.5 8.2.15, A.4.12
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_core.dicom.codestreams import check_codestream, jpeg_xl_codestream
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.sample_cells import with_sign

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

__all__ = ["decode_jpeg_xl"]


def decode_jpeg_xl(frame: bytes, pixels: PixelModule) -> Samples:
    """Decode a frame; colour comes as RGB."""
    import imagecodecs

    check_codestream(jpeg_xl_codestream(frame), pixels)
    return with_sign(imagecodecs.jpegxl_decode(frame), pixels.bits_stored, pixels)
