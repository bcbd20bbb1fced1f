"""Range requests: a part of a single-part answer instead of all of it (RFC 9110 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dicom_core.errors import RangeNotSatisfiable
from dicom_core.http.conditional import Validators, http_time

__all__ = ["Span", "bytes_answer", "wanted_span"]

_RANGE: Final = re.compile(r"bytes[ \t]*=[ \t]*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """What to send of a representation of `size` bytes: `length` bytes from `start` on."""

    start: int
    length: int
    size: int
    partial: bool = False

    @property
    def status(self) -> int:
        return 206 if self.partial else 200

    @property
    def headers(self) -> dict[str, str]:
        """The headers that tell what is sent, and that parts can be asked for."""
        if not self.partial:
            return {"Accept-Ranges": "bytes"}
        return {"Accept-Ranges": "bytes", "Content-Range": f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"}


def wanted_span(request: Request, size: int, state: Validators) -> Span:
    """What a request wants of a representation of `size` bytes.

    All of it without Range, with one that is not understood or names several ranges, and when If-Range names another state.

    Raises:
        RangeNotSatisfiable: the range lies behind the end.
    """
    whole = Span(0, size, size)
    text = request.headers.get("range")
    if text is None or request.method != "GET" or not _is_unchanged(request.headers, state):
        return whole
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return whole
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), size if last is None else min(int(last) + 1, size)
        if last is not None and int(last) < int(first):
            return whole
    if start >= end:
        raise RangeNotSatisfiable(size)
    return Span(start, end - start, size, partial=True)


def bytes_answer(request: Request, body: bytes | memoryview, media_type: str, state: Validators) -> Response:
    """Answer with a single part that is at hand, or with the wanted range of it."""
    span = wanted_span(request, len(body), state)
    content = memoryview(body)[span.start : span.start + span.length] if span.partial else body
    return Response(content, span.status, {**state.headers, **span.headers, "Content-Type": media_type})


def _is_unchanged(headers: Mapping[str, str], state: Validators) -> bool:
    """Whether If-Range, if there is one, names this very state: a strong tag, or the exact time of its modification."""
    condition = headers.get("if-range")
    if condition is None:
        return True
    if condition.lstrip().startswith(('"', "W/")):
        return condition.strip() == state.tag and not state.tag.startswith("W/")
    return http_time(condition) == state.modified
