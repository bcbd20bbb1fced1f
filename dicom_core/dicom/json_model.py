"""Data elements to DICOM JSON, straight from the encoded values, and the values to whoever checks them.

Text becomes UTF-8 whatever its character set was. Values of the VRs in EXCLUDED_VRS are left out and listed. Every
element is decoded once, for the document and for the check alike.

Standard: PS3.18 F.2
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter, lt
from typing import NamedTuple

from dicom_core.dicom.character_sets import DEFAULT, CharacterSet, character_set
from dicom_core.dicom.elements import Element, Header
from dicom_core.dicom.json_values import CODECS, Values
from dicom_core.dicom.vr_dictionary import private_block

__all__ = ["EXCLUDED_VRS", "Bulk", "Check", "Encoded", "Message", "Values", "encode"]

EXCLUDED_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))

Check = Callable[[int, str, Values, str | None], str | None]
"""Asked about tag, VR, values and private creator of an element; a text is what is wrong with it.

Values have no trailing spaces, except that those of AE which are nothing but spaces stay.
"""

_SPECIFIC_CHARACTER_SET = 0x00080005
_SHORT = 64  # bytes of values whose JSON is remembered
_PRIVATE = 0x10000  # set in the tags of odd groups
_BLOCK = 0xFF00  # clear in the tags of private creators
_NOTED = frozenset((_SPECIFIC_CHARACTER_SET,))
_MOST_CHARACTERS = 256  # of (0008,0005); what is longer names no character sets
_ELEMENT_NUMBER = 0xFFFF.__and__
_AFTER_FILE_META = 0x00030000
_tag_of = attrgetter("tag")


class Message(NamedTuple):
    """What a check said about an element, at whatever depth; `creator` is the private creator, if known."""

    tag: int
    creator: str | None
    text: str


class Bulk(NamedTuple):
    """A value that the document leaves out: where it lies in the file, or in the inflated data set of a deflated one.

    `path` is a tag, or `sequence/item number/tag` to any depth. `length` is None for encapsulated Pixel Data.
    """

    path: str
    vr: str
    offset: int
    length: int | None


@dataclass(slots=True)
class Encoded:
    """Fragments by tag (8 upper-case hexadecimal digits) in ascending order, and what came up on the way."""

    fragments: dict[str, bytes] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    bulk: list[Bulk] = field(default_factory=list)


def encode(
    header: Header,
    *,
    check: Check | None = None,
    noted: frozenset[int] = frozenset(),
    note_private: bool = False,
    rule: Check | None = None,
    keep: frozenset[int] = frozenset(),
) -> Encoded:
    """Encode the data set of a file.

    `check` is asked about the elements of the main data set whose tags are `noted`, with `note_private` also about private
    ones; it may keep what it sees. `rule` is asked about all others, at any depth; its answers are remembered, so they must
    follow from the question. An element that is objected to is left out, unless its tag is in `keep`. Group lengths and
    file meta information are always left out, and of several elements with the same tag all but the last.
    """
    encoded = Encoded()
    encoder = _Encoder(header.little_endian, rule, keep, encoded)
    members = encoder.data_set(header.elements, DEFAULT, check, noted | _NOTED, note_private=note_private)
    encoded.fragments = {tag: text.encode("utf-8", "replace") for tag, text in members}
    if header.pixel_data is not None:
        pixel_data = header.pixel_data
        encoded.bulk.append(Bulk(f"{pixel_data.tag:08X}", pixel_data.vr, pixel_data.offset, pixel_data.length))
    return encoded


class _Encoder:
    def __init__(self, little_endian: bool, rule: Check | None, keep: frozenset[int], encoded: Encoded) -> None:
        self._order = "<" if little_endian else ">"
        self._rule = rule
        self._keep = keep
        self._messages = encoded.messages
        self._bulk = encoded.bulk
        self._path: list[str] = []

    def data_set(
        self,
        elements: list[Element],
        charset: CharacterSet,
        check: Check | None,
        noted: frozenset[int] = _NOTED,
        *,
        note_private: bool = False,
    ) -> list[tuple[str, str]]:
        """The members of one data set. It calls itself for items, as deep as the reader lets them nest."""
        members: list[tuple[str, str]] = []
        creators: dict[int, str] = {}
        order, rule = self._order, self._rule
        for element in _in_order(elements):
            tag, vr, raw = element.tag, element.vr, element.value
            private = tag & _PRIVATE
            creator = creators.get(tag >> 8) if private else None
            alone = tag in noted or (private and (note_private or not tag & _BLOCK))
            member: tuple[str, str] | None
            if type(raw) is bytes and len(raw) <= _SHORT and not alone and vr not in EXCLUDED_VRS:
                text, member = _remembered(tag, vr, raw, charset, order, creator, rule)
            else:
                values: Values = ()
                body: str | None = ""
                if isinstance(raw, list):
                    body = self._items(tag, raw, charset)
                elif vr in EXCLUDED_VRS:
                    body = None
                    self._bulk.append(Bulk("/".join((*self._path, _key(tag))), vr, element.offset, len(raw)))
                elif raw:
                    values, body = CODECS[vr](raw, charset, order)
                    if tag == _SPECIFIC_CHARACTER_SET:
                        charset = character_set("\\".join(map(str, values))[:_MOST_CHARACTERS])
                if values and (block := private_block(tag)) is not None:
                    creators[block] = str(values[0]).rstrip("\0 ")
                asked = check if alone else rule
                text = asked(tag, vr, values, creator) if asked is not None else None
                member = _member(tag, vr, body) if body is not None else None
            if text is not None:
                self._messages.append(Message(tag, creator, text))
                if tag not in self._keep:
                    continue
            if member is not None:
                members.append(member)
        return members

    def _items(self, tag: int, items: list[list[Element]], charset: CharacterSet) -> str:
        if not items:
            return ""
        encoded = []
        for number, elements in enumerate(items, 1):
            self._path += (_key(tag), str(number))
            members = self.data_set(elements, charset, self._rule)
            encoded.append("{" + ",".join([f'"{key}":{text}' for key, text in members]) + "}")
            del self._path[-2:]
        return f',"Value":[{",".join(encoded)}]'


# the instances of a series have most of their short values in common
@lru_cache(maxsize=16 * 1024)
def _remembered(
    tag: int, vr: str, raw: bytes, charset: CharacterSet, order: str, creator: str | None, rule: Check | None
) -> tuple[str | None, tuple[str, str]]:
    """What the rule says of a short value, and its member of the document."""
    values, body = CODECS[vr](raw, charset, order) if raw else ((), "")
    return rule(tag, vr, values, creator) if rule is not None else None, _member(tag, vr, body)


def _member(tag: int, vr: str, body: str) -> tuple[str, str]:
    return _key(tag), f'{{"vr":"{vr}"{body}}}'


@lru_cache(maxsize=8192)
def _key(tag: int) -> str:
    return f"{tag:08X}"


def _in_order(elements: list[Element]) -> list[Element]:
    """The elements that belong into a document, by ascending tag, each once; nearly always just the elements given."""
    tags = [element.tag for element in elements]
    if tags and tags[0] >= _AFTER_FILE_META and all(map(lt, tags, tags[1:])) and all(map(_ELEMENT_NUMBER, tags)):
        return elements
    last = {element.tag: element for element in elements if element.tag & 0xFFFF and element.tag >> 16 != 2}
    return sorted(last.values(), key=_tag_of)
