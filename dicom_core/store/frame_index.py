"""The layout of a file's frames, from what its header and its pixel data's item headers tell."""

from __future__ import annotations

from dicom_core.dicom.elements import Header
from dicom_core.dicom.frames import FrameLayout, encapsulated_layout, native_layout
from dicom_core.dicom.pixel_module import pixel_module

__all__ = ["frame_layout"]

_EXTENDED_OFFSET_TABLE = 0x7FE00001


def frame_layout(header: Header, file_length: int) -> FrameLayout | None:
    """Where the frames of a file of `file_length` bytes lie; None when it has no pixel data, or none with a size."""
    pixels = pixel_module(header)
    if pixels is None or header.pixel_data is None:
        return None
    if header.fragments is None:
        if header.deflated and header.pixel_data.length is not None:
            file_length = header.pixel_data.offset + header.pixel_data.length  # of what will be inflated
        return native_layout(pixels, header.transfer_syntax_uid, header.pixel_data, file_length)
    return encapsulated_layout(
        pixels,
        header.transfer_syntax_uid,
        header.fragments,
        extended_offset_table=bytes(header.find(_EXTENDED_OFFSET_TABLE) or b""),
        first_bytes=bytes(header.fragments.first_bytes),
    )
