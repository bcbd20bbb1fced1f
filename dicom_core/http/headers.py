"""Header lists as ASGI has them: pairs of bytes, names in lower case."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["RawHeaders", "add_default", "change", "vary"]

RawHeaders = list[tuple[bytes, bytes]]


def change(headers: RawHeaders, name: bytes, to: Callable[[bytes], bytes | None]) -> None:
    """Give a header that is there another value; None removes it."""
    for index, (present, value) in enumerate(headers):
        if present == name:
            changed = to(value)
            headers[index : index + 1] = [] if changed is None else [(name, changed)]
            return


def add_default(headers: RawHeaders, name: bytes, value: bytes) -> None:
    """Add a header unless it is there already."""
    if all(present != name for present, _ in headers):
        headers.append((name, value))


def vary(headers: RawHeaders, field: bytes) -> None:
    """Tell caches that the answer depends on a request header, in the one Vary header (RFC 9110 12.5.5)."""
    length = len(headers)
    add_default(headers, b"vary", field)
    if len(headers) == length:
        change(headers, b"vary", lambda fields: fields + b", " + field)
