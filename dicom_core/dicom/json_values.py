"""Encoded values of one element, by VR: decoded, and as the rest of its DICOM JSON object.

Each codec takes the bytes of a value that is not empty, the character set and the byte order, and returns the
decoded values and what follows the VR in the JSON object: ``,"Value":[...]``, or nothing when there is no value.

Standard: PS3.18 F.2.2 to F.2.5, PS3.5 6.2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from json.encoder import encode_basestring as quoted
from math import isfinite
from struct import unpack

from dicom_core.dicom.character_sets import DEFAULT, CharacterSet

__all__ = ["CODECS", "Values"]

Values = Sequence[str] | Sequence[int] | Sequence[float]
"""Decoded values of an element: none when it is empty, and none for sequences and excluded VRs."""

_Raw = bytes | memoryview
_Codec = Callable[[_Raw, CharacterSet, str], tuple[Values, str]]

_DECIMAL = r"-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,20})?"
_INTEGER = r"-?(?:0|[1-9][0-9]{0,17})"
_plain_decimals = re.compile(rf"{_DECIMAL}(?:\\{_DECIMAL})*").fullmatch  # numbers as JSON writes them
_plain_integers = re.compile(rf"{_INTEGER}(?:\\{_INTEGER})*").fullmatch
_any_decimal = re.compile(r" *([+-]?)(?=\.?[0-9])0*+([0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]+)?").fullmatch
_any_integer = re.compile(r" *[+-]?[0-9]+").fullmatch
_MOST_CHARACTERS = 64  # of a number; longer text cannot be one, and is not worth a try
_LEAST_INTEGER, _MOST_INTEGER = -(1 << 63), (1 << 63) - 1
_NOT_FINITE = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NOTHING: tuple[Values, str] = ((), "")


def _array(members: Iterable[str]) -> str:
    return f',"Value":[{",".join(members)}]'


def _strings(text: str, padding: str = " ") -> tuple[Values, str]:
    """The values of a text without their padding; a single empty one counts as none."""
    if "\\" in text:
        values = [value.rstrip(padding) for value in text.split("\\")]
        return values, _array([quoted(value) if value else "null" for value in values])
    text = text.rstrip(padding)
    return ((text,), f',"Value":[{quoted(text)}]') if text else _NOTHING


def _text(raw: _Raw, charset: CharacterSet, _: str) -> tuple[Values, str]:
    return _strings(charset.decode(raw))


def _code(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
    """Text of a VR that (0008,0005) Specific Character Set does not govern."""
    return _strings(str(raw, "latin-1"))


def _uid(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
    return _strings(str(raw, "latin-1"), "\0 ")


def _application_entity(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
    """A value of nothing but spaces stays for the check, which it must fail."""
    text = str(raw, "latin-1")
    return [value.rstrip(" ") or value for value in text.split("\\")], _strings(text)[1]


def _paragraphs(raw: _Raw, charset: CharacterSet, _: str) -> tuple[Values, str]:
    """Text in which a backslash is nothing special."""
    text = charset.decode(raw).rstrip(" ")
    return ((text,), f',"Value":[{quoted(text)}]') if text else _NOTHING


def _ascii_paragraphs(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
    return _paragraphs(raw, DEFAULT, order)


def _name(raw: _Raw, charset: CharacterSet, _: str) -> tuple[Values, str]:
    values, body = _strings(charset.decode(raw, name=True))
    members = [_name_groups(str(value)) for value in values]
    return values, body and (_array(members) if members != ["null"] else "")


def _name_groups(name: str) -> str:
    groups = [f'"{key}":{quoted(group)}' for key, group in zip(_NAME_GROUPS, name.split("="), strict=False) if group]
    return f"{{{','.join(groups)}}}" if groups else "null"


def _decimals(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
    text = str(raw, "latin-1").rstrip(" ")
    if _plain_decimals(text):
        return text.split("\\"), f',"Value":[{text.replace(chr(92), ",")}]'
    return _odd_numbers(text, _odd_decimal)


def _integers(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
    text = str(raw, "latin-1").rstrip(" ")
    if _plain_integers(text):
        return text.split("\\"), f',"Value":[{text.replace(chr(92), ",")}]'
    return _odd_numbers(text, _odd_integer)


def _odd_numbers(text: str, number: Callable[[str], str | None]) -> tuple[Values, str]:
    """Numbers where some are written otherwise than in JSON, missing or no numbers at all; the latter stay text."""
    values, body = _strings(text)
    members = [(len(value) <= _MOST_CHARACTERS and number(value)) or quoted(value) if value else "null" for value in map(str, values)]
    return values, body and _array(members)


def _odd_decimal(text: str) -> str | None:
    parts = _any_decimal(text)
    if parts is None:
        return None
    sign, whole, fraction, exponent = parts.groups("")
    number = f"{'-' if sign == '-' else ''}{whole or '0'}{fraction if len(fraction) > 1 else ''}{exponent}"
    return number if isfinite(float(number)) else None


def _odd_integer(text: str) -> str | None:
    number = int(text) if _any_integer(text) else None
    return str(number) if number is not None and _LEAST_INTEGER <= number <= _MOST_INTEGER else None


def _binary(code: str, size: int) -> _Codec:
    """Whole numbers; bytes after the last whole one are ignored."""

    def codec(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
        count = len(raw) // size
        values = unpack(f"{order}{count}{code}", raw[: count * size])
        if count == 1:
            return values, f',"Value":[{values[0]}]'
        return values, _array(map(str, values)) if values else ""

    return codec


def _floating(code: str, size: int) -> _Codec:
    def codec(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
        count = len(raw) // size
        values = unpack(f"{order}{count}{code}", raw[: count * size])
        return values, _array([_NOT_FINITE.get(text, text) for text in map(repr, values)]) if values else ""

    return codec


def _tags(raw: _Raw, _: CharacterSet, order: str) -> tuple[Values, str]:
    count = len(raw) // 4
    numbers = unpack(f"{order}{2 * count}H", raw[: count * 4])
    values = [f"{group:04X}{element:04X}" for group, element in zip(numbers[::2], numbers[1::2], strict=True)]
    return values, _array([f'"{value}"' for value in values]) if values else ""


CODECS: dict[str, _Codec] = {
    **dict.fromkeys(("AS", "CS", "DA", "DT", "TM"), _code),
    **dict.fromkeys(("LO", "SH", "UC"), _text),
    **dict.fromkeys(("LT", "ST", "UT"), _paragraphs),
    "AE": _application_entity,
    "AT": _tags,
    "DS": _decimals,
    "FD": _floating("d", 8),
    "FL": _floating("f", 4),
    "IS": _integers,
    "PN": _name,
    "SL": _binary("i", 4),
    "SS": _binary("h", 2),
    "SV": _binary("q", 8),
    "UI": _uid,
    "UL": _binary("I", 4),
    "UR": _ascii_paragraphs,
    "US": _binary("H", 2),
    "UV": _binary("Q", 8),
}
