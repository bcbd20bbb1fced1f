"""JPEG baseline, extended and lossless, by libjpeg-turbo in the package imagecodecs.

Standard: PS3.5 8.2.1, A.4.1, A.4.2
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_core.dicom.codestreams import check_codestream, jpeg_codestream
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.sample_cells import unsigned_cells, with_sign

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

__all__ = ["decode_jpeg", "encode_jpeg_baseline", "encode_jpeg_lossless"]


def decode_jpeg(frame: bytes, pixels: PixelModule) -> Samples:
    """Decode a frame; colour that was coded with loss comes as RGB, colour that was coded without loss as it was put in.

    Whether three components are YCbCr is told by the stream, and by Photometric Interpretation when the stream is silent.
    """
    import imagecodecs

    codestream = jpeg_codestream(frame)
    check_codestream(codestream, pixels)
    if codestream.samples == 1:
        return with_sign(imagecodecs.jpeg8_decode(frame), codestream.precision, pixels)
    ycbcr = codestream.ycbcr if codestream.ycbcr is not None else pixels.photometric_interpretation.startswith("YBR")
    stored = "YCBCR" if ycbcr and not codestream.lossless else "RGB"
    return with_sign(imagecodecs.jpeg8_decode(frame, colorspace=stored, outcolorspace="RGB"), codestream.precision, pixels)


def encode_jpeg_baseline(samples: Samples, pixels: PixelModule, quality: int) -> bytes:
    """Encode 8-bit samples with loss: colour as YCbCr with half of the chrominance, which is YBR_FULL_422."""
    import imagecodecs

    if pixels.samples_per_pixel == 1:
        return bytes(imagecodecs.jpeg8_encode(samples, level=quality))
    colour = "RGB" if pixels.photometric_interpretation == "RGB" else "YCBCR"
    return bytes(imagecodecs.jpeg8_encode(samples, level=quality, colorspace=colour, outcolorspace="YCBCR", subsampling="422"))


def encode_jpeg_lossless(samples: Samples, pixels: PixelModule) -> bytes:
    """Encode with first-order prediction, colour as it is."""
    import imagecodecs

    cells, precision = unsigned_cells(samples, pixels)
    precision = max(precision, 2 if cells.itemsize == 1 else 9)  # what libjpeg-turbo takes in such cells
    colour = None if pixels.samples_per_pixel == 1 else "RGB"
    return bytes(
        imagecodecs.jpeg8_encode(cells, lossless=True, predictor=1, bitspersample=precision, colorspace=colour, outcolorspace=colour)
    )
