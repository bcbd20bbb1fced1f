"""Frames of one sample per pixel as 8-bit grey.

The 65,536 or fewer patterns that a pixel cell can have are transformed, not the pixels, which then only look up their shade.

Standard: PS3.4 N.2; PS3.3 C.7.5.1.1.2 for Pixel Padding Value
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.voi import LINEAR_EXACT, Window, modality_transformation, voi_transformation

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]
    Shades = np.ndarray[Any, np.dtype[np.uint8]]

__all__ = ["cell_values", "grayscale"]

_PADDING_VALUES = (0x00280120, 0x00280122, 0x00280123)  # integer, float and double float
_PADDING_LIMITS = (0x00280121, 0x00280124, 0x00280125)

_MAX_TABLE_BITS = 16
_SINGLE_BITS = Window(0.5, 1.0, LINEAR_EXACT)  # black and white, even where all pixels are the same


def grayscale(samples: Samples, pixels: PixelModule, attributes: Attributes, frame: int, window: Window | None) -> Shades:
    """Give each pixel its shade: modality transformation, the window given or the frame's own, else the full range."""
    import numpy as np

    with np.errstate(all="ignore"):  # absurd attributes give absurd shades
        return _shades(samples, pixels, attributes, frame, window)


def _shades(samples: Samples, pixels: PixelModule, attributes: Attributes, frame: int, window: Window | None) -> Shades:
    import numpy as np

    modality = modality_transformation(attributes, frame)
    voi = window or voi_transformation(attributes, frame)
    padding = _padding(attributes, pixels)
    if pixels.floating or pixels.bits_allocated > _MAX_TABLE_BITS:
        values = modality.values(samples.astype(np.float64))
        voi = voi or _full_range(values, _counted(samples, padding))
        return _inverted(_bytes(voi.shades(np.nan_to_num(values))), pixels)
    cells = samples.view(f"u{pixels.sample_bytes}")
    stored = cell_values(pixels)
    values = modality.values(stored.astype(np.float64))
    if voi is None:
        present = np.bincount(cells.reshape(-1), minlength=len(stored)) > 0
        voi = _full_range(values, present & _counted(stored, padding)) if pixels.bits_allocated > 1 else _SINGLE_BITS
    return np.take(_inverted(_bytes(voi.shades(values)), pixels), cells)


def cell_values(pixels: PixelModule) -> Samples:
    """Give the stored value of every pattern of a cell: bits that are not stored mean nothing, the highest one is the sign."""
    import numpy as np

    size = 8 * pixels.sample_bytes
    cells = np.arange(1 << size, dtype=f"u{pixels.sample_bytes}").view(pixels.dtype)
    unused = 0 if pixels.bits_allocated == 1 else size - pixels.bits_stored
    return np.right_shift(np.left_shift(cells, unused), unused) if unused else cells


def _counted(stored: Samples, padding: tuple[float, float] | None) -> Samples:
    """Tell which stored values count for the full range: finite ones that are no padding."""
    import numpy as np

    finite = np.isfinite(stored)
    return finite if padding is None else finite & ((stored < padding[0]) | (stored > padding[1]))


def _full_range(values: Samples, counted: Samples) -> Window:
    """Make a window from the least to the greatest of the values that count, of all when none does."""
    import numpy as np

    found = values[counted] if counted.any() else np.nan_to_num(values)
    low, high = float(found.min()), float(found.max())
    return Window((low + high) / 2, high - low, LINEAR_EXACT)


def _padding(attributes: Attributes, pixels: PixelModule) -> tuple[float, float] | None:
    for value_tag, limit_tag in zip(_PADDING_VALUES, _PADDING_LIMITS, strict=True):
        value, limit = attributes.number(value_tag), attributes.number(limit_tag)
        if value is not None:
            found = [_as_stored(number, pixels) for number in (value, value if limit is None else limit)]
            return min(found), max(found)
    return None


def _as_stored(number: float, pixels: PixelModule) -> float:
    """Give a value its sign where a writer has used the VR US for signed pixels."""
    return number - (1 << pixels.bits_allocated) if pixels.signed and number >= 1 << (pixels.bits_allocated - 1) else number


def _bytes(shades: Samples) -> Shades:
    import numpy as np

    rounded: Shades = np.rint(np.nan_to_num(shades)).astype(np.uint8)
    return rounded


def _inverted(shades: Shades, pixels: PixelModule) -> Shades:
    return 255 - shades if pixels.photometric_interpretation == "MONOCHROME1" else shades
