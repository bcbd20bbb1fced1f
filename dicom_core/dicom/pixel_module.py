"""The Image Pixel attributes that decide how many bytes a frame has and what its samples mean.

Standard: PS3.3 C.7.6.3; PS3.5 section 8
"""

from __future__ import annotations

from dataclasses import dataclass

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.elements import Header

__all__ = ["DOUBLE_FLOAT_PIXEL_DATA", "FLOAT_PIXEL_DATA", "PIXEL_DATA", "PixelModule", "pixel_module"]

FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009
PIXEL_DATA = 0x7FE00010

_SAMPLES_PER_PIXEL, _PHOTOMETRIC_INTERPRETATION, _PLANAR_CONFIGURATION = 0x00280002, 0x00280004, 0x00280006
_NUMBER_OF_FRAMES, _ROWS, _COLUMNS = 0x00280008, 0x00280010, 0x00280011
_BITS_ALLOCATED, _BITS_STORED, _PIXEL_REPRESENTATION = 0x00280100, 0x00280101, 0x00280103

_MAX_US, _MAX_IS = 0xFFFF, 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class PixelModule:
    """Shape and meaning of the frames of one instance."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    samples_per_pixel: int = 1
    signed: bool = False
    photometric_interpretation: str = "MONOCHROME2"
    planar_configuration: int = 0
    number_of_frames: int = 1
    floating: bool = False

    @property
    def frame_bits(self) -> int:
        """Bits of one uncompressed frame; frames follow each other without padding (PS3.5 8.1.1)."""
        samples = self.rows * self.columns * self.samples_per_pixel
        return (samples // 3 * 2 if self.subsampled else samples) * self.bits_allocated

    @property
    def frame_bytes(self) -> int:
        """Whole bytes that one uncompressed frame needs."""
        return (self.frame_bits + 7) // 8

    @property
    def subsampled(self) -> bool:
        """Tell whether two pixels of uncompressed data share their chrominance (PS3.3 C.7.6.3.1.2)."""
        return self.samples_per_pixel == 3 and self.photometric_interpretation in ("YBR_FULL_422", "YBR_PARTIAL_422")

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample that does not share its byte with others."""
        return (self.bits_allocated + 7) // 8

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns, and samples where there is more than one."""
        size = (self.rows, self.columns)
        return size if self.samples_per_pixel == 1 else (*size, self.samples_per_pixel)

    @property
    def dtype(self) -> str:
        """The numpy name of a sample's type, in the machine's byte order."""
        kind = "f" if self.floating else "i" if self.signed and self.bits_allocated > 1 else "u"
        return f"{kind}{self.sample_bytes}"


def pixel_module(header: Header) -> PixelModule | None:
    """Read the pixel attributes of a file; nothing when it has no pixel data or no usable size.

    Absent, unreadable or impossible values of the other attributes get what the standard gives them by default: one frame,
    one sample, all bits stored.
    """
    attributes = Attributes.of(header)
    rows, columns, allocated = (_whole(attributes, tag, 0) for tag in (_ROWS, _COLUMNS, _BITS_ALLOCATED))
    if header.pixel_data is None or rows < 1 or columns < 1 or allocated < 1:
        return None
    stored = _whole(attributes, _BITS_STORED, allocated)
    return PixelModule(
        rows=rows,
        columns=columns,
        bits_allocated=allocated,
        bits_stored=stored if 1 <= stored <= allocated else allocated,
        samples_per_pixel=max(1, _whole(attributes, _SAMPLES_PER_PIXEL, 1)),
        signed=_whole(attributes, _PIXEL_REPRESENTATION, 0) == 1,
        photometric_interpretation=attributes.text(_PHOTOMETRIC_INTERPRETATION).upper() or "MONOCHROME2",
        planar_configuration=_whole(attributes, _PLANAR_CONFIGURATION, 0),
        number_of_frames=max(1, _whole(attributes, _NUMBER_OF_FRAMES, 1, _MAX_IS)),
        floating=header.pixel_data.tag in (FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA),
    )


def _whole(attributes: Attributes, tag: int, default: int, most: int = _MAX_US) -> int:
    number = attributes.number(tag)
    return int(number) if number is not None and 0 <= number <= most else default
