"""The request headers with which stores lay down terms for studies, and searches and retrieves ask for external metadata.

They are a feature of the Microsoft service, from version 2 on; before that they are ignored.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers

from dicom_core.dicom.external_metadata import EXTERNAL_VRS, external_element, is_external_tag
from dicom_core.errors import BadRequestError
from dicom_core.http.call import Call
from dicom_core.index.changes import Terms

__all__ = ["store_terms", "wants_external"]

_LIFETIME: Final = "msdicom-expiry-time-milliseconds"
_ONLY_VALUES: Final = {"msdicom-expiry-option": "RelativeToNow", "msdicom-expiry-level": "Study"}
_POSITIVE: Final = re.compile(r"0{0,20}[1-9][0-9]{0,18}", re.ASCII)
_MICROSECONDS: Final = 1000  # in a millisecond

_EXTERNAL: Final = b"msdicom-meta-"
_NAME: Final = re.compile(r"([A-Z]{2})-([0-9A-F]{8})", re.ASCII)
_MOST: Final = 40


def store_terms(call: Call, *, replaces: bool) -> Terms:
    """What a store request lays down besides its files.

    Raises:
        BadRequestError: a header is malformed, or does not go together with the others.
    """
    if not call.lenient:
        return Terms(replaces)
    headers = call.request.headers
    return Terms(replaces, _lifetime(headers), _external(headers))


def wants_external(call: Call) -> bool:
    """Whether external metadata may be matched and is to be shown."""
    return call.lenient and call.request.headers.get("msdicom-request-meta", "").strip().lower() == "true"


def _lifetime(headers: Headers) -> int:
    """Microseconds after which the study expires, 0 for never."""
    for name, value in _ONLY_VALUES.items():
        if name in headers and headers[name].strip().lower() != value.lower():
            raise BadRequestError(f"{name} must be {value}.")
    if _LIFETIME not in headers:
        given = [name for name in _ONLY_VALUES if name in headers]
        if given:
            raise BadRequestError(f"{given[0]} needs {_LIFETIME}.")
        return 0
    milliseconds = headers[_LIFETIME].strip()
    if _POSITIVE.fullmatch(milliseconds) is None:
        raise BadRequestError(f"{_LIFETIME} must be a whole number above 0.")
    return int(milliseconds) * _MICROSECONDS


def _external(headers: Headers) -> dict[str, bytes]:
    """External attributes as fragments by tag, without empty ones."""
    given = [(name.removeprefix(_EXTERNAL), value) for name, value in headers.raw if name.startswith(_EXTERNAL)]
    if len(given) > _MOST:
        raise BadRequestError(f"There must be at most {_MOST} external attributes.")
    elements: dict[str, bytes | None] = {}
    for name, value in given:
        vr, tag = _attribute(name)
        if tag in elements:
            raise BadRequestError(f"The external attribute {tag} is given more than once.")
        try:
            elements[tag] = external_element(vr, _text(value))
        except ValueError as error:
            raise BadRequestError(f"The external attribute {tag} cannot have this value with the VR {vr}: {error}.") from None
    return {tag: element for tag, element in elements.items() if element is not None}


def _attribute(name: bytes) -> tuple[str, str]:
    match = _NAME.fullmatch(name.decode("latin-1").upper())
    if match is None:
        raise BadRequestError("External attributes must be named msdicom-meta-{VR}-{tag}, the tag as 8 hexadecimal digits.")
    vr, tag = match.groups()
    if vr not in EXTERNAL_VRS:
        raise BadRequestError(f"The external attribute {tag} cannot have the VR {vr}.")
    if not is_external_tag(tag, vr):
        raise BadRequestError(f"The external attribute {tag} must be private, and no private creator.")
    return vr, tag


def _text(value: bytes) -> str:
    """A header value, which is UTF-8 if it can be."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
