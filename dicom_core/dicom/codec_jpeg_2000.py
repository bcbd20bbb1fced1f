"""JPEG 2000 and High-Throughput JPEG 2000 in the package imagecodecs: openjpeg decodes both, openjph encodes the latter.

Openjph decodes faster, but crashes on damaged data.

Standard: PS3.5 8.2.4, A.4.4, A.4.11
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_core.dicom.codestreams import check_codestream, jpeg_2000_codestream, without_jp2_boxes
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.sample_cells import precision_of, with_sign

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

__all__ = ["decode_jpeg_2000", "encode_htj2k", "encode_jpeg_2000"]

_LEAST_PRECISION = 2  # single bits of noise are more than openjpeg makes room for


def decode_jpeg_2000(frame: bytes, pixels: PixelModule) -> Samples:
    """Decode a frame, the multi-component transformation undone."""
    import imagecodecs

    frame = without_jp2_boxes(frame)
    codestream = jpeg_2000_codestream(frame)
    check_codestream(codestream, pixels)
    return with_sign(imagecodecs.jpeg2k_decode(frame), codestream.precision, pixels)


def encode_jpeg_2000(samples: Samples, pixels: PixelModule) -> bytes:
    """Encode reversibly as a bare codestream; RGB with the reversible component transformation."""
    import imagecodecs

    precision = max(_LEAST_PRECISION, precision_of(samples, pixels))
    cells = samples if precision > 8 else samples.astype(f"{samples.dtype.kind}1", copy=False)  # no wider than they need be
    return bytes(
        imagecodecs.jpeg2k_encode(
            cells,
            codecformat="J2K",
            reversible=True,
            mct=pixels.photometric_interpretation == "RGB",
            bitspersample=precision,
        )
    )


def encode_htj2k(samples: Samples, pixels: PixelModule) -> bytes:
    """Encode likewise, in RPCL order and with tile-part lengths, which .202 demands and the others allow."""
    import imagecodecs

    tile_parts = imagecodecs.HTJ2K.TILEPART.RESOLUTIONS
    rgb = pixels.photometric_interpretation == "RGB"
    return bytes(imagecodecs.htj2k_encode(samples, reversible=True, rgb=rgb, planar=False, tlm=True, tilepart=tile_parts))
