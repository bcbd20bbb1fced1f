"""Files out of DICOM JSON objects and bulk data that came beside them: the other direction of `json_model`.

Text is written in UTF-8. What a file consists of is a list of bytes and of references to bulk data, so that values of any
size can be streamed into their place.

Standard: PS3.18 F.2, PS3.10 7.1, PS3.5 A.4
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from struct import error, pack
from typing import Any, Final, cast

from dicom_core.dicom.data_set import MAX_NESTING
from dicom_core.dicom.elements import FileMeta, Header
from dicom_core.dicom.json_objects import InvalidDocument, JsonObject
from dicom_core.dicom.part10_writer import UNDEFINED_LENGTH, DataSetEncoding, file_meta_information
from dicom_core.dicom.pixel_module import PIXEL_DATA
from dicom_core.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax

__all__ = ["BulkPart", "MissingBulkData", "Segment", "file_segments", "first_value"]

_ITEM: Final = 0xFFFEE000
_ITEM_BYTES: Final = b"\xfe\xff\x00\xe0"
_MAX_LENGTH: Final = 0xFFFFFFFE
_MAX_DS: Final = 16  # characters of a decimal string
_SPECIFIC_CHARACTER_SET: Final = "00080005"
_UTF_8: Final[JsonObject] = {"vr": "CS", "Value": ["ISO_IR 192"]}
_PIXEL_DATA: Final = f"{PIXEL_DATA:08X}"

_KEY: Final = re.compile(r"[0-9A-Fa-f]{8}")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_encoding: Final = DataSetEncoding()


class MissingBulkData(Exception):
    """A BulkDataURI of a data set names no part of the request."""


@dataclass(frozen=True, slots=True)
class BulkPart:
    """Bulk data that came with a request: `length` bytes from `offset` on of where the request keeps it.

    `transfer_syntax` is that of compressed pixel data, empty if the request does not tell. `first_bytes` are four.
    """

    offset: int
    length: int
    transfer_syntax: str = ""
    first_bytes: bytes = b""


Segment = bytes | BulkPart
Bulk = Mapping[str, Sequence[BulkPart]]


def file_segments(document: JsonObject, bulk: Bulk) -> list[Segment]:
    """Write a data set as a Part 10 file, in Explicit VR Little Endian or in the transfer syntax of its compressed pixel data.

    `bulk` has the parts by their URIs. Several parts of one URI are the frames of compressed pixel data.

    Raises:
        InvalidDocument: the object is no DICOM JSON, or a value does not fit its VR.
        MissingBulkData: a URI has no part.
    """
    writer = _Writer(bulk, utf_8=not all(map(str.isascii, _texts(document))))
    written = writer.data_set(document, 0)
    meta = FileMeta(writer.transfer_syntax, first_value(document, "00080016"), first_value(document, "00080018"), [])
    header = Header(writer.transfer_syntax, False, True, False, 0, [], None, meta)
    return _joined([file_meta_information(header, writer.transfer_syntax), *written.segments])


def _joined(segments: list[Segment]) -> list[Segment]:
    """The segments with consecutive bytes in one."""
    joined: list[Segment] = []
    for are_bytes, group in groupby(segments, lambda segment: isinstance(segment, bytes)):
        if are_bytes:
            joined.append(b"".join(cast(Iterator[bytes], group)))
        else:
            joined.extend(group)
    return joined


def first_value(document: JsonObject, tag: str) -> str:
    """The first value of an attribute if it is text, else nothing. Half characters, which JSON can escape, are replaced."""
    element = document.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    value = values[0] if isinstance(values, list) and values else None
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if depth > 4 * MAX_NESTING:
        raise InvalidDocument("The metadata is nested too deeply.")
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each, depth + 1)


@dataclass(slots=True)
class _Written:
    """Encoded elements and their length."""

    segments: list[Segment] = field(default_factory=list)
    length: int = 0

    def add(self, segment: Segment) -> None:
        self.segments.append(segment)
        self.length += len(segment) if isinstance(segment, bytes) else segment.length

    def extend(self, written: _Written) -> None:
        self.segments += written.segments
        self.length += written.length


class _Writer:
    def __init__(self, bulk: Bulk, *, utf_8: bool) -> None:
        self._bulk = bulk
        self._utf_8 = utf_8
        self.transfer_syntax = EXPLICIT_VR_LITTLE_ENDIAN

    def data_set(self, members: Any, depth: int) -> _Written:
        if not isinstance(members, dict) or depth > MAX_NESTING:
            raise InvalidDocument("A data set of the metadata is no JSON object, or nested too deeply.")
        if self._utf_8:
            members = {key: element for key, element in members.items() if key != _SPECIFIC_CHARACTER_SET}
            if depth == 0:
                members[_SPECIFIC_CHARACTER_SET] = _UTF_8
        written = _Written()
        for key in sorted(members, key=str.upper):
            if _KEY.fullmatch(key) is None or not isinstance(members[key], dict):
                raise InvalidDocument("The metadata has a member that is no data element.")
            tag = int(key, 16)
            if tag & 0xFFFF and tag >> 16 not in (0x0002, 0xFFFE):  # no group lengths, no file meta information
                try:
                    self._element(written, tag, members[key], depth)
                except InvalidDocument as error:
                    raise InvalidDocument(str(error), tag if error.tag is None else error.tag) from None
        return written

    def _element(self, written: _Written, tag: int, element: JsonObject, depth: int) -> None:
        vr = element.get("vr")
        if vr == "SQ":
            value = self._items(_values(element), depth)
        elif isinstance(vr, str) and vr in _PADDING:
            if tag == PIXEL_DATA and depth == 0 and "BulkDataURI" in element and self._compressed(written, self._parts(element)):
                return
            value = self._value(vr, element)
        else:
            raise InvalidDocument("The metadata has an element without a VR.")
        if value.length > _MAX_LENGTH:
            raise InvalidDocument("A value is too long.")
        written.add(_encoding.header(tag, vr, value.length))
        written.extend(value)

    def _items(self, items: list[Any], depth: int) -> _Written:
        value = _Written()
        for item in items:
            inner = self.data_set({} if item is None else item, depth + 1)
            value.add(_encoding.header(_ITEM, "", inner.length))
            value.extend(inner)
        return value

    def _value(self, vr: str, element: JsonObject) -> _Written:
        value = _Written()
        if "BulkDataURI" in element:
            for part in self._parts(element):
                value.add(part)
        elif "InlineBinary" in element:
            value.add(_inline(element["InlineBinary"]))
        elif values := _values(element):
            try:
                value.add(_ENCODE[vr](values))
            except (KeyError, TypeError, ValueError, OverflowError, error):
                raise InvalidDocument("A value does not fit its VR.") from None
        if value.length % 2:
            value.add(_PADDING[vr])
        return value

    def _parts(self, element: JsonObject) -> Sequence[BulkPart]:
        uri = element["BulkDataURI"]
        parts = self._bulk.get(uri) if isinstance(uri, str) else None
        if not parts:
            raise MissingBulkData
        if any(transfer_syntax(part.transfer_syntax).big_endian for part in parts):
            raise InvalidDocument("Bulk data is big endian.")
        return parts

    def _compressed(self, written: _Written, parts: Sequence[BulkPart]) -> bool:
        """Write Pixel Data if it is compressed: a fragment for each part, unless the one part is made of fragments already."""
        uid = parts[0].transfer_syntax
        syntax = transfer_syntax(uid or EXPLICIT_VR_LITTLE_ENDIAN)
        if any(part.transfer_syntax != uid for part in parts):
            raise InvalidDocument("Pixel data is in several transfer syntaxes.")
        if not syntax.encapsulated:
            return False
        self.transfer_syntax = uid
        written.add(_encoding.header(PIXEL_DATA, "OB", UNDEFINED_LENGTH))
        if len(parts) == 1 and parts[0].first_bytes == _ITEM_BYTES:
            written.add(parts[0])
        else:
            written.add(_encoding.fragment(b""))
            for part in parts:
                if part.length > _MAX_LENGTH:
                    raise InvalidDocument("A frame is too long.")
                written.add(_encoding.header(_ITEM, "", part.length + part.length % 2))
                written.add(part)
                written.add(b"\0" * (part.length % 2))
        written.add(_encoding.sequence_delimiter())
        return True


def _values(element: JsonObject) -> list[Any]:
    values = element.get("Value", [])
    if not isinstance(values, list):
        raise InvalidDocument("The metadata has an element whose Value is no array.")
    return values


def _inline(text: Any) -> bytes:
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except (AttributeError, ValueError):
        raise InvalidDocument("An InlineBinary is no Base64.") from None


def _text(values: list[Any]) -> bytes:
    return "\\".join(["" if value is None else _string(value) for value in values]).encode("utf-8", "replace")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _decimals(values: list[Any]) -> bytes:
    return _text([value if value is None or len(value) <= _MAX_DS else _shortened(value) for value in values])


def _shortened(text: str) -> str:
    """A number that has more digits than a decimal string has room for, as exactly as possible; other text as it is."""
    try:
        number = float(text)
    except ValueError:
        return text
    written = (f"{number:.{digits}g}" for digits in range(_MAX_DS, 0, -1))
    return next(short for short in written if len(short) <= _MAX_DS)


def _names(values: list[Any]) -> bytes:
    names = []
    for value in values:
        groups = value if isinstance(value, dict) else {"Alphabetic": value or ""}
        names.append("=".join([_string(groups.get(group, "")) for group in ("Alphabetic", "Ideographic", "Phonetic")]).rstrip("="))
    return _text(names)


def _tags(values: list[Any]) -> bytes:
    if not all(_KEY.fullmatch(value) for value in values):
        raise ValueError
    return b"".join([pack("<HH", int(value[:4], 16), int(value[4:], 16)) for value in values])


def _binary(code: str) -> Callable[[list[Any]], bytes]:
    def encode(values: list[Any]) -> bytes:
        if not all(_WHOLE.fullmatch(value) for value in values):
            raise ValueError
        return pack(f"<{len(values)}{code}", *map(int, values))

    return encode


def _floating(code: str) -> Callable[[list[Any]], bytes]:
    return lambda values: pack(f"<{len(values)}{code}", *map(float, values))


_ENCODE: Final[dict[str, Callable[[list[Any]], bytes]]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "IS", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"), _text),
    "AT": _tags,
    "DS": _decimals,
    "FD": _floating("d"),
    "FL": _floating("f"),
    "PN": _names,
    "SL": _binary("i"),
    "SS": _binary("h"),
    "SV": _binary("q"),
    "UL": _binary("I"),
    "US": _binary("H"),
    "UV": _binary("Q"),
}
_PADDING: Final = {
    **dict.fromkeys(_ENCODE, b" "),
    **dict.fromkeys(("UI", "OB", "OD", "OF", "OL", "OV", "OW", "UN"), b"\0"),
}
