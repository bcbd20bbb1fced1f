"""What parsing a DICOM file yields: data elements as raw bytes, and the header that holds them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

__all__ = ["Element", "FileMeta", "Fragments", "Header", "NeedMoreBytes", "NotDicom", "PixelDataElement"]


class NotDicom(Exception):
    """The bytes are no readable DICOM file: wrong from the start, damaged, cut short or absurd. Holds no values."""


class NeedMoreBytes(Exception):
    """The beginning of the file does not hold the whole header; `at_least` bytes from its start are needed."""

    def __init__(self, at_least: int) -> None:
        super().__init__(f"at least {at_least} bytes")
        self.at_least = at_least


@dataclass(slots=True)
class Element:
    """One data element: its value as encoded in the file (a view of the input when it is long), or the items of a sequence.

    The VR is that of the file, or of the dictionary for implicit VR; UN when it is unknown. Of long values, `offset` tells
    where in the file they begin; in a deflated file, where in the inflated data set.
    """

    tag: int
    vr: str
    value: bytes | memoryview | list[list[Element]]
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class PixelDataElement:
    """Where Pixel Data lies: `offset` of its value from the start of the file, `length` None when undefined.

    In a deflated file the offset counts from the start of the inflated data set.
    """

    tag: int
    vr: str
    offset: int
    length: int | None


@dataclass(slots=True)
class Fragments:
    """Fragments of encapsulated Pixel Data in file order, by offset and length of their values.

    `offset_table` is the value of the first item, the Basic Offset Table, which is not among the fragments.
    `first_bytes` holds the first two bytes of every fragment, one behind the other.

    Standard: PS3.5 A.4
    """

    offset_table: bytes = b""
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("I"))
    first_bytes: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class FileMeta:
    """The file meta information that matters here; UIDs are without padding, and empty when absent."""

    transfer_syntax_uid: str
    media_storage_sop_class_uid: str
    media_storage_sop_instance_uid: str
    elements: list[Element]


@dataclass(slots=True)
class Header:
    """A parsed DICOM file without its Pixel Data.

    `elements` is the main data set in file order: everything before Pixel Data and, once the whole file was seen,
    everything after it. `implicit_vr` is how the data set is really encoded, whatever the transfer syntax says.
    """

    transfer_syntax_uid: str
    implicit_vr: bool
    little_endian: bool
    deflated: bool
    data_set_offset: int
    elements: list[Element]
    pixel_data: PixelDataElement | None
    file_meta: FileMeta
    fragments: Fragments | None = None

    def find(self, tag: int) -> bytes | memoryview | None:
        """The raw value of a top-level element; None when there is none, or a sequence."""
        value = next((element.value for element in self.elements if element.tag == tag), None)
        return None if isinstance(value, list) else value
