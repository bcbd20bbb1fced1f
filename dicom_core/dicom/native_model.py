"""DICOM JSON objects as XML and back: the Native DICOM Model.

The objects have their numbers as text (`json_objects`), so that every digit survives.

Standard: PS3.19 A.1
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape, quoteattr

from dicom_core.dicom.data_set import MAX_ELEMENTS, MAX_NESTING
from dicom_core.dicom.json_objects import InvalidDocument, JsonObject
from dicom_core.dicom.vr_dictionary import lookup, private_block, vr_of

__all__ = ["from_xml", "to_xml"]

_NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_OPENING: Final = f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{_NAMESPACE}" xml:space="preserve">'
_CLOSING: Final = "</NativeDicomModel>"
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VERBATIM: Final = {"\r": "&#13;"}  # parsers turn a plain carriage return into a line feed
_VERBATIM_IN_ATTRIBUTES: Final = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_VR: Final = re.compile(r"[A-Z]{2}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")
_MAX_DEPTH: Final = 2 * MAX_NESTING + 8  # an attribute and an item for each level


def to_xml(document: JsonObject) -> bytes:
    """Write a DICOM JSON object as one XML document, in UTF-8.

    Differs: characters that XML cannot hold, such as NUL padding, become replacement characters.
    """
    return f"{_OPENING}{''.join(_attributes(document))}{_CLOSING}".encode()


def _attributes(members: JsonObject) -> Iterator[str]:
    creators: dict[int, str] = {}
    for key, element in members.items():
        tag, vr, values = int(key, 16), element["vr"], element.get("Value", ())
        block = private_block(tag)
        if block is not None and values:
            creators[block] = str(values[0])
        if (entry := lookup(tag)) is not None:
            names = f'tag="{key}" vr="{vr}" keyword="{entry.keyword}"'
        elif block is None and (creator := creators.get(tag >> 8)) is not None:
            # the block, which the creator stands for, is not told (Table A.1.5-2)
            names = f'tag="{key[:4]}00{key[6:]}" vr="{vr}" privateCreator={_quoted(creator)}'
        else:
            names = f'tag="{key}" vr="{vr}"'
        content = "".join(_content(element, vr, values))
        yield f"<DicomAttribute {names}>{content}</DicomAttribute>" if content else f"<DicomAttribute {names}/>"


def _content(element: JsonObject, vr: str, values: list[Any]) -> Iterator[str]:
    if "BulkDataURI" in element:
        yield f"<BulkData uri={_quoted(element['BulkDataURI'])}/>"
    elif "InlineBinary" in element:
        yield f"<InlineBinary>{_text(element['InlineBinary'])}</InlineBinary>"
    for number, value in enumerate(values, 1):
        if vr == "SQ":
            yield f'<Item number="{number}">{"".join(_attributes(value or {}))}</Item>'
        elif vr == "PN":
            yield f'<PersonName number="{number}">{"".join(_person_name(value or {}))}</PersonName>'
        else:
            yield f'<Value number="{number}">{"" if value is None else _text(str(value))}</Value>'


def _person_name(groups: JsonObject) -> Iterator[str]:
    for group in _GROUPS:
        if group in groups:
            components = zip(_COMPONENTS, groups[group].split("^", 4), strict=False)
            yield f"<{group}>{''.join([f'<{name}>{_text(text)}</{name}>' for name, text in components])}</{group}>"


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), _VERBATIM)


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text), _VERBATIM_IN_ATTRIBUTES)


@dataclass(slots=True)
class _Node:
    """An XML element while it is read; `parts` are what became of its children, by their names."""

    name: str
    attributes: dict[str, str]
    parts: list[tuple[str, Any]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    @property
    def content(self) -> str:
        return "".join(self.text)


def from_xml(data: bytes) -> JsonObject:
    """Read one XML document as a DICOM JSON object. Elements that the model does not have are passed over.

    Document type declarations are refused, and with them all entities but those of XML itself.

    Raises:
        InvalidDocument: no well-formed XML, no Native DICOM Model, or too large a one.
    """
    reader = _Reader()
    parser = ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    try:
        parser.Parse(data, True)
    except (ExpatError, ValueError, LookupError):
        raise InvalidDocument("The XML is not well-formed.") from None
    if reader.root.parts[0][0] != "NativeDicomModel":
        raise InvalidDocument("The XML is no Native DICOM Model.")
    found: JsonObject = reader.root.parts[0][1]
    return found


class _Reader:
    """Turns XML elements into what they stand for, from the inside out."""

    def __init__(self) -> None:
        self.root = _Node("", {})
        self._open = [self.root]
        self._budget = 4 * MAX_ELEMENTS

    def refuse(self, *_: object) -> None:
        raise InvalidDocument("The XML must not have a document type declaration.")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._budget -= 1
        if len(self._open) > _MAX_DEPTH or self._budget < 0:
            raise InvalidDocument("The XML has too many elements, or too many inside of each other.")
        self._open.append(_Node(name.rpartition(" ")[2], attributes))

    def characters(self, text: str) -> None:
        if self._open[-1].name in _WITH_TEXT:
            self._open[-1].text.append(text)

    def end(self, _: str) -> None:
        node = self._open.pop()
        convert = _CONVERT.get(node.name)
        if convert is not None or len(self._open) == 1:
            self._open[-1].parts.append((node.name, convert(node) if convert is not None else None))


def _data_set(node: _Node) -> JsonObject:
    attributes, private = dict[str, JsonObject](), list[tuple[str, str, JsonObject]]()
    for kind, part in node.parts:
        if kind == "DicomAttribute":
            tag, creator, element = part
            if creator and tag[4:6] == "00":
                private.append(part)
            else:
                attributes[tag] = element
    _place_in_blocks(private, attributes)
    return {tag: attributes[tag] for tag in sorted(attributes)}


def _place_in_blocks(private: list[tuple[str, str, JsonObject]], attributes: dict[str, JsonObject]) -> None:
    """Put private attributes into the blocks that their creators own; those that own none get the next one (PS3.5 7.8.1)."""
    blocks = {
        (tag[:4], str(values[0])): tag[6:]
        for tag, element in attributes.items()
        if private_block(int(tag, 16)) is not None and (values := element.get("Value"))
    }
    free: dict[str, int] = {}
    for tag, creator, element in private:
        group = tag[:4]
        if (group, creator) not in blocks:
            block = free.get(group, 0x10)
            while f"{group}00{block:02X}" in attributes:
                block += 1
            if block > 0xFF:
                raise InvalidDocument("A group of the XML has more private creators than blocks.")
            free[group] = block + 1
            blocks[group, creator] = f"{block:02X}"
            attributes[f"{group}00{block:02X}"] = {"vr": "LO", "Value": [creator]}
        attributes[f"{group}{blocks[group, creator]}{tag[6:]}"] = element


def _attribute(node: _Node) -> tuple[str, str, JsonObject]:
    """Read a data element: its tag, its private creator or nothing, and its value."""
    tag = node.attributes.get("tag", "")
    if _TAG.fullmatch(tag) is None or _VR.fullmatch(vr := node.attributes.get("vr") or vr_of(int(tag, 16))) is None:
        raise InvalidDocument("A DicomAttribute of the XML lacks its tag or VR.")
    element: JsonObject = {"vr": vr}
    values: list[Any] = []
    for kind, part in node.parts:
        if kind == "BulkData":
            element["BulkDataURI"] = part
        elif kind == "InlineBinary":
            element["InlineBinary"] = part
        elif kind in _VALUES:
            _place(values, *part)
    if values:
        element["Value"] = values
    return tag.upper(), node.attributes.get("privateCreator", ""), element


def _place(values: list[Any], number: str | None, value: Any) -> None:
    """Add a value where its number says; a number that is passed over stands for an empty value."""
    index = len(values)
    if number is not None:
        index = int(number) - 1 if _NUMBER.fullmatch(number) else -1
    if not len(values) <= index <= len(values) + _MAX_GAP:
        raise InvalidDocument("The values of a DicomAttribute of the XML are not numbered in order.")
    values += [None] * (index - len(values))
    values.append(value)


def _value(node: _Node) -> tuple[str | None, str | None]:
    return node.attributes.get("number"), node.content or None


def _item(node: _Node) -> tuple[str | None, JsonObject]:
    return node.attributes.get("number"), _data_set(node)


def _name(node: _Node) -> tuple[str | None, JsonObject | None]:
    return node.attributes.get("number"), {kind: part for kind, part in node.parts if kind in _GROUPS} or None


def _group(node: _Node) -> str:
    components = {kind: part for kind, part in node.parts if kind in _COMPONENTS}
    last = max((place for place, name in enumerate(_COMPONENTS) if name in components), default=-1)
    return "^".join(components.get(name, "") for name in _COMPONENTS[: last + 1])


def _bulk_data(node: _Node) -> str:
    return node.attributes.get("uri") or node.attributes.get("uuid", "")


def _content_of(node: _Node) -> str:
    return node.content


_MAX_GAP: Final = 1000
_VALUES: Final = frozenset(("Value", "PersonName", "Item"))
_WITH_TEXT: Final = frozenset(("Value", "InlineBinary", *_COMPONENTS))
_CONVERT: Final[dict[str, Callable[[_Node], Any]]] = {
    "NativeDicomModel": _data_set,
    "DicomAttribute": _attribute,
    "Item": _item,
    "Value": _value,
    "PersonName": _name,
    "BulkData": _bulk_data,
    "InlineBinary": _content_of,
    **dict.fromkeys(_GROUPS, _group),
    **dict.fromkeys(_COMPONENTS, _content_of),
}
