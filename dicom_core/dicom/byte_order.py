"""Turning big endian values into little endian ones and back."""

from __future__ import annotations

from array import array

__all__ = ["UNIT_OF_VR", "swapped"]

UNIT_OF_VR = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes of the units that swap in values of a VR; other VRs consist of single bytes. Standard: PS3.5 7.3"""

_TYPE_CODES = {2: "H", 4: "I", 8: "Q"}


def swapped(value: bytes | memoryview, unit: int) -> bytes:
    """Reverse the bytes inside every unit of 2, 4 or 8 bytes; a last incomplete unit stays as it is."""
    whole = len(value) - len(value) % unit
    units = array(_TYPE_CODES[unit], bytes(value[:whole]))
    units.byteswap()
    return units.tobytes() + bytes(value[whole:])
