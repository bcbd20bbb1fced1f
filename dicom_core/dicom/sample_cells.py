"""How many bits of a sample's cell mean something, and whether they have a sign.

Codestreams have a precision of their own; most have no sign. Here the two meet the attributes.

Standard: PS3.5 8.2.1 to 8.2.4
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_core.dicom.pixel_module import PixelModule

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

__all__ = ["precision_of", "unsigned_cells", "with_sign"]


def with_sign(samples: Samples, precision: int, pixels: PixelModule) -> Samples:
    """Read decoded samples as the attributes say: the codestream may have no sign, or a wrong one."""
    import numpy as np

    if (samples.dtype.kind == "i") == pixels.signed:
        return samples
    cells = samples.astype(f"u{pixels.sample_bytes}").view(pixels.dtype)
    unused = 8 * pixels.sample_bytes - precision
    return np.right_shift(np.left_shift(cells, unused), unused) if unused else cells


def precision_of(samples: Samples, pixels: PixelModule) -> int:
    """Choose the precision to encode with: Bits Stored, or Bits Allocated when some sample has bits outside of those."""
    stored = pixels.bits_stored
    low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if pixels.signed else (0, (1 << stored) - 1)
    return stored if low <= int(samples.min()) and int(samples.max()) <= high else pixels.bits_allocated


def unsigned_cells(samples: Samples, pixels: PixelModule) -> tuple[Samples, int]:
    """Give samples to a coder without signs: signed ones as their whole cells, and the precision that this takes."""
    if pixels.signed:
        return samples.view(f"u{pixels.sample_bytes}"), pixels.bits_allocated
    return samples, precision_of(samples, pixels)
