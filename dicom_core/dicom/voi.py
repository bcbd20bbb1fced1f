"""From stored values to shades of grey: modality transformation, values of interest, and what part of them is shown.

Standard: PS3.3 C.11.1, C.11.2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicom_core.dicom.attributes import Attributes

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, Any]

__all__ = ["LINEAR", "LINEAR_EXACT", "SIGMOID", "LookupTable", "Rescale", "Window", "modality_transformation", "voi_transformation"]

LINEAR, LINEAR_EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"

_WHITE = 255.0

_MODALITY_LUT_SEQUENCE, _VOI_LUT_SEQUENCE = 0x00283000, 0x00283010
_LUT_DESCRIPTOR, _LUT_DATA = 0x00283002, 0x00283006
_WINDOW_CENTER, _WINDOW_WIDTH, _VOI_LUT_FUNCTION = 0x00281050, 0x00281051, 0x00281056
_RESCALE_INTERCEPT, _RESCALE_SLOPE = 0x00281052, 0x00281053
_SHARED_GROUPS, _PER_FRAME_GROUPS = 0x52009229, 0x52009230
_FRAME_VOI_LUT, _PIXEL_VALUE_TRANSFORMATION = 0x00289132, 0x00289145


@dataclass(frozen=True, slots=True)
class Rescale:
    """Rescale Slope and Intercept."""

    slope: float = 1.0
    intercept: float = 0.0

    def values(self, stored: Numbers) -> Numbers:
        """Transform stored values."""
        return stored * self.slope + self.intercept


@dataclass(frozen=True, slots=True)
class Window:
    """Window Center and Width, and the function between black and white."""

    center: float
    width: float
    function: str = LINEAR

    def shades(self, values: Numbers) -> Numbers:
        """Give the shade, 0 to 255, of modality values."""
        import numpy as np

        if self.function == SIGMOID:
            with np.errstate(over="ignore"):
                curve: Numbers = _WHITE / (1.0 + np.exp(-4.0 * (values - self.center) / self.width))
            return curve
        center, width = self.center, self.width
        if self.function == LINEAR:
            center, width = center - 0.5, width - 1.0
        if width <= 0:
            return np.where(values > center, _WHITE, 0.0)
        return np.clip(((values - center) / width + 0.5) * _WHITE, 0.0, _WHITE)


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A Modality or VOI LUT: entries for the values from `first` on; values outside get the first or last entry."""

    first: int
    entries: Numbers
    bits: int

    def values(self, stored: Numbers) -> Numbers:
        """Transform values by the table."""
        import numpy as np

        index = np.clip(np.rint(stored) - self.first, 0, len(self.entries) - 1)
        found: Numbers = self.entries[index.astype(np.int64)].astype(np.float64)
        return found

    def shades(self, values: Numbers) -> Numbers:
        """Give the shade, 0 to 255, of modality values."""
        return self.values(values) * (_WHITE / ((1 << self.bits) - 1))


def modality_transformation(attributes: Attributes, frame: int) -> Rescale | LookupTable:
    """Find the Modality LUT, or the rescaling, of a frame: its own, that of all frames, or the data set's."""
    table = _lookup_table(attributes.item(_MODALITY_LUT_SEQUENCE))
    if table is not None:
        return table
    for level in _levels(attributes, frame, _PIXEL_VALUE_TRANSFORMATION):
        slope, intercept = level.number(_RESCALE_SLOPE), level.number(_RESCALE_INTERCEPT)
        if slope is not None or intercept is not None:
            return Rescale(1.0 if slope is None else float(slope), float(intercept or 0.0))
    return Rescale()


def voi_transformation(attributes: Attributes, frame: int) -> Window | LookupTable | None:
    """Find the first window or, without one, the first VOI LUT of a frame, likewise; impossible windows do not count."""
    for level in _levels(attributes, frame, _FRAME_VOI_LUT):
        center, width = level.number(_WINDOW_CENTER), level.number(_WINDOW_WIDTH)
        function = level.text(_VOI_LUT_FUNCTION) or LINEAR
        if center is not None and width is not None and width >= (1 if function == LINEAR else 0) and width > 0:
            return Window(float(center), float(width), function if function in (LINEAR_EXACT, SIGMOID) else LINEAR)
        table = _lookup_table(level.item(_VOI_LUT_SEQUENCE))
        if table is not None:
            return table
    return None


def _levels(attributes: Attributes, frame: int, macro: int) -> list[Attributes]:
    """List where a frame's attributes can be, the most specific place first (PS3.3 C.7.6.16)."""
    own, shared = attributes.item(_PER_FRAME_GROUPS, frame - 1), attributes.item(_SHARED_GROUPS)
    groups = [group.item(macro) for group in (own, shared) if group is not None]
    return [*(group for group in groups if group is not None), attributes]


def _lookup_table(item: Attributes | None) -> LookupTable | None:
    import numpy as np

    if item is None or len(descriptor := item.numbers(_LUT_DESCRIPTOR)) != 3:
        return None
    number, first, bits = (int(value) for value in descriptor)
    number = number & 0xFFFF or 1 << 16
    data = item.words(_LUT_DATA)
    entries = np.frombuffer(data, "<u2" if len(data) >= 2 * number else "u1", count=min(number, len(data)))
    return LookupTable(first, entries, bits) if len(entries) and 1 <= bits <= 16 else None
