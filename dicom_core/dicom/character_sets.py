"""Decoding text as (0008,0005) Specific Character Set says, and as well as possible when it is wrong.

Standard: PS3.3 C.12.1.1.2, PS3.5 6.1
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

__all__ = ["DEFAULT", "CharacterSet", "character_set"]

_FRAGMENTS = re.compile(rb"[^\x1b]+|\x1b[^\x1b]*")
# each one ends what an escape sequence began: PS3.5 6.1.2.5.3
_TEXT_DELIMITERS = re.compile(rb"[\\\t\n\f\r]")
_NAME_DELIMITERS = re.compile(rb"[\\^=]")
_ESCAPE_AWARE = frozenset(("iso2022_jp", "iso2022_jp_2"))  # codecs that want to see the escape sequence
_NOT_ALPHANUMERIC = re.compile(r"[^A-Z0-9]")


def _key(term: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", term.upper())


@cache
def _codecs() -> dict[str, str]:
    """Codecs by the letters and digits of the defined term: some writers differ in spaces, hyphens and underscores."""
    from pydicom.charset import python_encoding  # loaded on first use, as in `vr_dictionary`

    return {_key(term): codec for term, codec in python_encoding.items()} | {"UTF8": "utf-8", "ISO2022IR58": "gb2312"}


@cache
def _codecs_by_escape() -> dict[bytes, str]:
    from pydicom.charset import CODES_TO_ENCODINGS

    return CODES_TO_ENCODINGS | {b"\x1b$)A": "gb2312"}


@dataclass(frozen=True, slots=True, eq=False)  # one object per character set; comparing them must cost nothing
class CharacterSet:
    """The codec of a data set's text; with `extended`, escape sequences switch to others."""

    codec: str
    extended: bool = False

    def decode(self, value: bytes | memoryview, *, name: bool = False) -> str:
        """Decode a whole element value, delimiters included; undecodable bytes become replacement characters."""
        if self.extended and b"\x1b" in (encoded := bytes(value)):
            delimiters = _NAME_DELIMITERS if name else _TEXT_DELIMITERS
            return "".join(self._decode_fragment(fragment, delimiters) for fragment in _FRAGMENTS.findall(encoded))
        try:
            return str(value, self.codec)
        except UnicodeDecodeError:
            return str(value, self.codec, "replace")

    def _decode_fragment(self, fragment: bytes, delimiters: re.Pattern[bytes]) -> str:
        """Decode text that starts with the only escape sequence in it, or without any."""
        if fragment[:1] != b"\x1b":
            return _decode(fragment, self.codec)
        length = 4 if fragment[1:3] in (b"$(", b"$)") else 3
        codec = _codecs_by_escape().get(fragment[:length])
        if codec is None:
            return _decode(fragment, self.codec)
        if codec in _ESCAPE_AWARE:
            return _decode(fragment, codec)
        text = fragment[length:]
        delimiter = delimiters.search(text)
        if delimiter is None:
            return _decode(text, codec)
        return _decode(text[: delimiter.start()], codec) + _decode(text[delimiter.start() :], self.codec)


DEFAULT = CharacterSet("latin-1")
"""ISO-IR 6 is ASCII; bytes beyond it are not allowed, and most often meant as Latin-1."""


def _decode(value: bytes | memoryview, codec: str) -> str:
    try:
        return str(value, codec)
    except UnicodeDecodeError:
        return str(value, codec, "replace")


@lru_cache(maxsize=64)
def character_set(text: str) -> CharacterSet:
    """The character set that a value of (0008,0005) stands for; an unknown term stands for the default one."""
    terms = [_key(term) for term in text.split("\\")]
    codec = _codecs().get(terms[0], DEFAULT.codec)
    extended = len(terms) > 1 or terms[0].startswith("ISO2022")
    return CharacterSet("latin-1" if codec == "iso8859" else codec, extended)
