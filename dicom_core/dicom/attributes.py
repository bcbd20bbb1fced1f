"""Reading numbers, words and items from raw data elements, for code that computes with a few attributes.

What cannot be read is absent: a damaged window or a lookup table without data must not keep an image from being shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from struct import error, iter_unpack

from dicom_core.dicom.byte_order import swapped
from dicom_core.dicom.elements import Element, Header
from dicom_core.dicom.vr_dictionary import vr_of

__all__ = ["Attributes"]

_BINARY_NUMBERS = {
    "US": "H",
    "SS": "h",
    "UL": "L",
    "SL": "l",
    "FL": "f",
    "FD": "d",
    "UV": "Q",
    "SV": "q",
    "OW": "H",
    "OF": "f",
    "OD": "d",
    "OL": "L",
}
_TEXT_NUMBERS: dict[str, Callable[[str], int | float]] = {"IS": int, "DS": float}


class Attributes:
    """The attributes of one data set or sequence item, by tag number.

    Numbers come as the VR says, UN as the dictionary's VR; text is not decoded beyond ASCII, which suffices for code strings.
    """

    __slots__ = ("_elements", "_order")

    def __init__(self, elements: Iterable[Element], *, little_endian: bool = True) -> None:
        self._elements = {element.tag: element for element in elements}
        self._order = "<" if little_endian else ">"

    @classmethod
    def of(cls, header: Header) -> Attributes:
        """Give access to the main data set of a parsed file."""
        return cls(header.elements, little_endian=header.little_endian)

    def __contains__(self, tag: int) -> bool:
        return tag in self._elements

    def numbers(self, tag: int) -> list[int] | list[float]:
        """Read all values of a numeric element; none where it is absent or one of them is not a finite number."""
        value = self.value(tag)
        if not value:
            return []
        vr = self._elements[tag].vr
        vr = vr_of(tag) if vr == "UN" else vr
        try:
            if vr in _TEXT_NUMBERS:
                found = [_TEXT_NUMBERS[vr](text) for text in _text(value).split("\\")]
            else:
                found = [number for (number,) in iter_unpack(self._order + _BINARY_NUMBERS[vr], value)]
            return found if all(map(math.isfinite, found)) else []
        except (ValueError, OverflowError, KeyError, error):
            return []

    def number(self, tag: int) -> int | float | None:
        """Read the first value of a numeric element."""
        return next(iter(self.numbers(tag)), None)

    def words(self, tag: int) -> bytes:
        """Read a lookup table's data as little endian 16-bit words."""
        value = bytes(self.value(tag))
        return swapped(value, 2) if self._order == ">" and self._elements[tag].vr != "OB" else value

    def text(self, tag: int) -> str:
        """Read the first value of a code string, without padding; empty when it is absent."""
        return _text(self.value(tag)).split("\\")[0].strip()

    def value(self, tag: int) -> bytes | memoryview:
        """Give the bytes of an element as they are in the file; empty when it is absent or a sequence."""
        element = self._elements.get(tag)
        return element.value if element is not None and not isinstance(element.value, list) else b""

    def items(self, tag: int) -> list[list[Element]]:
        """Give the items of a sequence; none when it is absent."""
        element = self._elements.get(tag)
        return element.value if element is not None and isinstance(element.value, list) else []

    def item(self, tag: int, index: int = 0) -> Attributes | None:
        """Give access to one item of a sequence."""
        items = self.items(tag)
        return Attributes(items[index], little_endian=self._order == "<") if 0 <= index < len(items) else None


def _text(value: bytes | memoryview) -> str:
    return bytes(value).decode("ascii", "replace").strip(" \0")
