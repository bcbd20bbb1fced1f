"""The one form in which stored values and query values are compared, by VR."""

from __future__ import annotations

from struct import error, pack, unpack

from dicom_core.dicom.values import RANGE_VRS, normalise, number, sortable

__all__ = ["FLOAT_VRS", "INTEGER_VRS", "comparable"]

INTEGER_VRS = frozenset(("IS", "SL", "SS", "UL", "US"))
FLOAT_VRS = frozenset(("FD", "FL"))


def comparable(vr: str, text: str) -> str:
    """The text by which a value is compared: equal for equal values, ordered like dates and times; empty when it is none.

    FL is rounded to its 32 bits, so that a query finds what a file can hold.
    """
    if vr in RANGE_VRS:
        return sortable(vr, text) or ""
    if vr in INTEGER_VRS or vr in FLOAT_VRS:
        return _number(vr, text)
    return normalise(vr, text)


def _number(vr: str, text: str) -> str:
    value = number(vr, text)
    if value is None:
        return ""
    if vr == "FL":
        try:
            value = unpack("<f", pack("<f", value))[0]
        except (OverflowError, error):
            return ""
    return repr(value + 0)  # adding 0 makes -0.0 equal to 0.0
