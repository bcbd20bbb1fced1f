"""Walking an encoded data set: one pass over the bytes, without recursion, without copying long values.

Most elements are plain: the two `_run` functions take them in a tight loop and stop at the first one that needs
thought (a sequence, a long length, a delimiter, Pixel Data, something odd), which `DataSetWalker` then handles.

Standard: PS3.5 7
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct, error
from typing import Any

from dicom_core.dicom.ambiguous_vr import AMBIGUOUS_VRS, resolve
from dicom_core.dicom.elements import Element, NeedMoreBytes, NotDicom, PixelDataElement
from dicom_core.dicom.vr_dictionary import LONG_LENGTH_VRS, SHORT_LENGTH_VRS, vr_of

__all__ = ["ITEM", "MAX_ELEMENTS", "MAX_NESTING", "PIXEL_DATA_TAGS", "SEQUENCE_DELIMITER", "DataSetWalker", "element_header"]

MAX_NESTING = 64  # sequences inside sequences; real files stay below ten
MAX_ELEMENTS = 1 << 20  # of one file, nested ones included; a plain value costs about 300 bytes of memory

UNDEFINED = 0xFFFFFFFF
_SHORT = 0xFFFF  # the longest value of a plain element, as explicit VR has it
ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA_TAGS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_ENCAPSULATING_VRS = frozenset(("OB", "OW", "OF", "OD", "OL", "OV"))
_PLAIN_IMPLICIT_VRS = frozenset(SHORT_LENGTH_VRS.values()) | {"UC", "UR", "UT", "SV", "UV"}

# by little_endian
_EXPLICIT = {True: Struct("<HH2sH").unpack_from, False: Struct(">HH2sH").unpack_from}
_IMPLICIT = {True: Struct("<HHL").unpack_from, False: Struct(">HHL").unpack_from}
_LENGTH = {True: Struct("<L").unpack_from, False: Struct(">L").unpack_from}

Unpack = Callable[[bytes | memoryview, int], tuple[Any, ...]]


def element_header(view: memoryview, position: int, *, implicit: bool, little_endian: bool) -> tuple[int, str, int, int]:
    """Read tag, VR and length (which can be UNDEFINED) at `position`, and tell where the value starts.

    As pydicom does, an element of an explicit VR data set whose VR is not two capital letters is taken as implicit
    VR, and one with an unknown VR as UN with a two-byte length.

    Raises:
        struct.error: the view ends before the value begins.
    """
    group, number, code, short_length = _EXPLICIT[little_endian](view, position)
    tag = group << 16 | number
    if implicit or group == 0xFFFE or not _is_vr(code):
        return tag, vr_of(tag), _LENGTH[little_endian](view, position + 4)[0], position + 8
    vr = LONG_LENGTH_VRS.get(code)
    if vr is not None:
        return tag, vr, _LENGTH[little_endian](view, position + 8)[0], position + 12
    return tag, SHORT_LENGTH_VRS.get(code, "UN"), short_length, position + 8


def _is_vr(code: bytes | memoryview) -> bool:
    return 0x41 <= code[0] <= 0x5A and 0x41 <= code[1] <= 0x5A


def _explicit_run(data: bytes | memoryview, position: int, level: _Level, unpack: Unpack, budget: int) -> int:
    """Take plain explicit VR elements up to the first that is not one; return its position."""
    plain = SHORT_LENGTH_VRS.get
    append, end = level.elements.append, level.end
    for _ in range(budget):
        start = position + 8
        if start > end:
            break
        group, number, code, length = unpack(data, position)
        vr = plain(code)
        stop = start + length
        if vr is None or stop > end:
            break
        append(Element(group << 16 | number, vr, data[start:stop]))
        position = stop
    return position


def _implicit_run(data: bytes | memoryview, position: int, level: _Level, unpack: Unpack, budget: int) -> int:
    """Take plain implicit VR elements up to the first that is not one; return its position."""
    append, end = level.elements.append, level.end
    for _ in range(budget):
        start = position + 8
        if start > end:
            break
        group, number, length = unpack(data, position)
        stop = start + length
        tag = group << 16 | number
        vr = vr_of(tag)
        if vr not in _PLAIN_IMPLICIT_VRS or length > _SHORT or stop > end:
            break
        append(Element(tag, vr, data[start:stop]))
        position = stop
    return position


@dataclass(slots=True)
class _Level:
    """A data set being read: the main one or, in a sequence, the current item.

    Item and sequence end at the positions given here or, when delimited, at a delimiter before it.
    """

    elements: list[Element]
    end: int
    implicit: bool
    ambiguous: list[Element]  # elements whose VR this data set has yet to settle
    items: list[list[Element]]
    sequence_end: int
    sequence_delimited: bool
    delimited: bool = False


class DataSetWalker:
    """Reads the data set that starts at `position` into `elements`, to the end of the view or to Pixel Data.

    With `complete` false, the view may end anywhere, which raises NeedMoreBytes. The offsets of elements count from
    `base` bytes before the view.
    """

    def __init__(self, view: memoryview, position: int, *, implicit: bool, little_endian: bool, complete: bool, base: int = 0) -> None:
        self._view = view
        self._size = len(view)
        # short values are copied where that costs less than a view of them would
        self._data = view.obj if isinstance(view.obj, bytes) and len(view.obj) == len(view) else view
        self._little_endian = little_endian
        self._complete = complete
        self._budget = MAX_ELEMENTS
        self._base = base
        self.position = position
        self.elements: list[Element] = []
        self.implicit = self._is_implicit(implicit)
        self.pixel_data: PixelDataElement | None = None
        self._stack = [_Level(self.elements, self._size, self.implicit, [], [], 0, sequence_delimited=False)]

    def walk(self) -> None:
        """Read up to the end or to Pixel Data, which `pixel_data` then describes.

        Raises:
            NotDicom: the bytes make no data set.
            NeedMoreBytes: the view ends too early.
        """
        try:
            self._walk()
        finally:
            for element in self._settle(self._stack[0]):
                element.vr = "US"

    def _walk(self) -> None:
        stack = self._stack
        while self.pixel_data is None:
            level = stack[-1]
            if self._run(level) < level.end:
                self._take(level)
            elif len(stack) > 1:
                if level.delimited:
                    raise self._too_short(self.position + 8)
                self._next_item(level)
            elif self._complete:
                break
            else:
                raise NeedMoreBytes(self._size + 8)

    def _run(self, level: _Level) -> int:
        """Take the plain elements that follow; return the position of the first other one."""
        elements = level.elements
        before = len(elements)
        run, unpack = (_implicit_run, _IMPLICIT) if level.implicit else (_explicit_run, _EXPLICIT)
        self.position = run(self._data, self.position, level, unpack[self._little_endian], self._budget)
        self._budget -= len(elements) - before
        if self._budget <= 0:
            raise NotDicom("too many elements")
        return self.position

    def _take(self, level: _Level) -> None:
        """Read one element that is not plain, or the delimiter that ends the item."""
        try:
            tag, vr, length, start = element_header(self._view, self.position, implicit=level.implicit, little_endian=self._little_endian)
        except error:
            self._end_of_view(level)
            return
        self.position = start
        if tag in PIXEL_DATA_TAGS and len(self._stack) == 1:
            self._found_pixel_data(tag, vr, length)
        elif vr == "SQ" or (length == UNDEFINED and vr == "UN"):
            # UN of undefined length is a sequence: PS3.5 6.2.2
            self._enter_sequence(level, tag, length)
        elif tag >> 16 == 0xFFFE:
            self._take_delimiter(level, tag, length)
        elif length == UNDEFINED:
            self._take_encapsulated(level, tag, vr)
        else:
            self._add(level, tag, vr, self._inside(level.end, start + length))

    def _add(self, level: _Level, tag: int, vr: str, stop: int) -> None:
        """Take the value from here to `stop`."""
        element = Element(tag, vr, self._view[self.position : stop], self._base + self.position)
        level.elements.append(element)
        self.position = stop
        self._budget -= 1
        if vr in AMBIGUOUS_VRS:
            level.ambiguous.append(element)

    def _enter_sequence(self, level: _Level, tag: int, length: int) -> None:
        if len(self._stack) > MAX_NESTING:
            raise NotDicom("sequences are nested too deeply")
        items: list[list[Element]] = []
        level.elements.append(Element(tag, "SQ", items))
        self._budget -= 1
        delimited = length == UNDEFINED
        end = level.end if delimited else self._inside(level.end, self.position + length)
        inner = _Level([], end, level.implicit, [], items, end, delimited)
        self._stack.append(inner)
        self._next_item(inner)

    def _next_item(self, level: _Level) -> None:
        """Settle the item that has ended, if any, and step into the next one or out of the sequence."""
        around = self._stack[-2]
        if level.ambiguous:
            around.ambiguous += self._settle(level)
        if self.position == level.sequence_end and not level.sequence_delimited:
            del self._stack[-1]
            return
        tag, length = self._item_header(level.sequence_end)
        if tag == SEQUENCE_DELIMITER:
            del self._stack[-1]
            return
        if tag != ITEM:
            raise NotDicom("a sequence holds something else than items")
        level.elements = []
        level.items.append(level.elements)
        self._budget -= 1
        level.delimited = length == UNDEFINED
        level.end = level.sequence_end if level.delimited else self._inside(level.sequence_end, self.position + length)
        level.implicit = around.implicit or self._is_implicit(around.implicit)

    def _settle(self, level: _Level) -> list[Element]:
        """Choose the VRs that the data set allows to choose; return the elements that one around it must settle."""
        still_open = resolve(level.ambiguous, level.elements, little_endian=self._little_endian)
        level.ambiguous = []
        return still_open

    def _take_delimiter(self, level: _Level, tag: int, length: int) -> None:
        """End the item, also one of defined length as some writers do; skip stray delimiters of the main data set."""
        if len(self._stack) > 1 and tag == ITEM_DELIMITER:
            self._next_item(level)
        elif len(self._stack) > 1 or length != 0 or tag == ITEM:
            raise NotDicom("an item or delimiter is out of place")

    def _take_encapsulated(self, level: _Level, tag: int, vr: str) -> None:
        """Take an element other than a sequence that consists of items, such as a nested compressed icon, as a whole."""
        if vr not in _ENCAPSULATING_VRS:
            raise NotDicom("an element has no length")
        start = self.position
        while True:
            stop = self.position
            item_tag, length = self._item_header(level.end)
            if item_tag == SEQUENCE_DELIMITER:
                break
            if item_tag != ITEM:
                raise NotDicom("a fragment is out of place")
            self.position = self._inside(level.end, self.position + length)
        after, self.position = self.position, start
        self._add(level, tag, vr, stop)
        self.position = after

    def _found_pixel_data(self, tag: int, vr: str, length: int) -> None:
        if vr in AMBIGUOUS_VRS:
            vr = "OB" if length == UNDEFINED else "OW"
        self.pixel_data = PixelDataElement(tag, vr, self.position, None if length == UNDEFINED else length)

    def _item_header(self, end: int) -> tuple[int, int]:
        if self.position + 8 > end:
            raise self._too_short(self.position + 8)
        group, number, length = _IMPLICIT[self._little_endian](self._view, self.position)
        self.position += 8
        return group << 16 | number, length

    def _is_implicit(self, declared: bool) -> bool:
        """Whether the data set that starts here is really implicit VR, told by its first element as pydicom does."""
        code = self._view[self.position + 4 : self.position + 6]
        return declared if len(code) < 2 else not _is_vr(code)

    def _inside(self, end: int, stop: int) -> int:
        if stop > end:
            raise self._too_short(stop)
        return stop

    def _too_short(self, wanted: int) -> NotDicom | NeedMoreBytes:
        if wanted > self._size and not self._complete:
            return NeedMoreBytes(wanted)
        return NotDicom("a length reaches past the end of what holds it")

    def _end_of_view(self, level: _Level) -> None:
        """Fewer bytes are left than an element header needs: padding when the main data set is complete."""
        if len(self._stack) > 1 or not self._complete or level.end - self.position >= 8:
            raise self._too_short(self.position + 12)
        self.position = level.end
