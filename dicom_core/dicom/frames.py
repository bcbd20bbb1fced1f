"""Laying out the frames of a file when it is stored, and reading that layout again.

Standard: PS3.5 8.1.1, 8.2 and A.4
"""

from __future__ import annotations

from dicom_core.dicom.elements import Fragments, PixelDataElement
from dicom_core.dicom.encapsulated_frames import EncapsulatedFrames
from dicom_core.dicom.fragment_groups import fragments_per_frame
from dicom_core.dicom.frame_layout import FrameLayout, Range, UndeterminedFrames
from dicom_core.dicom.native_frames import NativeFrames
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.transfer_syntaxes import transfer_syntax

__all__ = ["FrameLayout", "Range", "encapsulated_layout", "native_layout", "parse_frame_layout"]


def native_layout(pixels: PixelModule, transfer_syntax_uid: str, pixel_data: PixelDataElement, file_length: int) -> FrameLayout:
    """Lay out uncompressed frames; only those of which every bit is in the file count.

    `file_length` is the length of the stored file; of a deflated one, of its inflated data set.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if (syntax.encapsulated and syntax.known) or pixel_data.length is None:
        return UndeterminedFrames(pixels.number_of_frames)
    available = max(0, min(pixel_data.length, file_length - pixel_data.offset))
    present = min(pixels.number_of_frames, available * 8 // pixels.frame_bits)
    swapped_words = syntax.big_endian and pixel_data.vr == "OW" and pixels.bits_allocated <= 8
    return NativeFrames(pixel_data.offset, pixels.frame_bits, present, swapped_words)


def encapsulated_layout(
    pixels: PixelModule,
    transfer_syntax_uid: str,
    fragments: Fragments,
    *,
    extended_offset_table: bytes = b"",
    first_bytes: bytes = b"",
) -> FrameLayout:
    """Lay out compressed frames. A film is one frame, whatever Number of Frames says.

    `extended_offset_table` is the value of (7FE0,0001); `first_bytes` holds the first two bytes of every fragment.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax.known and not syntax.encapsulated:
        return UndeterminedFrames(pixels.number_of_frames)
    if syntax.video:
        counts = [len(fragments.offsets)] if fragments.offsets else []
        return EncapsulatedFrames.of(fragments, counts)
    found = fragments_per_frame(fragments, pixels.number_of_frames, extended_offset_table=extended_offset_table, first_bytes=first_bytes)
    return UndeterminedFrames(pixels.number_of_frames) if found is None else EncapsulatedFrames.of(fragments, found)


def parse_frame_layout(layout: bytes) -> FrameLayout:
    """Read what `FrameLayout.to_bytes` or `FrameLayout.head` has written."""
    match layout[:1]:
        case b"N":
            return NativeFrames.parse(layout)
        case b"E":
            return EncapsulatedFrames.parse(layout)
        case _:
            return UndeterminedFrames.parse(layout)
