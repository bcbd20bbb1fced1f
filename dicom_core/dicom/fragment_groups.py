"""Telling which fragments make up which frame.

Standard: PS3.5 A.4; PS3.3 C.7.6.3.1.8 for the Extended Offset Table
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from dicom_core.dicom.elements import Fragments

__all__ = ["fragments_per_frame"]

_CODESTREAM_STARTS = frozenset((b"\xff\xd8", b"\xff\x4f", b"\xff\x0a"))  # JPEG and JPEG-LS, JPEG 2000, JPEG XL


def fragments_per_frame(
    fragments: Fragments, number_of_frames: int, *, extended_offset_table: bytes = b"", first_bytes: bytes = b""
) -> Sequence[int] | None:
    """Count the fragments of each frame, in file order; nothing when it cannot be told.

    `first_bytes` holds the first two bytes of every fragment, one behind the other, for files without a usable offset table.
    Offset tables that do not hit the beginning of fragments are ignored. Number of Frames is not believed
    when there are fewer fragments than that.
    """
    found = len(fragments.offsets)
    if found <= number_of_frames:
        return array("I", [1]) * found
    if number_of_frames == 1 and len(fragments.offset_table) <= 4 and len(extended_offset_table) <= 8:
        return array("I", [found])
    for type_code, table in (("Q", extended_offset_table), ("I", fragments.offset_table)):
        counts = _counts_by_table(fragments, _numbers(type_code, table))
        if counts and len(counts) >= number_of_frames:
            return counts[:number_of_frames]
    if number_of_frames == 1:
        return array("I", [found])
    return _counts_by_codestream(first_bytes, found, number_of_frames)


def _numbers(type_code: str, table: bytes) -> array[int]:
    numbers = array(type_code)
    numbers.frombytes(table[: len(table) - len(table) % numbers.itemsize])
    return numbers


def _counts_by_table(fragments: Fragments, table: array[int]) -> array[int] | None:
    """Count by offsets from the first fragment's item on; nothing when one of them is no fragment's."""
    if not table or table[0] != 0:
        return None
    base, starts, fragment = fragments.offsets[0], array("I"), 0
    last = len(fragments.offsets)
    for offset in table:
        while fragment < last and fragments.offsets[fragment] - base < offset:
            fragment += 1
        if fragment == last or fragments.offsets[fragment] - base != offset:
            return None
        starts.append(fragment)
        fragment += 1
    return _differences(starts, last)


def _counts_by_codestream(first_bytes: bytes, fragments: int, number_of_frames: int) -> array[int] | None:
    starts = array("I", (at for at in range(fragments) if first_bytes[2 * at : 2 * at + 2] in _CODESTREAM_STARTS))
    return _differences(starts, fragments) if len(starts) == number_of_frames and starts[0] == 0 else None


def _differences(starts: array[int], end: int) -> array[int]:
    starts = starts + array("I", [end])
    return array("I", (starts[at + 1] - starts[at] for at in range(len(starts) - 1)))
