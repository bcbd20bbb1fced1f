"""Media types with parameters, as Accept and Content-Type headers carry them (RFC 9110 5.6.6, 8.3.1, 12.5.1). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

__all__ = ["MediaType", "accepted_types", "parse_accept", "parse_media_type"]

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_TYPE: Final = re.compile(rf"[ \t]*+({_WORD}/{_WORD})[ \t]*+", re.ASCII)
# Some clients leave values unquoted although they have characters, such as slashes, that ask for quotes.
_PARAMETER: Final = re.compile(rf'[ \t]*+(?:({_WORD})[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^";,\s]*+)))?[ \t]*+', re.ASCII)
_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_ELEMENT: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+(?:"|$))++')
_WEIGHT: Final = re.compile(r"0?\.[0-9]*|[01](?:\.[0-9]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range; `type` and parameter names are in lower case, `weight` is the parameter ``q``."""

    type: str
    parameters: dict[str, str] = field(default_factory=dict)
    weight: float = 1.0


def parse_media_type(text: str) -> MediaType | None:
    """Parse one media type with its parameters, or return None when it is malformed."""
    match = _TYPE.match(text)
    if match is None:
        return None
    kind = match[1].lower()
    parameters: dict[str, str] = {}
    position = match.end()
    while position < len(text):
        if text[position] != ";" or (match := _PARAMETER.match(text, position + 1)) is None:
            return None
        position = match.end()
        if match[1] is not None:
            quoted = match[2]
            parameters.setdefault(match[1].lower(), match[3] if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted))
    return MediaType(kind, parameters)


@lru_cache(maxsize=64)
def parse_accept(header: str) -> tuple[MediaType, ...]:
    """Parse an Accept header, several lines joined by commas, into its entries in the order given.

    Malformed entries are left out. An absent or empty header means ``*/*``.
    """
    if _is_empty(header):
        return (MediaType("*/*"),)
    entries = (parse_media_type(element) for element in _ELEMENT.findall(header))
    return tuple(weighed for entry in entries if entry is not None and (weighed := _weighed(entry)) is not None)


def accepted_types(header: str) -> tuple[str, ...]:
    """The types and ranges that an Accept header names, in lower case, whatever their parameters; ``*/*`` when it names none."""
    if _is_empty(header):
        return ("*/*",)
    return tuple(element.partition(";")[0].strip().lower() for element in _ELEMENT.findall(header))


def _is_empty(header: str) -> bool:
    return not header.strip(" \t,")


def _weighed(entry: MediaType) -> MediaType | None:
    text = entry.parameters.get("q")
    if text is None:
        return entry
    if _WEIGHT.fullmatch(text) is None or text == ".":
        return None
    parameters = {name: value for name, value in entry.parameters.items() if name != "q"}
    return MediaType(entry.type, parameters, min(float(text), 1.0))
