"""Compressed frames to samples and back: one table, codec packages loaded on first use.

A decoder or an encoder is what `TransferSyntax.decoder` and `.encoder` name. Samples are numpy arrays of rows by columns, or
rows by columns by samples, in the data type of the pixel attributes and in the machine's byte order. Nothing is
decoded before the size that the frame itself states was found to be that of the attributes.

Everything here is synchronous computing, meant for a worker thread; it keeps no state.

Standard: PS3.5 8.2
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dicom_core.dicom.codec_jpeg import decode_jpeg, encode_jpeg_baseline, encode_jpeg_lossless
from dicom_core.dicom.codec_jpeg_2000 import decode_jpeg_2000, encode_htj2k, encode_jpeg_2000
from dicom_core.dicom.codec_jpeg_ls import decode_jpeg_ls, encode_jpeg_ls
from dicom_core.dicom.codec_jpeg_xl import decode_jpeg_xl
from dicom_core.dicom.codec_native import decode_big_endian, decode_deflated, decode_native, encode_big_endian, encode_native
from dicom_core.dicom.codec_rle import MAX_SEGMENTS, decode_rle, encode_rle
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.transfer_syntaxes import transfer_syntax
from dicom_core.errors import NotAcceptableError

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

__all__ = ["MAX_FRAME_BYTES", "CodecError", "can_decode", "can_encode", "decode", "decoded_pixels", "encode", "encoded_pixels"]

MAX_FRAME_BYTES = 128 * 1024 * 1024  # of the samples of one frame
LOSSY_QUALITY = 90

_DECODERS: dict[str, Callable[[bytes, PixelModule], Samples]] = {
    "native": decode_native,
    "native_big_endian": decode_big_endian,
    "deflated_frame": decode_deflated,
    "rle": decode_rle,
    "jpeg": decode_jpeg,
    "jpeg_ls": decode_jpeg_ls,
    "jpeg_2000": decode_jpeg_2000,
    "htj2k": decode_jpeg_2000,
    "jpeg_xl": decode_jpeg_xl,
}

_ENCODERS: dict[str, Callable[[Samples, PixelModule], bytes]] = {
    "native": encode_native,
    "native_big_endian": encode_big_endian,
    "rle": encode_rle,
    "jpeg_lossless": encode_jpeg_lossless,
    "jpeg_ls": encode_jpeg_ls,
    "jpeg_2000": encode_jpeg_2000,
    "htj2k": encode_htj2k,
}


class CodecError(NotAcceptableError):
    """A frame cannot be decoded, or samples cannot be encoded, for whatever reason."""


def can_decode(transfer_syntax_uid: str) -> bool:
    """Tell whether frames of this transfer syntax can be decoded."""
    return bool(transfer_syntax(transfer_syntax_uid).decoder)


def can_encode(transfer_syntax_uid: str, pixels: PixelModule | None = None) -> bool:
    """Tell whether frames, or frames with these attributes, can be encoded in this transfer syntax."""
    syntax = transfer_syntax(transfer_syntax_uid)
    if pixels is None or not syntax.encoder or not syntax.encapsulated:
        return bool(syntax.encoder)
    if pixels.floating:
        return False
    allocated, samples = pixels.bits_allocated, pixels.samples_per_pixel
    match syntax.encoder:
        case "rle":
            return allocated in (8, 16, 32, 64) and samples * pixels.sample_bytes <= MAX_SEGMENTS
        case "jpeg_baseline":
            lossless_only = pixels.photometric_interpretation == "PALETTE COLOR"
            return allocated == 8 and samples in (1, 3) and not pixels.signed and not lossless_only
        case "jpeg_2000":
            return allocated in (1, 8, 16) and samples in (1, 3)
        case _:
            return allocated in (8, 16) and samples in (1, 3)


def decoded_pixels(transfer_syntax_uid: str, pixels: PixelModule) -> PixelModule:
    """Give the attributes of the samples that `decode` yields.

    Colour that the codestream has transformed comes back as RGB: lossy JPEG always, JPEG 2000 where the data set says YBR_RCT
    or YBR_ICT, JPEG XL always. All other colour stays in the space it was in; shared chrominance is repeated.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    colour = pixels.photometric_interpretation
    lossy_jpeg = syntax.decoder == "jpeg" and syntax.lossy
    if pixels.samples_per_pixel == 3 and (lossy_jpeg or syntax.decoder == "jpeg_xl" or colour in ("YBR_RCT", "YBR_ICT")):
        colour = "RGB"
    return replace(pixels, photometric_interpretation=colour.replace("_422", ""), planar_configuration=0)


def encoded_pixels(transfer_syntax_uid: str, pixels: PixelModule) -> PixelModule:
    """Give the attributes of frames that `encode` makes of samples with these attributes."""
    encoder = transfer_syntax(transfer_syntax_uid).encoder
    colour = pixels.photometric_interpretation
    if encoder in ("jpeg_2000", "htj2k") and colour == "RGB":
        colour = "YBR_RCT"
    elif encoder == "jpeg_baseline" and pixels.samples_per_pixel == 3:
        colour = "YBR_FULL_422"
    return replace(pixels, photometric_interpretation=colour, planar_configuration=0)


def decode(frame: bytes, transfer_syntax_uid: str, pixels: PixelModule, *, limit: int = MAX_FRAME_BYTES) -> Samples:
    """Decode one frame; `decoded_pixels` tells what the samples then mean.

    Raises:
        CodecError: no decoder, damaged data, a size that does not fit the attributes, or more than `limit` bytes.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax.decoder not in _DECODERS:
        raise CodecError(f"Frames of transfer syntax {transfer_syntax_uid} cannot be decoded.")
    _check_size(pixels, limit)
    try:
        samples = _DECODERS[syntax.decoder](frame, pixels)
    except Exception as error:  # every package has its own errors, and none of them may get out
        raise CodecError("The pixel data cannot be decoded.") from error
    if samples.shape != pixels.shape:
        raise CodecError("The pixel data does not have the size that the attributes state.")
    return samples.astype(pixels.dtype, copy=False)


def encode(samples: Samples, transfer_syntax_uid: str, pixels: PixelModule, *, quality: int = LOSSY_QUALITY) -> bytes:
    """Encode samples that have these attributes; `encoded_pixels` tells how the attributes change.

    Nothing is lost, also in transfer syntaxes that allow it, except in JPEG Baseline, which `quality` (1 to 100) is for.

    Raises:
        CodecError: there is no encoder for such samples.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if not can_encode(transfer_syntax_uid, pixels):
        raise CodecError(f"The pixel data cannot be encoded in transfer syntax {transfer_syntax_uid}.")
    try:
        if syntax.encoder == "jpeg_baseline":
            return encode_jpeg_baseline(samples, pixels, quality)
        return _ENCODERS[syntax.encoder](samples, pixels)
    except Exception as error:  # as above
        raise CodecError("The pixel data cannot be encoded.") from error


def _check_size(pixels: PixelModule, limit: int) -> None:
    if pixels.bits_allocated not in (1, 8, 16, 32, 64):
        raise CodecError(f"Samples of {pixels.bits_allocated} bits cannot be decoded.")
    if pixels.rows * pixels.columns * pixels.samples_per_pixel * pixels.sample_bytes > limit:
        raise CodecError("The frame is too large to be decoded.")
