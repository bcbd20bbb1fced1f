"""Choosing between the VRs that the data dictionary allows, for files that do not tell the VR."""

from __future__ import annotations

from dicom_core.dicom.elements import Element

__all__ = ["AMBIGUOUS_VRS", "resolve"]

AMBIGUOUS_VRS = frozenset(("US or SS", "US or OW", "US or SS or OW", "OB or OW"))

_PIXEL_REPRESENTATION = 0x00280103
_LUT_DESCRIPTOR = 0x00283002


def resolve(ambiguous: list[Element], data_set: list[Element], *, little_endian: bool) -> list[Element]:
    """Set the VRs of the elements of a data set whose VR is one of AMBIGUOUS_VRS; return those still open.

    US or SS follows the nearest (0028,0103) Pixel Representation: when this data set has none, the one around it
    decides. LUT Data of a single entry is US. All else is OW, as in every implicit VR data set.

    Standard: PS3.5 A.1, PS3.3 C.7.6.3.1, C.11.1.1.1
    """
    if not ambiguous:
        return ambiguous
    numbers = {element.tag: element.value for element in data_set if element.tag in (_PIXEL_REPRESENTATION, _LUT_DESCRIPTOR)}
    pixel_representation = _first_number(numbers.get(_PIXEL_REPRESENTATION), little_endian)
    entries = _first_number(numbers.get(_LUT_DESCRIPTOR), little_endian)
    for element in ambiguous:
        if element.vr == "US or OW":
            element.vr = "US" if entries == 1 else "OW"
        elif element.vr != "US or SS":
            element.vr = "OW"
        elif pixel_representation is not None:
            element.vr = "SS" if pixel_representation else "US"
    return [element for element in ambiguous if element.vr == "US or SS"]


def _first_number(value: object, little_endian: bool) -> int | None:
    if not isinstance(value, bytes | memoryview) or len(value) < 2:
        return None
    return int.from_bytes(value[:2], "little" if little_endian else "big")
