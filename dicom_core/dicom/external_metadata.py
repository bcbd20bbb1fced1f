"""External metadata: attributes of a study that come beside its files, as text for private tags.

This is a feature of the Microsoft service; the VRs and the private creator are its choice.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from dicom_core.dicom.comparison import FLOAT_VRS, INTEGER_VRS, comparable
from dicom_core.dicom.document import fragments
from dicom_core.dicom.values import RANGE_VRS, number
from dicom_core.dicom.vr_rules import FULL

__all__ = ["EXTERNAL_VRS", "external_element", "is_external_tag", "private_creators", "with_external"]

EXTERNAL_VRS: Final = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "PN", "SH", "TM", "UI")) | INTEGER_VRS | FLOAT_VRS

_TAG: Final = re.compile(r"(?!000[1357]|FFFF)[0-9A-F]{3}[13579BDF][0-9A-F]{4}", re.ASCII)
_FIRST_CREATOR: Final = "0010"
_FIRST_ELEMENT: Final = "1000"  # below are private creators
_BOUNDS: Final = {"SL": 1 << 31, "SS": 1 << 15, "UL": 1 << 32, "US": 1 << 16}
_UNSIGNED: Final = frozenset(("UL", "US"))
_LONGEST: Final = 200  # characters; a name of three groups has 194
_CREATOR: Final = b'{"vr":"LO","Value":["Microsoft"]}'


def is_external_tag(tag: str, vr: str) -> bool:
    """Whether external metadata may use the tag, given as 8 upper-case digits: private, and no private creator.

    Standard: PS3.5 7.8.1
    """
    return _TAG.fullmatch(tag) is not None and tag[4:] >= (_FIRST_ELEMENT if vr == "LO" else _FIRST_CREATOR)


def external_element(vr: str, text: str) -> bytes | None:
    """The fragment of an element with the value that a text stands for; None for an empty one.

    Raises:
        ValueError: it is no value of this VR; the text says why and does not quote it.
    """
    text = text.strip(" ")
    if not (text.replace("=", "") if vr == "PN" else text):
        return None
    if len(text) > _LONGEST:
        raise ValueError("value is too long")
    if "\\" in text:
        raise ValueError("there must be a single value")
    wrong = FULL[vr](text) if vr in FULL else None
    if wrong is None and vr in RANGE_VRS and not comparable(vr, text):  # a range, or a day that no month has
        wrong = "value is no single date or time"
    if wrong is not None:
        raise ValueError(wrong)
    return orjson.dumps({"vr": vr, "Value": [_value(vr, text)]})


def private_creators(tags: frozenset[str]) -> dict[str, bytes]:
    """The private creator elements of the blocks that some tags lie in."""
    return {f"{tag[:4]}00{tag[4:6]}": _CREATOR for tag in tags if tag[4:] >= _FIRST_ELEMENT}


def with_external(document: bytes, external: bytes) -> dict[str, bytes]:
    """The fragments of a document joined by those of an external one, which go first, and their private creators."""
    joining = fragments(external)
    return {**fragments(document), **private_creators(frozenset(joining)), **joining}


def _value(vr: str, text: str) -> object:
    if vr == "PN":
        groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
        return {name: group for name, group in groups if group}
    if vr not in INTEGER_VRS and vr not in FLOAT_VRS:
        return text
    value = number(vr, text)
    if value is None or not comparable(vr, text):
        raise ValueError("value is not a number that the VR can hold")
    if vr in _BOUNDS and not (0 if vr in _UNSIGNED else -_BOUNDS[vr]) <= value < _BOUNDS[vr]:
        raise ValueError("value is not a number that the VR can hold")
    return value
