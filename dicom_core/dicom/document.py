"""DICOM JSON objects as bytes, cut and joined by attribute without being parsed.

A document is one DICOM JSON object whose top-level members are ordered by tag and separated by a comma and a newline.
JSON strings never hold a raw newline and nested members are separated by a comma alone, so the separator occurs
nowhere else. A fragment is the value of one member, such as ``{"vr":"CS","Value":["CT"]}``.

Standard: PS3.18 F.2
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["assemble", "first_text", "fragment", "fragments", "values", "vr"]

_SEPARATOR = b",\n"
_KEY = 9  # position of the end of a key in `{"00100010":` and, after the separator's comma, `\n"00100010":`

# numbers keep the digits that the document has
_decode = json.JSONDecoder(parse_int=str, parse_float=str).decode


def assemble(members: Mapping[str, bytes]) -> bytes:
    """Join fragments, by upper-case tag, to a document."""
    return b"{" + _SEPARATOR.join([b'"%b":%b' % (tag.encode(), members[tag]) for tag in sorted(members)]) + b"}"


def fragments(document: bytes) -> dict[str, bytes]:
    """Cut a document into its fragments, by tag in ascending order."""
    if document == b"{}":
        return {}
    return {member[1:_KEY].decode(): member[_KEY + 2 :] for member in document[1:-1].split(_SEPARATOR)}


def fragment(document: bytes, tag: str) -> bytes | None:
    """The fragment of one tag, or None."""
    key = b'"%b":' % tag.encode()
    if document.startswith(key, 1):
        start = 1 + len(key)
    else:
        found = document.find(b"\n" + key)
        if found < 0:
            return None
        start = found + 1 + len(key)
    end = document.find(_SEPARATOR, start)
    return document[start : end if end >= 0 else -1]


def vr(fragment: bytes) -> str:
    """The VR of a fragment."""
    return fragment[7:9].decode()


def values(fragment: bytes) -> list[Any]:
    """The values of a fragment as JSON has them: text, numbers, items, None for an empty one among others."""
    found: list[Any] = json.loads(fragment).get("Value", [])
    return found


def first_text(fragment: bytes | None) -> str | None:
    """The first value as text, None when there is none. Numbers keep their digits; names are `A=I=P` again."""
    if fragment is None or fragment.endswith(b'"}'):
        return None
    value = _decode(fragment.decode()).get("Value", (None,))[0]
    if isinstance(value, dict):
        groups = [value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return value if isinstance(value, str) else None
