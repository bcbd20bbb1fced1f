"""Walking an encoded data set: one pass over the bytes, without recursion, without copying values.

Most elements are plain: the two `_run` functions take them in a tight loop and stop at the first one that needs
thought (a sequence, a long length, a delimiter, Pixel Data, something odd), which `DataSetWalker` then handles.

Standard: PS3.5 7
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct, error
from typing import Any

from dicom_core.dicom.ambiguous_vr import AMBIGUOUS_VRS, resolve
from dicom_core.dicom.elements import Element, NeedMoreBytes, NotDicom, PixelDataElement
from dicom_core.dicom.vr_dictionary import LONG_LENGTH_VRS, SHORT_LENGTH_VRS, vr_of

__all__ = ["MAX_ELEMENTS", "MAX_NESTING", "DataSetWalker", "ElementHeader", "element_header"]

MAX_NESTING = 64  # sequences inside sequences; real files stay below ten
MAX_ELEMENTS = 1 << 20  # of one file, nested ones included; a plain value costs about 300 bytes of memory

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA_TAGS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_SEQUENCE_VRS = frozenset(("SQ", "UN"))  # UN of undefined length is a sequence: PS3.5 6.2.2
_ENCAPSULATING_VRS = frozenset(("OB", "OW", "OF", "OD", "OL", "OV"))
_PLAIN_IMPLICIT_VRS = frozenset(SHORT_LENGTH_VRS.values()) | {"UC", "UR", "UT", "SV", "UV"}

# by little_endian
_EXPLICIT = {True: Struct("<HH2sH").unpack_from, False: Struct(">HH2sH").unpack_from}
_IMPLICIT = {True: Struct("<HHL").unpack_from, False: Struct(">HHL").unpack_from}
_LONG = {True: Struct("<L").unpack_from, False: Struct(">L").unpack_from}

Unpack = Callable[[memoryview, int], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class ElementHeader:
    """Tag, VR and length of an element, and the position of its value. The length can be UNDEFINED."""

    tag: int
    vr: str
    length: int
    start: int


def element_header(view: memoryview, position: int, *, implicit: bool, little_endian: bool) -> ElementHeader:
    """Read tag, VR and length at `position`.

    As pydicom does, an element of an explicit VR data set whose VR is not two capital letters is taken as implicit
    VR, and one with an unknown VR as UN with a two-byte length.

    Raises:
        struct.error: the view ends before the value begins.
    """
    group, number, length = _IMPLICIT[little_endian](view, position)
    tag = group << 16 | number
    code = bytes(view[position + 4 : position + 6])
    if implicit or group == 0xFFFE or not _is_vr(code):
        return ElementHeader(tag, vr_of(tag), length, position + 8)
    vr = LONG_LENGTH_VRS.get(code)
    if vr is not None:
        return ElementHeader(tag, vr, _LONG[little_endian](view, position + 8)[0], position + 12)
    return ElementHeader(tag, SHORT_LENGTH_VRS.get(code, "UN"), _EXPLICIT[little_endian](view, position)[3], position + 8)


def _is_vr(code: bytes | memoryview) -> bool:
    return 0x41 <= code[0] <= 0x5A and 0x41 <= code[1] <= 0x5A


def _explicit_run(view: memoryview, position: int, end: int, unpack: Unpack, elements: list[Element], budget: int) -> int:
    """Take plain explicit VR elements up to the first that is not one; return its position."""
    plain = SHORT_LENGTH_VRS.get
    append = elements.append
    for _ in range(budget):
        start = position + 8
        if start > end:
            break
        group, number, code, length = unpack(view, position)
        vr = plain(code)
        stop = start + length
        if vr is None or stop > end:
            break
        append(Element(group << 16 | number, vr, view[start:stop]))
        position = stop
    return position


def _implicit_run(view: memoryview, position: int, end: int, unpack: Unpack, elements: list[Element], budget: int) -> int:
    """Take plain implicit VR elements up to the first that is not one; return its position."""
    append = elements.append
    for _ in range(budget):
        start = position + 8
        if start > end:
            break
        group, number, length = unpack(view, position)
        stop = start + length
        tag = group << 16 | number
        vr = vr_of(tag)
        if vr not in _PLAIN_IMPLICIT_VRS or stop > end:
            break
        append(Element(tag, vr, view[start:stop]))
        position = stop
    return position


@dataclass(slots=True)
class _DataSet:
    """A data set being read: the main one, or an item that ends at `end` or, with `delimited`, at a delimiter."""

    elements: list[Element]
    end: int
    implicit: bool
    delimited: bool = False
    ambiguous: list[Element] = field(default_factory=list)  # elements whose VR this data set has yet to settle


@dataclass(slots=True)
class _Sequence:
    """A sequence being read, likewise; `implicit` is the encoding of the data set around it."""

    items: list[list[Element]]
    end: int
    implicit: bool
    delimited: bool


class DataSetWalker:
    """Reads the data set that starts at `position` into `elements`, to the end of the view or to Pixel Data.

    With `complete` false, the view may end anywhere, which raises NeedMoreBytes.
    """

    def __init__(self, view: memoryview, position: int, *, implicit: bool, little_endian: bool, complete: bool) -> None:
        self._view = view
        self._size = len(view)
        self._little_endian = little_endian
        self._complete = complete
        self._budget = MAX_ELEMENTS
        self.position = position
        self.elements: list[Element] = []
        self.implicit = self._is_implicit(position, implicit)
        self.pixel_data: PixelDataElement | None = None
        self._stack: list[_DataSet | _Sequence] = [_DataSet(self.elements, self._size, self.implicit)]

    def walk(self) -> None:
        """Read up to the end or to Pixel Data, which `pixel_data` then describes.

        Raises:
            NotDicom: the bytes make no data set.
            NeedMoreBytes: the view ends too early.
        """
        stack = self._stack
        while self.pixel_data is None:
            level = stack[-1]
            if isinstance(level, _Sequence):
                self._enter_item(level)
            elif self._run(level) < level.end:
                self._take(level)
            elif len(stack) > 1:
                self._leave(level)
            elif self._complete:
                break
            else:
                raise NeedMoreBytes(self._size + 8)
        self._settle_main_data_set()

    def _run(self, level: _DataSet) -> int:
        """Take the plain elements that follow; return the position of the first other one."""
        before = len(level.elements)
        run, unpack = (_implicit_run, _IMPLICIT) if level.implicit else (_explicit_run, _EXPLICIT)
        self.position = run(self._view, self.position, level.end, unpack[self._little_endian], level.elements, self._budget)
        self._budget -= len(level.elements) - before
        if self._budget <= 0:
            raise NotDicom("too many elements")
        return self.position

    def _take(self, level: _DataSet) -> None:
        """Read one element that is not plain, or the delimiter that ends the item."""
        try:
            header = element_header(self._view, self.position, implicit=level.implicit, little_endian=self._little_endian)
        except error:
            self._end_of_view(level)
            return
        if header.tag >> 16 == 0xFFFE:
            self._take_delimiter(level, header)
        elif header.tag in PIXEL_DATA_TAGS and len(self._stack) == 1:
            self._found_pixel_data(header)
        elif header.vr == "SQ" or (header.length == UNDEFINED and header.vr in _SEQUENCE_VRS):
            self._enter_sequence(level, header)
        elif header.length == UNDEFINED:
            self._take_encapsulated(level, header)
        else:
            self._add(level, header, self._inside(level, header.start + header.length))

    def _add(self, level: _DataSet, header: ElementHeader, stop: int) -> None:
        element = Element(header.tag, header.vr, self._view[header.start : stop])
        level.elements.append(element)
        self.position = stop
        self._budget -= 1
        if header.vr in AMBIGUOUS_VRS:
            level.ambiguous.append(element)

    def _enter_sequence(self, level: _DataSet, header: ElementHeader) -> None:
        if len(self._stack) > 2 * MAX_NESTING:
            raise NotDicom("sequences are nested too deeply")
        items: list[list[Element]] = []
        level.elements.append(Element(header.tag, "SQ", items))
        self.position = header.start
        self._budget -= 1
        delimited = header.length == UNDEFINED
        end = level.end if delimited else self._inside(level, header.start + header.length)
        self._stack.append(_Sequence(items, end, level.implicit, delimited))

    def _enter_item(self, level: _Sequence) -> None:
        """Step into the next item, or leave the sequence."""
        if self.position == level.end and not level.delimited:
            self._stack.pop()
            return
        tag, length = self._item_header(level.end)
        if tag == SEQUENCE_DELIMITER:
            self._stack.pop()
        elif tag == ITEM:
            delimited = length == UNDEFINED
            end = level.end if delimited else self._inside(level, self.position + length)
            elements: list[Element] = []
            level.items.append(elements)
            self._budget -= 1
            self._stack.append(_DataSet(elements, end, self._is_implicit(self.position, level.implicit, nested=True), delimited))
        else:
            raise NotDicom("a sequence holds something else than items")

    def _leave(self, level: _DataSet) -> None:
        """Leave an item at its end."""
        if level.delimited:
            raise self._too_short(self.position + 8)
        self._pop(level)

    def _pop(self, level: _DataSet) -> None:
        still_open = resolve(level.ambiguous, level.elements, little_endian=self._little_endian)
        del self._stack[-1]
        if still_open:
            around = self._stack[-2]
            assert isinstance(around, _DataSet)
            around.ambiguous += still_open

    def _settle_main_data_set(self) -> None:
        main = self._stack[0]
        assert isinstance(main, _DataSet)
        for element in resolve(main.ambiguous, main.elements, little_endian=self._little_endian):
            element.vr = "US"

    def _take_delimiter(self, level: _DataSet, header: ElementHeader) -> None:
        """End the item, also one of defined length as some writers do; skip stray delimiters of the main data set."""
        self.position = header.start
        if len(self._stack) > 1 and header.tag == ITEM_DELIMITER:
            self._pop(level)
        elif len(self._stack) > 1 or header.length != 0 or header.tag == ITEM:
            raise NotDicom("an item or delimiter is out of place")

    def _take_encapsulated(self, level: _DataSet, header: ElementHeader) -> None:
        """Take an element other than a sequence that consists of items, such as a nested compressed icon, as a whole."""
        if header.vr not in _ENCAPSULATING_VRS:
            raise NotDicom("an element has no length")
        self.position = header.start
        while True:
            stop = self.position
            tag, length = self._item_header(level.end)
            if tag == SEQUENCE_DELIMITER:
                break
            if tag != ITEM:
                raise NotDicom("a fragment is out of place")
            self.position = self._inside(level, self.position + length)
        after = self.position
        self._add(level, header, stop)
        self.position = after

    def _found_pixel_data(self, header: ElementHeader) -> None:
        vr = header.vr
        if vr in AMBIGUOUS_VRS:
            vr = "OB" if header.length == UNDEFINED else "OW"
        length = None if header.length == UNDEFINED else header.length
        self.pixel_data = PixelDataElement(header.tag, vr, header.start, length)
        self.position = header.start

    def _item_header(self, end: int) -> tuple[int, int]:
        if self.position + 8 > end:
            raise self._too_short(self.position + 8)
        group, number, length = _IMPLICIT[self._little_endian](self._view, self.position)
        self.position += 8
        return group << 16 | number, length

    def _is_implicit(self, position: int, implicit: bool, *, nested: bool = False) -> bool:
        """Whether the data set at `position` is really implicit VR, told by its first element as pydicom does.

        Items of an implicit VR data set always are.
        """
        code = self._view[position + 4 : position + 6]
        if len(code) < 2 or (nested and implicit):
            return implicit
        return not _is_vr(code)

    def _inside(self, level: _DataSet | _Sequence, stop: int) -> int:
        if stop > level.end:
            raise self._too_short(stop)
        return stop

    def _too_short(self, wanted: int) -> NotDicom | NeedMoreBytes:
        if wanted > self._size and not self._complete:
            return NeedMoreBytes(wanted)
        return NotDicom("a length reaches past the end of what holds it")

    def _end_of_view(self, level: _DataSet) -> None:
        """Fewer bytes are left than an element header needs: padding when the main data set is complete."""
        if len(self._stack) > 1 or not self._complete or level.end - self.position >= 8:
            raise self._too_short(self.position + 12)
        self.position = level.end
