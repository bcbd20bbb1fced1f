"""Attributes as requests name them: by keyword or by 8 hexadecimal digits."""

from __future__ import annotations

import re
from typing import Final

from dicom_core.dicom.vr_dictionary import lookup

__all__ = ["tag_of", "takes_many_values"]

_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_PRIVATE: Final = 0x10000  # private elements have an odd group


def tag_of(name: str) -> str | None:
    """The tag, as 8 upper-case hexadecimal digits, of a standard attribute or any private one; None for anything else.

    Keywords are case-sensitive, digits are not. Standard: PS3.18 8.3.4.1
    """
    if _HEXADECIMAL.fullmatch(name) is None:
        from pydicom.datadict import tag_for_keyword  # loaded on first use, as in `vr_dictionary`

        number = tag_for_keyword(name) if name else None
        return None if number is None else f"{number:08X}"
    number = int(name, 16)
    return name.upper() if number & _PRIVATE or lookup(number) is not None else None


def takes_many_values(tag: str) -> bool:
    """Whether the dictionary lets the attribute have more than one value; private ones may."""
    entry = lookup(int(tag, 16))
    return entry is None or entry.most != 1
