"""DICOM JSON as Python objects whose numbers are text, so that every digit survives.

Standard: PS3.18 Annex F
"""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["InvalidDocument", "JsonObject", "read_objects"]

JsonObject = dict[str, Any]

_decode: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).decode


class InvalidDocument(Exception):
    """A document is no DICOM JSON, or no Native DICOM Model; the text is fit for the client. `tag` is that of the element at fault."""

    def __init__(self, text: str, tag: int | None = None) -> None:
        super().__init__(text)
        self.tag = tag


def read_objects(data: bytes | memoryview) -> list[JsonObject]:
    """Read an array of DICOM JSON objects, or one alone.

    Raises:
        InvalidDocument: no JSON, or JSON of another kind. What the objects hold is not checked.
    """
    try:
        found = _decode(str(data, "utf-8-sig"))
    except (ValueError, RecursionError):
        raise InvalidDocument("The metadata is not well-formed JSON.") from None
    objects = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in objects):
        raise InvalidDocument("The metadata must be a JSON array of objects.")
    return objects
